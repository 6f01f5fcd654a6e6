//! JSON as Terraform reads it: a name that stands twice in an object means both, so none is lost here either. `serde_json`'s
//! own values keep the last one only.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// As much of a value as a search for names needs.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// Every entry, in order.
    Object(Vec<(String, Json)>),
    /// Every item.
    List(Vec<Json>),
    /// `true` or `false`.
    Bool,
    /// A text as it stands: in a module it may be one to be filled in.
    Text(String),
    /// Nothing.
    Null,
    /// A number; of Terraform's own language also whatever is computed.
    Plain,
}

impl Json {
    /// # Errors
    /// It is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// All values that stand under this name, however deep, also within one another: a label may be the same word.
    pub(super) fn under<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        match self {
            Self::Object(entries) => entries
                .iter()
                .flat_map(|(key, value)| {
                    let itself = (key == name).then_some(value);
                    itself.into_iter().chain(value.under(name))
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(|item| item.under(name)).collect(),
            Self::Bool | Self::Text(_) | Self::Null | Self::Plain => Vec::new(),
        }
    }

    /// What stands in it, by name; a list of objects means all of them.
    pub(super) fn entries(&self) -> Vec<&(String, Self)> {
        match self {
            Self::Object(entries) => entries.iter().collect(),
            Self::List(items) => items.iter().flat_map(Self::entries).collect(),
            Self::Bool | Self::Text(_) | Self::Null | Self::Plain => Vec::new(),
        }
    }

    /// All values that stand right in it under this name.
    pub(super) fn of(&self, name: &str) -> Vec<&Self> {
        let entries = self.entries().into_iter();
        entries
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// It may have names in it.
    pub(super) const fn is_block(&self) -> bool {
        matches!(self, Self::Object(_) | Self::List(_))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Object(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_found_twice_and_at_any_depth() {
        let text = br#"[{"a": {"x": true}, "b": [1, -1, 1.5, null, "x", {"x": {"x": 2}}]}, {"a": {}, "a": {"\u0078": "3"}}]"#;
        let read = Json::read(text).unwrap();
        let found = read.under("x");
        assert!(
            matches!(
                found.as_slice(),
                [Json::Bool, Json::Object(_), Json::Plain, Json::Text(_)]
            ),
            "{found:?}"
        );
        assert!(Json::read(b"{\"a\": ").is_err());
    }
}
