//! `learner-first`: one voter more while the others are replaced, and nothing of it before and after.

use super::model::{Model, NEW, OLD, SPARE, plan, slot_name};
use super::stories::{at, upgraded};
use super::{End, walk};
use crate::audit;
use crate::domain::action::Action;
use crate::domain::ids::{Generation, MemberId, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::{Goal, margin};

fn ready(count: usize) -> (Model, RolloutPlan) {
    let strategy = EtcdStrategy::LearnerFirst;
    (Model::ready_for(strategy, count), plan(count, strategy))
}

fn spare() -> SlotName {
    slot_name(SPARE)
}

/// As many members as slots, each with one machine, and nothing of the spare but its empty slot.
fn whole(model: &Model, count: usize) {
    assert_eq!(model.members.len(), count, "{:#?}", model.story);
    assert_eq!(model.healthy_voters(), count);
    assert!(model.members.iter().all(|member| member.slot != spare()));
    let live = || model.machines.iter().filter(|machine| machine.is_live());
    assert_eq!(live().count(), count);
    assert!(live().all(|machine| machine.slot != spare()));
    let parts = &model.parts[&spare()];
    assert!(parts.volume.attachment.machine().is_none() && parts.interface.attachment.machine().is_none());
}

fn until(model: &mut Model, plan: &RolloutPlan, start: &str) {
    for _ in 0..600 {
        if model.story.iter().any(|key| key.starts_with(start)) {
            return;
        }
        let end = walk(model, plan, Goal::Finish, 1);
        assert!(
            matches!(end, End::Waiting(_)),
            "{end:?} before {start}: {:#?}",
            model.story
        );
    }
    panic!("no {start}: {:#?}", model.story);
}

#[test]
fn replaces_all_members_and_leaves_nothing_of_the_spare_behind() {
    for count in [3, 5, 7] {
        let (mut model, plan) = ready(count);
        let end = walk(&mut model, &plan, Goal::Finish, 900);
        assert_eq!(end, End::Done, "{count}: {:#?}", model.story);
        upgraded(&model, count);
        whole(&model, count);
    }
}

#[test]
fn the_spare_votes_before_the_first_stop_and_leaves_after_the_last_member_is_verified() {
    let (mut model, plan) = ready(3);
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    let order = [
        "start-snapshot",
        "add-member https://10.0.0.18:2380",
        "promote-member",
        "verify-data etcd-i",
        "ask-stop i-old-1",
        "remove-member 2",
        "add-member https://10.0.0.11:2380",
        "verify-data etcd-b",
        "ask-stop i-old-2",
        "ask-stop i-old-0",
        "verify-data etcd-a",
        "ask-stop i-101",
        "remove-member 66",
        "terminate-machine i-101",
    ];
    let places: Vec<usize> = order.iter().map(|prefix| at(&model, prefix)).collect();
    assert!(places.is_sorted(), "{places:?} {:#?}", model.story);
    let promotions = model
        .story
        .iter()
        .filter(|key| key.starts_with("promote-member"))
        .count();
    assert_eq!(promotions, 4, "every newcomer enters as a learner");
}

#[test]
fn the_margin_is_that_of_peace_but_for_the_moment_between_stop_and_remove() {
    for count in [3, 5] {
        let (mut model, plan) = ready(count);
        let steady = i64::try_from(count).unwrap() - i64::try_from(count / 2 + 1).unwrap();
        for _ in 0..900 {
            let end = walk(&mut model, &plan, Goal::Finish, 1);
            let seen = model.observe();
            let stopping = model.members.iter().any(|member| {
                let going = |machine: &&crate::domain::fleet::Machine| {
                    machine.slot == member.slot && machine.stop_asked
                };
                !member.learner
                    && model
                        .machines
                        .iter()
                        .filter(|machine| machine.is_live())
                        .any(|machine| going(&machine))
            });
            let floor = if stopping { steady - 1 } else { steady };
            assert!(
                margin(&plan, &seen) >= floor,
                "{} of {steady}: {:#?}",
                margin(&plan, &seen),
                model.story
            );
            if end == End::Done {
                break;
            }
        }
        whole(&model, count);
    }
}

#[test]
fn bakes_before_the_last_old_member_is_taken_out() {
    let (mut model, plan) = ready(3);
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    let baked = model.journal().marked_at("bake").unwrap();
    let stopped = model.journal().done_at("ask-stop i-old-0").unwrap();
    assert!(stopped.duration_since(baked).as_secs() >= 20);
}

#[test]
fn rest_is_reached_from_every_second_of_the_rollout_and_it_can_go_on_from_there() {
    let mut seconds = 0;
    loop {
        seconds += 1;
        let (mut model, plan) = ready(3);
        let over = walk(&mut model, &plan, Goal::Finish, seconds) == End::Done;
        let rest = walk(&mut model, &plan, Goal::Rest, 300);
        assert_eq!(rest, End::Done, "after {seconds} s: {:#?}", model.story);
        whole(&model, 3);
        let end = walk(&mut model, &plan, Goal::Finish, 900);
        assert_eq!(end, End::Done, "after {seconds} s: {:#?}", model.story);
        upgraded(&model, 3);
        whole(&model, 3);
        if over {
            break;
        }
    }
    assert!(seconds > 60, "only {seconds} s");
}

#[test]
fn a_spare_whose_machine_is_lost_leaves_the_list_and_comes_again() {
    for after in [
        "launch-machine etcd-i",
        "attach-volume vol-8",
        "add-member https://10.0.0.18",
        "go ",
        "promote-member",
        "verify-data etcd-i",
        "ask-stop i-old-1",
        "remove-member 2",
        "add-member https://10.0.0.11",
        "verify-data etcd-b",
        "verify-data etcd-a",
        "ask-stop i-101",
    ] {
        let (mut model, plan) = ready(3);
        until(&mut model, &plan, after);
        let id = model
            .machines
            .iter()
            .rev()
            .find(|m| m.slot == spare())
            .unwrap()
            .id
            .clone();
        model.kill_machine(&id);
        let end = walk(&mut model, &plan, Goal::Finish, 1500);
        assert_eq!(end, End::Done, "after {after}: {:#?}", model.story);
        upgraded(&model, 3);
        whole(&model, 3);
    }
}

#[test]
fn a_replacement_that_dies_in_the_middle_is_replaced_itself() {
    for after in [
        "launch-machine etcd-b",
        "remove-member 2",
        "attach-volume vol-1",
        "add-member https://10.0.0.11",
        "verify-data etcd-i",
    ] {
        let (mut model, plan) = ready(3);
        until(&mut model, &plan, after);
        let last = model.machines.last().unwrap().id.clone();
        model.kill_machine(&last);
        let end = walk(&mut model, &plan, Goal::Finish, 1500);
        assert_eq!(end, End::Done, "after {after}: {:#?}", model.story);
        upgraded(&model, 3);
        whole(&model, 3);
    }
}

#[test]
fn a_member_that_is_lost_while_the_spare_joins_comes_back_first_or_after_it() {
    for after in [
        "launch-machine etcd-i",
        "add-member https://10.0.0.18",
        "promote-member",
    ] {
        let (mut model, plan) = ready(3);
        until(&mut model, &plan, after);
        model.kill_machine(&crate::domain::ids::InstanceId::new("i-old-2"));
        let end = walk(&mut model, &plan, Goal::Finish, 1500);
        assert_eq!(end, End::Done, "after {after}: {:#?}", model.story);
        upgraded(&model, 3);
        whole(&model, 3);
    }
}

#[test]
fn the_way_back_goes_over_the_spare_too_and_takes_the_one_that_is_there() {
    let (mut model, upgrade) = ready(3);
    until(&mut model, &upgrade, "launch-machine etcd-c");
    let mut back = upgrade.clone();
    back.envelope.kind = crate::plan::RolloutKind::Rollback { of: "t-1".to_owned() };
    for planned in &mut back.envelope.slots {
        std::mem::swap(planned.from.as_mut().unwrap(), &mut planned.to);
        if planned.slot.name != slot_name(1) {
            planned.reasons.clear();
        }
    }
    let launched = model
        .story
        .iter()
        .filter(|key| key.starts_with("launch-machine etcd-i"))
        .count();
    // The rollout that is undone was driven to rest, or was not: both are the same to the way back.
    assert_eq!(launched, 1);
    let end = walk(&mut model, &back, Goal::Finish, 900);
    assert_eq!(end, End::Done, "{:#?}", model.story);
    let again = model
        .story
        .iter()
        .filter(|key| key.starts_with("launch-machine etcd-i"))
        .count();
    assert_eq!(again, 1, "the spare was there");
    assert!(model.running.values().all(|version| *version == OLD));
    assert_eq!(model.members.len(), 3);
    assert!(model.members.iter().all(|member| member.slot != spare()));
}

#[test]
fn the_data_of_an_older_spare_is_never_used_again() {
    let (mut model, plan) = ready(3);
    until(&mut model, &plan, "verify-data etcd-i");
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 300), End::Done);
    assert_eq!(model.parts[&spare()].volume_generation, Some(Generation(1)));
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    assert_eq!(model.parts[&spare()].volume_generation, Some(Generation(2)));
}

