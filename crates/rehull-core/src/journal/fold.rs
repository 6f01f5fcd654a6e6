//! Folds: what all segments up to a number say, so that a resume need not read thousands of them.
//!
//! A fold is a copy, never the truth: older segments stay until the rollout is closed, and a fold that cannot be read
//! is left aside as long as they are there. Every writer that may write it writes the same one.

use serde::{Deserialize, Serialize};

use super::codec::{self, DecodeError, Scope};
use super::view::JournalView;

/// Reading two hundred segments takes a second or two from S3; more would be felt at every resume.
pub(super) const FOLD_EVERY: u64 = 200;

#[derive(Serialize, Deserialize)]
struct Body {
    view: JournalView,
}

/// The fold after segment `seq`, as bytes.
pub(super) fn encode(
    scope: &Scope,
    seq: u64,
    nonce: &str,
    view: &JournalView,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = serde_json::to_vec(&Body { view: view.clone() })?;
    body.push(b'\n');
    codec::seal(scope, seq, nonce, &body)
}

/// Bytes as a fold.
pub(super) fn decode(key: &str, bytes: &[u8], scope: &Scope, seq: u64) -> Result<JournalView, DecodeError> {
    let (_, body) = codec::unseal(key, bytes, scope, seq)?;
    let body: Body =
        serde_json::from_slice(body).map_err(|error| codec::corrupt(key, 2, &error.to_string()))?;
    Ok(body.view)
}
