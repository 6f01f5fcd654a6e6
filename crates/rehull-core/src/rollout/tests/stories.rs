use super::model::{Model, NEW, plan, slot_name};
use super::{End, walk};
use crate::domain::action::Action;
use crate::domain::fleet::{BootPhase, MachineState};
use crate::domain::ids::{InstanceId, MemberId};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::rollout::{Goal, Next, decide};

pub(super) fn upgraded(model: &Model, count: usize) {
    assert_eq!(model.members.len(), count);
    assert!(
        model.running.values().all(|version| *version == NEW),
        "{:?}",
        model.running
    );
    assert_eq!(model.running.len(), count);
    let live = model.machines.iter().filter(|machine| machine.is_live()).count();
    assert_eq!(live, count, "one machine per slot is left");
}

/// Index of the first action whose key starts so.
pub(super) fn at(model: &Model, prefix: &str) -> usize {
    model
        .story
        .iter()
        .position(|key| key.starts_with(prefix))
        .unwrap_or_else(|| panic!("no {prefix}: {:#?}", model.story))
}

#[test]
fn replaces_all_members_one_by_one_with_either_strategy_and_any_size() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        for count in [3, 5, 7] {
            let mut model = Model::healthy(count);
            let end = walk(&mut model, &plan(count, strategy), Goal::Finish, 600);
            assert_eq!(end, End::Done, "{strategy:?} {count}: {:#?}", model.story);
            upgraded(&model, count);
        }
    }
}

#[test]
fn a_single_member_is_replaced_by_reattach_only() {
    let mut model = Model::healthy(1);
    assert_eq!(
        walk(&mut model, &plan(1, EtcdStrategy::Reattach), Goal::Finish, 200),
        End::Done
    );
    upgraded(&model, 1);
    assert!(
        model
            .story
            .iter()
            .all(|key| !key.starts_with("remove-member") && !key.starts_with("move-leader"))
    );
}

#[test]
fn the_order_inside_a_step_is_warm_then_leader_then_stop_then_remove_then_slot_then_add_then_go() {
    let mut model = Model::healthy(3);
    // etcd-a leads and is the last old one: its step has every stage.
    assert_eq!(
        walk(
            &mut model,
            &plan(3, EtcdStrategy::RemoveThenAdd),
            Goal::Finish,
            600
        ),
        End::Done
    );
    let of_a = [
        "launch-machine etcd-a",
        "move-leader",
        "ask-stop i-old-0",
        "remove-member 1",
        "attach-volume vol-0",
        "add-member https://10.0.0.10:2380",
    ];
    let places: Vec<usize> = of_a.iter().map(|prefix| at(&model, prefix)).collect();
    assert!(places.is_sorted(), "{places:?} {:#?}", model.story);
    assert!(at(&model, "detach-volume vol-0") > at(&model, "ask-stop i-old-0"));
    assert!(at(&model, "terminate-machine i-old-0") > at(&model, "verify-data etcd-a"));
    assert_eq!(
        model
            .story
            .iter()
            .filter(|key| key.starts_with("move-leader"))
            .count(),
        1
    );
}

#[test]
fn the_leader_goes_last_and_the_snapshot_comes_before_the_first_stop() {
    let mut model = Model::healthy(3);
    model.leader = Some(MemberId(2));
    assert_eq!(
        walk(
            &mut model,
            &plan(3, EtcdStrategy::RemoveThenAdd),
            Goal::Finish,
            600
        ),
        End::Done
    );
    let stops = [
        at(&model, "ask-stop i-old-0"),
        at(&model, "ask-stop i-old-2"),
        at(&model, "ask-stop i-old-1"),
    ];
    assert!(stops.is_sorted(), "{:#?}", model.story);
    assert!(at(&model, "start-snapshot") < stops[0]);
}

#[test]
fn bakes_with_one_old_member_left_and_touches_nothing_meanwhile() {
    let mut model = Model::healthy(3);
    let plan = plan(3, EtcdStrategy::Reattach);
    let end = walk(&mut model, &plan, Goal::Finish, 600);
    assert_eq!(end, End::Done);
    let baked = model.journal().marked_at("bake").unwrap();
    let stopped = model.journal().done_at("ask-stop i-old-0").unwrap();
    assert!(stopped.duration_since(baked).as_secs() >= 20);
}

