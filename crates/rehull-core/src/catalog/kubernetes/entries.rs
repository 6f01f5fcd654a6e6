//! Every fact as one line, for whoever looks for something.

use std::fmt;

use super::apis::ApiRemoval;
use super::data;
use super::flags::{Component, RefusedValue, RemovedFlag, RequiredFlags};
use super::gates::{Gate, GateStage};
use super::pitfalls::{Pitfall, Severity};
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The minor with which it comes.
    pub minor: KubernetesMinor,
    /// What kind of fact.
    pub topic: Topic,
    /// What becomes different.
    pub text: String,
    /// What to do; empty: nothing.
    pub help: String,
    /// Where it comes from.
    pub source: &'static str,
}

/// Kinds of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// An API that is gone.
    Api,
    /// A flag or a value that stops a program.
    Flag,
    /// A feature gate.
    Gate,
    /// What breaks although flags and APIs are right.
    Pitfall,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Api => "api",
            Self::Flag => "flag",
            Self::Gate => "gate",
            Self::Pitfall => "pitfall",
        })
    }
}

impl Entry {
    /// Whether all these words stand in it, in any order, small or large.
    #[must_use]
    pub fn has(&self, words: &[String]) -> bool {
        let all = format!("{} {} {} {}", self.minor, self.topic, self.text, self.help).to_lowercase();
        words.iter().all(|word| all.contains(&word.to_lowercase()))
    }
}

/// Everything that comes after `from` up to `to`, minor by minor; of feature gates what is on or off by itself since then,
/// locked, or gone.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn entries(from: KubernetesMinor, to: KubernetesMinor) -> Result<Vec<Entry>, UnknownMinor> {
    release(from)?;
    release(to)?;
    let flags = data::flags();
    let mut entries: Vec<Entry> = data::apis().removals.iter().map(of_api).collect();
    entries.extend(flags.removed.iter().map(of_flag));
    entries.extend(flags.refused_values.iter().map(of_value));
    entries.extend(flags.required.iter().map(of_required));
    entries.extend(data::gates().gates.iter().flat_map(of_gate));
    entries.extend(data::pitfalls().pitfalls.iter().map(of_pitfall));
    entries.retain(|entry| from < entry.minor && entry.minor <= to);
    entries.sort();
    Ok(entries)
}

