//! Feature gates: a name that a minor does not know, or a value that it has locked, stops every program.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::data;
use super::flags::{Component, StartFault, StartProblem};
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// Always known, and never of one feature.
const OF_ALL: [&str; 2] = ["AllAlpha", "AllBeta"];

/// A feature gate. All programs share one list of names, but where [`Self::only`] says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its name.
    #[serde(rename = "gate")]
    pub name: String,
    /// The only programs that know it; `None`: all do.
    pub only: Option<Vec<Component>>,
    /// The first minor that knows the name; `None`: it is older than the catalogue.
    pub since: Option<KubernetesMinor>,
    /// What became of it, oldest first. Stages before [`Self::since`] are what a minor behaves like that has no gate for it.
    pub stages: Vec<GateStage>,
    /// The first minor that does not know the name any more; `None`: none so far.
    pub removed: Option<KubernetesMinor>,
}

impl Gate {
    /// Where the minors come from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        &data::gates().source
    }

    /// What it is in a minor; `None`: that minor does not know the name.
    #[must_use]
    pub fn stage_in(&self, minor: KubernetesMinor) -> Option<&GateStage> {
        let known = self.since.is_none_or(|since| since <= minor)
            && self.removed.is_none_or(|removed| minor < removed);
        let stage = self.stages.iter().rev().find(|stage| stage.since <= minor);
        stage.or(self.stages.first()).filter(|_| known)
    }
}

/// One line of the life of a gate, written `1.29 ga on locked`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct GateStage {
    /// From this minor on.
    pub since: KubernetesMinor,
    /// How ripe it is.
    pub stage: Stage,
    /// Whether the feature is on where nobody says anything.
    pub on: bool,
    /// Whether nobody may say anything else.
    pub locked: bool,
}

/// How ripe a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// May go again.
    Alpha,
    /// May still change.
    Beta,
    /// Stays.
    Ga,
    /// Goes.
    Deprecated,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Alpha, Self::Beta, Self::Ga, Self::Deprecated];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Deprecated => "deprecated",
        }
    }
}

/// The text is no stage of a gate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not written as `1.29 ga on locked`")]
pub struct NotAStage(String);

impl FromStr for GateStage {
    type Err = NotAStage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotAStage(text.to_owned());
        let words: Vec<&str> = text.split(' ').collect();
        let (since, stage, value, locked) = match words.as_slice() {
            [since, stage, value] => (since, stage, value, false),
            [since, stage, value, "locked"] => (since, stage, value, true),
            _ => return Err(bad()),
        };
        let stage = Stage::ALL
            .into_iter()
            .find(|known| known.name() == *stage)
            .ok_or_else(bad)?;
        let on = match *value {
            "on" => true,
            "off" => false,
            _ => return Err(bad()),
        };
        let since = since.parse().map_err(|_| bad())?;
        Ok(Self {
            since,
            stage,
            on,
            locked,
        })
    }
}

impl TryFrom<String> for GateStage {
    type Error = NotAStage;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for GateStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = if self.locked { " locked" } else { "" };
        let value = if self.on { "on" } else { "off" };
        write!(f, "{} {} {value}{locked}", self.since, self.stage.name())
    }
}

/// What is known about a gate; `None`: no minor ever had the name.
#[must_use]
pub fn gate(name: &str) -> Option<&'static Gate> {
    data::gates().gates.iter().find(|gate| gate.name == name)
}

/// Would this program start in this minor with these gates?
///
/// # Errors
/// Nobody described the minor.
pub fn check_gates(
    component: Component,
    minor: KubernetesMinor,
    gates: &BTreeMap<String, bool>,
) -> Result<Vec<StartProblem>, UnknownMinor> {
    release(minor)?;
    let named = gates.iter().filter(|(name, _)| !OF_ALL.contains(&name.as_str()));
    Ok(named
        .filter_map(|(name, on)| problem(component, minor, name, *on))
        .collect())
}