#[test]
fn a_second_member_that_dies_in_the_window_stops_every_membership_change_until_it_is_back() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("ask-stop")) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let other = slot_name(2);
    model.down.insert(other.clone());
    let before = model.story.len();
    let End::Waiting(last) = walk(&mut model, &plan, Goal::Finish, 100) else {
        panic!("ended: {:#?}", model.story)
    };
    assert!(
        last.contains("OtherMemberOut") && last.contains("etcd-c"),
        "{last}"
    );
    let touched: Vec<&String> = model.story[before..]
        .iter()
        .filter(|key| {
            ["remove", "add", "ask-stop", "move", "terminate"]
                .iter()
                .any(|verb| key.starts_with(verb))
        })
        .collect();
    assert!(touched.is_empty(), "{touched:?}");
    model.down.remove(&other);
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 600), End::Done);
    upgraded(&model, 3);
}

#[test]
fn all_machines_gone_is_quorum_loss_and_starts_nothing() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    for n in 0..3 {
        model.kill_machine(&InstanceId::new(format!("i-old-{n}")));
    }
    let End::Stopped(StopReason::QuorumLost { evidence }) = walk(&mut model, &plan, Goal::Finish, 5) else {
        panic!()
    };
    assert_eq!(evidence.len(), 3);
    assert!(model.story.is_empty());
}

#[test]
fn a_refused_boot_stops_before_anything_was_touched_and_abort_removes_the_machine() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 2);
    let id = model.machines.last().unwrap().id.clone();
    let mut refused = super::model::report(&id, BootPhase::Refused).unwrap();
    refused.code = "wrong-digest".to_owned();
    model.machine(&id).report = Some(refused);
    let end = walk(&mut model, &plan, Goal::Finish, 5);
    assert!(
        matches!(&end, End::Stopped(StopReason::BootRefused { code, .. }) if code == "wrong-digest"),
        "{end:?}"
    );
    assert!(model.story.iter().all(|key| !key.starts_with("ask-stop")));
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 20), End::Done);
    assert_eq!(model.machine(&id).state, MachineState::Terminated);
    assert_eq!(model.healthy_voters(), 3);
}

#[test]
fn rest_finishes_the_member_whose_switch_has_begun_and_begins_no_other() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("remove-member")) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 200), End::Done);
    assert_eq!(model.healthy_voters(), 3);
    assert_eq!(
        model.running.values().filter(|version| **version == NEW).count(),
        1
    );
    assert_eq!(
        model.machines.iter().filter(|machine| machine.is_live()).count(),
        3
    );
    // And the rollout can go on from there.
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 600), End::Done);
    upgraded(&model, 3);
}

#[test]
fn a_stop_that_is_never_observed_ends_in_a_termination_that_is_named_ungraceful() {
    let plan = plan(3, EtcdStrategy::Reattach);
    let mut model = Model::healthy(3);
    model.deaf.insert(InstanceId::new("i-old-1"));
    let end = walk(&mut model, &plan, Goal::Finish, 900);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    assert!(
        model
            .records
            .iter()
            .any(|record| format!("{record:?}").contains("UngracefulStop"))
    );
    upgraded(&model, 3);
}

#[test]
fn the_replacement_that_dies_in_the_middle_is_replaced_itself() {
    for after in [
        "launch-machine",
        "remove-member",
        "attach-volume",
        "add-member",
        "go ",
    ] {
        for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
            if strategy == EtcdStrategy::Reattach && (after == "remove-member" || after == "add-member") {
                continue;
            }
            let plan = plan(3, strategy);
            let mut model = Model::healthy(3);
            while !model.story.iter().any(|key| key.starts_with(after)) {
                walk(&mut model, &plan, Goal::Finish, 1);
            }
            let id = model.machines.last().unwrap().id.clone();
            model.kill_machine(&id);
            let end = walk(&mut model, &plan, Goal::Finish, 900);
            assert_eq!(end, End::Done, "after {after}, {strategy:?}: {:#?}", model.story);
            upgraded(&model, 3);
        }
    }
}

