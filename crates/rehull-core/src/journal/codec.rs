//! Bytes of a journal object: one header line, then the body it seals with length and SHA-256.
//!
//! Unknown fields are ignored here and stay in the object, because no segment is ever rewritten.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::JournalError;
use super::record::{JOURNAL_FORMAT, Record, Segment};
use crate::config::printable;
use crate::domain::ids::{ClusterName, RolloutId};

/// Of what is said about an object: the sentence may quote it, and a damaged one may say anything.
const SAID_MAX_CHARS: usize = 400;

/// Whose journal it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Cluster.
    pub cluster: ClusterName,
    /// Rollout.
    pub rollout: RolloutId,
}

/// First line of every object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) cluster: String,
    pub(super) rollout: RolloutId,
    pub(super) seq: u64,
    pub(super) nonce: String,
    /// Length of the body: tells "the end is missing" from "something was changed".
    pub(super) bytes: u64,
    /// Of the body alone, so that `tail -n +2 FILE | sha256sum` checks it.
    pub(super) sha256: String,
}

/// Why bytes are no object.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// Its end was never written.
    Torn { why: String },
    /// Anything else.
    Bad(JournalError),
}

impl From<JournalError> for DecodeError {
    fn from(error: JournalError) -> Self {
        Self::Bad(error)
    }
}

/// Header line and body.
pub(super) fn seal(scope: &Scope, seq: u64, nonce: &str, body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let header = Header {
        format: JOURNAL_FORMAT,
        cluster: scope.cluster.as_str().to_owned(),
        rollout: scope.rollout.clone(),
        seq,
        nonce: nonce.to_owned(),
        bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
        sha256: digest(body),
    };
    let mut bytes = serde_json::to_vec(&header)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// Checks everything that the header promises and returns it with the body.
pub(super) fn unseal<'a>(
    key: &str,
    bytes: &'a [u8],
    scope: &Scope,
    seq: u64,
) -> Result<(Header, &'a [u8]), DecodeError> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return Err(DecodeError::Torn {
            why: format!("the header line ends after {} bytes", bytes.len()),
        });
    };
    let (line, rest) = bytes.split_at(end);
    let body = rest.get(1..).unwrap_or_default();
    let header = read_header(key, line)?;
    check_owner(key, &header, scope)?;
    if header.seq != seq {
        return Err(corrupt(key, 1, &format!("the header says segment {}", header.seq)).into());
    }
    check_body(key, &header, body)?;
    Ok((header, body))
}

/// A segment as bytes.
pub(super) fn encode(segment: &Segment, scope: &Scope) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::new();
    for record in &segment.records {
        serde_json::to_writer(&mut body, record)?;
        body.push(b'\n');
    }
    seal(scope, segment.seq, &segment.nonce, &body)
}

/// Bytes as a segment.
pub(super) fn decode(key: &str, bytes: &[u8], scope: &Scope, seq: u64) -> Result<Segment, DecodeError> {
    let (header, body) = unseal(key, bytes, scope, seq)?;
    let mut records = Vec::new();
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue; // after the last newline
        }
        let record: Record = serde_json::from_slice(line)
            .map_err(|error| corrupt(key, index.saturating_add(2), &unlocated(&error)))?;
        records.push(record);
    }
    Ok(Segment {
        cluster: header.cluster,
        rollout: header.rollout,
        seq,
        nonce: header.nonce,
        records,
    })
}

fn read_header(key: &str, line: &[u8]) -> Result<Header, JournalError> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| corrupt(key, 1, &unlocated(&error)))?;
    let Some(format) = value.get("format").and_then(serde_json::Value::as_u64) else {
        return Err(corrupt(key, 1, "the header has no format number"));
    };
    if format > u64::from(JOURNAL_FORMAT) {
        return Err(JournalError::NewerFormat {
            key: key.to_owned(),
            format,
            known: JOURNAL_FORMAT,
        });
    }
    serde_json::from_value(value).map_err(|error| corrupt(key, 1, &error.to_string()))
}

fn check_owner(key: &str, header: &Header, scope: &Scope) -> Result<(), JournalError> {
    let pairs = [
        ("cluster", header.cluster.as_str(), scope.cluster.as_str()),
        ("rollout", header.rollout.as_str(), scope.rollout.as_str()),
    ];
    for (what, found, expected) in pairs {
        if found != expected {
            return Err(JournalError::Foreign {
                key: key.to_owned(),
                what,
                found: said(found),
                expected: expected.to_owned(),
            });
        }
    }
    Ok(())
}

fn check_body(key: &str, header: &Header, body: &[u8]) -> Result<(), DecodeError> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if length < header.bytes {
        return Err(DecodeError::Torn {
            why: format!("{length} of {} bytes are there", header.bytes),
        });
    }
    if digest(body) == header.sha256 {
        return Ok(());
    }
    // A file system that lost power may have kept the length and not the data: zeros to the end.
    if body.last() == Some(&0) {
        return Err(DecodeError::Torn {
            why: "it ends in zeros".to_owned(),
        });
    }
    Err(corrupt(
        key,
        2,
        "the records do not have the SHA-256 that the header states",
    )
    .into())
}

pub(super) fn corrupt(key: &str, line: usize, why: &str) -> JournalError {
    JournalError::Corrupt {
        key: key.to_owned(),
        line,
        why: said(why),
    }
}

/// A text that quotes an object, for people and terminals.
pub(crate) fn said(text: &str) -> String {
    printable(text, SAID_MAX_CHARS)
}

/// serde_json counts lines inside one line; the caller knows the real one, the column stays useful.
fn unlocated(error: &serde_json::Error) -> String {
    format!("{} (column {})", without_location(error), error.column())
}

/// The message alone, for errors that carry line and column as fields.
pub(crate) fn without_location(error: &serde_json::Error) -> String {
    let text = error.to_string();
    said(text.split(" at line ").next().unwrap_or_default())
}

fn digest(body: &[u8]) -> String {
    format!("{:x}", Sha256::digest(body))
}
