//! Writes the small XML that AWS answers with.

use quick_xml::escape::escape;

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Xml {
    text: String,
}

impl Xml {
    /// A document with its root.
    pub(super) fn document(root: &str, namespace: Option<&str>, body: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
        };
        match namespace {
            Some(url) => xml.push(&["<", root, " xmlns=\"", url, "\">"]),
            None => xml.push(&["<", root, ">"]),
        }
        body(&mut xml);
        xml.push(&["</", root, ">"]);
        xml.text
    }

    fn push(&mut self, parts: &[&str]) {
        self.text.extend(parts.iter().copied());
    }

    /// `<name>…</name>` with elements inside.
    pub(super) fn element(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.push(&["<", name, ">"]);
        body(self);
        self.push(&["</", name, ">"]);
    }

    /// `<name>value</name>`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write literals, numbers and references alike"
    )]
    pub(super) fn leaf(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        self.push(&["<", name, ">", &escape(value.as_str()), "</", name, ">"]);
    }

    /// Nothing if there is nothing to say.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    /// `<name><item>…</item>…</name>`, EC2's way of lists.
    pub(super) fn items<T>(
        &mut self,
        name: &str,
        rows: impl IntoIterator<Item = T>,
        mut row: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for value in rows {
                xml.element("item", |xml| row(xml, value));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_elements_are_closed() {
        let text = Xml::document("a", Some("urn:x"), |xml| {
            xml.items("set", ["<", "&"], |xml, value| xml.leaf("v", value));
            xml.maybe("none", None::<&str>);
        });
        let body = text.split_once('\n').map(|(_, body)| body);
        assert_eq!(
            body,
            Some("<a xmlns=\"urn:x\"><set><item><v>&lt;</v></item><item><v>&amp;</v></item></set></a>")
        );
    }
}