fn problem(component: Component, minor: KubernetesMinor, name: &str, on: bool) -> Option<StartProblem> {
    let told = |fault, problem: String, help: &str| StartProblem {
        name: name.to_owned(),
        fault,
        problem: format!("{problem}; {component} would not start"),
        help: help.to_owned(),
        source: &data::gates().source,
    };
    let Some(known) = gate(name) else {
        let problem = format!("no minor of Kubernetes has a feature gate `{name}`");
        return Some(told(
            StartFault::Unknown,
            problem,
            "correct the name, or delete it",
        ));
    };
    if known.only.as_ref().is_some_and(|only| !only.contains(&component)) {
        let problem = format!("`{name}` is no feature gate of {component}");
        return Some(told(StartFault::Unknown, problem, "delete it there"));
    }
    if let Some(removed) = known.removed.filter(|removed| *removed <= minor) {
        let problem = format!("Kubernetes {minor} has no feature gate `{name}` since {removed}");
        return Some(told(StartFault::Removed, problem, "delete it"));
    }
    let Some(stage) = known.stage_in(minor) else {
        let first = known
            .since
            .map_or_else(String::new, |since| format!(", {since} is the first"));
        let problem = format!("Kubernetes {minor} has no feature gate `{name}`{first}");
        return Some(told(
            StartFault::NotYet,
            problem,
            "delete it until every way back to this minor is closed",
        ));
    };
    (stage.locked && stage.on != on).then(|| {
        let value = if stage.on { "on" } else { "off" };
        let problem = format!("Kubernetes {minor} has `{name}` locked to {value}");
        told(StartFault::Refused, problem, "delete it")
    })
}

/// A gate whose feature is on in one minor and off in the other, where nobody says anything.
#[derive(Clone, Copy, Debug)]
pub struct GateChange {
    /// Which.
    pub gate: &'static Gate,
    /// Whether it is on in the later minor.
    pub on: bool,
}

/// Features that are switched on or off between two minors by default: after a hop nobody has asked for them.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn gate_changes(
    from: KubernetesMinor,
    to: KubernetesMinor,
) -> Result<impl Iterator<Item = GateChange>, UnknownMinor> {
    release(from)?;
    release(to)?;
    let changes = data::gates().gates.iter().filter_map(move |gate| {
        let later = gate.stage_in(to)?.on;
        // A feature without a gate yet is one that is not there; its gate may as well come late for what was always there.
        let stages = gate.stages.iter().rev();
        let earlier = stages
            .into_iter()
            .find(|stage| stage.since <= from)
            .is_some_and(|stage| stage.on);
        (earlier != later).then_some(GateChange { gate, on: later })
    });
    Ok(changes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn check(minor: u32, name: &str, on: bool) -> Option<StartFault> {
        let gates = BTreeMap::from([(name.to_owned(), on)]);
        let minor = KubernetesMinor::new(1, minor);
        let problems = check_gates(Component::Kubelet, minor, &gates).unwrap();
        problems.first().map(|problem| problem.fault)
    }

    #[test]
    fn a_gate_stops_a_program_before_its_first_minor_when_it_is_locked_and_after_its_end() {
        for (minor, name, on, expected) in [
            (16, "VolumeSubpathEnvExpansion", false, None),
            (17, "VolumeSubpathEnvExpansion", false, Some(StartFault::Refused)),
            (17, "VolumeSubpathEnvExpansion", true, None),
            (18, "VolumeSubpathEnvExpansion", true, None),
            (19, "VolumeSubpathEnvExpansion", true, Some(StartFault::Removed)),
            (24, "APISelfSubjectReview", true, Some(StartFault::NotYet)),
            (26, "APISelfSubjectReview", true, None),
            (30, "AllAlpha", true, None),
            (30, "AllAlpa", true, Some(StartFault::Unknown)),
            (
                34,
                "ControllerManagerReleaseLeaderElectionLockOnExit",
                true,
                Some(StartFault::Unknown),
            ),
        ] {
            assert_eq!(check(minor, name, on), expected, "{name}={on} in 1.{minor}");
        }
    }

    #[test]
    fn what_a_hop_switches_on_by_itself_is_told() {
        let minor = |number| KubernetesMinor::new(1, number);
        let changes: Vec<GateChange> = gate_changes(minor(20), minor(21)).unwrap().collect();
        let tokens = changes
            .iter()
            .find(|change| change.gate.name == "BoundServiceAccountTokenVolume");
        assert!(tokens.is_some_and(|change| change.on));
        assert!(gate_changes(minor(21), minor(21)).unwrap().next().is_none());
        assert!(gate_changes(minor(36), minor(93)).is_err());
    }

    #[test]
    fn a_stage_is_read_as_it_is_written_and_nothing_else_is() {
        for text in ["1.29 ga on locked", "1.8 alpha off", "1.32 deprecated off locked"] {
            assert_eq!(text.parse::<GateStage>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "1.29 ga",
            "1.29 ga yes",
            "1.29 stable on",
            "ga on locked",
            "1.29 ga on locked x",
        ] {
            assert_eq!(text.parse::<GateStage>(), Err(NotAStage(text.to_owned())));
        }
    }
}
