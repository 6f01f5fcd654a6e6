//! Machines that boot again, after their power was cut say, and refuse: their members come back on others.

use std::time::Duration;

use super::model::{Model, NEW, plan, report, slot_name};
use super::refusals::ALL;
use super::stories::upgraded;
use super::{End, walk};
use crate::domain::fleet::{BootPhase, Join};
use crate::domain::ids::{InstanceId, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::RolloutPlan;
use crate::rollout::Goal;

#[test]
fn a_machine_that_boots_again_and_refuses_is_given_up_and_its_member_comes_back_as_it_was() {
    for strategy in ALL {
        for goal in [Goal::Finish, Goal::Rest] {
            let plan = plan(3, strategy);
            let mut model = Model::ready_for(strategy, 3);
            walk(&mut model, &plan, Goal::Finish, 2);
            model.attach();
            // Its power came back while an artefact was wrong: nothing listens, and nothing will.
            model.running.remove(&slot_name(1));
            let id = InstanceId::new("i-old-1");
            model.machine(&id).report = report(&id, BootPhase::Refused);
            let end = walk(&mut model, &plan, goal, 1200);
            assert_eq!(end, End::Done, "{strategy:?} {goal:?}: {:#?}", model.story);
            assert_eq!(model.healthy_voters(), 3, "{strategy:?} {goal:?}");
            if goal == Goal::Finish {
                upgraded(&model, 3);
            }
        }
    }
}

/// Until the data of a new member was compared, and then for a minute more: whose it was.
fn done(model: &mut Model, plan: &RolloutPlan, among: impl Fn(&SlotName) -> bool) -> SlotName {
    let verified = |model: &Model| {
        let slots = model
            .story
            .iter()
            .filter_map(|key| key.strip_prefix("verify-data "));
        slots.map(SlotName::new).find(&among)
    };
    let slot = loop {
        walk(model, plan, Goal::Finish, 1);
        if let Some(slot) = verified(model) {
            break slot;
        }
    };
    walk(model, plan, Goal::Finish, 60);
    slot
}

/// Its power came back while an artefact was wrong: nothing listens, and nothing will.
fn boots_again_and_refuses(model: &mut Model, slot: &SlotName) {
    let id = model.carrier(slot).unwrap();
    model.running.remove(slot);
    model.machine(&id).report = report(&id, BootPhase::Refused);
}

/// Found by the simulator: nothing was heard of it, and its step was over, so nobody looked after it any more. On the way
/// to rest a reattached one was taken for a machine that was launched to bring it back.
#[test]
fn a_member_that_is_done_comes_back_when_its_machine_boots_again_and_refuses() {
    for strategy in ALL {
        for goal in [Goal::Finish, Goal::Rest] {
            let case = format!("{strategy:?} {goal:?}");
            let mut plan = plan(3, strategy);
            plan.envelope.policy.bake = Duration::from_secs(3_600);
            let mut model = Model::ready_for(strategy, 3);
            model.attach();
            let of_the_plan =
                |name: &SlotName| plan.envelope.slots.iter().any(|slot| slot.slot.name == *name);
            let slot = done(&mut model, &plan, of_the_plan);
            boots_again_and_refuses(&mut model, &slot);
            let end = walk(&mut model, &plan, goal, 60);
            assert!(
                matches!(end, End::Stopped(StopReason::BootRefused { .. })),
                "{case}: {end:?}: {:#?}",
                model.story
            );
            plan.envelope.policy.bake = Duration::ZERO;
            model.attach();
            let end = walk(&mut model, &plan, goal, 1200);
            assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
            assert_eq!(model.healthy_voters(), 3, "{case}: {:#?}", model.story);
            assert_eq!(model.running.get(&slot), Some(&NEW), "{case}");
            if goal == Goal::Finish {
                upgraded(&model, 3);
            }
        }
    }
}

/// Nobody waits for it: it would be taken away at the end anyway, and whoever attaches later finds a member that is out.
#[test]
fn a_spare_that_is_done_is_given_up_when_its_machine_boots_again_and_refuses() {
    for goal in [Goal::Finish, Goal::Rest] {
        let mut plan = plan(3, EtcdStrategy::LearnerFirst);
        plan.envelope.policy.bake = Duration::from_secs(3_600);
        let mut model = Model::ready_for(EtcdStrategy::LearnerFirst, 3);
        model.attach();
        let is_spare = |name: &SlotName| plan.envelope.slots.iter().all(|slot| slot.slot.name != *name);
        let slot = done(&mut model, &plan, is_spare);
        boots_again_and_refuses(&mut model, &slot);
        walk(&mut model, &plan, goal, 60);
        plan.envelope.policy.bake = Duration::ZERO;
        model.attach();
        let end = walk(&mut model, &plan, goal, 1200);
        assert_eq!(end, End::Done, "{goal:?}: {:#?}", model.story);
        assert_eq!(model.healthy_voters(), 3, "{goal:?}: {:#?}", model.story);
        assert_eq!(model.running.get(&slot), None, "{goal:?}: {:#?}", model.story);
        if goal == Goal::Finish {
            upgraded(&model, 3);
        }
    }
}

/// Its machine is as this rollout's would be, and this rollout has not launched it.
#[test]
fn an_abort_brings_back_what_an_earlier_rollout_has_reattached_when_its_machine_boots_again_and_refuses() {
    let plan = plan(3, EtcdStrategy::Reattach);
    let mut model = Model::healthy(3);
    for machine in &mut model.machines {
        machine.join = Some(Join::Reattach);
    }
    walk(&mut model, &plan, Goal::Finish, 2);
    model.attach();
    boots_again_and_refuses(&mut model, &slot_name(1));
    let end = walk(&mut model, &plan, Goal::Rest, 1200);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    assert_eq!(model.healthy_voters(), 3, "{:#?}", model.story);
}

#[test]
fn a_machine_that_boots_again_and_refuses_is_given_up_also_where_that_brings_the_quorum_back() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 2);
    model.attach();
    model.running.remove(&slot_name(1));
    let id = InstanceId::new("i-old-1");
    model.machine(&id).report = report(&id, BootPhase::Refused);
    model.down.insert(slot_name(2));
    walk(&mut model, &plan, Goal::Finish, 300);
    assert_eq!(model.healthy_voters(), 2, "{:#?}", model.story);
    let touched = |key: &&String| key.starts_with("ask-stop ") || key.starts_with("remove-member ");
    assert_eq!(model.story.iter().find(touched), None, "{:#?}", model.story);
    model.down.clear();
    let end = walk(&mut model, &plan, Goal::Finish, 1200);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    upgraded(&model, 3);
}
