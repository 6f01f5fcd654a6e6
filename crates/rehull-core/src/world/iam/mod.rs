//! IAM: roles, policies, profiles and identity providers are held and told. No policy is evaluated; what a machine may do
//! is in its [`Profile`](super::Profile)'s grants.

pub(super) mod oidc;
pub(super) mod policy;
pub(super) mod profile;
pub(super) mod role;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::query::{Document, Scope, Value};

/// Everything of the account, by name or ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Iam {
    roles: BTreeMap<String, Role>,
    policies: BTreeMap<String, Policy>,
    profiles: BTreeMap<String, InstanceProfile>,
    providers: BTreeMap<String, Provider>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Role {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    description: Option<String>,
    trust: String,
    session_seconds: i64,
    boundary: Option<String>,
    inline: BTreeMap<String, String>,
    attached: BTreeSet<String>,
    tags: Tags,
}

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Policy {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    description: Option<String>,
    /// By number.
    versions: BTreeMap<u32, (String, Timestamp)>,
    default: u32,
    tags: Tags,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InstanceProfile {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    role: Option<String>,
    tags: Tags,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Provider {
    url: String,
    clients: Vec<String>,
    thumbprints: Vec<String>,
    created: Timestamp,
    tags: Tags,
}

fn no_such(what: &str, name: &str) -> AwsError {
    AwsError::with(
        404,
        "NoSuchEntity",
        format!("The {what} with name {name} cannot be found."),
    )
}

fn exists(what: &str, name: &str) -> AwsError {
    AwsError::with(
        409,
        "EntityAlreadyExists",
        format!("{what} with name {name} already exists."),
    )
}

fn conflict(why: &str) -> AwsError {
    AwsError::with(409, "DeleteConflict", why)
}

/// Letters, digits and a few signs; the path has slashes at both ends.
fn check_name(name: &str, path: &str) -> Result<(), AwsError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(legal) {
        return Err(AwsError::bad(
            "ValidationError",
            format!(
                "The specified value for the name is invalid: {name}. It must contain only alphanumeric characters and/or the following: +=,.@_-"
            ),
        ));
    }
    if path.starts_with('/') && path.ends_with('/') {
        return Ok(());
    }
    Err(AwsError::bad(
        "ValidationError",
        format!(
            "The specified value for path is invalid: {path}. It must begin and end with / and contain only alphanumeric characters and/or / characters."
        ),
    ))
}

/// A document must at least be JSON with statements; nothing evaluates it.
fn check_document(text: &str) -> Result<(), AwsError> {
    let has_statements = serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|document| document.get("Statement").is_some());
    if has_statements {
        return Ok(());
    }
    Err(AwsError::bad(
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
    ))
}

/// Documents are answered as RFC 3986 encodes them.
fn encoded(document: &str) -> String {
    let mut text = String::with_capacity(document.len().saturating_mul(2));
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A whole list: nothing here is long enough for pages.
fn whole<V: Into<Value>>(name: &'static str, rows: impl IntoIterator<Item = V>) -> Document {
    Document::new().list(name, rows).flag("IsTruncated", false)
}

fn no_pages(at: &Scope<'_>) {
    at.ignore(&["MaxItems", "Marker"]);
}

impl World {
    fn iam_arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:{kind}{path}{name}", self.setup.account)
    }

    /// Twenty-one letters and digits, as IAM forms its ids.
    fn iam_id(&mut self, prefix: &str) -> String {
        let id = self.new_id("x").replace("x-", "").to_uppercase();
        format!("{prefix}{id}")
    }

    /// The profile was made by somebody who asked for it.
    pub(super) fn has_made_profile(&self, name: &str) -> bool {
        self.iam.profiles.contains_key(name)
    }
}
