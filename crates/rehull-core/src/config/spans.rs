//! Where things stand in a file: JSON pointer → byte range. Later refusals (of a plan, of a template) speak in
//! pointers, so they get the same carets as the mistakes found while reading.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::yaml::{self, Kind, Node};

/// Byte range in the text of the file; `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    pub(super) fn new(start: usize, length: usize) -> Self {
        Self {
            start,
            end: start.saturating_add(length),
        }
    }

    /// The part of the range on its first line, without white space at its end: what a caret can underline.
    pub(super) fn first_line(self, text: &str) -> Self {
        let line = text.get(self.start..self.end).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default().trim_end();
        Self::new(self.start, line.len())
    }
}

/// Line and column of a byte, both from 1; columns count characters, as editors do.
#[must_use]
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    (
        before.matches('\n').count().saturating_add(1),
        column.saturating_add(1),
    )
}

/// JSON pointer (RFC 6901) under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    /// The whole document.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// One key further down.
    pub(super) fn key(&self, key: &str) -> Self {
        Self(format!(
            "{}/{}",
            self.0,
            key.replace('~', "~0").replace('/', "~1")
        ))
    }

    /// One list item further down.
    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// The text of the pointer.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Pointer {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One key (or item) and its value.
#[derive(Clone, Copy, Debug)]
struct Place {
    key: Option<Span>,
    value: Span,
    scalar: bool,
}

/// Places of all keys and values of one file.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    places: BTreeMap<String, Place>,
}

impl Spans {
    /// Reads the places. Text that is no YAML has none; every question is then answered with the first byte.
    #[must_use]
    pub fn of(text: &str) -> Self {
        yaml::load(text)
            .document
            .map_or_else(Self::default, |root| Self::of_node(text, &root))
    }

    pub(super) fn of_node(text: &str, root: &Node) -> Self {
        let mut spans = Self::default();
        spans.add(text, &Pointer::root(), None, root);
        spans
    }

    fn add(&mut self, text: &str, at: &Pointer, key: Option<Span>, node: &Node) {
        let scalar = match &node.kind {
            Kind::Scalar { .. } => true,
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(text, &at.index(index), None, item);
                }
                false
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.add(text, &at.key(&entry.key), Some(entry.key_span), &entry.value);
                }
                false
            }
        };
        let place = Place {
            key,
            value: node.span.first_line(text),
            scalar,
        };
        self.places.insert(at.to_string(), place);
    }

    /// The value at a pointer, cut to its first line; `None` if the file has no such value.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Option<Span> {
        self.places.get(pointer).map(|place| place.value)
    }

    /// The key at a pointer; `None` if the file has no such key, or it is a list item.
    #[must_use]
    pub fn key(&self, pointer: &str) -> Option<Span> {
        self.places.get(pointer).and_then(|place| place.key)
    }

    /// What to underline for a pointer: a plain value itself, the key of a map or list, and for something that is
    /// not in the file (a default, a missing key) whatever it would be in.
    #[must_use]
    pub fn caret(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return match place.key {
                    // An empty value has nothing to underline.
                    Some(key) if !place.scalar || place.value.start == place.value.end => key,
                    Some(_) | None => place.value,
                };
            }
            match pointer.rsplit_once('/') {
                Some((parent, _)) => pointer = parent,
                None => return Span::default(),
            }
        }
    }
}
