//! A new machine that was told to go and is never heard of again.

use std::sync::Arc;
use std::time::Duration;

use super::model::{Model, NEW, plan, report, slot_name};
use super::stories::upgraded;
use super::ways_back::until;
use super::{End, walk};
use crate::audit;
use crate::domain::action::Action;
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::BootPhase;
use crate::domain::ids::{InstanceId, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::domain::waiting::StopReason;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::gates::joined_mark;
use crate::rollout::{Goal, Next, decide, margin};

/// Walks until the first new machine has its go and its etcd runs, and stops that in its tracks.
fn hangs_after_its_go(model: &mut Model, plan: &RolloutPlan) -> String {
    let first = loop {
        walk(model, plan, Goal::Finish, 1);
        if let Some(go) = model.story.iter().find(|key| key.starts_with("go ")) {
            break go.clone();
        }
    };
    let id = InstanceId::new(first.rsplit(' ').next().unwrap());
    let slot = model.machine(&id).slot.clone();
    model.down.insert(slot);
    id.to_string()
}

fn is_ended(model: &Model, machine: impl std::fmt::Display) -> bool {
    let key = format!("terminate-machine {machine}");
    model.story.iter().any(|done| done.contains(&key))
}

#[test]
fn a_machine_that_does_not_join_stops_the_rollout_and_is_given_up_by_whoever_resumes_it() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        for goal in [Goal::Finish, Goal::Rest] {
            let plan = plan(3, strategy);
            let mut model = Model::healthy(3);
            let machine = hangs_after_its_go(&mut model, &plan);
            let case = format!("{strategy:?} {goal:?} {machine}");
            let end = walk(&mut model, &plan, Goal::Finish, 900);
            let End::Stopped(StopReason::Deadline { what }) = end else {
                panic!("{case}: {end:?}");
            };
            assert!(
                what.contains("did not join in time") && what.contains(&machine),
                "{case}: {what}"
            );
            assert!(!is_ended(&model, &machine), "{case}");

            model.attach();
            while !is_ended(&model, &machine) {
                let end = walk(&mut model, &plan, goal, 1);
                assert!(
                    matches!(end, End::Waiting(_)),
                    "{case}: {end:?}: {:#?}",
                    model.story
                );
            }
            model.down.clear();
            assert_eq!(
                walk(&mut model, &plan, goal, 900),
                End::Done,
                "{case}: {:#?}",
                model.story
            );
            assert_eq!(model.healthy_voters(), 3, "{case}");
            if goal == Goal::Finish {
                upgraded(&model, 3);
            }
        }
    }
}

/// Walks until the step of one member is over, and stops that member in its tracks.
fn hangs_after_its_step(model: &mut Model, plan: &RolloutPlan) -> SlotName {
    let verified = loop {
        walk(model, plan, Goal::Finish, 1);
        if let Some(key) = model.story.iter().find(|key| key.starts_with("verify-data ")) {
            break key.clone();
        }
    };
    walk(model, plan, Goal::Finish, 60);
    let slot = SlotName::new(verified.rsplit(' ').next().unwrap());
    let id = model.carrier(&slot).unwrap();
    model.down.insert(slot.clone());
    model.deaf.insert(id);
    slot
}

#[test]
fn a_member_that_hangs_after_its_step_keeps_nobody_from_aborting() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let mut plan = plan(3, strategy);
        plan.envelope.policy.bake = Duration::from_secs(3_600);
        let mut model = Model::healthy(3);
        let slot = hangs_after_its_step(&mut model, &plan);
        let before = model.story.len();
        walk(&mut model, &plan, Goal::Finish, 600);
        for key in &model.story[before..] {
            assert!(
                key.starts_with("launch-machine ") || key.starts_with("go "),
                "{strategy:?}: {key}"
            );
        }
        model.attach();
        assert_eq!(
            walk(&mut model, &plan, Goal::Rest, 900),
            End::Done,
            "{strategy:?} {slot}: {:#?}",
            model.story
        );
        assert_eq!(model.healthy_voters(), 2, "{strategy:?}");
    }
}

#[test]
fn a_member_that_hangs_before_its_data_was_compared_is_given_up_by_whoever_resumes() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let machine = hangs_after_its_go(&mut model, &plan);
    model.down.clear();
    let id = InstanceId::new(&machine);
    let slot = model.machine(&id).slot.clone();
    while model.journal().marked_at(&joined_mark(&slot, &id)).is_none() {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    model.down.insert(slot);
    walk(&mut model, &plan, Goal::Finish, 900);
    assert!(!is_ended(&model, &machine));
    model.attach();
    while !is_ended(&model, &machine) {
        let end = walk(&mut model, &plan, Goal::Finish, 1);
        assert!(matches!(end, End::Waiting(_)), "{end:?}: {:#?}", model.story);
    }
    model.down.clear();
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    upgraded(&model, 3);
}

#[test]
fn a_machine_that_does_not_join_is_kept_while_another_member_is_out() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let machine = hangs_after_its_go(&mut model, &plan);
    walk(&mut model, &plan, Goal::Finish, 900);
    model.attach();
    model.down.insert(slot_name(2));
    walk(&mut model, &plan, Goal::Finish, 120);
    assert!(!is_ended(&model, &machine));
}

#[test]
fn a_member_that_answers_late_after_a_resume_is_not_given_up() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let machine = hangs_after_its_go(&mut model, &plan);
    walk(&mut model, &plan, Goal::Finish, 900);
    model.down.clear();
    model.attach();
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    upgraded(&model, 3);
    assert!(!is_ended(&model, &machine));
}