#[test]
fn a_foreign_volume_or_another_cluster_id_is_outside_the_envelope() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    model.parts.get_mut(&slot_name(1)).unwrap().volume_cluster = Some("prod".to_owned());
    let next = decide(&plan, &model.observe(), &model.journal(), Goal::Finish);
    assert!(
        matches!(next, Next::Stop(StopReason::OutsideEnvelope { ref what }) if what.contains("prod")),
        "{next:?}"
    );
    let mut other = plan.clone();
    other.envelope.etcd_cluster = Some(crate::domain::ids::EtcdClusterId(7));
    let model = Model::healthy(3);
    let next = decide(&other, &model.observe(), &model.journal(), Goal::Finish);
    assert!(
        matches!(next, Next::Stop(StopReason::OutsideEnvelope { .. })),
        "{next:?}"
    );
}

#[test]
fn nothing_is_decided_on_a_view_that_could_not_be_read() {
    use crate::domain::observed::{Gap, Part};
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let model = Model::healthy(3);
    for part in [
        Part::Machines,
        Part::Slots,
        Part::Templates,
        Part::BootReports,
        Part::Jobs,
        Part::Identity,
    ] {
        let mut seen = model.observe();
        seen.gaps.push(Gap {
            part,
            why: "timed out".to_owned(),
        });
        let Next::Continue { act, waiting, .. } = decide(&plan, &seen, &model.journal(), Goal::Finish) else {
            panic!()
        };
        assert!(act.is_empty() && waiting.len() == 1, "{part:?}");
    }
}

#[test]
fn audit_refuses_what_decide_would_never_propose() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let step = plan.envelope.slots[1].step.clone();
    let ask = |n: usize| Action::AskStop {
        slot: slot_name(n),
        machine: InstanceId::new(format!("i-old-{n}")),
    };
    let two = [(step.clone(), ask(1)), (step.clone(), ask(2))];
    assert!(crate::audit::check_next(&plan, &model.observe(), &two).is_err());
    model.down.insert(slot_name(2));
    assert!(crate::audit::check_next(&plan, &model.observe(), &[(step.clone(), ask(1))]).is_err());
    model.down.clear();
    let running = Action::RemoveMember {
        slot: slot_name(1),
        member: MemberId(2),
        via: slot_name(0),
    };
    assert!(crate::audit::check_next(&plan, &model.observe(), &[(step, running)]).is_err());
}

#[test]
fn a_resumed_rollout_is_not_stopped_again_at_once() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("go ")) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let slot = slot_name(1);
    model.down.insert(slot.clone());
    let End::Stopped(StopReason::Deadline { .. }) = walk(&mut model, &plan, Goal::Finish, 900) else {
        panic!()
    };
    model.attach();
    let End::Waiting(_) = walk(&mut model, &plan, Goal::Finish, 60) else {
        panic!("stopped again at once")
    };
    model.down.remove(&slot);
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
}

#[test]
fn a_member_that_never_comes_up_is_rolled_back_in_the_mixed_window() {
    let upgrade = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    while !model.story.iter().any(|key| key.starts_with("go ")) {
        walk(&mut model, &upgrade, Goal::Finish, 1);
    }
    model.advance();
    // Its etcd ends again and again: no answer, though its machine says that it runs.
    let slot = slot_name(1);
    model.running.remove(&slot);
    let mut back = upgrade.clone();
    back.envelope.kind = crate::plan::RolloutKind::Rollback { of: "t-1".to_owned() };
    // The version of the former template exists, as it does in EC2.
    for planned in &mut back.envelope.slots {
        std::mem::swap(planned.from.as_mut().unwrap(), &mut planned.to);
        if planned.slot.name != slot {
            planned.reasons.clear();
        }
    }
    assert_eq!(
        walk(&mut model, &back, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
    assert!(
        model
            .running
            .values()
            .all(|version| *version == super::model::OLD)
    );
    assert_eq!(model.healthy_voters(), 3);
    assert_eq!(
        model.machines.iter().filter(|machine| machine.is_live()).count(),
        3
    );
}
