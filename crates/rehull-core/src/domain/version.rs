//! Versions and the one rule of etcd that everything else rests on: one minor at a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An etcd release, for example `3.5.33`. Pre-releases are not accepted: nothing in `catalog` speaks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EtcdVersion {
    /// 3 since 2016.
    pub major: u32,
    /// The unit of a hop.
    pub minor: u32,
    /// Moves freely inside a minor.
    pub patch: u32,
}

impl EtcdVersion {
    /// `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// `(major, minor)`: what etcd calls the cluster version.
    #[must_use]
    pub const fn line(self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

/// The text is no release number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a release such as 3.5.33")]
pub struct NotARelease(pub String);

impl FromStr for EtcdVersion {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotARelease(text.to_owned());
        let parsed = semver::Version::parse(text).map_err(|_| bad())?;
        if !parsed.pre.is_empty() || !parsed.build.is_empty() {
            return Err(bad());
        }
        let small = |n: u64| u32::try_from(n).map_err(|_| bad());
        Ok(Self {
            major: small(parsed.major)?,
            minor: small(parsed.minor)?,
            patch: small(parsed.patch)?,
        })
    }
}

impl TryFrom<String> for EtcdVersion {
    type Error = NotARelease;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EtcdVersion> for String {
    fn from(version: EtcdVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for EtcdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
    }
}
