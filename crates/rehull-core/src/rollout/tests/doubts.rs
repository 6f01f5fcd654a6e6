//! What a machine was told counts from when it was told, also while nobody knows whether the call came through.

use super::model::{Model, plan};
use super::{End, Outcome, tick, walk};
use crate::domain::action::Action;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::WaitingOn;
use crate::rollout::{Goal, Next, decide};

/// A process that attached longer ago than any patience, and the answer to the first such action is lost.
fn after_a_lost_answer(is_it: fn(&Action) -> bool) -> Model {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    model.attach();
    (0..700).for_each(|_| model.advance());
    for _ in 0..600 {
        let mut lost = false;
        let mut fate = |action: &Action| {
            if lost || !is_it(action) {
                return Outcome::Done;
            }
            lost = true;
            Outcome::KilledAfter
        };
        assert_eq!(tick(&mut model, &plan, Goal::Finish, &mut fate), Ok(None));
        if lost {
            return model;
        }
        model.advance();
    }
    panic!("no such action: {:#?}", model.story);
}

#[test]
fn a_stop_whose_answer_was_lost_is_not_called_ungraceful_before_its_time() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = after_a_lost_answer(|action| matches!(action, Action::AskStop { .. }));
    let Next::Continue { act, waiting, .. } = decide(&plan, &model.observe(), &model.journal(), Goal::Finish)
    else {
        panic!("stopped")
    };
    assert_eq!(act, []);
    assert!(
        matches!(waiting[0].on, WaitingOn::Stop { until, .. } if until > model.at),
        "{waiting:?}"
    );
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 600), End::Done);
}

#[test]
fn a_go_whose_answer_was_lost_does_not_end_the_rollout_as_too_late() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = after_a_lost_answer(|action| matches!(action, Action::Go { .. }));
    let Next::Continue { waiting, .. } = decide(&plan, &model.observe(), &model.journal(), Goal::Finish)
    else {
        panic!("stopped")
    };
    assert!(
        matches!(waiting[0].on, WaitingOn::Join { until, .. } if until > model.at),
        "{waiting:?}"
    );
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 600), End::Done);
}
