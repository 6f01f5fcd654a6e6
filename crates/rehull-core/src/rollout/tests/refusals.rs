//! Machines that do not boot: said by the process that saw it first, given up by whoever attaches later.

use jiff::Timestamp;

use super::model::{Boots, Model, plan};
use super::stories::upgraded;
use super::{End, walk};
use crate::domain::fleet::BootPhase;
use crate::domain::ids::InstanceId;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::RolloutPlan;
use crate::rollout::Goal;

pub(super) const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];
const FAULTS: [Boots; 3] = [Boots::RefusesCold, Boots::RefusesVolume, Boots::Never];

fn launches(model: &Model) -> usize {
    let launched = |key: &&String| key.starts_with("launch-machine ");
    model.story.iter().filter(launched).count()
}

/// Two members have lost their machines, and new ones boot like this.
fn two_lost(count: usize, boots: Boots) -> Model {
    let mut model = Model::healthy(count);
    model.kill_machine(&InstanceId::new("i-old-1"));
    model.kill_machine(&InstanceId::new("i-old-2"));
    model.boots = boots;
    model
}

/// A process takes over, and walks until it stops for a machine that did not boot.
fn stops(model: &mut Model, plan: &RolloutPlan, case: &str) {
    model.attach();
    let end = walk(model, plan, Goal::Finish, 1200);
    assert!(
        matches!(
            end,
            End::Stopped(StopReason::BootRefused { .. } | StopReason::Deadline { .. })
        ),
        "{case}: {end:?}: {:#?}",
        model.story
    );
}

#[test]
fn a_machine_that_does_not_boot_costs_one_machine_per_resume_until_its_cause_is_gone() {
    for strategy in ALL {
        for boots in FAULTS {
            let case = format!("{strategy:?} {boots:?}");
            let plan = plan(3, strategy);
            let mut model = Model::ready_for(strategy, 3);
            model.boots = boots;
            for resumed in 1..=3 {
                stops(&mut model, &plan, &case);
                assert_eq!(launches(&model), resumed, "{case}: {:#?}", model.story);
            }
            model.boots = Boots::Well;
            model.attach();
            let end = walk(&mut model, &plan, Goal::Finish, 1200);
            assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
            upgraded(&model, 3);
        }
    }
}

#[test]
fn before_the_switch_an_abort_lets_go_of_a_machine_that_did_not_boot() {
    for strategy in ALL {
        for boots in [Boots::RefusesCold, Boots::Never] {
            let case = format!("{strategy:?} {boots:?}");
            let plan = plan(3, strategy);
            let mut model = Model::ready_for(strategy, 3);
            model.boots = boots;
            stops(&mut model, &plan, &case);
            model.attach();
            let end = walk(&mut model, &plan, Goal::Rest, 60);
            assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
            assert_eq!((launches(&model), model.healthy_voters()), (1, 3), "{case}");
            let live = model.machines.iter().filter(|machine| machine.is_live()).count();
            assert_eq!(live, 3, "{case}");
        }
    }
}

#[test]
fn a_lost_member_whose_new_machine_does_not_boot_keeps_nobody_from_aborting() {
    let comes_back = |model: &Model| {
        let old = |key: &&String| key.starts_with("launch-machine etcd-b") && key.contains("3.5.33");
        model.story.iter().filter(old).count()
    };
    for boots in FAULTS {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = Model::healthy(3);
        model.kill_machine(&InstanceId::new("i-old-1"));
        model.boots = boots;
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        let launched = comes_back(&model);
        stops(&mut model, &plan, &case);
        assert_eq!(comes_back(&model), launched + 1, "{case}: {:#?}", model.story);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 60);
        assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
        assert_eq!(comes_back(&model), launched + 1, "{case}: {:#?}", model.story);
        assert_eq!(model.healthy_voters(), 2, "{case}");
        let live = model.machines.iter().filter(|machine| machine.is_live()).count();
        assert_eq!(
            live, 3,
            "{case}: what did not boot stays to be looked at, a warm replacement goes"
        );
    }
}

#[test]
fn a_lost_member_of_a_slot_that_stays_as_it_is_has_its_unbooted_machine_given_up_too() {
    for boots in FAULTS {
        let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let stays = &mut plan.envelope.slots[1];
        stays.reasons.clear();
        stays.to = stays.from.clone().unwrap();
        let mut model = Model::healthy(3);
        model.kill_machine(&InstanceId::new("i-old-1"));
        model.boots = boots;
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        model.boots = Boots::Well;
        model.attach();
        let end = walk(&mut model, &plan, Goal::Finish, 1200);
        assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
        assert_eq!(model.healthy_voters(), 3, "{case}");
    }
}

