//! Which minors there were, until when each is mended, and what goes with it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::data;
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor, KubernetesVersion};

/// One minor of Kubernetes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Which.
    pub minor: KubernetesMinor,
    /// The day of its first release.
    pub released: Date,
    /// The day after which nothing of it is mended.
    pub end_of_life: Date,
    /// The newest patch on the day of [`as_of`].
    pub newest: KubernetesVersion,
    /// Which etcd goes with it.
    pub etcd: Etcd,
    /// Which images its nodes pull.
    pub images: Images,
}

impl Release {
    /// Whether nothing of it is mended on this day.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.end_of_life < today
    }
}

/// Which etcd goes with a minor. kube-apiserver asks etcd for features and not for its release: [`Self::works`] is a
/// judgement, and it leaves out what the catalogue of etcd does not describe.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Etcd {
    /// What the project itself installs with the newest patch.
    pub usual: EtcdVersion,
    /// Minors, oldest first.
    pub works: Vec<EtcdMinor>,
}

/// Images of a minor, each `name:tag` below the registry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    /// Where the project publishes.
    pub registry: String,
    /// The sandbox of every pod.
    pub pause: String,
    /// CoreDNS.
    pub coredns: String,
}

/// A minor that nobody described: nothing about it is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is known about Kubernetes {minor}, so nothing about it is assumed")]
pub struct UnknownMinor {
    /// Which.
    pub minor: KubernetesMinor,
    /// The first and the last minor that are described; `None`: none is.
    pub described: Option<(KubernetesMinor, KubernetesMinor)>,
}

impl UnknownMinor {
    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self.described {
            None => "this rehull has no data: install it anew".to_owned(),
            Some((oldest, newest)) if self.minor < oldest => format!(
                "what is known begins with {oldest} and ends with {newest}: bring it to {oldest} as its own release notes say; from there \
                 rehull knows the way"
            ),
            Some((oldest, newest)) => format!("pin a release of {oldest} to {newest}, or update rehull"),
        }
    }
}

/// Every minor that is described, oldest first, without a gap.
#[must_use]
pub fn releases() -> &'static [Release] {
    &data::releases().releases
}

/// The day on which the newest patches were looked up.
#[must_use]
pub fn as_of() -> Date {
    data::releases().as_of
}

/// Where dates, patches, pairs, images and skew come from.
#[must_use]
pub fn sources() -> &'static BTreeMap<String, String> {
    &data::releases().sources
}

/// One minor.
///
/// # Errors
/// Nobody described it.
pub fn release(minor: KubernetesMinor) -> Result<&'static Release, UnknownMinor> {
    let known = releases();
    known
        .iter()
        .find(|release| release.minor == minor)
        .ok_or_else(|| {
            let ends = known.first().zip(known.last());
            UnknownMinor {
                minor,
                described: ends.map(|(oldest, newest)| (oldest.minor, newest.minor)),
            }
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn minor(text: &str) -> KubernetesMinor {
        text.parse().unwrap()
    }

    #[test]
    fn a_minor_nobody_described_is_refused_with_what_to_do() {
        let newer = release(minor("1.99")).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "nothing is known about Kubernetes 1.99, so nothing about it is assumed"
        );
        assert!(
            newer.help().starts_with("pin a release of 1.14 to 1."),
            "{}",
            newer.help()
        );
        assert!(newer.help().ends_with(", or update rehull"), "{}", newer.help());
        let older = release(minor("1.10")).unwrap_err();
        assert!(older.help().contains("bring it to 1.14"), "{}", older.help());
        assert_eq!(release(minor("2.20")).unwrap_err().minor, minor("2.20"));
    }

    #[test]
    fn a_minor_is_over_on_the_day_after_its_last() {
        let known = release(minor("1.34")).unwrap();
        assert_eq!(known.end_of_life, jiff::civil::date(2026, 10, 27));
        assert!(!known.is_over(jiff::civil::date(2026, 10, 27)));
        assert!(known.is_over(jiff::civil::date(2026, 10, 28)));
    }

    #[test]
    fn the_images_of_a_minor_are_told_as_they_are_pulled() {
        let images = |text: &str| {
            let images = &release(minor(text)).unwrap().images;
            format!("{0}/{1} {0}/{2}", images.registry, images.pause, images.coredns)
        };
        assert_eq!(images("1.20"), "k8s.gcr.io/pause:3.2 k8s.gcr.io/coredns:1.7.0");
        assert_eq!(
            images("1.37"),
            "registry.k8s.io/pause:3.10.2 registry.k8s.io/coredns/coredns:v1.14.6"
        );
    }
}