#[test]
fn audit_lets_no_learner_vote_that_is_not_in_sync_and_no_voter_in_unasked() {
    let (mut model, plan) = ready(3);
    until(&mut model, &plan, "go ");
    let spare_step = plan.envelope.spare.as_ref().unwrap().step.clone();
    let id = model.members.last().unwrap().id;
    let promote = Action::PromoteMember {
        slot: spare(),
        member: id,
        via: slot_name(0),
    };
    let judged = |model: &Model, action: &Action| {
        audit::check_next(&plan, &model.observe(), &[(spare_step.clone(), action.clone())])
    };
    // Not started, then started and behind.
    assert!(judged(&model, &promote).is_err());
    while model.members.last().is_none_or(|member| !member.started) {
        model.advance();
    }
    model.members.last_mut().unwrap().applied = 500;
    assert!(judged(&model, &promote).is_err());
    model.members.last_mut().unwrap().applied = 1000;
    assert_eq!(judged(&model, &promote), Ok(()));
    let other = Action::PromoteMember {
        slot: spare(),
        member: MemberId(1),
        via: slot_name(0),
    };
    assert!(
        judged(&model, &other).is_err(),
        "another member than the one that answers"
    );
    let voter = Action::AddMember {
        slot: slot_name(1),
        peer_url: "https://10.0.0.11:2380".to_owned(),
        via: slot_name(0),
        learner: false,
    };
    assert!(judged(&model, &voter).is_err());
    let second = Action::AddMember {
        slot: slot_name(1),
        peer_url: "https://10.0.0.11:2380".to_owned(),
        via: slot_name(0),
        learner: true,
    };
    assert!(judged(&model, &second).is_err(), "one learner at a time");
    assert_eq!(NEW.line(), (3, 6));
}

