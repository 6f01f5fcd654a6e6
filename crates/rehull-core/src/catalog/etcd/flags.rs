//! Flag × minor: an unknown flag stops etcd at its first start, so it is refused long before a machine boots.

use std::collections::BTreeMap;

use super::data::{Flag, Kind};
use super::{data, minor_of};
use crate::domain::version::EtcdVersion;

/// A flag that this etcd would not start with, or must not be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagProblem {
    /// As written in the cluster file.
    pub flag: String,
    /// Which kind of problem.
    pub fault: FlagFault,
    /// One sentence.
    pub problem: String,
    /// What to write instead.
    pub help: String,
    /// Where a replacement comes from, if there is one.
    pub source_of_rule: Option<&'static str>,
}

/// Kinds of flag problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagFault {
    /// The catalogue knows nothing about this minor.
    UnknownMinor,
    /// No described etcd takes it.
    Unknown,
    /// An older minor took it.
    Removed,
    /// A newer minor takes it.
    NotYet,
    /// rehull sets it itself, from the slot and the boot tags.
    Managed,
    /// It gives up what a rollout relies on.
    Unsafe,
    /// The value is not of the flag's kind.
    BadValue,
}

/// Set per slot and boot by the template. Given twice, etcd takes the last one: a member with a wrong identity.
const MANAGED: [&str; 29] = [
    "advertise-client-urls",
    "auto-tls",
    "cert-file",
    "client-cert-auth",
    "config-file",
    "data-dir",
    "discovery",
    "discovery-endpoints",
    "discovery-srv",
    "discovery-token",
    "force-new-cluster",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "key-file",
    "listen-client-http-urls",
    "listen-client-urls",
    "listen-peer-urls",
    "name",
    "peer-auto-tls",
    "peer-cert-file",
    "peer-client-cert-auth",
    "peer-key-file",
    "peer-trusted-ca-file",
    "proxy",
    "trusted-ca-file",
    "version",
    "wal-dir",
];

/// Every problem of these flags with this etcd, in the order of the flags' names.
#[must_use]
pub fn check_flags(version: EtcdVersion, flags: &BTreeMap<String, String>) -> Vec<FlagProblem> {
    flags
        .iter()
        .filter_map(|(name, value)| check_flag(version, name, value))
        .collect()
}

fn check_flag(version: EtcdVersion, name: &str, value: &str) -> Option<FlagProblem> {
    let minor = minor_of(version);
    if !data::flags().binaries.contains_key(&minor) {
        let problem = format!("nothing is known about the flags of etcd {minor}");
        let help = format!("pin one of the minors {}", super::known_minors().join(", "));
        return Some(problem_of(name, FlagFault::UnknownMinor, problem, help));
    }
    if MANAGED.contains(&name) {
        let problem = format!("`{name}` is set by rehull, per slot and per boot");
        return Some(problem_of(
            name,
            FlagFault::Managed,
            problem,
            "delete it from `etcd.flags`".to_owned(),
        ));
    }
    match data::flags().flags.get(name) {
        None => Some(unknown(&minor, name)),
        Some(flag) if !flag.minors.contains(&minor) => Some(of_another_minor(&minor, name, flag)),
        Some(flag) => unsafe_value(name, value).or_else(|| bad_value(name, value, flag.kind)),
    }
}

fn problem_of(flag: &str, fault: FlagFault, problem: String, help: String) -> FlagProblem {
    let source_of_rule = data::versions()
        .replacements
        .get(flag)
        .map(|entry| entry.source.as_str());
    FlagProblem {
        flag: flag.to_owned(),
        fault,
        problem,
        help,
        source_of_rule,
    }
}

