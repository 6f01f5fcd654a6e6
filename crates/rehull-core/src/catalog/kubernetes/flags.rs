//! Flags that stop a program: those that are gone, values that are refused, flags that have to be there.
//!
//! The lists are the differences between minors, not all flags of one: what is not found here may still be a typing error.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::data;
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// A program of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// Serves the API.
    KubeApiserver,
    /// Runs the controllers.
    KubeControllerManager,
    /// Places pods.
    KubeScheduler,
    /// Runs pods on a node.
    Kubelet,
    /// Carries services on a node.
    KubeProxy,
}

impl Component {
    /// As its binary is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A flag that is gone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedFlag {
    /// Without dashes.
    pub flag: String,
    /// Who no longer takes it.
    pub components: Vec<Component>,
    /// The first minor that warned; `None`: before the catalogue begins, or none did.
    pub deprecated: Option<KubernetesMinor>,
    /// The first minor without it.
    pub removed: KubernetesMinor,
    /// What to write.
    pub instead: String,
    /// Where this comes from.
    pub source: String,
}

/// Values that are refused, one of a list or the whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedValue {
    /// Flags without dashes.
    pub flags: Vec<String>,
    /// Who refuses.
    pub components: Vec<Component>,
    /// The first minor that does.
    pub since: KubernetesMinor,
    /// Which.
    pub values: Vec<String>,
    /// What to write.
    pub instead: String,
    /// Where this comes from.
    pub source: String,
}

/// Flags without which a program does not start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredFlags {
    /// Which program.
    pub component: Component,
    /// Flags without dashes: all of them.
    pub flags: Vec<String>,
    /// The first minor that wants them.
    pub since: KubernetesMinor,
    /// What to write.
    pub instead: String,
    /// Where this comes from.
    pub source: String,
}

/// Why a program would not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFault {
    /// The name is gone.
    Removed,
    /// The name is known to a later minor only: what a way back meets.
    NotYet,
    /// No minor ever knew the name.
    Unknown,
    /// The value is refused.
    Refused,
    /// It is missing.
    Missing,
}

/// One reason why a program would not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartProblem {
    /// Flag without dashes, or feature gate.
    pub name: String,
    /// In one word.
    pub fault: StartFault,
    /// In one sentence.
    pub problem: String,
    /// What to do.
    pub help: String,
    /// Where this comes from.
    pub source: &'static str,
}

/// Would this program start in this minor with these flags, written without dashes?
///
/// # Errors
/// Nobody described the minor.
pub fn check_flags(
    component: Component,
    minor: KubernetesMinor,
    flags: &BTreeMap<String, String>,
) -> Result<Vec<StartProblem>, UnknownMinor> {
    release(minor)?;
    let mut problems = Vec::new();
    for (flag, value) in flags {
        let removed = data::flags()
            .removed
            .iter()
            .find(|gone| gone.flag == *flag && gone.components.contains(&component) && gone.removed <= minor);
        if let Some(gone) = removed {
            problems.push(StartProblem {
                name: flag.clone(),
                fault: StartFault::Removed,
                problem: format!(
                    "{component} {minor} has no flag `{flag}` since {}; it would not start",
                    gone.removed
                ),
                help: gone.instead.clone(),
                source: &gone.source,
            });
        } else {
            problems.extend(refused_value(component, minor, flag, value));
        }
    }
    let required = data::flags().required.iter();
    for wanted in required.filter(|wanted| wanted.component == component && wanted.since <= minor) {
        let missing = wanted.flags.iter().filter(|flag| !flags.contains_key(*flag));
        problems.extend(missing.map(|flag| StartProblem {
            name: flag.clone(),
            fault: StartFault::Missing,
            problem: format!(
                "{component} does not start without `{flag}` since {}",
                wanted.since
            ),
            help: wanted.instead.clone(),
            source: &wanted.source,
        }));
    }
    Ok(problems)
}

