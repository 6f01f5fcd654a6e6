//! What must be true of all members before one of them is taken out.

use super::model::{Model, plan, slot_name};
use crate::domain::etcd::Endpoint;
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::{RedGate, WaitingOn};
use crate::rollout::{Goal, Next, decide};

/// Every gate that the first tick of an upgrade waits for.
fn red_gates(model: &Model, seen: &Observed) -> Vec<RedGate> {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    match decide(&plan, seen, &model.journal(), Goal::Finish) {
        Next::Continue { waiting, .. } => waiting
            .into_iter()
            .filter_map(|waiting| match waiting.on {
                WaitingOn::Gate { red } => Some(red),
                _ => None,
            })
            .flatten()
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_member_that_is_not_ready_is_a_red_gate_with_the_names_of_its_failing_checks() {
    let model = Model::healthy(3);
    let mut seen = model.observe();
    assert_eq!(red_gates(&model, &seen), []);
    let last = slot_name(2);
    let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&last) else {
        panic!("{last} answers in the model");
    };
    answer.unready = vec!["data_corruption".to_owned(), "serializable_read".to_owned()];
    let red = RedGate {
        slot: Some(last),
        gate: "readyz".to_owned(),
        seen: "`/readyz`: data_corruption, serializable_read".to_owned(),
    };
    assert_eq!(red_gates(&model, &seen), [red]);
}
