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

macro_rules! minor {
    ($(#[$doc:meta])* $name:ident of $release:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            /// Has not changed for years.
            pub major: u32,
            /// Rises by one with every hop.
            pub minor: u32,
        }

        impl $name {
            /// `major.minor`.
            #[must_use]
            pub const fn new(major: u32, minor: u32) -> Self {
                Self { major, minor }
            }

            /// The minor of a release.
            #[must_use]
            pub const fn of(release: $release) -> Self {
                Self::new(release.major, release.minor)
            }

            /// The minor that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self::new(self.major, self.minor.saturating_add(1))
            }

            /// How many minors this one is ahead of `other`; 0: not at all. Another major is as far as can be.
            #[must_use]
            pub const fn ahead_of(self, other: Self) -> u32 {
                if self.major > other.major {
                    u32::MAX
                } else if self.major < other.major {
                    0
                } else {
                    self.minor.saturating_sub(other.minor)
                }
            }
        }

        impl FromStr for $name {
            type Err = NotAMinor;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bad = || NotAMinor(text.to_owned());
                // Together with a patch it has to be a release: the same rules for zeros, signs and spaces.
                let release: $release = format!("{text}.0").parse().map_err(|_| bad())?;
                Ok(Self::of(release))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAMinor;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(minor: $name) -> Self {
                minor.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}.{}", self.major, self.minor))
            }
        }
    };
}

minor!(
    /// A minor of etcd, for example `3.5`.
    EtcdMinor of EtcdVersion
);
minor!(
    /// A minor of Kubernetes, for example `1.34`: what the skew policy counts in.
    KubernetesMinor of KubernetesVersion
);

/// The text is no minor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a minor such as 1.34")]
pub struct NotAMinor(pub String);

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_minor_is_two_numbers_and_nothing_else() {
        assert_eq!("1.34".parse(), Ok(KubernetesMinor::new(1, 34)));
        for text in [
            "",
            "1",
            "1.",
            "1.34.2",
            "1.034",
            "v1.34",
            "1.34-rc",
            " 1.34",
            "1.-3",
            "1.4294967296",
        ] {
            let refused = text.parse::<KubernetesMinor>();
            assert_eq!(refused, Err(NotAMinor(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn minors_are_ordered_and_counted_as_numbers() {
        let minor = |text: &str| text.parse::<EtcdMinor>().unwrap();
        assert!(minor("3.9") < minor("3.10"));
        for (one, other, ahead) in [
            ("3.7", "3.5", 2),
            ("3.5", "3.7", 0),
            ("4.0", "3.7", u32::MAX),
            ("3.7", "4.0", 0),
        ] {
            assert_eq!(minor(one).ahead_of(minor(other)), ahead, "{one} {other}");
        }
        assert_eq!(minor("3.9").next(), minor("3.10"));
    }
}
