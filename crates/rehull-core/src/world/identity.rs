//! Who calls, and what machines may do with S3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::World;
use super::api::s3::Operation;
use super::api::{Call, CallerIdentity, Request};
use super::error::AwsError;
use super::query::Service;
use super::rows::Rows;

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Principal {
    /// A person or a pipeline: may do everything in its own account.
    Operator {
        /// Twelve digits.
        account: String,
        /// User name.
        user: String,
    },
    /// An instance with the role of its profile.
    Machine {
        /// Instance id.
        instance: String,
    },
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessKey {
    /// `AKIA…` or `ASIA…`.
    pub id: String,
    /// Secret; signatures are not checked, the id decides.
    pub secret: String,
    /// Session token of temporary keys.
    pub session_token: Option<String>,
    /// Whose.
    pub principal: Principal,
    /// No longer good.
    #[serde(default)]
    pub expired: bool,
}

/// An instance profile with the role and the S3 permissions behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name; the role has the same.
    pub name: String,
    /// What machines with it may do; everything else is denied.
    pub grants: Vec<Grant>,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Read or write.
    pub verb: Verb,
    /// Bucket.
    pub bucket: String,
    /// Key: `{instance}` and `{tag:KEY}` stand for the machine's own values, a final `*` for any rest.
    pub key: String,
}

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// GetObject, HeadObject.
    Get,
    /// PutObject.
    Put,
}

/// Keys and profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identities {
    keys: Rows<AccessKey>,
    profiles: BTreeMap<String, Profile>,
}

impl Identities {
    pub(super) fn add_key(&mut self, key: AccessKey) {
        self.keys.insert(key.id.clone(), key);
    }

    pub(super) fn add_profile(&mut self, profile: Profile) {
        self.profiles.insert(profile.name.clone(), profile);
    }

    pub(super) fn has_profile(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    /// Every instance has keys of its own; metadata shows them only if it has a profile.
    pub(super) fn add_machine(&mut self, seed: u64, instance: &str) {
        let bytes = |what: &str| Sha256::digest(format!("{seed}/{instance}/{what}"));
        self.add_key(AccessKey {
            id: format!("ASIA{:.16X}", bytes("id")),
            secret: format!("{:.40x}", bytes("secret")),
            session_token: Some(format!("{:x}", bytes("token"))),
            principal: Principal::Machine {
                instance: instance.to_owned(),
            },
            expired: false,
        });
    }

    pub(super) fn remove_machine(&mut self, instance: &str) {
        self.keys.retain(|key| !key.is_of(instance));
    }

    pub(super) fn key_of_machine(&self, instance: &str) -> Option<&AccessKey> {
        self.keys.values().find(|key| key.is_of(instance))
    }

    pub(super) fn set_expired(&mut self, id: &str, expired: bool) -> bool {
        self.keys.get_mut(id).map(|key| key.expired = expired).is_some()
    }
}

impl AccessKey {
    fn is_of(&self, wanted: &str) -> bool {
        matches!(&self.principal, Principal::Machine { instance } if instance == wanted)
    }
}

impl World {
    /// Finds the caller and refuses what the caller may not do. Each service words the same refusal differently.
    pub(super) fn authorise(&self, call: &Call) -> Result<&Principal, AwsError> {
        let key = call
            .access_key
            .as_ref()
            .and_then(|id| self.identities.keys.get(id));
        let key = key.ok_or_else(|| unknown_key(call))?;
        if key.expired {
            return Err(expired_key(&call.request));
        }
        if let Some(region) = call
            .region
            .as_deref()
            .filter(|region| *region != self.setup.region && !is_global(&call.request, region))
        {
            return Err(self.wrong_region(&call.request, region));
        }
        let allowed = match (&key.principal, &call.request) {
            (_, Request::GetCallerIdentity) => true,
            (Principal::Operator { account, .. }, _) => *account == self.setup.account,
            (Principal::Machine { instance }, Request::S3(asked)) => {
                self.machine_may(instance, &asked.bucket, &asked.operation)
            }
            (Principal::Machine { .. }, Request::Ec2(_) | Request::Query(_)) => false,
        };
        if allowed {
            Ok(&key.principal)
        } else {
            Err(self.denied(&key.principal, &call.request))
        }
    }

    fn machine_may(&self, instance: &str, bucket: &str, operation: &Operation) -> bool {
        let (verb, key) = match operation {
            Operation::Get(get) | Operation::Head(get) => (Verb::Get, get.key.as_str()),
            Operation::Put(put) => (Verb::Put, put.key.as_str()),
            Operation::CreateBucket
            | Operation::HeadBucket
            | Operation::SetVersioning(_)
            | Operation::GetVersioning
            | Operation::Delete { .. }
            | Operation::List(_)
            | Operation::DeleteBucket
            | Operation::GetSetting(_)
            | Operation::PutSetting(..)
            | Operation::DeleteSetting(_)
            | Operation::GetTagging(_) => return false,
        };
        let profile = self
            .instances
            .get(instance)
            .and_then(|instance| instance.profile.as_ref());
        let grants = profile
            .and_then(|name| self.identities.profiles.get(name))
            .map(|profile| &profile.grants);
        grants.into_iter().flatten().any(|grant| {
            grant.verb == verb && grant.bucket == bucket && self.key_matches(instance, &grant.key, key)
        })
    }

