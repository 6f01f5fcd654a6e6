//! Versions and the one rule of etcd that everything else rests on: one minor at a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

// Pre-releases are not accepted: nothing in `catalog` speaks for them.
macro_rules! release {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            /// Has not changed for years.
            pub major: u32,
            /// The unit of a hop.
            pub minor: u32,
            /// Moves freely inside a minor.
            pub patch: u32,
        }

        impl $name {
            /// `major.minor.patch`.
            #[must_use]
            pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
                Self { major, minor, patch }
            }

            /// `(major, minor)`.
            #[must_use]
            pub const fn line(self) -> (u32, u32) {
                (self.major, self.minor)
            }
        }

        impl FromStr for $name {
            type Err = NotARelease;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let [major, minor, patch] = numbers(text)?;
                Ok(Self { major, minor, patch })
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotARelease;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(version: $name) -> Self {
                version.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
            }
        }
    };
}

release!(
    /// An etcd release, for example `3.5.33`; its line is what etcd calls the cluster version.
    EtcdVersion
);
release!(
    /// A Kubernetes release without its `v`, for example `1.34.2`.
    KubernetesVersion
);

/// The text is no release number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a release such as 3.5.33")]
pub struct NotARelease(pub String);

fn numbers(text: &str) -> Result<[u32; 3], NotARelease> {
    let bad = || NotARelease(text.to_owned());
    let parsed = semver::Version::parse(text).map_err(|_| bad())?;
    if !parsed.pre.is_empty() || !parsed.build.is_empty() {
        return Err(bad());
    }
    let small = |n: u64| u32::try_from(n).map_err(|_| bad());
    Ok([small(parsed.major)?, small(parsed.minor)?, small(parsed.patch)?])
}
