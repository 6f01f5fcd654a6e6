//! Alarms: nothing is begun while one is raised, and without space a member that is out comes in all the same.

use super::model::{Model, OLD, plan, slot_name};
use super::stories::upgraded;
use super::{End, walk};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::Goal;

const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];
/// Longer than a whole upgrade of three members.
const LONG: usize = 900;

/// The cluster after so many seconds of an upgrade; `None`: it is over by then.
fn after(seconds: usize, strategy: EtcdStrategy, plan: &RolloutPlan) -> Option<Model> {
    let mut model = Model::ready_for(strategy, 3);
    let end = walk(&mut model, plan, Goal::Finish, seconds);
    (end != End::Done).then_some(model)
}

fn stops_for(alarm: &str, end: &End) -> bool {
    matches!(end, End::Stopped(StopReason::Alarm { alarm: raised, .. }) if raised == alarm)
}

/// How often somebody was asked to stop.
fn stops(model: &Model) -> usize {
    model
        .story
        .iter()
        .filter(|key| key.starts_with("ask-stop"))
        .count()
}

#[test]
fn without_space_the_member_that_is_out_comes_in_at_every_second_and_no_other_is_taken_out() {
    for strategy in ALL {
        let plan = plan(3, strategy);
        let (mut seconds, mut in_the_window, mut over) = (0, 0, 0);
        while let Some(mut model) = after(seconds, strategy, &plan) {
            let case = format!("{strategy:?}, raised after {seconds} s");
            let out = model.voters() > model.healthy_voters() || model.voters() < 3;
            let (begun, said) = (stops(&model), model.story.len());
            model.alarms = vec!["NOSPACE".to_owned()];
            let end = walk(&mut model, &plan, Goal::Finish, LONG);
            // With the last member in, nothing is left that an alarm could forbid.
            let is_over = end == End::Done;
            assert!(
                is_over || stops_for("NOSPACE", &end),
                "{case}: {end:?}: {:#?}",
                model.story
            );
            over += usize::from(is_over);
            assert!(model.healthy_voters() >= 3, "{case}: {:#?}", model.story);
            assert_eq!(stops(&model), begun, "{case}: {:#?}", model.story);
            in_the_window += usize::from(out && model.story.len() > said);

            model.alarms.clear();
            model.attach();
            let end = walk(&mut model, &plan, Goal::Finish, LONG);
            assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
            upgraded(&model, 3);
            seconds += 1;
        }
        assert!(in_the_window >= 3, "{strategy:?}: {in_the_window} of {seconds}");
        assert!(over > 0, "{strategy:?}: {seconds}");
    }
}

/// Whoever enters would copy the data, and it is not known whose data is right.
#[test]
fn with_corrupt_data_nothing_moves_at_any_second() {
    for strategy in ALL {
        let plan = plan(3, strategy);
        let mut seconds = 0;
        while let Some(mut model) = after(seconds, strategy, &plan) {
            let said = model.story.len();
            model.alarms = vec!["NOSPACE".to_owned(), "CORRUPT".to_owned()];
            let end = walk(&mut model, &plan, Goal::Finish, 30);
            assert!(stops_for("CORRUPT", &end), "{strategy:?}, {seconds} s: {end:?}");
            assert_eq!(
                model.story.len(),
                said,
                "{strategy:?}, {seconds} s: {:#?}",
                model.story
            );
            seconds += 1;
        }
        assert!(seconds > 60, "{strategy:?}: {seconds}");
    }
}

/// It was told to stop and did not hear it: a vote that may still be needed.
#[test]
fn without_space_a_member_that_does_not_stop_is_not_ended() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    let old = model.machines.iter().map(|machine| machine.id.clone()).collect();
    model.deaf = old;
    while stops(&model) == 0 {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    model.alarms = vec!["NOSPACE".to_owned()];
    let end = walk(&mut model, &plan, Goal::Finish, LONG);
    assert!(stops_for("NOSPACE", &end), "{end:?}: {:#?}", model.story);
    assert_eq!(model.healthy_voters(), 3, "{:#?}", model.story);
}

/// The machine of one member is gone; the margin is what the person needs for defragmenting the others.
#[test]
fn without_space_a_member_that_is_healed_comes_in() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let mut plan = plan(3, strategy);
        plan.envelope.kind = RolloutKind::Heal { slot: slot_name(1) };
        plan.envelope.to = OLD;
        for planned in &mut plan.envelope.slots {
            planned.to = planned.from.clone().unwrap();
            if planned.slot.name != slot_name(1) {
                planned.reasons.clear();
            }
        }
        plan.envelope.slots[1].from = None;
        let lost = || {
            let mut model = Model::healthy(3);
            let machine = model.carrier(&slot_name(1)).unwrap();
            model.kill_machine(&machine);
            model
        };
        let mut model = lost();
        model.alarms = vec!["NOSPACE".to_owned()];
        let end = walk(&mut model, &plan, Goal::Finish, LONG);
        assert_eq!(end, End::Done, "{strategy:?}: {:#?}", model.story);
        assert_eq!(model.healthy_voters(), 3, "{strategy:?}");
        assert_eq!(stops(&model), 0, "{strategy:?}: {:#?}", model.story);

        let mut model = lost();
        model.alarms = vec!["CORRUPT".to_owned()];
        let end = walk(&mut model, &plan, Goal::Finish, LONG);
        assert!(stops_for("CORRUPT", &end), "{strategy:?}: {end:?}");
        assert!(model.story.is_empty(), "{strategy:?}: {:#?}", model.story);
    }
}

/// Lost behind our back in the middle of an upgrade: it comes back on its own data, and nothing is begun.
#[test]
fn without_space_a_member_that_was_lost_comes_back_and_then_the_rollout_stops() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let plan = plan(3, strategy);
        for seconds in [0, 5] {
            let mut model = Model::healthy(3);
            walk(&mut model, &plan, Goal::Finish, seconds);
            let machine = model.carrier(&slot_name(2)).unwrap();
            model.kill_machine(&machine);
            model.alarms = vec!["NOSPACE".to_owned()];
            let end = walk(&mut model, &plan, Goal::Finish, LONG);
            let case = format!("{strategy:?}, {seconds} s");
            assert!(stops_for("NOSPACE", &end), "{case}: {end:?}: {:#?}", model.story);
            assert_eq!(model.healthy_voters(), 3, "{case}: {:#?}", model.story);
            assert_eq!(stops(&model), 0, "{case}: {:#?}", model.story);
        }
    }
}