    /// A machine without the tag that a pattern names matches nothing. Values are compared as they are: a `*` in a
    /// tag is a star, not a wildcard.
    fn key_matches(&self, instance: &str, pattern: &str, key: &str) -> bool {
        let (pattern, any_rest) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        let mut expanded = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return false;
            };
            let value = match name.strip_prefix("tag:") {
                Some(tag) => self
                    .instances
                    .get(instance)
                    .and_then(|machine| machine.tags.get(tag))
                    .cloned(),
                None if name == "instance" => Some(instance.to_owned()),
                None => None,
            };
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                return false;
            };
            expanded.push_str(before);
            expanded.push_str(&value);
            rest = after;
        }
        expanded.push_str(rest);
        if any_rest {
            key.starts_with(&expanded)
        } else {
            key == expanded
        }
    }

    pub(super) fn caller_identity(&self, principal: &Principal) -> CallerIdentity {
        let arn = self.arn(principal);
        match principal {
            Principal::Operator { account, user } => CallerIdentity {
                account: account.clone(),
                arn,
                user_id: format!("AIDA{}", user.to_uppercase()),
            },
            Principal::Machine { instance } => CallerIdentity {
                account: self.setup.account.clone(),
                arn,
                user_id: format!("AROASANDBOX:{instance}"),
            },
        }
    }

    fn arn(&self, principal: &Principal) -> String {
        match principal {
            Principal::Operator { account, user } => format!("arn:aws:iam::{account}:user/{user}"),
            Principal::Machine { instance } => {
                let role = self
                    .instances
                    .get(instance)
                    .and_then(|found| found.profile.as_deref())
                    .unwrap_or("none");
                format!(
                    "arn:aws:sts::{}:assumed-role/{role}/{instance}",
                    self.setup.account
                )
            }
        }
    }

    fn denied(&self, principal: &Principal, request: &Request) -> AwsError {
        let arn = self.arn(principal);
        match request {
            Request::Ec2(asked) => AwsError::with(
                403,
                "UnauthorizedOperation",
                format!(
                    "You are not authorized to perform this operation. User: {arn} is not authorized to perform: \
                     ec2:{}",
                    asked.action()
                ),
            ),
            Request::S3(asked) => AwsError::with(
                403,
                "AccessDenied",
                format!(
                    "User: {arn} is not authorized to perform: s3:{}",
                    asked.operation.name()
                ),
            ),
            Request::Query(asked) => {
                let (service, action) = (asked.service(), asked.action());
                let (status, code) = match service {
                    Service::Ec2 => (403, "UnauthorizedOperation"),
                    Service::Kms => (400, "AccessDeniedException"),
                    Service::LoadBalancing | Service::AutoScaling | Service::Iam => (403, "AccessDenied"),
                };
                let service = service.prefix();
                let message = format!("User: {arn} is not authorized to perform: {service}:{action}");
                AwsError::with(status, code, message)
            }
            Request::GetCallerIdentity => AwsError::with(403, "AccessDenied", "denied"),
        }
    }

    fn wrong_region(&self, request: &Request, region: &str) -> AwsError {
        match request {
            Request::S3(_) => AwsError::with(
                400,
                "AuthorizationHeaderMalformed",
                format!(
                    "The authorization header is malformed; the region '{region}' is wrong; expecting '{}'",
                    self.setup.region
                ),
            ),
            Request::Ec2(_) => AwsError::with(
                401,
                "AuthFailure",
                "Credential should be scoped to a valid region.",
            ),
            Request::Query(asked) if asked.service() == Service::Ec2 => AwsError::with(
                401,
                "AuthFailure",
                "Credential should be scoped to a valid region.",
            ),
            Request::Query(_) | Request::GetCallerIdentity => AwsError::with(
                403,
                "SignatureDoesNotMatch",
                "Credential should be scoped to a valid region.",
            ),
        }
    }
}

/// IAM is one for all regions and signed for the first.
fn is_global(request: &Request, region: &str) -> bool {
    matches!(request, Request::Query(asked) if asked.service() == Service::Iam) && region == "us-east-1"
}

fn unknown_key(call: &Call) -> AwsError {
    match (&call.request, &call.access_key) {
        (Request::S3(_), None) => AwsError::with(403, "AccessDenied", "Access Denied"),
        (Request::S3(_), Some(_)) => AwsError::with(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        (_, None) => AwsError::with(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        (Request::Ec2(_), Some(_)) => AwsError::with(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        (Request::Query(asked), Some(_)) if asked.service() == Service::Ec2 => AwsError::with(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        (Request::Query(_) | Request::GetCallerIdentity, Some(_)) => AwsError::with(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
    }
}

fn expired_key(request: &Request) -> AwsError {
    match request {
        Request::S3(_) => AwsError::with(400, "ExpiredToken", "The provided token has expired."),
        Request::Ec2(_) => AwsError::with(400, "RequestExpired", "Request has expired."),
        Request::Query(asked) if asked.service() == Service::Ec2 => {
            AwsError::bad("RequestExpired", "Request has expired.")
        }
        Request::Query(_) | Request::GetCallerIdentity => AwsError::with(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
    }
}
