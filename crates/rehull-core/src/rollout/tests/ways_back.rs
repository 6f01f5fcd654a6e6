//! Going back from the middle of a rollout.

use std::time::Duration;

use super::model::{Model, OLD, plan};
use super::{End, walk};
use crate::domain::fleet::Machine;
use crate::domain::policy::EtcdStrategy;
use crate::plan::RolloutKind;
use crate::rollout::Goal;

#[test]
fn a_way_back_without_an_abort_leaves_no_warm_replacement_behind() {
    let mut forward = plan(3, EtcdStrategy::RemoveThenAdd);
    forward.envelope.policy.bake = Duration::from_secs(3_600);
    let mut model = Model::healthy(3);
    // Two are over, the replacement of the third is warm, and the last one bakes.
    walk(&mut model, &forward, Goal::Finish, 300);
    let warm = |model: &Model| {
        let waits = |machine: &&Machine| machine.is_live() && !machine.go;
        model.machines.iter().filter(waits).count()
    };
    assert_eq!(warm(&model), 1, "{:#?}", model.story);
    let mut back = forward.clone();
    back.envelope.kind = RolloutKind::Rollback { of: "t-1".to_owned() };
    for slot in &mut back.envelope.slots {
        let runs = model
            .machines
            .iter()
            .find(|machine| machine.is_live() && machine.go && machine.slot == slot.slot.name);
        let is_new = runs.unwrap().digest.as_ref() == Some(&slot.to.digest);
        let old = slot.from.clone().unwrap();
        slot.from = Some(if is_new { slot.to.clone() } else { old.clone() });
        slot.to = old;
        slot.reasons.retain(|_| is_new);
    }
    back.envelope.to = OLD;
    back.envelope.policy.bake = Duration::ZERO;
    assert_eq!(
        back.envelope.slots.iter().filter(|slot| slot.changes()).count(),
        2
    );
    let end = walk(&mut model, &back, Goal::Finish, 1200);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    assert_eq!(
        (warm(&model), model.healthy_voters()),
        (0, 3),
        "{:#?}",
        model.story
    );
}
