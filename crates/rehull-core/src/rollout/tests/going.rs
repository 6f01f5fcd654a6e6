//! Members on their way out, by our doing: nobody else may be missed meanwhile. Found by `dance`.

use super::model::{Boots, Model, plan, slot_name};
use super::{End, walk};
use crate::audit;
use crate::domain::action::Action;
use crate::domain::ids::{InstanceId, StepId};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::plan::RolloutPlan;
use crate::rollout::{Goal, Next, decide};

/// What is decided now, after the audit has agreed to it.
fn agreed(model: &Model, plan: &RolloutPlan, goal: Goal) -> Vec<(StepId, Action)> {
    let seen = model.observe();
    match decide(plan, &seen, &model.journal(), goal) {
        Next::Continue { act, waiting, .. } => {
            assert_eq!(audit::check_next(plan, &seen, &act), Ok(()));
            assert!(
                waiting.iter().any(|one| matches!(one.on, WaitingOn::Gate { .. })),
                "{waiting:?}"
            );
            act
        }
        other => panic!("{other:?}"),
    }
}

fn until(model: &mut Model, plan: &RolloutPlan, goal: Goal, is_so: impl Fn(&Model) -> bool) {
    for _ in 0..200 {
        if is_so(model) {
            return;
        }
        walk(model, plan, goal, 1);
    }
    panic!("never so: {:#?}", model.story);
}

#[test]
fn a_machine_that_refused_is_not_ended_while_another_member_was_told_to_stop_and_still_answers() {
    let plan = plan(3, EtcdStrategy::Reattach);
    let mut model = Model::healthy(3);
    let old = |n: usize| InstanceId::new(format!("i-old-{n}"));
    model.deaf.insert(old(1));
    until(&mut model, &plan, Goal::Finish, |model| {
        model.story.iter().any(|key| key.starts_with("ask-stop i-old-1"))
    });
    // The next one is lost, comes back, and its machine refuses what it finds.
    model.kill_machine(&old(2));
    model.boots = Boots::RefusesVolume;
    let before = model.story.len();
    until(&mut model, &plan, Goal::Finish, |model| {
        model.story[before..].iter().any(|key| key.starts_with("go "))
    });
    let end = walk(&mut model, &plan, Goal::Finish, 5);
    assert!(
        matches!(end, End::Stopped(StopReason::BootRefused { .. })),
        "{end:?}"
    );
    model.attach();
    assert_eq!(agreed(&model, &plan, Goal::Finish), []);
    // It stops as it was told; the other one is lost, so there is no quorum until that one is back.
    model.boots = Boots::Well;
    model.deaf.clear();
    model.advance();
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 900),
        End::Done,
        "{:#?}",
        model.story
    );
}

#[test]
fn a_spare_that_has_stopped_is_not_released_while_nobody_can_show_the_member_list() {
    let plan = plan(3, EtcdStrategy::LearnerFirst);
    let mut model = Model::ready_for(EtcdStrategy::LearnerFirst, 3);
    until(&mut model, &plan, Goal::Finish, |model| {
        model.story.iter().any(|key| key.starts_with("verify-data"))
    });
    until(&mut model, &plan, Goal::Rest, |model| {
        model.story.iter().any(|key| key.starts_with("ask-stop"))
    });
    model.advance();
    model.down.insert(slot_name(0));
    assert_eq!(model.voters(), 4);
    assert_eq!(agreed(&model, &plan, Goal::Rest), []);
    model.down.clear();
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 100), End::Done);
    assert_eq!((model.members.len(), model.healthy_voters()), (3, 3));
}
