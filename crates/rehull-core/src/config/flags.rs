//! etcd flags of the cluster file: which ones are rehull's own, and what a value may look like.

use std::collections::BTreeMap;

use super::mistake::{Mistakes, Wrong, quoted};
use super::spans::Pointer;
use crate::catalog::etcd::{FlagFault, FlagProblem, check_flags};
use crate::domain::version::EtcdVersion;

/// Why a flag is not the user's to set.
fn owned(name: &str) -> Option<&'static str> {
    Some(match name {
        "name" => "it is the name of the slot",
        "data-dir" | "wal-dir" => {
            "each membership gets a directory of its own, so that a removed member's data never comes back"
        }
        "initial-cluster" | "initial-cluster-state" | "initial-cluster-token" => {
            "it follows from `slots` and from how the machine joins"
        }
        "initial-advertise-peer-urls"
        | "advertise-client-urls"
        | "listen-peer-urls"
        | "listen-client-urls"
        | "listen-client-http-urls" => "it follows from the address of the slot",
        "client-cert-auth" | "peer-client-cert-auth" | "auto-tls" | "peer-auto-tls" => {
            "clients and peers always prove themselves with certificates"
        }
        "config-file" => "etcd would ignore every flag that rehull sets",
        "force-new-cluster" => "it throws away the membership; see docs/runbooks/quorum-lost.md",
        "version" => "etcd would print its version and end",
        _ if name.starts_with("discovery") => "members are the slots of this file, nothing else",
        _ if name.starts_with("proxy") => "machines are members, not proxies",
        _ if name.ends_with("-file") => "certificates come from `machineTls`",
        _ => return None,
    })
}

fn name(name: &str, owned: &dyn Fn(&str) -> Option<&'static str>) -> Result<(), Wrong> {
    let wrong = |message: &str, help: String| {
        Err(Wrong::new(
            "config::flag_name",
            format!("{} {message}", quoted(name)),
            "not a flag name",
        )
        .help(help))
    };
    if let Some(bare) = name.strip_prefix('-') {
        return wrong(
            "is written with dashes",
            format!("write `{}`", bare.trim_start_matches('-')),
        );
    }
    if let Some(bare) = name.strip_prefix("ETCD_") {
        return wrong(
            "is an environment variable",
            format!("write `{}`", bare.to_lowercase().replace('_', "-")),
        );
    }
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        return wrong(
            "is no flag name",
            "lower-case letters, digits and hyphens, for example `quota-backend-bytes`".to_owned(),
        );
    }
    if let Some(why) = owned(name) {
        let message = format!("flag `{name}` is set by rehull");
        return Err(
            Wrong::new("config::flag_owned", message, "not yours to set").help(format!("take it out: {why}"))
        );
    }
    Ok(())
}

fn value(name: &str, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        let message = format!("flag `{name}` has an empty value");
        return Err(Wrong::new("config::flag_value", message, "empty")
            .help("a switch is written \"true\" or \"false\""));
    }
    if text.chars().any(char::is_control) {
        let message = format!("the value of flag `{name}` has more than one line, or control characters");
        return Err(Wrong::new("config::flag_value", message, "not one line")
            .help("it becomes one line of a systemd unit"));
    }
    Ok(())
}

/// Names and values that are good; mistakes for the others.
pub(super) fn read(
    at: &Pointer,
    flags: &BTreeMap<String, Option<String>>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, String> {
    read_owned(at, flags, &owned, mistakes)
}

/// The same, for a program that has other flags of rehull's own.
pub(super) fn read_owned(
    at: &Pointer,
    flags: &BTreeMap<String, Option<String>>,
    owned: &dyn Fn(&str) -> Option<&'static str>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, String> {
    let mut good = BTreeMap::new();
    for (flag, text) in flags {
        let at = at.key(flag);
        if let Err(wrong) = name(flag, owned) {
            mistakes.add_at_key(&at, wrong);
        } else if let Some(text) = text
            && mistakes.keep(&at, value(flag, text)).is_some()
        {
            good.insert(flag.clone(), text.clone());
        }
    }
    good
}

/// What is wrong with a flag for one release.
pub(super) struct Problem {
    pub(super) flag: String,
    /// Otherwise its name is to blame.
    pub(super) blames_value: bool,
    pub(super) wrong: Wrong,
}

/// What the pinned release does not start with, or must not be given.
pub(super) fn check_against(version: EtcdVersion, flags: &BTreeMap<String, String>) -> Vec<Problem> {
    let told = |problem: FlagProblem| {
        let (code, label, blames_value) = match problem.fault {
            FlagFault::UnknownMinor | FlagFault::Unknown => ("config::flag_unknown", "unknown flag", false),
            FlagFault::Removed => ("config::flag_removed", "gone", false),
            FlagFault::NotYet => ("config::flag_too_new", "not yet", false),
            FlagFault::Managed => ("config::flag_owned", "not yours to set", false),
            FlagFault::Unsafe => ("config::flag_unsafe", "unsafe", true),
            FlagFault::BadValue => ("config::flag_value", "not accepted", true),
        };
        Problem {
            flag: problem.flag,
            blames_value,
            wrong: Wrong::new(code, problem.problem, label).help(problem.help),
        }
    };
    check_flags(version, flags).into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::etcd::all_flags;

    #[test]
    fn every_flag_that_the_catalogue_calls_managed_has_a_reason_here() {
        for flag in all_flags() {
            let only = BTreeMap::from([(flag.to_owned(), "true".to_owned())]);
            let managed = [(3, 4), (3, 5), (3, 6), (3, 7)]
                .into_iter()
                .any(|(major, minor)| {
                    let problems = check_flags(EtcdVersion::new(major, minor, 99), &only);
                    problems.iter().any(|problem| problem.fault == FlagFault::Managed)
                });
            assert!(!managed || owned(flag).is_some(), "{flag}");
        }
    }
}
