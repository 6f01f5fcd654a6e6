//! Which APIs a minor no longer serves, and what is written instead.

use serde::Deserialize;

use super::data;
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// One kind of one version of an API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// For example `apps`.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// For example `Deployment`.
    pub kind: String,
}

/// An API that is gone, or that will be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiRemoval {
    /// For example `extensions`.
    pub group: String,
    /// For example `v1beta1`.
    pub version: String,
    /// For example `Ingress`.
    pub kind: String,
    /// As in its address; `None`: it has none.
    pub resource: Option<String>,
    /// The first minor that had it.
    pub introduced: KubernetesMinor,
    /// The first minor that warned; `None`: none did.
    pub deprecated: Option<KubernetesMinor>,
    /// The first minor without it; a minor that is not released yet: announced.
    pub removed: KubernetesMinor,
    /// What is written instead; `None`: nothing.
    pub replacement: Option<Api>,
    /// It was only served where somebody had switched it on.
    #[serde(default)]
    pub off_by_default: bool,
    /// Where it is met.
    #[serde(default)]
    pub scope: Scope,
    /// First and last minor that have both, the old and the new one; `None`: none has.
    pub window: Option<(KubernetesMinor, KubernetesMinor)>,
    /// Worth knowing.
    pub note: Option<String>,
    source: String,
}

impl ApiRemoval {
    /// Where the minors come from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        data::apis().sources.get(&self.source).map_or("", String::as_str)
    }
}

/// Where an API is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Objects in the cluster and their manifests.
    #[default]
    Rest,
    /// A file that a program reads.
    ConfigFile,
    /// What apiservers and webhooks send each other.
    WebhookPayload,
    /// What clients ask to find the others.
    Discovery,
}

/// What is no longer served by `to` and was by `from`, in the order of its end.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn apis_removed(
    from: KubernetesMinor,
    to: KubernetesMinor,
) -> Result<impl Iterator<Item = &'static ApiRemoval>, UnknownMinor> {
    release(from)?;
    release(to)?;
    let removals = data::apis().removals.iter();
    Ok(removals.filter(move |gone| from < gone.removed && gone.removed <= to && gone.introduced <= from))
}

/// What is known about the end of one kind of one version; `None`: no end is known.
#[must_use]
pub fn api(group: &str, version: &str, kind: &str) -> Option<&'static ApiRemoval> {
    let mut removals = data::apis().removals.iter();
    removals.find(|gone| gone.group == group && gone.version == version && gone.kind == kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn gone(from: u32, to: u32) -> Vec<String> {
        let minor = |number| KubernetesMinor::new(1, number);
        let gone = apis_removed(minor(from), minor(to)).unwrap();
        let rest = gone.filter(|gone| gone.scope == Scope::Rest && !gone.off_by_default);
        rest.map(|gone| format!("{}/{} {}", gone.group, gone.version, gone.kind))
            .collect()
    }

    #[test]
    fn a_hop_loses_what_its_minor_removes_and_nothing_else() {
        assert_eq!(
            gone(25, 26),
            [
                "autoscaling/v2beta2 HorizontalPodAutoscaler",
                "flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema",
                "flowcontrol.apiserver.k8s.io/v1beta1 PriorityLevelConfiguration",
            ]
        );
        assert_eq!(gone(26, 26), Vec::<String>::new());
        assert!(gone(15, 16).contains(&"extensions/v1beta1 Deployment".to_owned()));
        assert_eq!(
            gone(32, 37),
            Vec::<String>::new(),
            "nothing that was on by default since 1.33"
        );
    }

    #[test]
    fn the_end_of_an_api_names_its_successor_and_the_minors_that_have_both() {
        let ingress = api("extensions", "v1beta1", "Ingress").unwrap();
        let successor = ingress.replacement.as_ref().unwrap();
        assert_eq!(
            (successor.group.as_str(), successor.version.as_str()),
            ("networking.k8s.io", "v1")
        );
        let minor = |number| KubernetesMinor::new(1, number);
        assert_eq!(
            (ingress.window, ingress.removed),
            (Some((minor(19), minor(21))), minor(22))
        );
        assert!(ingress.source().contains("prerelease-lifecycle"));
        assert!(api("apps", "v1", "Deployment").is_none());
    }

    #[test]
    fn the_ends_of_a_minor_that_nobody_described_are_not_guessed() {
        let minor = |number| KubernetesMinor::new(1, number);
        assert_eq!(apis_removed(minor(37), minor(90)).err().unwrap().minor, minor(90));
        assert_eq!(apis_removed(minor(9), minor(20)).err().unwrap().minor, minor(9));
    }
}