/// The vote of the spare stands for that of the member that is gone, until a heal has brought it back.
#[test]
fn an_abort_beside_a_removed_member_leaves_the_spare_and_the_heal_takes_it_off() {
    for verified in [1, 2] {
        let (mut model, plan) = ready(3);
        loop {
            let done = model
                .story
                .iter()
                .filter(|key| key.starts_with("verify-data"))
                .count();
            if done >= verified {
                break;
            }
            walk(&mut model, &plan, Goal::Finish, 1);
        }
        // The last in turn, whom nobody has touched yet.
        let gone = slot_name(0);
        model.members.retain(|member| member.slot != gone);
        model.running.remove(&gone);
        model.leader = Some(model.members[0].id);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 300);
        assert_eq!(end, End::Done, "{verified}: {:#?}", model.story);
        assert_eq!(model.healthy_voters(), 3, "{verified}: {:#?}", model.story);
        let mut heal = plan.clone();
        heal.envelope.kind = RolloutKind::Heal { slot: gone.clone() };
        for planned in &mut heal.envelope.slots {
            let version = model.running.get(&planned.slot.name);
            if planned.slot.name == gone {
                let carrier = model.carrier(&gone).unwrap();
                heal.replaces.entry(gone.clone()).or_default().insert(carrier);
                planned.to = planned.from.take().unwrap();
            } else {
                planned.reasons.clear();
                if version == Some(&OLD) {
                    planned.to = planned.from.clone().unwrap();
                }
            }
        }
        model.opened_only();
        model.attach();
        let end = walk(&mut model, &heal, Goal::Finish, 1_500);
        assert_eq!(end, End::Done, "{verified}: {:#?}", model.story);
        whole(&model, 3);
    }
}