fn refused_value(
    component: Component,
    minor: KubernetesMinor,
    flag: &str,
    value: &str,
) -> Option<StartProblem> {
    let given: Vec<&str> = value.split(',').map(str::trim).collect();
    let rules = data::flags().refused_values.iter().filter(|rule| {
        rule.since <= minor
            && rule.components.contains(&component)
            && rule.flags.iter().any(|known| known == flag)
    });
    let mut hits = rules.filter_map(|rule| {
        let hit = rule
            .values
            .iter()
            .find(|refused| given.contains(&refused.as_str()))?;
        Some((rule, hit))
    });
    let (rule, hit) = hits.next()?;
    Some(StartProblem {
        name: flag.to_owned(),
        fault: StartFault::Refused,
        problem: format!(
            "{component} {minor} refuses `{hit}` for `{flag}` since {}; it would not start",
            rule.since
        ),
        help: rule.instead.clone(),
        source: &rule.source,
    })
}

/// Flags of a program that `from` takes and `to` does not, in the order of their end.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn flags_removed(
    component: Component,
    from: KubernetesMinor,
    to: KubernetesMinor,
) -> Result<impl Iterator<Item = &'static RemovedFlag>, UnknownMinor> {
    release(from)?;
    release(to)?;
    let removed = data::flags().removed.iter();
    Ok(removed.filter(move |gone| {
        gone.components.contains(&component) && from < gone.removed && gone.removed <= to
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn check(component: Component, minor: u32, flags: &[(&str, &str)]) -> Vec<(String, StartFault)> {
        let flags = flags
            .iter()
            .map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned()));
        let problems = check_flags(component, KubernetesMinor::new(1, minor), &flags.collect()).unwrap();
        problems
            .into_iter()
            .map(|problem| (problem.name, problem.fault))
            .collect()
    }

    #[test]
    fn a_flag_stops_a_program_from_the_minor_on_that_has_lost_it() {
        use Component::{KubeApiserver, Kubelet};
        let privileged = [("allow-privileged", "true")];
        assert_eq!(check(Kubelet, 14, &privileged), []);
        assert_eq!(
            check(Kubelet, 15, &privileged),
            [("allow-privileged".to_owned(), StartFault::Removed)]
        );
        assert_eq!(
            check(KubeApiserver, 15, &privileged),
            [],
            "the one of kube-apiserver stays"
        );
        let logs = [("log-dir", "/var/log")];
        assert_eq!(
            (check(Kubelet, 25, &logs).len(), check(Kubelet, 26, &logs).len()),
            (0, 1)
        );
    }

    #[test]
    fn a_value_that_is_refused_is_found_inside_a_list() {
        let plugins = [("enable-admission-plugins", "NodeRestriction, PodSecurityPolicy")];
        let issuer = [
            ("service-account-issuer", "https://api"),
            ("service-account-signing-key-file", "/k"),
            ("service-account-key-file", "/k"),
        ];
        let all: Vec<(&str, &str)> = plugins.into_iter().chain(issuer).collect();
        assert_eq!(check(Component::KubeApiserver, 24, &all), []);
        let refused = check(Component::KubeApiserver, 25, &all);
        assert_eq!(
            refused,
            [("enable-admission-plugins".to_owned(), StartFault::Refused)]
        );
        assert_eq!(check(Component::Kubelet, 26, &[("cloud-provider", "aws")]), []);
        assert_eq!(
            check(Component::Kubelet, 27, &[("cloud-provider", "aws")]).len(),
            1
        );
        assert_eq!(
            check(Component::Kubelet, 27, &[("cloud-provider", "external")]),
            []
        );
    }

    #[test]
    fn a_flag_that_has_to_be_there_is_missed() {
        assert_eq!(check(Component::KubeApiserver, 19, &[]), []);
        let missing = check(
            Component::KubeApiserver,
            20,
            &[("service-account-issuer", "https://api")],
        );
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["service-account-signing-key-file", "service-account-key-file"]
        );
    }

    #[test]
    fn the_flags_that_a_jump_takes_away_are_those_of_every_minor_on_it() {
        let minor = |number| KubernetesMinor::new(1, number);
        let gone = flags_removed(Component::Kubelet, minor(33), minor(35)).unwrap();
        let gone: Vec<(&str, KubernetesMinor)> =
            gone.map(|gone| (gone.flag.as_str(), gone.removed)).collect();
        let expected = [
            ("cloud-config", minor(34)),
            ("register-schedulable", minor(34)),
            ("pod-infra-container-image", minor(35)),
        ];
        assert_eq!(gone, expected);
        assert!(flags_removed(Component::Kubelet, minor(33), minor(77)).is_err());
    }
}