fn unknown(minor: &str, name: &str) -> FlagProblem {
    let problem = format!("etcd {minor} has no flag `{name}`; it would not start");
    let bare = name.trim_start_matches('-');
    let taken = data::flags()
        .flags
        .iter()
        .filter(|(_, flag)| flag.minors.iter().any(|known| known == minor));
    let candidates = taken
        .map(|(known, _)| known.as_str())
        .filter(|known| !MANAGED.contains(known));
    let nearest = candidates
        .map(|known| (strsim::damerau_levenshtein(bare, known), known))
        .min();
    let help = match nearest {
        Some((0, known)) => format!("write it without dashes: `{known}`"),
        // A third of the letters wrong is still a typo; more is another word.
        Some((wrong, known)) if wrong * 3 <= bare.len() => format!("did you mean `{known}`?"),
        _ => format!("`etcd --help` of {minor} lists the flags; write them without dashes"),
    };
    problem_of(name, FlagFault::Unknown, problem, help)
}

fn of_another_minor(minor: &str, name: &str, flag: &Flag) -> FlagProblem {
    let takes = |other: &str| {
        data::flags()
            .flags
            .get(other)
            .is_some_and(|flag| flag.minors.iter().any(|known| known == minor))
    };
    let replacement = data::versions()
        .replacements
        .get(name)
        .map(|entry| entry.instead.clone());
    let order: Vec<&String> = data::flags().binaries.keys().collect();
    let place = |wanted: &str| order.iter().position(|known| known.as_str() == wanted);
    let last = flag.minors.last().map_or("", String::as_str);
    if place(last) < place(minor) {
        let problem =
            format!("etcd {minor} has no flag `{name}`, {last} was the last to take it; it would not start");
        let renamed = name.strip_prefix("experimental-").filter(|short| takes(short));
        let help = replacement
            .or_else(|| renamed.map(|short| format!("it is called `{short}` now")))
            .unwrap_or_else(|| "delete it".to_owned());
        return problem_of(name, FlagFault::Removed, problem, help);
    }
    let first = flag.minors.first().map_or("", String::as_str);
    let problem =
        format!("etcd {minor} has no flag `{name}`, {first} is the first to take it; it would not start");
    let former = format!("experimental-{name}");
    let help = match (takes(&former), replacement) {
        (true, _) => format!("in {minor} it is called `{former}`"),
        (false, Some(text)) => text,
        (false, None) => format!("delete it, or pin {first} first"),
    };
    problem_of(name, FlagFault::NotYet, problem, help)
}

fn unsafe_value(name: &str, value: &str) -> Option<FlagProblem> {
    let why = match (name, go_bool(value)) {
        ("strict-reconfig-check", Some(false)) => {
            "etcd would no longer refuse a membership change that loses quorum"
        }
        ("unsafe-no-fsync", Some(true)) => "a power cut would lose acknowledged writes",
        _ => return None,
    };
    let problem = format!("`{name}: {value}` is not accepted: {why}");
    Some(problem_of(
        name,
        FlagFault::Unsafe,
        problem,
        "delete it".to_owned(),
    ))
}

fn bad_value(name: &str, value: &str, kind: Kind) -> Option<FlagProblem> {
    let (fits, wants) = match kind {
        Kind::Bool => (go_bool(value).is_some(), "`true` or `false`"),
        Kind::Int => (value.parse::<i64>().is_ok(), "a whole number"),
        Kind::Uint => (value.parse::<u64>().is_ok(), "a whole number, not negative"),
        Kind::Duration => (
            is_go_duration(value),
            "a duration such as `500ms`, `5s` or `1h30m`",
        ),
        Kind::Text => (!value.chars().any(char::is_control), "one line of text"),
    };
    if fits {
        return None;
    }
    let problem = format!("`{value}` is no value for `{name}`; etcd would not start");
    Some(problem_of(
        name,
        FlagFault::BadValue,
        problem,
        format!("it takes {wants}"),
    ))
}

/// What Go's `strconv.ParseBool` takes.
fn go_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What Go's `time.ParseDuration` takes: `0`, or numbers with units, without spaces.
fn is_go_duration(value: &str) -> bool {
    let mut rest = value.strip_prefix(['+', '-']).unwrap_or(value);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let unit_at = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(unit_at);
        let digits = number.chars().filter(char::is_ascii_digit).count();
        let unit_ends = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_ends);
        if digits == 0
            || number.len() > digits + 1
            || !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit)
        {
            return false;
        }
        rest = next;
    }
    true
}

#[cfg(test)]
mod tests;
