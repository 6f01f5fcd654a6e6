//! Machines that are lost behind our back, at every moment of a rollout: their members come back as they were.

use super::model::{Model, NEW, OLD, plan, slot_name};
use super::stories::upgraded;
use super::{End, tick, walk};
use crate::domain::action::Action;
use crate::domain::fleet::{Attachment, MachineState};
use crate::domain::ids::InstanceId;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::RolloutKind;
use crate::rollout::{Goal, Next, decide, margin};

const STRATEGIES: [EtcdStrategy; 2] = [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach];

const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

#[derive(Clone, Copy, Debug)]
enum Loss {
    Terminated,
    SwitchedOff,
}

/// Takes away whatever carries the slot now; false: nothing does.
fn lose(model: &mut Model, slot: usize, how: Loss) -> bool {
    let Some(machine) = model.carrier(&slot_name(slot)) else {
        return false;
    };
    match how {
        Loss::Terminated => model.kill_machine(&machine),
        Loss::SwitchedOff => model.power_off(&machine),
    }
    true
}

/// Seconds that an undisturbed rollout takes.
fn length(count: usize, strategy: EtcdStrategy) -> usize {
    let (mut model, plan) = (Model::ready_for(strategy, count), plan(count, strategy));
    (0..600)
        .find(|_| walk(&mut model, &plan, Goal::Finish, 1) == End::Done)
        .unwrap()
}

#[test]
fn any_machine_lost_at_any_second_comes_back_and_the_upgrade_ends_as_planned() {
    for strategy in ALL {
        for count in [3, 5] {
            let (plan, mut at) = (plan(count, strategy), 0);
            let mut calm = Model::ready_for(strategy, count);
            for second in (0..length(count, strategy)).step_by(if count == 3 { 1 } else { 5 }) {
                let since = std::mem::replace(&mut at, second);
                walk(&mut calm, &plan, Goal::Finish, second - since);
                for how in [Loss::Terminated, Loss::SwitchedOff] {
                    for slot in 0..count {
                        let mut model = calm.clone();
                        if !lose(&mut model, slot, how) {
                            continue;
                        }
                        let end = walk(&mut model, &plan, Goal::Finish, 900);
                        let what = format!("{strategy:?} {count}: {slot} {how:?} at {second}");
                        assert_eq!(end, End::Done, "{what}: {:#?}", model.story);
                        upgraded(&model, count);
                    }
                }
            }
        }
    }
}

#[test]
fn two_machines_lost_at_two_seconds_come_back_without_a_quorum() {
    // A fixed sequence of draws (the multiplier is Knuth's): the same losses on every machine.
    let mut draw = 7_u64;
    let mut next = |bound: usize| {
        draw = draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(draw >> 33).unwrap() % bound
    };
    for strategy in ALL {
        let (plan, seconds) = (plan(3, strategy), length(3, strategy));
        for _ in 0..150 {
            let mut model = Model::ready_for(strategy, 3);
            let (first, gap) = (next(seconds), next(25));
            let (one, other) = (next(3), next(3));
            let how = [Loss::Terminated, Loss::SwitchedOff][next(2)];
            walk(&mut model, &plan, Goal::Finish, first);
            let lost = lose(&mut model, one, how);
            walk(&mut model, &plan, Goal::Finish, gap);
            let both = lose(&mut model, other, Loss::Terminated);
            if !lost && !both {
                continue;
            }
            let end = walk(&mut model, &plan, Goal::Finish, 1200);
            let what = format!("{strategy:?}: {one} {how:?} at {first}, {other} {gap} s later");
            assert_eq!(end, End::Done, "{what}: {:#?}", model.story);
            upgraded(&model, 3);
        }
    }
}

#[test]
fn a_member_lost_before_its_turn_comes_back_at_the_old_version_before_anything_is_upgraded_there() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 1);
    model.kill_machine(&InstanceId::new("i-old-0"));
    while !model.running.contains_key(&slot_name(0)) {
        assert!(matches!(
            walk(&mut model, &plan, Goal::Finish, 1),
            End::Waiting(_)
        ));
    }
    assert_eq!(model.running[&slot_name(0)], OLD);
    assert!(
        model.story.iter().all(|key| !key.starts_with("remove-member 1")),
        "{:#?}",
        model.story
    );
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    let baked = model.journal().marked_at("bake").unwrap();
    assert!(
        model
            .journal()
            .done_at("start-snapshot")
            .is_some_and(|at| at < baked)
    );
    upgraded(&model, 3);
}