#[test]
fn two_lost_members_whose_machines_refused_come_back_when_the_cause_is_gone() {
    for boots in FAULTS {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = two_lost(3, boots);
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        model.boots = Boots::Well;
        model.attach();
        let end = walk(&mut model, &plan, Goal::Finish, 1200);
        assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
        upgraded(&model, 3);
    }
}

#[test]
fn without_a_quorum_an_abort_does_not_leave_lost_members_to_a_heal_that_nobody_could_give() {
    for boots in FAULTS {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = two_lost(3, boots);
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 1200);
        assert!(matches!(end, End::Stopped(_)), "{case}: {end:?}");
        model.boots = Boots::Well;
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 1200);
        assert_eq!(
            (end, model.healthy_voters()),
            (End::Done, 3),
            "{case}: {:#?}",
            model.story
        );
    }
}

#[test]
fn two_of_five_whose_machines_did_not_boot_are_given_up_while_the_rest_hold_a_quorum() {
    for boots in FAULTS {
        let plan = plan(5, EtcdStrategy::RemoveThenAdd);
        let mut model = two_lost(5, boots);
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        stops(&mut model, &plan, &case);
        model.boots = Boots::Well;
        model.attach();
        let end = walk(&mut model, &plan, Goal::Finish, 1800);
        assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
        upgraded(&model, 5);
    }
}

/// As if somebody's clean-up removed the tag, and EC2's clock were behind ours.
fn without_a_past(model: &mut Model) {
    for machine in model.machines.iter_mut().filter(|machine| !machine.go) {
        machine.generation = None;
        machine.launched_at = Some(Timestamp::UNIX_EPOCH);
    }
}

#[test]
fn a_machine_whose_generation_tag_is_gone_is_given_up_once_per_process() {
    for boots in [Boots::RefusesCold, Boots::Never] {
        let plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = Model::healthy(3);
        model.boots = boots;
        stops(&mut model, &plan, "");
        model.attach();
        let stopped = (0..1200).any(|_| {
            let end = walk(&mut model, &plan, Goal::Finish, 1);
            without_a_past(&mut model);
            matches!(
                end,
                End::Stopped(StopReason::BootRefused { .. } | StopReason::Deadline { .. })
            )
        });
        assert!(stopped, "{boots:?}: {:#?}", model.story);
        assert_eq!(launches(&model), 2, "{boots:?}: {:#?}", model.story);
    }
}

#[test]
fn the_only_member_whose_new_machine_does_not_boot_keeps_nobody_from_aborting() {
    for boots in FAULTS {
        let mut plan = plan(1, EtcdStrategy::Reattach);
        plan.envelope.policy.accept_downtime = true;
        let mut model = Model::healthy(1);
        walk(&mut model, &plan, Goal::Finish, 2);
        model.kill_machine(&InstanceId::new("i-old-0"));
        model.boots = boots;
        let case = format!("{boots:?}");
        stops(&mut model, &plan, &case);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 1200);
        assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
    }
}

#[test]
fn a_machine_whose_boot_script_refused_later_on_is_left_its_volume_while_its_etcd_is_silent() {
    let plan = plan(5, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(5);
    // Its script began anew and refused; its etcd runs on, and is not heard for a while.
    model.machines[2].report = super::model::report(&InstanceId::new("i-old-2"), BootPhase::Refused);
    model.down.insert(super::model::slot_name(2));
    model.attach();
    walk(&mut model, &plan, Goal::Finish, 120);
    let touched = |key: &&String| key.contains("vol-2") || key.contains("eni-2") || key.contains("i-old-2");
    assert_eq!(model.story.iter().find(touched), None, "{:#?}", model.story);
}

#[test]
fn a_machine_that_refused_and_answers_all_the_same_is_not_touched() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    model.boots = Boots::RefusesVolume;
    stops(&mut model, &plan, "");
    let refused = model.machines.last().unwrap().clone();
    let member = model
        .members
        .iter_mut()
        .find(|member| member.slot == refused.slot)
        .unwrap();
    member.started = true;
    model.running.insert(refused.slot.clone(), super::model::NEW);
    let before = model.story.len();
    stops(&mut model, &plan, "");
    assert_eq!(model.story.len(), before, "{:#?}", model.story);
}
