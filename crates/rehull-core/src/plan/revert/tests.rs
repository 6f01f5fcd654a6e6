//! One row a rule, and what rules do to each other.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::catalog::kubernetes::StartFault;

fn minor(text: &str) -> KubernetesMinor {
    text.parse().unwrap()
}

/// All of it of one release, and everything that could be asked answered well.
fn ran(etcd: &str, servers: &str) -> Ran {
    let etcd: EtcdVersion = etcd.parse().unwrap();
    let servers: KubernetesVersion = servers.parse().unwrap();
    Ran {
        etcd: BTreeMap::from([(etcd, 3)]),
        etcd_cluster: EtcdMinor::of(etcd),
        etcd_auth: false,
        servers: BTreeSet::from([servers]),
        fully: KubernetesMinor::of(servers),
        emulated: None,
        kubelet: None,
    }
}

fn back(etcd: &str, servers: &str) -> Back {
    Back {
        etcd: etcd.parse().unwrap(),
        servers: servers.parse().unwrap(),
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn fresh() -> Facts {
    Facts {
        snapshot_age: Some(Duration::from_secs(60)),
        ..Facts::default()
    }
}

fn asked(ran: &Ran, to: Back, facts: &Facts) -> (Answer, Vec<Rule>) {
    let way = classify(ran, to, facts).unwrap();
    assert_eq!(
        way.answer,
        way.reasons
            .iter()
            .map(|reason| reason.answer)
            .max()
            .unwrap_or(Answer::Free)
    );
    (
        way.answer,
        way.reasons.into_iter().map(|reason| reason.rule).collect(),
    )
}

#[test]
fn etcd_goes_back_as_far_as_its_cluster_version_lets_it() {
    use Answer::{ByProcedure, Free, Refused};
    use Rule::{EtcdHasRisen, EtcdIsMixed, Patch};
    for (newest, cluster, auth, to, answer, rule) in [
        ("3.6.16", "3.5", false, "3.5.35", Free, EtcdIsMixed),
        ("3.6.16", "3.6", false, "3.5.35", ByProcedure, EtcdHasRisen),
        ("3.7.3", "3.7", false, "3.6.16", ByProcedure, EtcdHasRisen),
        ("3.7.3", "3.7", false, "3.5.35", Refused, EtcdHasRisen),
        ("3.5.35", "3.5", false, "3.4.45", ByProcedure, EtcdHasRisen),
        ("3.5.35", "3.5", true, "3.4.45", Refused, EtcdHasRisen),
        ("3.5.35", "3.5", false, "3.4.31", Refused, EtcdHasRisen),
        ("3.5.35", "3.5", false, "3.5.30", Free, Patch),
        ("3.8.0", "3.8", false, "3.7.3", Refused, EtcdHasRisen),
    ] {
        let ran = Ran {
            etcd_cluster: cluster.parse().unwrap(),
            etcd_auth: auth,
            ..ran(newest, "1.33.13")
        };
        let found = asked(&ran, back(to, "1.33.13"), &fresh());
        assert_eq!(
            found,
            (answer, vec![rule]),
            "{newest} of cluster {cluster} to {to}"
        );
    }
}

#[test]
fn nothing_is_said_where_nothing_goes_back() {
    assert_eq!(
        asked(&ran("3.5.35", "1.33.13"), back("3.5.35", "1.33.13"), &fresh()),
        (Answer::Free, Vec::new())
    );
}

#[test]
fn apiservers_go_back_freely_until_the_newer_minor_serves_alone_and_with_care_afterwards() {
    let to = back("3.5.35", "1.33.13");
    let mut mixed = Ran {
        fully: minor("1.33"),
        ..ran("3.5.35", "1.34.13")
    };
    mixed.servers.insert("1.33.13".parse().unwrap());
    assert_eq!(
        asked(&mixed, to, &Facts::default()),
        (Answer::Free, vec![Rule::ServersAreMixed])
    );
    let alone = ran("3.5.35", "1.34.13");
    assert_eq!(
        asked(&alone, to, &fresh()),
        (Answer::WithCare, vec![Rule::HasServedAlone])
    );
    let emulating = Ran {
        emulated: Some(minor("1.33")),
        ..alone
    };
    assert_eq!(
        asked(&emulating, to, &Facts::default()),
        (Answer::Free, vec![Rule::HasServedAlone])
    );
    assert_eq!(
        asked(&ran("3.5.35", "1.34.13"), back("3.5.35", "1.34.2"), &fresh()),
        (Answer::Free, vec![Rule::Patch])
    );
}

#[test]
fn an_old_snapshot_is_asked_for_anew_and_the_flag_that_would_have_helped_is_named_where_it_exists() {
    let help = |from: &str, to: &str, facts: &Facts| {
        let way = classify(&ran("3.5.35", from), back("3.5.35", to), facts).unwrap();
        way.reasons
            .into_iter()
            .map(|reason| reason.help)
            .collect::<String>()
    };
    let old = Facts {
        snapshot_age: Some(SNAPSHOT_AGE_MAX + Duration::from_secs(1)),
        ..Facts::default()
    };
    assert!(
        help("1.34.13", "1.33.13", &old)
            .starts_with("take a snapshot of etcd first. Next time `--emulated-version=1.33`")
    );
    assert!(help("1.34.13", "1.33.13", &fresh()).starts_with("Next time"));
    assert_eq!(
        help("1.30.14", "1.29.15", &Facts::default()),
        "take a snapshot of etcd first."
    );
    assert_eq!(help("1.30.14", "1.29.15", &fresh()), "");
}

#[test]
fn a_kubelet_that_would_be_newer_goes_back_first() {
    let ran = Ran {
        kubelet: Some(minor("1.34")),
        ..ran("3.5.35", "1.34.13")
    };
    let (answer, rules) = asked(&ran, back("3.5.35", "1.33.13"), &fresh());
    assert_eq!(
        (answer, rules.first()),
        (Answer::Refused, Some(&Rule::KubeletsFirst))
    );
    let older = Ran {
        kubelet: Some(minor("1.33")),
        ..ran
    };
    assert_eq!(
        asked(&older, back("3.5.35", "1.33.13"), &fresh()).0,
        Answer::WithCare
    );
}

#[test]
fn more_than_one_minor_back_is_refused_even_if_the_newest_has_never_served_alone() {
    let ran = Ran {
        fully: minor("1.34"),
        ..ran("3.5.35", "1.35.10")
    };
    assert_eq!(
        asked(&ran, back("3.5.35", "1.34.13"), &fresh()),
        (Answer::Free, vec![Rule::ServersAreMixed])
    );
    assert_eq!(
        asked(&ran, back("3.5.35", "1.33.13"), &fresh()).0,
        Answer::WithCare
    );
    assert_eq!(
        asked(&ran, back("3.5.35", "1.32.13"), &fresh()),
        (Answer::Refused, vec![Rule::TooFar])
    );
}

#[test]
fn objects_that_the_older_minor_cannot_read_hold_the_way_back_unless_it_was_emulated() {
    let (to, alone) = (back("3.5.35", "1.32.13"), ran("3.5.35", "1.33.13"));
    for facts in [
        Facts {
            stored: names(&["clustertrustbundles", "pods"]),
            ..fresh()
        },
        Facts {
            unknown_objects: names(&["ServiceCIDR"]),
            ..fresh()
        },
    ] {
        let (answer, rules) = asked(&alone, to, &facts);
        assert_eq!(
            (answer, rules.first()),
            (Answer::Refused, Some(&Rule::Unreadable)),
            "{facts:?}"
        );
        let emulating = Ran {
            emulated: Some(minor("1.32")),
            ..alone.clone()
        };
        assert_eq!(asked(&emulating, to, &facts).0, Answer::Free, "{facts:?}");
    }
    let harmless = Facts {
        stored: names(&["pods", "ingresses"]),
        ..fresh()
    };
    assert_eq!(asked(&alone, to, &harmless).0, Answer::WithCare);
}

#[test]
fn a_feature_that_is_on_since_the_hop_and_in_use_wants_care_also_while_minors_are_mixed() {
    let mut mixed = Ran {
        fully: minor("1.20"),
        ..ran("3.4.45", "1.21.14")
    };
    mixed.servers.insert("1.20.15".parse().unwrap());
    let used = Facts {
        features_in_use: names(&["BoundServiceAccountTokenVolume", "DryRun"]),
        ..fresh()
    };
    let way = classify(&mixed, back("3.4.45", "1.20.15"), &used).unwrap();
    assert_eq!(way.answer, Answer::WithCare);
    let said = way.reasons.first().unwrap();
    assert_eq!(said.rule, Rule::FeatureInUse);
    assert_eq!(
        said.text,
        "BoundServiceAccountTokenVolume: objects use what is on since 1.21 and off in 1.20"
    );
}

#[test]
fn what_goes_back_along_has_to_fit_the_older_release_and_to_be_there() {
    let problem = StartProblem {
        name: "x".to_owned(),
        fault: StartFault::NotYet,
        problem: "kubelet 1.33 has no flag `x`".to_owned(),
        help: String::new(),
        source: "",
    };
    for (facts, rule) in [
        (
            Facts {
                manifests: names(&["a.yaml"]),
                ..fresh()
            },
            Rule::Manifests,
        ),
        (
            Facts {
                start_problems: vec![problem],
                ..fresh()
            },
            Rule::Flags,
        ),
        (
            Facts {
                missing: names(&["lt-1 version 4"]),
                ..fresh()
            },
            Rule::Gone,
        ),
    ] {
        let (answer, rules) = asked(&ran("3.5.35", "1.34.13"), back("3.5.35", "1.33.13"), &facts);
        assert_eq!(
            (answer, rules),
            (Answer::Refused, vec![rule, Rule::HasServedAlone])
        );
        // Also for a patch: without its launch template there is nothing to go back to.
        assert_eq!(
            asked(&ran("3.5.35", "1.34.13"), back("3.5.35", "1.34.2"), &facts).0,
            Answer::Refused
        );
    }
}

#[test]
fn a_minor_that_nobody_described_is_not_classified() {
    let unknown = classify(&ran("3.7.3", "1.38.0"), back("3.7.3", "1.37.2"), &fresh());
    assert_eq!(unknown.unwrap_err().minor, minor("1.38"));
}
