//! What both plans of a hand-over have to be, object by object: `handover.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Format of `handover.json`. 1 had addresses alone, so a plan of another cluster with the same names looked right.
pub const HANDOVER_FORMAT: u32 = 2;

/// What both plans have to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Format of this document; 2.
    pub format: u32,
    /// Which cluster.
    pub cluster: String,
    /// What the old root module forgets: id by address.
    pub forgets: BTreeMap<String, String>,
    /// What the new root module imports, by address.
    pub imports: BTreeMap<String, Import>,
    /// Addresses that stay in the old root module, a few of them: by these its empty plan is known from that of another
    /// folder. Without ids, because the id of some types is a secret.
    pub stays: BTreeSet<String>,
}

/// One object that is imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Which one.
    pub id: String,
    /// Tags that it gets; every other tag stays as it is.
    pub tags: BTreeMap<String, String>,
}

/// Why `handover.json` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Another release has written it.
    #[error("it has format {found}, and this version of rehull reads format {HANDOVER_FORMAT}")]
    Format {
        /// As it stands there.
        found: u64,
    },
    /// It is no such document, or somebody has changed it.
    #[error("it is no hand-over, or was changed: line {line}, column {column}")]
    Shape {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
}

impl HandoverError {
    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Format { .. } => {
                "write the hand-over anew with this version, into a new folder: rehull adopt MAPPING --state FILE --out DIR; the state is that from before anything was forgotten"
            }
            Self::Shape { .. } => {
                "it is not edited by hand: write the hand-over anew with `rehull adopt`, into a new folder"
            }
        }
    }
}

impl Handover {
    /// Reads the document.
    ///
    /// # Errors
    /// It has another format or shape.
    pub fn read(text: &[u8]) -> Result<Self, HandoverError> {
        let shape = |error: serde_json::Error| HandoverError::Shape {
            line: error.line(),
            column: error.column(),
        };
        let document: Value = serde_json::from_slice(text).map_err(shape)?;
        // The format comes first: in another one the rest may have any shape.
        match document.get("format").and_then(Value::as_u64) {
            Some(found) if found != u64::from(HANDOVER_FORMAT) => Err(HandoverError::Format { found }),
            Some(_) | None => serde_json::from_slice(text).map_err(shape),
        }
    }
}
