//! The data files agree with themselves and with each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::*;
use crate::catalog::etcd;
use crate::domain::version::{EtcdMinor, KubernetesMinor};

fn is_strictly_sorted<T: Ord + Debug>(keys: impl IntoIterator<Item = T>) {
    let keys: Vec<T> = keys.into_iter().collect();
    for pair in keys.windows(2) {
        assert!(pair[0] < pair[1], "{:?} stands before {:?}", pair[0], pair[1]);
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_file_is_readable_to_the_last_field() {
    // The accessors would read an unreadable file as an empty one.
    assert!(read::<ReleaseData>(RELEASES_TEXT).releases.len() >= 24);
    assert!(read::<ApiData>(APIS_TEXT).removals.len() >= 148);
    assert!(read::<FlagData>(FLAGS_TEXT).removed.len() >= 100);
    assert!(read::<GateData>(GATES_TEXT).gates.len() >= 500);
    assert!(read::<PitfallData>(PITFALLS_TEXT).pitfalls.len() >= 40);
    assert!(read::<StorageData>(STORAGE_TEXT).changes.len() >= 60);
    let with_more = RELEASES_TEXT.replacen("\"minor\"", "\"somethingNew\": 1, \"minor\"", 1);
    assert!(
        serde_json::from_str::<ReleaseData>(&with_more).is_err(),
        "a field that nobody reads is refused"
    );
}

#[test]
fn the_minors_follow_each_other_without_a_gap_and_each_has_its_dates_in_order() {
    let all = &releases().releases;
    for pair in all.windows(2) {
        assert_eq!(pair[0].minor.next(), pair[1].minor);
        assert!(
            pair[0].released < pair[1].released && pair[0].end_of_life < pair[1].end_of_life,
            "{}",
            pair[1].minor
        );
    }
    for release in all {
        assert_eq!(KubernetesMinor::of(release.newest), release.minor);
        assert!(
            release.released < release.end_of_life && release.released < releases().as_of,
            "{}",
            release.minor
        );
        assert!(release.images.pause.starts_with("pause:") && release.images.coredns.contains("coredns:"));
    }
    for column in ["dates", "newest", "etcd", "images", "skew"] {
        assert!(
            releases()
                .sources
                .get(column)
                .is_some_and(|source| !source.is_empty()),
            "{column}"
        );
    }
}

#[test]
fn every_etcd_that_goes_with_a_minor_is_described_and_the_usual_one_never_goes_back() {
    let known: BTreeSet<String> = etcd::known_minors().into_iter().collect();
    let all = &releases().releases;
    for pair in all.windows(2) {
        let usual = |release: &Release| EtcdMinor::of(release.etcd.usual);
        assert!(usual(&pair[0]) <= usual(&pair[1]), "{}", pair[1].minor);
        assert!(
            pair[0].etcd.works[0] <= pair[1].etcd.works[0],
            "{}",
            pair[1].minor
        );
    }
    for release in all {
        is_strictly_sorted(&release.etcd.works);
        assert!(
            release
                .etcd
                .works
                .iter()
                .all(|minor| known.contains(&minor.to_string())),
            "{}",
            release.minor
        );
        let usual = EtcdMinor::of(release.etcd.usual);
        let described = known.contains(&usual.to_string());
        assert!(
            !described || release.etcd.works.contains(&usual),
            "{}: {usual}",
            release.minor
        );
        // No way leads through two minors of which no etcd serves both.
        let next = all.iter().find(|other| other.minor == release.minor.next());
        let shared = |other: &Release| {
            other
                .etcd
                .works
                .iter()
                .any(|minor| release.etcd.works.contains(minor))
        };
        assert!(next.is_none_or(shared), "{}", release.minor);
    }
}

#[test]
fn the_skew_of_kubelets_is_known_from_the_oldest_minor_on() {
    let rules = &releases().skew.kubelet_behind;
    assert_eq!(rules[0].from, releases().releases[0].minor);
    is_strictly_sorted(rules.iter().map(|rule| rule.from));
    assert!(rules.iter().all(|rule| (1..=3).contains(&rule.minors)));
}

#[test]
fn every_api_ends_after_it_began_and_its_successor_is_another() {
    let apis = apis();
    is_strictly_sorted(
        apis.removals
            .iter()
            .map(|gone| (gone.removed, &gone.group, &gone.version, &gone.kind)),
    );
    let mut seen = BTreeSet::new();
    for gone in &apis.removals {
        let name = format!("{}/{} {}", gone.group, gone.version, gone.kind);
        assert!(seen.insert(name.clone()), "{name} twice");
        assert!(gone.introduced < gone.removed, "{name}");
        assert!(
            gone.deprecated
                .is_none_or(|from| gone.introduced <= from && from <= gone.removed),
            "{name}"
        );
        assert!(
            gone.window
                .is_none_or(|(first, last)| first <= last && last < gone.removed),
            "{name}"
        );
        assert!(gone.window.is_none() || gone.replacement.is_some(), "{name}");
        assert!(!gone.source().is_empty(), "{name}");
        let other = gone
            .replacement
            .as_ref()
            .map(|api| format!("{}/{} {}", api.group, api.version, api.kind));
        assert_ne!(other.as_ref(), Some(&name));
    }
    // Who follows a successor never comes round in a circle.
    for gone in &apis.removals {
        let mut at = Some(gone);
        let mut steps = 0;
        while let Some(next) = at.and_then(|gone| gone.replacement.as_ref()) {
            at = super::super::api(&next.group, &next.version, &next.kind);
            steps += 1;
            assert!(steps < 10, "{}/{} {}", gone.group, gone.version, gone.kind);
        }
    }
}

#[test]
fn every_flag_ends_once_in_a_minor_that_is_described() {
    let minors: BTreeSet<KubernetesMinor> = releases().releases.iter().map(|release| release.minor).collect();
    is_strictly_sorted(
        flags()
            .removed
            .iter()
            .map(|gone| (gone.removed, &gone.flag, &gone.components)),
    );
    let mut seen = BTreeSet::new();
    for gone in &flags().removed {
        assert!(
            minors.contains(&gone.removed) && !gone.flag.starts_with('-') && !gone.source.is_empty(),
            "{}",
            gone.flag
        );
        assert!(
            gone.deprecated.is_none_or(|from| from <= gone.removed),
            "{}",
            gone.flag
        );
        is_strictly_sorted(&gone.components);
        for component in &gone.components {
            assert!(seen.insert((component, &gone.flag)), "{component} {}", gone.flag);
        }
    }
    for rule in &flags().refused_values {
        is_strictly_sorted(&rule.components);
        assert!(
            minors.contains(&rule.since) && !rule.values.is_empty() && !rule.source.is_empty(),
            "{rule:?}"
        );
        assert!(rule.flags.iter().all(|flag| !flag.starts_with('-')), "{rule:?}");
        // A value of a flag that is gone needs no rule of its own.
        let alive = |flag: &String| {
            !seen
                .iter()
                .any(|(of, gone)| rule.components.contains(of) && *gone == flag)
        };
        assert!(
            rule.flags.iter().all(alive) || rule.flags == ["container-runtime"],
            "{rule:?}"
        );
    }
    assert!(
        flags()
            .required
            .iter()
            .all(|rule| minors.contains(&rule.since) && !rule.source.is_empty())
    );
}

#[test]
fn every_gate_has_stages_in_order_and_ends_after_the_last() {
    is_strictly_sorted(gates().gates.iter().map(|gate| &gate.name));
    assert!(!gates().source.is_empty());
    let newest = releases().releases.last().unwrap().minor;
    for gate in &gates().gates {
        assert!(!gate.stages.is_empty(), "{}", gate.name);
        is_strictly_sorted(gate.stages.iter().map(|stage| stage.since));
        let last = gate.stages.last().unwrap().since;
        assert!(
            gate.removed
                .is_none_or(|removed| last < removed && removed <= newest),
            "{}",
            gate.name
        );
        assert!(
            gate.since
                .is_none_or(|since| gate.removed.is_none_or(|removed| since < removed)),
            "{}",
            gate.name
        );
    }
}

#[test]
fn every_kind_is_written_in_one_version_after_the_other_and_read_before_or_as_it_is_written() {
    is_strictly_sorted(
        storage()
            .changes
            .iter()
            .map(|change| (change.since, &change.resource)),
    );
    let mut last: BTreeMap<&str, &StorageChange> = BTreeMap::new();
    for change in &storage().changes {
        assert!(
            change.readable_from <= change.since && change.before != change.now,
            "{change:?}"
        );
        assert!(
            super::super::release(change.since).is_ok() && !change.source().is_empty(),
            "{change:?}"
        );
        let former = last.insert(&change.resource, change);
        assert!(
            former.is_none_or(|former| former.now == change.before && former.kind == change.kind),
            "{change:?}"
        );
    }
}

#[test]
fn every_pitfall_says_where_to_look_and_what_helps() {
    is_strictly_sorted(
        pitfalls()
            .pitfalls
            .iter()
            .map(|pitfall| (pitfall.minor, &pitfall.id)),
    );
    let mut seen = BTreeSet::new();
    for pitfall in &pitfalls().pitfalls {
        assert!(seen.insert(&pitfall.id), "{}", pitfall.id);
        assert!(super::super::release(pitfall.minor).is_ok(), "{}", pitfall.id);
        let told = [
            &pitfall.concerns,
            &pitfall.symptom,
            &pitfall.look,
            &pitfall.remedy,
            &pitfall.source,
        ];
        assert!(told.into_iter().all(|text| !text.is_empty()), "{}", pitfall.id);
    }
}
