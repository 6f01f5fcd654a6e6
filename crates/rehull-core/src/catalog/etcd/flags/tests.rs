#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn check(version: &str, name: &str, value: &str) -> Option<FlagProblem> {
    let flags = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    check_flags(version.parse().unwrap(), &flags).pop()
}

#[test]
fn a_flag_of_another_minor_is_named_with_its_replacement() {
    for (version, name, value, fault, help) in [
        (
            "3.5.33",
            "debug",
            "true",
            FlagFault::Removed,
            "write `log-level: debug`",
        ),
        (
            "3.6.14",
            "enable-v2",
            "true",
            FlagFault::Removed,
            "delete it once `etcdutl check v2store` is clean",
        ),
        (
            "3.7.1",
            "experimental-compaction-batch-limit",
            "9",
            FlagFault::Removed,
            "it is called `compaction-batch-limit` now",
        ),
        (
            "3.7.1",
            "experimental-initial-corrupt-check",
            "true",
            FlagFault::Removed,
            "write `feature-gates: InitialCorruptCheck=true`",
        ),
        ("3.7.1", "discovery-proxy", "x", FlagFault::Removed, "delete it"),
        (
            "3.5.33",
            "compact-hash-check-time",
            "1m",
            FlagFault::NotYet,
            "in 3.5 it is called `experimental-compact-hash-check-time`",
        ),
        (
            "3.5.33",
            "max-learners",
            "2",
            FlagFault::NotYet,
            "delete it, or pin 3.6 first",
        ),
        (
            "3.4.23",
            "log-format",
            "json",
            FlagFault::NotYet,
            "delete it, or pin 3.6 first",
        ),
    ] {
        let found = check(version, name, value).unwrap();
        assert_eq!(
            (found.fault, found.help.as_str()),
            (fault, help),
            "{version} {name}: {}",
            found.problem
        );
    }
}

#[test]
fn an_experimental_flag_is_fine_in_3_6_which_still_takes_it() {
    assert_eq!(check("3.6.14", "experimental-compaction-batch-limit", "9"), None);
}

#[test]
fn a_typo_gets_a_suggestion_and_dashes_are_explained() {
    assert_eq!(
        check("3.6.14", "quota-backend-byte", "1").unwrap().help,
        "did you mean `quota-backend-bytes`?"
    );
    assert_eq!(
        check("3.6.14", "--log-level", "info").unwrap().help,
        "write it without dashes: `log-level`"
    );
    assert!(
        check("3.6.14", "zzz", "1")
            .unwrap()
            .help
            .starts_with("`etcd --help`")
    );
}

#[test]
fn what_the_template_sets_may_not_be_given_twice() {
    for name in MANAGED {
        assert_eq!(
            check("3.5.33", name, "x").unwrap().fault,
            FlagFault::Managed,
            "{name}"
        );
    }
}

#[test]
fn values_that_go_would_refuse_are_refused_here() {
    for (name, good, bad) in [
        ("pre-vote", "true", "yes"),
        ("quota-backend-bytes", "8589934592", "8GiB"),
        ("heartbeat-interval", "100", "-1"),
        ("grpc-keepalive-min-time", "1h30m", "5"),
        ("grpc-keepalive-min-time", "1.5s", "5 s"),
        ("grpc-keepalive-min-time", "0", ""),
        ("log-outputs", "stderr", "a\nb"),
    ] {
        assert_eq!(check("3.6.14", name, good), None, "{name}: {good}");
        assert_eq!(
            check("3.6.14", name, bad).unwrap().fault,
            FlagFault::BadValue,
            "{name}: {bad}"
        );
    }
}

#[test]
fn flags_that_give_up_safety_are_refused() {
    assert_eq!(
        check("3.6.14", "unsafe-no-fsync", "true").unwrap().fault,
        FlagFault::Unsafe
    );
    assert_eq!(
        check("3.6.14", "strict-reconfig-check", "false").unwrap().fault,
        FlagFault::Unsafe
    );
    assert_eq!(check("3.6.14", "strict-reconfig-check", "true"), None);
}

#[test]
fn an_undescribed_minor_fails_closed() {
    assert_eq!(
        check("3.8.0", "quota-backend-bytes", "1").unwrap().fault,
        FlagFault::UnknownMinor
    );
}
