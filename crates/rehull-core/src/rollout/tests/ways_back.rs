//! Going back from the middle of a rollout.

use std::time::Duration;

use super::model::{Model, OLD, plan, slot_name};
use super::{End, walk};
use crate::domain::fleet::{BootPhase, Machine};
use crate::domain::ids::SlotName;
use crate::domain::observed::JobState;
use crate::domain::policy::EtcdStrategy;
use crate::plan::{RolloutKind, RolloutPlan};
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

/// The first key of the story that begins so; walks until there is one.
pub(super) fn until(model: &mut Model, plan: &RolloutPlan, goal: Goal, word: &str) -> String {
    for _ in 0..400 {
        if let Some(key) = model.story.iter().find(|key| key.starts_with(word)) {
            return key.clone();
        }
        walk(model, plan, goal, 1);
    }
    panic!("never {word}: {:#?}", model.story);
}

fn back_of(forward: &RolloutPlan, model: &Model) -> RolloutPlan {
    let mut back = forward.clone();
    back.envelope.kind = RolloutKind::Rollback { of: "t-1".to_owned() };
    for slot in &mut back.envelope.slots {
        let mut machines = model.machines.iter();
        let is_new = machines.any(|machine| {
            machine.is_live()
                && machine.go
                && machine.slot == slot.slot.name
                && machine.digest.as_ref() == Some(&slot.to.digest)
        });
        let old = slot.from.clone().unwrap();
        slot.from = Some(if is_new { slot.to.clone() } else { old.clone() });
        slot.to = old;
        slot.reasons.retain(|_| is_new);
    }
    back.envelope.to = OLD;
    back.envelope.policy.bake = Duration::ZERO;
    back
}

/// The forward rollout stands where its first member has joined and its old machine lives on; then it is taken back.
fn joined_and_taken_back(snapshot: bool) -> (Model, RolloutPlan, SlotName) {
    let mut forward = plan(3, EtcdStrategy::RemoveThenAdd);
    forward.envelope.policy.snapshot = snapshot;
    let mut model = Model::healthy(3);
    let key = until(&mut model, &forward, Goal::Finish, "verify-data ");
    let slot = SlotName::new(key.rsplit(' ').next().unwrap());
    let back = back_of(&forward, &model);
    model.opened_only();
    model.story.clear();
    model.attach();
    if snapshot {
        model.snapshot = JobState::Absent;
    }
    (model, back, slot)
}

#[test]
fn the_first_member_of_a_way_back_waits_for_one_that_falls_and_rises() {
    for snapshot in [true, false] {
        let (mut model, back, slot) = joined_and_taken_back(snapshot);
        let other = (0..3).map(slot_name).find(|name| *name != slot).unwrap();
        // Until the replacement is warm.
        for _ in 0..200 {
            let warm = |m: &Machine| {
                m.is_live()
                    && m.slot == slot
                    && !m.go
                    && m.report.as_ref().is_some_and(|r| r.phase == BootPhase::Warm)
            };
            if model.machines.iter().any(warm) {
                break;
            }
            walk(&mut model, &back, Goal::Finish, 1);
        }
        let asked = |model: &Model| model.story.iter().any(|key| key.starts_with("ask-stop"));
        // Another one falls thrice and is back only now.
        for _ in 0..3 {
            model.running.remove(&other);
            walk(&mut model, &back, Goal::Finish, 1);
            model.running.insert(other.clone(), OLD);
            walk(&mut model, &back, Goal::Finish, 1);
        }
        assert!(
            !asked(&model),
            "snapshot {snapshot}: taken out while {other} has fallen three times: {:#?}",
            model.story
        );
    }
}

#[test]
fn the_first_member_of_a_way_back_is_asked_after_the_preflight() {
    for snapshot in [true, false] {
        let (mut model, back, _) = joined_and_taken_back(snapshot);
        until(&mut model, &back, Goal::Finish, "ask-stop");
        let at = |word: &str| model.story.iter().position(|key| key.starts_with(word));
        assert!(
            at("preflight").is_some_and(|at_preflight| Some(at_preflight) < at("ask-stop")),
            "snapshot {snapshot}: {:#?}",
            model.story
        );
    }
}

#[test]
fn an_abort_of_a_way_back_that_has_done_nothing_takes_nobody_out() {
    let (mut model, back, _) = joined_and_taken_back(true);
    let end = walk(&mut model, &back, Goal::Rest, 600);
    let takes = model
        .story
        .iter()
        .any(|key| key.starts_with("ask-stop") || key.starts_with("launch-machine"));
    assert!(!takes, "{end:?}: {:#?}", model.story);
}