#[test]
fn a_lost_member_comes_back_on_the_way_to_rest_too() {
    for how in [Loss::Terminated, Loss::SwitchedOff] {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = Model::healthy(3);
        walk(&mut model, &plan, Goal::Finish, 2);
        lose(&mut model, 2, how);
        assert_eq!(walk(&mut model, &plan, Goal::Rest, 300), End::Done, "{how:?}");
        assert_eq!(model.healthy_voters(), 3);
        assert!(
            model.running.values().all(|version| *version == OLD),
            "{:?}",
            model.running
        );
        walk(&mut model, &plan, Goal::Rest, 3);
        let live: Vec<_> = model
            .machines
            .iter()
            .filter(|machine| machine.is_live())
            .collect();
        assert_eq!(live.len(), 3, "{how:?}: {live:#?}");
    }
}

#[test]
fn a_member_that_this_rollout_does_not_touch_comes_back_too() {
    let mut heal = plan(3, EtcdStrategy::RemoveThenAdd);
    heal.envelope.kind = RolloutKind::Heal { slot: slot_name(1) };
    let old = |planned: &mut crate::plan::SlotPlan| planned.to = planned.from.clone().unwrap();
    heal.envelope.slots.iter_mut().for_each(old);
    heal.envelope.slots[0].reasons.clear();
    heal.envelope.slots[2].reasons.clear();
    heal.envelope.slots[1].from = None;
    let mut model = Model::healthy(3);
    model.kill_machine(&InstanceId::new("i-old-1"));
    walk(&mut model, &heal, Goal::Finish, 2);
    model.kill_machine(&InstanceId::new("i-old-2"));
    assert_eq!(
        walk(&mut model, &heal, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
    assert_eq!(model.healthy_voters(), 3);
    assert!(model.running.values().all(|version| *version == OLD));
}

#[test]
fn every_machine_switched_off_is_quorum_loss_and_starts_nothing() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    for n in 0..3 {
        model.power_off(&InstanceId::new(format!("i-old-{n}")));
    }
    let end = walk(&mut model, &plan, Goal::Finish, 5);
    assert!(
        matches!(end, End::Stopped(StopReason::QuorumLost { .. })),
        "{end:?}"
    );
    assert!(model.story.is_empty());
}

#[test]
fn a_machine_that_does_not_stop_is_not_ended_while_another_member_is_frozen() {
    for strategy in STRATEGIES {
        let plan = plan(3, strategy);
        let mut model = Model::healthy(3);
        model.deaf.insert(InstanceId::new("i-old-1"));
        while !model.story.iter().any(|key| key.starts_with("ask-stop")) {
            walk(&mut model, &plan, Goal::Finish, 1);
        }
        model.down.insert(slot_name(2));
        let end = walk(&mut model, &plan, Goal::Finish, 300);
        assert!(
            matches!(&end, End::Waiting(last) if last.contains("etcd-c")),
            "{end:?}"
        );
        assert!(
            model
                .story
                .iter()
                .all(|key| !key.starts_with("terminate-machine i-old-1"))
        );
        let terminate = Action::TerminateMachine {
            slot: slot_name(1),
            machine: InstanceId::new("i-old-1"),
            why: crate::domain::action::TerminateWhy::UngracefulStop,
        };
        let step = plan.envelope.slots[1].step.clone();
        assert!(crate::audit::check_next(&plan, &model.observe(), &[(step, terminate)]).is_err());
        model.down.clear();
        assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
        upgraded(&model, 3);
    }
}

#[test]
fn a_reattached_member_goes_on_without_a_quorum_instead_of_stopping_for_a_false_reason() {
    let plan = plan(3, EtcdStrategy::Reattach);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("detach-volume")) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    model.down.insert(slot_name(2));
    let end = walk(&mut model, &plan, Goal::Finish, 60);
    assert!(matches!(end, End::Waiting(_)), "{end:?}");
    assert_eq!(model.running.get(&slot_name(1)), Some(&NEW), "{:#?}", model.story);
    model.down.clear();
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    upgraded(&model, 3);
}

#[test]
fn its_own_data_stays_what_it_is_while_nobody_can_show_a_member_list() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("ask-stop")) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    model.down.insert(slot_name(2));
    walk(&mut model, &plan, Goal::Finish, 60);
    assert_eq!(
        model.parts[&slot_name(1)].volume_generation,
        Some(crate::domain::ids::Generation(1)),
        "{:#?}",
        model.story
    );
}

