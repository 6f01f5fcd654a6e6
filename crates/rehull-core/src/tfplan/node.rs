//! JSON of a plan as it is, secrets and all: values that cannot be shown, only compared, walked and digested.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Terraform itself nests a handful of levels; a plan deeper than this is not one, and would exhaust the stack. It is
/// what serde_json allows.
const DEPTH_MAX: usize = 127;

/// One value. It has no `Debug`, no `Display` and no `Serialize` on purpose: what may be shown is a
/// [`Shown`](super::Shown), and only [`redact`](super::mask) makes one.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// The digits as they stand in the file: a number of Terraform has up to 512 bits, and rounding two of them to one
    /// would make two plans equal.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(BTreeMap<Cow<'a, str>, Node<'a>>),
}

/// A shape that cannot be read. It says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fields of an object in file order. A name that stands twice is refused: readers disagree on which one counts.
pub(super) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, Malformed> {
        serde_json::from_str(raw.get()).map_err(|_| Malformed)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            fields.push((name, map.next_value()?));
        }
        distinct(fields)
    }
}

/// An entry of `resource_changes`: its own fields, and those of the object `change` in it, read in one pass.
pub(super) struct Entry<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) change: Option<Fields<'a>>,
}

impl<'a> Entry<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, Malformed> {
        serde_json::from_str(raw.get()).map_err(|_| Malformed)
    }
}

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut fields, mut change) = (Vec::new(), None);
        while let Some(Name(name)) = map.next_key()? {
            if name != "change" {
                fields.push((name, map.next_value()?));
            } else if change.replace(map.next_value()?).is_some() {
                return Err(serde::de::Error::custom("a name stands twice"));
            }
        }
        let fields = distinct(fields)?;
        Ok(Entry { fields, change })
    }
}

fn distinct<'a, E: serde::de::Error>(fields: Vec<(Cow<'a, str>, &'a RawValue)>) -> Result<Fields<'a>, E> {
    let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
    if names.len() == fields.len() {
        Ok(Fields(fields))
    } else {
        Err(E::custom("a name stands twice"))
    }
}

/// Text that is borrowed where the file has no escapes in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value in one pass. Numbers that are no 64-bit integers are an error here: serde_json would round them.
struct Swift<'a>(Node<'a>);

impl<'de> Deserialize<'de> for Swift<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwiftVisitor).map(Swift)
    }
}

struct SwiftVisitor;

impl<'de> Visitor<'de> for SwiftVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without fractions")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.to_string().into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.to_string().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Swift(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut nodes = BTreeMap::new();
        while let Some(Name(name)) = map.next_key()? {
            let Swift(value) = map.next_value()?;
            if nodes.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a name stands twice"));
            }
        }
        Ok(Node::Map(nodes))
    }
}

impl<'a> Node<'a> {
    /// In one pass where that is exact, which is nearly always; else value by value, with every digit.
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, Malformed> {
        match serde_json::from_str(raw.get()) {
            Ok(Swift(node)) => Ok(node),
            Err(_) => Self::at_depth(raw, 0),
        }
    }

    fn at_depth(raw: &'a RawValue, depth: usize) -> Result<Self, Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        let text = raw.get().trim();
        match text.as_bytes().first() {
            Some(b'{') => {
                let Fields(fields) = Fields::of(raw)?;
                let nodes = fields
                    .into_iter()
                    .map(|(name, value)| Ok((name, Self::at_depth(value, depth + 1)?)));
                nodes.collect::<Result<_, _>>().map(Self::Map)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Malformed)?;
                let nodes = items.into_iter().map(|item| Self::at_depth(item, depth + 1));
                nodes.collect::<Result<_, _>>().map(Self::List)
            }
            Some(b'"') => {
                let Name(text) = serde_json::from_str(text).map_err(|_| Malformed)?;
                Ok(Self::Text(text))
            }
            Some(b't') => Ok(Self::Bool(true)),
            Some(b'f') => Ok(Self::Bool(false)),
            Some(b'n') => Ok(Self::Null),
            Some(_) => Ok(Self::Number(text.into())),
            None => Err(Malformed),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Null | Self::Number(_) | Self::Text(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn map(&self) -> Option<&BTreeMap<Cow<'a, str>, Self>> {
        match self {
            Self::Map(map) => Some(map),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.map()?.get(name)
    }

    /// Nothing stands here: null, an empty list or an empty object.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }

    /// Somewhere in it stands `true`: in `after_unknown`, a part is known only after the apply.
    pub(super) fn has_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::List(items) => items.iter().any(Self::has_true),
            Self::Map(map) => map.values().any(Self::has_true),
            Self::Null | Self::Number(_) | Self::Text(_) => false,
        }
    }

    /// Canonical JSON: names sorted, no white space, numbers as they stand. Only ever fed to a hash.
    pub(super) fn canonical(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quoted(text, out),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.canonical(out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (n, (name, item)) in map.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    quoted(name, out);
                    out.push(':');
                    item.canonical(out);
                }
                out.push('}');
            }
        }
    }
}

/// As a JSON string, with the fewest escapes that JSON asks for (RFC 8785).
pub(super) fn quoted(text: &str, out: &mut String) {
    // Nearly all texts stand as they are.
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Writing a string into a string cannot fail; were it to, the digest would match no approval.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, Malformed> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let mut out = String::new();
        Node::of(raw)?.canonical(&mut out);
        Ok(out)
    }

    #[test]
    fn the_same_value_in_another_spelling_is_the_same_text() {
        let one = canonical(r#" { "b" : [1, true, null] , "a" : "\u003cx\u003e\u00e9" } "#).unwrap();
        assert_eq!(one, r#"{"a":"<x>é","b":[1,true,null]}"#);
        assert_eq!(one, canonical(r#"{"a":"<x>é","b":[1,true,null]}"#).unwrap());
    }

    #[test]
    fn texts_are_quoted_as_serde_json_does_it() {
        for text in [
            "", "é €", "a\"b", "a\\b", "\u{1}", "\u{7f}", "\n", "/", "\u{2028}",
        ] {
            let mut out = String::new();
            quoted(text, &mut out);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn numbers_keep_every_digit() {
        for digits in [
            "12345678901234567890123",
            "0.1000000000000000000000000000001",
            "1e400",
            "-0",
        ] {
            assert_eq!(canonical(digits).unwrap(), digits);
        }
    }

    #[test]
    fn the_swift_way_and_the_exact_one_read_the_same() {
        for text in [
            r#"{"b":[1,-7,true,null,"x\ny"],"a":{}}"#,
            r#""""#,
            "[]",
            "18446744073709551615",
            "false",
        ] {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            let exact = Node::at_depth(raw, 0).ok().unwrap();
            assert!(Node::of(raw).is_ok_and(|swift| swift == exact), "{text}");
        }
        assert_eq!(
            canonical(r#"[{"a":0.5},{"b":1}]"#).unwrap(),
            r#"[{"a":0.5},{"b":1}]"#,
            "mixed"
        );
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_at_any_depth() {
        assert_eq!(canonical(r#"{"a":1,"a":2}"#), Err(Malformed));
        assert_eq!(canonical(r#"[{"x":{"a":1,"\u0061":2}}]"#), Err(Malformed));
    }

    #[test]
    fn a_value_that_is_nested_without_end_is_refused_and_not_followed() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(canonical(&deep), Err(Malformed));
    }
}
