//! What AWS does and a model likes to leave out: each behaviour is held by a test that names it, or `docs/fidelity.md`
//! says that it is not modelled and what follows from that.

use std::collections::{BTreeMap, BTreeSet};

/// One id a line.
const ALL: &str = include_str!("behaviours.txt");
const FIDELITY: &str = include_str!("../../../../../docs/fidelity.md");
const TESTS: [&str; 12] = [
    include_str!("effects.rs"),
    include_str!("group_holds.rs"),
    include_str!("group_hooks.rs"),
    include_str!("group_life.rs"),
    include_str!("group_moves.rs"),
    include_str!("instances.rs"),
    include_str!("interfaces.rs"),
    include_str!("metadata.rs"),
    include_str!("s3.rs"),
    include_str!("targets.rs"),
    include_str!("templates.rs"),
    include_str!("volumes.rs"),
];

/// Behaviour and the tests that name it in their documentation.
fn claimed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut claimed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for text in TESTS {
        let mut open = Vec::new();
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("/// ") {
                open.extend(words.split('`').skip(1).step_by(2));
            } else if let Some(rest) = line.strip_prefix("fn ") {
                let name = rest.split('(').next().unwrap();
                for id in std::mem::take(&mut open) {
                    claimed.entry(id).or_default().push(name);
                }
            } else if !line.starts_with("#[") {
                open.clear();
            }
        }
    }
    claimed
}

/// The rows of a table of the page: id and what stands beside it.
fn rows_of(title: &str) -> BTreeMap<&'static str, &'static str> {
    let (_, section) = FIDELITY.split_once(title).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once("` | ")).collect()
}

#[test]
fn every_behaviour_is_held_by_a_test_or_said_to_be_missing() {
    let all: BTreeSet<&str> = ALL.lines().collect();
    assert_eq!(all.len(), 81);
    let claimed = claimed();
    let claimed: BTreeSet<&str> = claimed.keys().copied().filter(|id| all.contains(id)).collect();
    let missing: BTreeSet<&str> = rows_of("\n## Behaviours of AWS that are not modelled")
        .into_keys()
        .collect();
    let both: Vec<_> = claimed.intersection(&missing).collect();
    assert!(both.is_empty(), "modelled and said to be missing: {both:?}");
    let said: BTreeSet<&str> = claimed.union(&missing).copied().collect();
    let nowhere: Vec<_> = all.difference(&said).collect();
    assert!(
        nowhere.is_empty(),
        "neither tested nor said to be missing: {nowhere:?}"
    );
    let unknown: Vec<_> = missing.difference(&all).collect();
    assert!(unknown.is_empty(), "no such behaviour: {unknown:?}");
}

#[test]
fn the_page_names_for_every_modelled_behaviour_a_test_that_holds_it() {
    let claimed = claimed();
    let told = rows_of("\n## Behaviours of AWS that are modelled");
    for id in ALL.lines() {
        match (claimed.get(id), told.get(id)) {
            (None, None) => {}
            (Some(tests), Some(row)) => {
                assert!(
                    tests.iter().any(|name| row.contains(&format!("`{name}`"))),
                    "{id}: {tests:?}"
                );
            }
            other => panic!("{id}: {other:?}"),
        }
    }
}