#[test]
fn a_way_back_begun_after_the_cluster_version_has_risen_touches_nothing() {
    let mut back = plan(3, EtcdStrategy::RemoveThenAdd);
    back.envelope.kind = RolloutKind::Rollback { of: "t-1".to_owned() };
    let mut model = Model::healthy(3);
    assert_eq!(walk(&mut model, &back, Goal::Finish, 600), End::Done);
    assert_eq!(model.cluster_version, NEW.line());
    for planned in &mut back.envelope.slots {
        std::mem::swap(planned.from.as_mut().unwrap(), &mut planned.to);
    }
    model.story.clear();
    model.opened_only();
    let end = walk(&mut model, &back, Goal::Finish, 60);
    assert!(
        matches!(end, End::Stopped(StopReason::PastPointOfNoReturn { .. })),
        "{end:?}"
    );
    assert!(model.story.is_empty(), "{:#?}", model.story);
    let launch = Action::LaunchMachine {
        slot: slot_name(1),
        template: back.envelope.slots[1].slot.launch_template.clone(),
        version: "1".parse().unwrap(),
        digest: back.envelope.slots[1].to.digest.clone(),
        join: crate::domain::fleet::Join::Existing,
        generation: crate::domain::ids::Generation(9),
    };
    let step = back.envelope.slots[1].step.clone();
    assert!(crate::audit::check_next(&back, &model.observe(), &[(step, launch)]).is_err());
}

#[test]
fn a_member_that_was_just_told_to_stop_is_out_of_the_margin() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    assert_eq!(margin(&plan, &model.observe()), 1);
    model.machine(&InstanceId::new("i-old-1")).stop_asked = true;
    assert_eq!(margin(&plan, &model.observe()), 0);
    let step = plan.envelope.slots[2].step.clone();
    let ask = Action::AskStop {
        slot: slot_name(2),
        machine: InstanceId::new("i-old-2"),
    };
    assert!(crate::audit::check_next(&plan, &model.observe(), &[(step, ask)]).is_err());
}

#[test]
fn a_switched_off_machine_is_never_taken_for_a_replacement() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 4);
    let warm = model.machines.last().unwrap().id.clone();
    model.power_off(&warm);
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
    assert_ne!(
        model.machine(&warm).state,
        MachineState::Stopped,
        "it was left behind"
    );
    upgraded(&model, 3);
}

#[test]
fn audit_refuses_to_give_up_data_whose_member_may_still_be_listed() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let step = plan.envelope.slots[1].step.clone();
    model.down.insert(slot_name(1));
    let attach = |generation| Action::AttachVolume {
        slot: slot_name(1),
        volume: crate::domain::ids::VolumeId::new("vol-1"),
        machine: InstanceId::new("i-9"),
        generation: crate::domain::ids::Generation(generation),
    };
    let judge = |model: &Model, generation| {
        let act = [(step.clone(), attach(generation))];
        crate::audit::check_next(&plan, &model.observe(), &act)
    };
    assert!(judge(&model, 1).is_ok(), "its own data");
    assert!(judge(&model, 2).is_err(), "the list shows its member");
    model.members.remove(1);
    assert!(judge(&model, 2).is_ok(), "it was removed");
    model.down.insert(slot_name(2));
    assert!(judge(&model, 2).is_err(), "nobody can show a list");
}

#[test]
fn nothing_is_begun_while_a_lost_member_comes_back() {
    let plan = plan(5, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(5);
    walk(&mut model, &plan, Goal::Finish, 4);
    model.kill_machine(&InstanceId::new("i-old-4"));
    for _ in 0..60 {
        let healthy = model.healthy_voters();
        let Next::Continue { act, .. } = decide(&plan, &model.observe(), &model.journal(), Goal::Finish)
        else {
            panic!()
        };
        let out = act
            .iter()
            .any(|(_, action)| matches!(action, Action::AskStop { .. }));
        assert!(!out || healthy == 5, "{act:?}");
        if healthy == 5 {
            return;
        }
        tick(&mut model, &plan, Goal::Finish, &mut |_| super::Outcome::Done).unwrap();
        model.advance();
    }
    panic!("it did not come back");
}

#[test]
fn a_member_comes_back_although_its_replacement_had_the_parts_already() {
    let plan = plan(3, EtcdStrategy::Reattach);
    let mut model = Model::healthy(3);
    while !model.machines.iter().any(crate::rollout::step::is_warm) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let new = model.machines.iter().find(|m| !m.go).unwrap().clone();
    let old = model.carrier(&new.slot).unwrap();
    model.power_off(&old);
    let parts = model.parts.get_mut(&new.slot).unwrap();
    parts.volume.attachment = Attachment::Attached(new.id.clone());
    parts.interface.attachment = Attachment::Attached(new.id);
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
    upgraded(&model, 3);
}
