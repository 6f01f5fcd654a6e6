//! What a single word is: a value by the YAML 1.2 core schema, or a key.

use std::borrow::Cow;

use saphyr::Scalar;
use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

use super::{Entry, KEY_MAX_CHARS, Kind, Node, Slip};
use crate::config::mistake::{Wrong, quoted};
use crate::config::spans::Span;

/// The key of the value that comes next.
pub(super) enum PendingKey {
    /// Good.
    Text(String, Span),
    /// Already reported; its value is read and dropped.
    Unusable,
}

/// A key is plain text and stands once. The second of two equal keys is dropped: which one was meant is unknown.
pub(super) fn as_key(node: Node, entries: &[Entry]) -> (PendingKey, Option<Slip>) {
    let span = node.span;
    let slip = |wrong, more| (PendingKey::Unusable, Some(Slip { span, wrong, more }));
    let text = match node.kind {
        Kind::Scalar { value, raw } if !value.is_null() => raw,
        Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
            return slip(
                Wrong::new("config::key", "a key must be a word", "not a word"),
                Vec::new(),
            );
        }
    };
    if text.chars().nth(KEY_MAX_CHARS).is_some() {
        let message = format!("{} is too long for a key", quoted(&text));
        let wrong = Wrong::new("config::key", message, "too long");
        return slip(
            wrong.help(format!("the limit is {KEY_MAX_CHARS} characters")),
            Vec::new(),
        );
    }
    if let Some(first) = entries.iter().find(|entry| entry.key == text) {
        let wrong = Wrong::new(
            "config::duplicate_key",
            format!("{} stands twice", quoted(&text)),
            "again here",
        )
        .help("keep one of them");
        return slip(wrong, vec![(first.key_span, "first here".to_owned())]);
    }
    (PendingKey::Text(text, span), None)
}

pub(super) fn null(span: Span) -> Node {
    Node {
        span,
        kind: Kind::Scalar {
            value: Value::Null,
            raw: String::new(),
        },
    }
}

/// A word as value, with the text that was typed.
pub(super) fn scalar(raw: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>, span: Span) -> Node {
    let value = Scalar::parse_from_cow_and_metadata(Cow::Borrowed(raw), style, tag)
        // A core tag that does not fit, such as `!!int x`: text is refused wherever something else is wanted.
        .map_or_else(|| Value::String(raw.to_owned()), |scalar| as_json(&scalar, raw));
    Node {
        span,
        kind: Kind::Scalar {
            value,
            raw: raw.to_owned(),
        },
    }
}

fn as_json(scalar: &Scalar<'_>, raw: &str) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        // `.nan` and `.inf` have no JSON. An empty list is refused wherever a list is wanted, and so is anything else.
        Scalar::FloatingPoint(value) => {
            serde_json::Number::from_f64(value.into_inner()).map_or(Value::Array(Vec::new()), Value::Number)
        }
        Scalar::String(_) => Value::String(raw.to_owned()),
    }
}