fn of_api(gone: &'static ApiRemoval) -> Entry {
    let off = if gone.off_by_default {
        " (was off by default)"
    } else {
        ""
    };
    let text = format!(
        "{}/{} {} is no longer served{off}",
        gone.group, gone.version, gone.kind
    );
    let instead = gone
        .replacement
        .as_ref()
        .map(|api| format!("{}/{} {}", api.group, api.version, api.kind));
    let both = gone
        .window
        .map(|(first, last)| format!("{first} to {last} have both"));
    let help = [instead, both, gone.note.clone()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ");
    Entry {
        minor: gone.removed,
        topic: Topic::Api,
        text,
        help,
        source: gone.source(),
    }
}

fn names(components: &[Component]) -> String {
    components
        .iter()
        .map(|component| component.name())
        .collect::<Vec<_>>()
        .join(", ")
}

fn of_flag(gone: &'static RemovedFlag) -> Entry {
    let text = format!("--{} is gone from {}", gone.flag, names(&gone.components));
    Entry {
        minor: gone.removed,
        topic: Topic::Flag,
        text,
        help: gone.instead.clone(),
        source: &gone.source,
    }
}

fn of_value(rule: &'static RefusedValue) -> Entry {
    let text = format!(
        "--{} refuses {} ({})",
        rule.flags.join(", --"),
        rule.values.join(", "),
        names(&rule.components)
    );
    Entry {
        minor: rule.since,
        topic: Topic::Flag,
        text,
        help: rule.instead.clone(),
        source: &rule.source,
    }
}

fn of_required(rule: &'static RequiredFlags) -> Entry {
    let text = format!(
        "{} does not start without --{}",
        rule.component,
        rule.flags.join(", --")
    );
    Entry {
        minor: rule.since,
        topic: Topic::Flag,
        text,
        help: rule.instead.clone(),
        source: &rule.source,
    }
}

fn of_gate(gate: &'static Gate) -> Vec<Entry> {
    let entry = |minor, text: String, help: &str| Entry {
        minor,
        topic: Topic::Gate,
        text,
        help: help.to_owned(),
        source: gate.source(),
    };
    let name = &gate.name;
    let mut entries = Vec::new();
    let mut before: Option<&GateStage> = None;
    for stage in &gate.stages {
        let value = if stage.on { "on" } else { "off" };
        if stage.locked && before.is_none_or(|before| !before.locked) {
            let help = "delete it where it says something else";
            entries.push(entry(stage.since, format!("{name} is locked to {value}"), help));
        } else if before.map_or(stage.on, |before| before.on != stage.on) {
            entries.push(entry(
                stage.since,
                format!("{name} is {value} by default ({})", stage.stage.name()),
                "",
            ));
        }
        before = Some(stage);
    }
    entries.extend(gate.removed.map(|removed| {
        entry(
            removed,
            format!("{name} is no feature gate any more"),
            "delete it",
        )
    }));
    entries
}

fn of_pitfall(pitfall: &'static Pitfall) -> Entry {
    let severity = match pitfall.severity {
        Severity::Info => "",
        Severity::Warn => "look: ",
        Severity::Block => "stops: ",
    };
    Entry {
        minor: pitfall.minor,
        topic: Topic::Pitfall,
        text: format!("{}: {severity}{}", pitfall.concerns, pitfall.symptom),
        help: format!("{}. Where: {}", pitfall.remedy, pitfall.look),
        source: &pitfall.source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn found(from: u32, to: u32, words: &[&str]) -> Vec<String> {
        let minor = |number| KubernetesMinor::new(1, number);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let entries = entries(minor(from), minor(to))
            .unwrap()
            .into_iter()
            .filter(|entry| entry.has(&words));
        entries
            .map(|entry| format!("{} {} {} → {}", entry.minor, entry.topic, entry.text, entry.help))
            .collect()
    }

    #[test]
    fn what_a_word_is_about_is_found_on_the_way_and_not_beside_it() {
        assert_eq!(
            found(33, 35, &["kubelet", "--"]).len(),
            3 + 1,
            "three flags, and a pitfall that names one"
        );
        assert_eq!(
            found(33, 34, &["register-schedulable"]),
            ["1.34 flag --register-schedulable is gone from kubelet → --register-with-taints"]
        );
        assert_eq!(found(34, 37, &["register-schedulable"]), Vec::<String>::new());
        assert_eq!(found(14, 22, &["INGRESS", "extensions"]).len(), 1);
    }

    #[test]
    fn a_gate_is_told_when_it_is_switched_locked_and_taken_away() {
        assert_eq!(
            found(14, 37, &["BoundServiceAccountTokenVolume", "gate"]),
            [
                "1.21 gate BoundServiceAccountTokenVolume is on by default (beta) → ",
                "1.22 gate BoundServiceAccountTokenVolume is locked to on → delete it where it says something else",
                "1.23 gate BoundServiceAccountTokenVolume is no feature gate any more → delete it",
            ]
        );
    }

    #[test]
    fn every_fact_has_a_line_with_its_source() {
        let minor = |number| KubernetesMinor::new(1, number);
        let all = entries(minor(14), minor(37)).unwrap();
        assert!(
            all.iter()
                .all(|entry| !entry.source.is_empty() && !entry.text.is_empty())
        );
        for topic in [Topic::Api, Topic::Flag, Topic::Gate, Topic::Pitfall] {
            assert!(
                all.iter().filter(|entry| entry.topic == topic).count() > 40,
                "{topic}"
            );
        }
        assert!(entries(minor(14), minor(38)).is_err());
    }
}
