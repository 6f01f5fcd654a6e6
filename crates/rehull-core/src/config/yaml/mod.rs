//! YAML text → a tree that remembers where everything stood and how it was written.
//!
//! A loader of our own on the parser's events, because a ready-made tree has already lost what carets and hints
//! need: the first of two equal keys, `3.10` as it was typed, the place of every key. It is iterative and bounded,
//! so a hostile file costs neither stack nor memory.

mod loader;
mod scalar;
mod syntax;

use serde_json::Value;

use super::mistake::Wrong;
use super::spans::Span;
use loader::Loader;

/// A cluster file of 7 slots has about 5 KiB; 256 KiB leaves room for comments and stops accidents.
const TEXT_MAX_BYTES: usize = 256 * 1024;
/// Deepest nesting of the format is 5.
const DEPTH_MAX: usize = 24;
/// Anchors are copied where they are used; this and the limit of the text, counted again for what is copied, end
/// "billion laughs".
const NODES_MAX: usize = 20_000;
/// Longest key of the format is 29 characters. Every value below a key has the key in its pointer, so a long one would be
/// kept as often as there are values.
const KEY_MAX_CHARS: usize = 128;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// `value` by the rules of the YAML 1.2 core schema, `raw` as typed (without quotes).
    Scalar {
        value: Value,
        raw: String,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One line of a map. Keys are text whatever they look like.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

/// Syntax mistakes have no pointer, only places.
#[derive(Debug)]
pub(crate) struct Slip {
    pub(crate) span: Span,
    pub(crate) wrong: Wrong,
    pub(crate) more: Vec<(Span, String)>,
}

/// What could be read, and what was wrong with it. No document: nothing more can be said about the file.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) document: Option<Node>,
    pub(crate) slips: Vec<Slip>,
}

/// Reads the first document of a text.
pub(crate) fn load(text: &str) -> Loaded {
    if text.len() > TEXT_MAX_BYTES {
        let message = format!("a file of {} KiB is no cluster file", text.len().div_ceil(1024));
        let wrong = Wrong::new("config::too_big", message, "starts here")
            .help(format!("the limit is {} KiB", TEXT_MAX_BYTES / 1024));
        let slip = Slip {
            span: Span::default(),
            wrong,
            more: Vec::new(),
        };
        return Loaded {
            document: None,
            slips: vec![slip],
        };
    }
    Loader::new(text).run()
}
