//! An answer as a tree of names and values. The wire spells it as XML or JSON.

/// One value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, a time among it.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Values below it.
    Document(Document),
    /// Values without names: `<item>` in EC2, `<member>` elsewhere.
    List(Vec<Value>),
}

/// Names and values in the order in which they are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Names and values.
    pub rows: Vec<(&'static str, Value)>,
}

impl From<Document> for Value {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Document {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.rows.push((name, value));
        self
    }

    /// One text more.
    #[must_use]
    pub fn text(self, name: &'static str, text: impl Into<String>) -> Self {
        self.with(name, Value::Text(text.into()))
    }

    /// The same, if there is something to say.
    #[must_use]
    pub fn maybe(self, name: &'static str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// One yes or no more.
    #[must_use]
    pub fn flag(self, name: &'static str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    /// One number more.
    #[must_use]
    pub fn number(self, name: &'static str, number: impl Into<i64>) -> Self {
        self.with(name, Value::Number(number.into()))
    }

    /// One document more.
    #[must_use]
    pub fn document(self, name: &'static str, document: Self) -> Self {
        self.with(name, Value::Document(document))
    }

    /// One list more.
    #[must_use]
    pub fn list<V: Into<Value>>(self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.with(name, Value::List(values))
    }

    /// What has this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.rows
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}