#[test]
fn a_hung_machine_gives_way_when_its_member_is_healed() {
    let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let slot = slot_name(1);
    let hung = model.carrier(&slot).unwrap();
    model.down.insert(slot.clone());
    model.deaf.insert(hung.clone());
    // As `plan` makes it: the same content, no other slot, and the machines that it saw have to go.
    plan.envelope.kind = RolloutKind::Heal { slot: slot.clone() };
    for planned in &mut plan.envelope.slots {
        planned.to = planned.from.clone().unwrap();
        if planned.slot.name != slot {
            planned.reasons.clear();
        }
    }
    plan.envelope.to = super::model::OLD;
    plan.replaces.insert(slot.clone(), [hung.clone()].into());
    while !is_ended(&model, &hung) {
        let end = walk(&mut model, &plan, Goal::Finish, 1);
        assert!(matches!(end, End::Waiting(_)), "{end:?}: {:#?}", model.story);
    }
    model.down.clear();
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
    assert_eq!(model.healthy_voters(), 3);
    assert!(model.carrier(&slot).is_some_and(|now| now != hung));
}

#[test]
fn members_that_do_not_know_the_same_list_yet_are_counted_by_their_own() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let model = Model::healthy(3);
    let mut seen = model.observe();
    let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&slot_name(2)) else {
        panic!("no answer");
    };
    // A newcomer has published its name, and one member has not heard of it.
    Arc::make_mut(answer.members.as_mut().unwrap())[0].name.clear();
    assert_eq!(margin(&plan, &seen), 1);
    if let Some(endpoint) = seen.etcd.endpoints.get_mut(&slot_name(0)) {
        *endpoint = Endpoint::Refused;
    }
    assert_eq!(margin(&plan, &seen), 0);
}

/// Its go was told and is not shown yet, its machine says that it starts, the others list it by its name, and its own port is
/// silent: what is listed is the newcomer, not whom it replaces.
#[test]
fn a_newcomer_that_starts_is_not_removed_where_its_go_is_not_shown_yet() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let machine = InstanceId::new(hangs_after_its_go(&mut model, &plan));
    let slot = model.machine(&machine).slot.clone();
    model.down.clear();
    while !model
        .members
        .iter()
        .any(|member| member.slot == slot && member.started)
    {
        model.advance();
    }
    let mut seen = model.observe();
    let machines = seen.fleet.machines.iter_mut();
    for newcomer in machines.filter(|one| one.id == machine) {
        newcomer.go = false;
        newcomer.report = report(&machine, BootPhase::Starting);
    }
    let silent = Endpoint::Silent("no answer within 2 s".to_owned());
    seen.etcd.endpoints.insert(slot.clone(), silent);
    let next = decide(&plan, &seen, &model.journal(), Goal::Finish);
    let Next::Continue { act, .. } = next else {
        panic!("{next:?}")
    };
    let removes = |(_, action): &(_, Action)| matches!(action, Action::RemoveMember { .. });
    assert!(!act.iter().any(removes), "{act:?}");

    let via = slot_name(usize::from(slot == slot_name(0)));
    let listed = seen.etcd.endpoints[&via]
        .answer()
        .unwrap()
        .members
        .clone()
        .unwrap();
    let member = listed.iter().find(|line| line.name == slot.as_str()).unwrap().id;
    let step = plan.envelope.slots[0].step.clone();
    let removal = [(step, Action::RemoveMember { slot, member, via })];
    let violation = audit::check_next(&plan, &seen, &removal).unwrap_err();
    assert_eq!(violation.invariant, 3);
    assert!(
        violation.what.contains("runs it, and was not told to stop"),
        "{violation}"
    );
}

/// Somebody has put a newer patch release on a machine that had joined: whoever resumes does not end it, and an abort ends.
#[test]
fn a_joined_member_that_was_patched_by_hand_is_not_ended() {
    for its_step_is_over in [true, false] {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = Model::healthy(3);
        model.attach();
        let word = if its_step_is_over {
            "terminate-machine "
        } else {
            "go "
        };
        until(&mut model, &plan, Goal::Finish, word);
        let slot = loop {
            walk(&mut model, &plan, Goal::Finish, 1);
            let joined = |slot: &SlotName| crate::rollout::has_joined(&model.journal(), slot);
            if let Some(slot) = (0..3).map(slot_name).find(joined) {
                break slot;
            }
        };
        let patched = EtcdVersion::new(NEW.major, NEW.minor, NEW.patch + 1);
        model.running.insert(slot.clone(), patched);
        model.at = model.at.checked_add(Duration::from_secs(3_600)).unwrap();
        model.attach();
        model.story.clear();
        let end = walk(&mut model, &plan, Goal::Finish, 300);
        let End::Stopped(StopReason::OutsideEnvelope { what }) = &end else {
            panic!("{end:?}: {:#?}", model.story);
        };
        assert!(
            what.contains(&format!("{slot} runs {patched} instead of {NEW}")),
            "{what}"
        );
        assert!(what.contains("`rehull abort`"), "{what}");
        let carrier = model.carrier(&slot).unwrap();
        assert!(!is_ended(&model, &carrier), "{:#?}", model.story);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 300);
        assert_eq!(end, End::Done, "{:#?}", model.story);
        assert!(!is_ended(&model, &carrier), "{:#?}", model.story);
        let live = model.machines.iter().filter(|machine| machine.is_live());
        assert_eq!(
            (live.count(), model.healthy_voters()),
            (3, 3),
            "{:#?}",
            model.story
        );
    }
}
