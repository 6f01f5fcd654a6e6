//! Client tokens: the same token with the same parameters makes one thing, with other parameters an error.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::World;
use super::error::AwsError;

/// What a token made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    parameters: String,
    made: String,
}

impl World {
    /// What this token made before, if it is a repetition.
    pub(super) fn repeated(
        &self,
        action: &str,
        token: Option<&str>,
        parameters: &impl Serialize,
    ) -> Result<Option<String>, AwsError> {
        let Some(remembered) = token.and_then(|token| self.tokens.get(&key(action, token))) else {
            return Ok(None);
        };
        if remembered.parameters == digest(parameters) {
            return Ok(Some(remembered.made.clone()));
        }
        Err(AwsError::bad(
            "IdempotentParameterMismatch",
            "The client token you have provided has already been used with different parameters",
        ))
    }

    pub(super) fn remember(
        &mut self,
        action: &str,
        token: Option<&str>,
        parameters: &impl Serialize,
        made: &str,
    ) {
        if let Some(token) = token {
            let remembered = Remembered {
                parameters: digest(parameters),
                made: made.to_owned(),
            };
            self.tokens.insert(key(action, token), remembered);
        }
    }
}

fn key(action: &str, token: &str) -> String {
    format!("{action}/{token}")
}

/// Requests are plain data: they always serialise, and two that differ serialise differently.
fn digest(parameters: &impl Serialize) -> String {
    let mut hash = Sha256::new();
    // A hash takes whatever is written.
    let _ = serde_json::to_writer(&mut hash, parameters);
    format!("{:x}", hash.finalize())
}
