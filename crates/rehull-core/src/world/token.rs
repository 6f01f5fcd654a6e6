//! Client tokens: the same token with the same parameters makes one thing, with other parameters an error.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::World;
use super::api::ec2::{
    CreateLaunchTemplate, CreateLaunchTemplateVersion, CreateNetworkInterface, CreateVolume, RunInstances,
};
use super::error::AwsError;

/// What a token made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    parameters: Parameters,
    made: String,
}

/// What was asked for with a token. A saved world has a digest of it: user data is long, and lies in the template already.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
enum Parameters {
    Asked(Asked),
    Digest(String),
}

macro_rules! requests_with_a_token {
    ($($name:ident),+) => {
        /// A request with a token.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub(super) enum Asked {
            $($name(Box<$name>),)+
        }

        $(impl From<$name> for Asked {
            fn from(asked: $name) -> Self {
                Self::$name(Box::new(asked))
            }
        })+
    };
}

requests_with_a_token!(
    CreateLaunchTemplate,
    CreateLaunchTemplateVersion,
    CreateNetworkInterface,
    CreateVolume,
    RunInstances
);

impl World {
    /// What this token made before, if it is a repetition.
    pub(super) fn repeated<A: Clone + Into<Asked>>(
        &self,
        action: &str,
        token: Option<&str>,
        asked: &A,
    ) -> Result<Option<String>, AwsError> {
        let Some(remembered) = token.and_then(|token| self.tokens.get(&key(action, token))) else {
            return Ok(None);
        };
        if remembered.parameters == Parameters::Asked(asked.clone().into()) {
            return Ok(Some(remembered.made.clone()));
        }
        Err(AwsError::bad(
            "IdempotentParameterMismatch",
            "The client token you have provided has already been used with different parameters",
        ))
    }

    pub(super) fn remember<A: Clone + Into<Asked>>(
        &mut self,
        action: &str,
        token: Option<&str>,
        asked: &A,
        made: &str,
    ) {
        if let Some(token) = token {
            let remembered = Remembered {
                parameters: Parameters::Asked(asked.clone().into()),
                made: made.to_owned(),
            };
            self.tokens.insert(key(action, token), remembered);
        }
    }
}

fn key(action: &str, token: &str) -> String {
    format!("{action}/{token}")
}

impl Parameters {
    fn digest(&self) -> Cow<'_, str> {
        match self {
            Self::Asked(asked) => digest(asked).into(),
            Self::Digest(digest) => digest.into(),
        }
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Asked(one), Self::Asked(other)) => one == other,
            (Self::Digest(_), _) | (_, Self::Digest(_)) => self.digest() == other.digest(),
        }
    }
}

impl From<String> for Parameters {
    fn from(digest: String) -> Self {
        Self::Digest(digest)
    }
}

impl From<Parameters> for String {
    fn from(parameters: Parameters) -> Self {
        parameters.digest().into_owned()
    }
}

/// Requests are plain data: they always serialise, and two that differ serialise differently.
fn digest(asked: &Asked) -> String {
    let mut hash = Sha256::new();
    // A hash takes whatever is written.
    let _ = serde_json::to_writer(&mut hash, asked);
    format!("{:x}", hash.finalize())
}
