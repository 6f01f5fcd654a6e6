//! Identifiers. A name that has been parsed is a type of its own, so two of them cannot be mixed up.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads the text of an id straight into the one copy of it.
struct Text;

impl Visitor<'_> for Text {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(Arc::from(text))
    }
}

// Every look copies hundreds of them and changes none: a copy is one more owner of the same text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; syntax is checked where text enters (config, adapters).
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text).map(Self)
            }
        }
    };
}

text_id!(
    /// Name of a cluster, for example `dev`; part of object keys and tags.
    ClusterName
);
text_id!(
    /// Name of an etcd member and of the slot it lives in, for example `etcd-a`.
    SlotName
);
text_id!(
    /// EC2 instance, `i-…`.
    InstanceId
);
text_id!(
    /// EBS volume, `vol-…`.
    VolumeId
);
text_id!(
    /// Elastic network interface, `eni-…`.
    InterfaceId
);
text_id!(
    /// VPC subnet, `subnet-…`.
    SubnetId
);
text_id!(
    /// Machine image, `ami-…`.
    ImageId
);
text_id!(
    /// Availability zone, for example `ap-northeast-1a`.
    Zone
);
text_id!(
    /// AWS region, for example `ap-northeast-1`.
    Region
);
text_id!(
    /// AWS account, twelve digits.
    AccountId
);
text_id!(
    /// Name of a launch template.
    LaunchTemplateName
);
text_id!(
    /// Name of an Auto Scaling group.
    GroupName
);
text_id!(
    /// ARN of a target group.
    TargetGroupArn
);

impl TargetGroupArn {
    /// `dev-api` of `arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/dev-api/0123456789abcdef`, for
    /// people; all of it where it has another shape.
    #[must_use]
    pub fn name(&self) -> &str {
        let mut parts = self.as_str().split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(name), Some(_)) => name,
            (_, _, _) => self.as_str(),
        }
    }
}

text_id!(
    /// Kubernetes node.
    NodeName
);
text_id!(
    /// A pod's uid: a pod of the same name with another uid is another pod.
    PodUid
);
text_id!(
    /// A namespaced object of Kubernetes, `namespace/name`.
    ObjectName
);
text_id!(
    /// One execution of one rollout plan on one cluster, for example `dev-2026-11-21-01`.
    RolloutId
);
text_id!(
    /// What a person approves, for example `etcd/etcd-b`.
    StepId
);
text_id!(
    /// `sha256:` and 64 hexadecimal digits.
    ContentDigest
);

/// What stands before the digest in the description of a launch template version.
const DESCRIBED: &str = "rehull ";

impl ContentDigest {
    /// The description of a launch template version with this content, by which rehull knows it, whoever makes the version.
    #[must_use]
    pub fn description(&self) -> String {
        format!("{DESCRIBED}{self}")
    }

    /// The content that a description tells; `None`: it is somebody else's version.
    #[must_use]
    pub fn described(description: &str) -> Option<Self> {
        let digest = description.strip_prefix(DESCRIBED)?;
        let digits = digest.strip_prefix("sha256:")?;
        let is_digest = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Self::new(digest))
    }
}
text_id!(
    /// Idempotency token: the first 32 hexadecimal digits of SHA-256(rollout, step, action, attempt).
    Token
);

/// Reads an id as it stands in JSON: hexadecimal text, because most readers round a number above 2^53; journals of before
/// have the number.
struct Hex;

impl Visitor<'_> for Hex {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id in hexadecimal")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        u64::from_str_radix(text, 16).map_err(E::custom)
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta] $name:ident),+) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Hex).map(Self)
            }
        }
    )+};
}

hex_id!(
    /// etcd member id; etcd prints it in hexadecimal.
    MemberId,
    /// etcd cluster id; etcd prints it in hexadecimal.
    EtcdClusterId
);

/// Names the data directory of a member on its volume; a new membership gets a new number, so that a removed
/// member's data is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Generation {
    /// The number of the next membership in the same slot.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A launch template version is always a number: `$Latest` moves under a running rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaunchTemplateVersion(pub NonZeroU64);

impl fmt::Display for LaunchTemplateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no launch template version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LaunchTemplateVersionError {
    /// `$Latest` or `$Default`.
    #[error("`{0}` floats: it may name another version tomorrow")]
    Floating(String),
    /// Not a positive integer.
    #[error("`{0}` is not a positive number")]
    NotANumber(String),
}

impl FromStr for LaunchTemplateVersion {
    type Err = LaunchTemplateVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "$Latest" | "$Default" => Err(LaunchTemplateVersionError::Floating(text.to_owned())),
            digits => digits
                .parse()
                .map(Self)
                .map_err(|_| LaunchTemplateVersionError::NotANumber(digits.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_id_of_etcd_is_hexadecimal_text_in_json_and_the_number_of_before_is_still_read() {
        let id = EtcdClusterId(0xcdf8_18a1_94e3_a8c2);
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, "\"cdf818a194e3a8c2\"");
        assert_eq!(serde_json::from_str::<EtcdClusterId>(&text).unwrap(), id);
        assert_eq!(
            serde_json::from_str::<EtcdClusterId>("14841639654266218690").unwrap(),
            id
        );
        assert!(serde_json::from_str::<MemberId>("\"no id\"").is_err());
    }
}
