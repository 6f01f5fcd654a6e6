//! A member that somebody removes by hand in the middle of a rollout.

use super::model::{Folded, Model, OLD, plan, slot_name};
use super::ways_back::until;
use super::{End, walk};
use crate::domain::fleet::Machine;
use crate::domain::ids::{ContentDigest, InstanceId, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::Goal;

/// Removed from the list; its etcd ends by itself.
fn remove(model: &mut Model, slot: &SlotName) {
    model.members.retain(|member| member.slot != *slot);
    model.running.remove(slot);
}

/// The slot of the first member that has joined; its old machine lives still.
fn first_joined(model: &mut Model, plan: &RolloutPlan) -> SlotName {
    loop {
        walk(model, plan, Goal::Finish, 1);
        let done = |key: &&String| key.starts_with("verify-data ");
        if let Some(key) = model.story.iter().find(done) {
            return SlotName::new(key.rsplit(' ').next().unwrap());
        }
    }
}

/// The slot of the first member whose step is over.
fn first_done(model: &mut Model, plan: &RolloutPlan) -> SlotName {
    let slot = first_joined(model, plan);
    walk(model, plan, Goal::Finish, 3);
    slot
}

/// Waits for it by name, then stops by name, and has touched no member meanwhile.
fn stops_for(model: &mut Model, plan: &RolloutPlan, slot: &SlotName) {
    let before = model.story.len();
    let End::Waiting(waits) = walk(model, plan, Goal::Finish, 300) else {
        panic!("{:#?}", model.story);
    };
    assert!(
        waits.contains("removed from the list; its port refuses"),
        "{waits}"
    );
    let end = walk(model, plan, Goal::Finish, 900);
    let End::Stopped(StopReason::OutsideEnvelope { what }) = end else {
        panic!("{end:?}: {:#?}", model.story);
    };
    assert!(what.contains(&format!("`rehull etcd heal {slot}`")), "{what}");
    for key in &model.story[before..] {
        assert!(
            key.starts_with("launch-machine ") || key.starts_with("preflight "),
            "{key}"
        );
    }
}

#[test]
fn a_member_removed_by_hand_after_its_step_is_told_then_a_stop_and_healed_by_the_command_that_is_named() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let plan = plan(3, strategy);
        let mut model = Model::healthy(3);
        let slot = first_done(&mut model, &plan);
        remove(&mut model, &slot);
        stops_for(&mut model, &plan, &slot);
        model.attach();
        assert_eq!(
            walk(&mut model, &plan, Goal::Rest, 120),
            End::Done,
            "{strategy:?}: {:#?}",
            model.story
        );
        let mut heal = plan.clone();
        heal.envelope.strategy = EtcdStrategy::RemoveThenAdd;
        heal.envelope.kind = RolloutKind::Heal { slot: slot.clone() };
        for planned in &mut heal.envelope.slots {
            if planned.slot.name == slot {
                planned.from = None;
                let carrier = model.carrier(&slot).unwrap();
                heal.replaces.entry(slot.clone()).or_default().insert(carrier);
            } else {
                planned.to = planned.from.clone().unwrap();
                planned.reasons.clear();
            }
        }
        assert_eq!(
            walk(&mut model, &heal, Goal::Finish, 900),
            End::Done,
            "{strategy:?}: {:#?}",
            model.story
        );
        assert_eq!(model.healthy_voters(), 3, "{strategy:?}");
    }
}

#[test]
fn a_member_removed_by_hand_while_its_old_machine_lives_on_is_told_and_then_a_stop() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let slot = first_joined(&mut model, &plan);
    let asked = |machine: &&Machine| machine.is_live() && machine.stop_asked;
    assert_eq!(
        model.machines.iter().filter(asked).count(),
        1,
        "{:#?}",
        model.story
    );
    remove(&mut model, &slot);
    stops_for(&mut model, &plan, &slot);
    // The abort that the stop names comes to its end.
    model.attach();
    let end = walk(&mut model, &plan, Goal::Rest, 120);
    assert_eq!(end, End::Done, "{:#?}", model.story);
}

