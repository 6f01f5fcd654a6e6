//! No rule of the model without its counterpart, and none that `docs/fidelity.md` does not name.

use std::collections::{BTreeMap, BTreeSet};

use rehull_core::sim::etcd::EtcdRule;

use crate::COUNTERPARTS;
use crate::model::Model;
use crate::steps::transcript;

const DOCUMENT: &str = include_str!("../../../../docs/fidelity.md");

/// Which tests follow a rule, as the model says itself.
fn tests_by_rule() -> BTreeMap<EtcdRule, BTreeSet<&'static str>> {
    let mut tests: BTreeMap<EtcdRule, BTreeSet<&'static str>> = BTreeMap::new();
    for (name, runs) in COUNTERPARTS {
        for run in runs() {
            let mut model = Model::new(7);
            transcript(&mut model, &run.steps);
            for rule in model.etcd.followed() {
                tests.entry(*rule).or_default().insert(name);
            }
        }
    }
    tests
}

#[test]
fn every_rule_of_the_model_is_followed_beside_real_etcd() {
    let followed = tests_by_rule();
    let without: Vec<_> = EtcdRule::ALL
        .iter()
        .filter(|rule| !followed.contains_key(*rule))
        .collect();
    assert!(without.is_empty(), "no sequence follows {without:?}");
}

#[test]
fn the_fidelity_page_names_every_rule_with_a_test_that_follows_it() {
    let followed = tests_by_rule();
    for rule in EtcdRule::ALL {
        let row = format!("| {} |", rule.name());
        let rows: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with(&row)).collect();
        let [row] = rows[..] else {
            panic!("docs/fidelity.md has {} rows that begin with `{row}`", rows.len());
        };
        let follow = &followed[rule];
        let named: Vec<&str> = row
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('_'))
            .collect();
        assert!(
            !named.is_empty() && named.iter().all(|name| follow.contains(name)),
            "{rule:?} is followed by {follow:?}, and its row names {named:?}"
        );
    }
}

/// The seed decides waits and ids, and no answer.
#[test]
fn the_models_answers_do_not_depend_on_its_seed() {
    for (name, runs) in COUNTERPARTS {
        for run in runs() {
            let said = transcript(&mut Model::new(7), &run.steps);
            for seed in 0..20 {
                assert_eq!(
                    transcript(&mut Model::new(seed), &run.steps),
                    said,
                    "{name}, seed {seed}"
                );
            }
        }
    }
}