#[test]
fn a_member_removed_by_hand_before_its_turn_is_told_and_then_a_stop() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 2);
    remove(&mut model, &slot_name(2));
    stops_for(&mut model, &plan, &slot_name(2));
    assert!(
        model.running.values().all(|version| *version == OLD),
        "{:?}",
        model.running
    );
}

#[test]
fn a_member_removed_by_hand_and_added_again_in_time_stops_nothing() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 2);
    let before = (model.members.clone(), model.running.clone());
    remove(&mut model, &slot_name(2));
    walk(&mut model, &plan, Goal::Finish, 300);
    (model.members, model.running) = before;
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
}

/// The second time is a time of its own.
#[test]
fn a_member_removed_by_hand_added_again_and_removed_once_more_has_its_whole_time() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 2);
    let before = (model.members.clone(), model.running.clone());
    remove(&mut model, &slot_name(2));
    walk(&mut model, &plan, Goal::Finish, 400);
    (model.members, model.running) = before;
    walk(&mut model, &plan, Goal::Finish, 2);
    remove(&mut model, &slot_name(2));
    let end = walk(&mut model, &plan, Goal::Finish, 400);
    assert!(matches!(end, End::Waiting(_)), "{end:?}");
    let end = walk(&mut model, &plan, Goal::Finish, 300);
    assert!(
        matches!(end, End::Stopped(StopReason::OutsideEnvelope { .. })),
        "{end:?}"
    );
}

/// It goes with the abort.
#[test]
fn an_abort_beside_a_removed_member_leaves_no_machine_for_ever() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let key = until(&mut model, &plan, Goal::Finish, "verify-data ");
    let slot = SlotName::new(key.rsplit(' ').next().unwrap());
    // Back to before the data was compared.
    let removed = (0..3).map(slot_name).find(|name| *name != slot).unwrap();
    model.records.retain(|record| {
        !format!("{:?}", record.body).contains("VerifyData")
            && !format!("{:?}", record.body).contains("verify-data")
    });
    *model.folded.borrow_mut() = Folded::default();
    model.members.retain(|member| member.slot != removed);
    model.running.remove(&removed);
    model.attach();
    let end = walk(&mut model, &plan, Goal::Rest, 300);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    // Healed.
    let mut heal = plan.clone();
    heal.envelope.kind = RolloutKind::Heal {
        slot: removed.clone(),
    };
    for planned in &mut heal.envelope.slots {
        if planned.slot.name == removed {
            planned.to = planned.from.clone().unwrap();
            planned.from = None;
            let carrier = model.carrier(&removed).unwrap();
            heal.replaces.entry(removed.clone()).or_default().insert(carrier);
        } else {
            if planned.slot.name == slot {
                planned.from = Some(planned.to.clone());
            } else {
                planned.to = planned.from.clone().unwrap();
            }
            planned.reasons.clear();
        }
    }
    model.opened_only();
    model.attach();
    model.story.clear();
    let end = walk(&mut model, &heal, Goal::Finish, 900);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    assert_eq!(model.healthy_voters(), 3);
    let left: Vec<_> = model
        .machines
        .iter()
        .filter(|machine| machine.is_live() && machine.slot == slot)
        .map(|machine| (machine.id.clone(), machine.go, machine.stop_asked))
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// a member that rehull itself has removed, without having asked its dead machine to stop.
#[test]
fn what_this_rollout_has_removed_itself_is_not_told_to_be_somebody_elses_doing() {
    let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    // Nobody knows what it was launched from.
    let dead = InstanceId::new("i-old-1");
    model.machine(&dead).digest = Some(ContentDigest::new("sha256:unknown"));
    plan.envelope.slots[1].from = None;
    model.kill_machine(&dead);
    model.machines.retain(|machine| machine.id != dead);
    let _ = until(&mut model, &plan, Goal::Finish, "remove-member ");
    model.attach();
    let end = walk(&mut model, &plan, Goal::Rest, 600);
    assert_eq!(model.healthy_voters(), 3, "{end:?}: {:#?}", model.story);
}
