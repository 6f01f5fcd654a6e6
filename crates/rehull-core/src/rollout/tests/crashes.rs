//! rehull is killed before and after every single action of a whole rollout, and the next one must end the same.

use super::model::{Model, NEW, plan};
use super::{End, Outcome, tick, walk};
use crate::domain::policy::EtcdStrategy;
use crate::rollout::Goal;

/// Walks with a crash at action number `at`; true when there was such an action.
fn walk_with_crash(model: &mut Model, strategy: EtcdStrategy, at: usize, outcome: Outcome) -> bool {
    let plan = plan(3, strategy);
    let mut count = 0;
    for _ in 0..600 {
        let mut crashed = false;
        let end = tick(model, &plan, Goal::Finish, &mut |_| {
            count += 1;
            if count == at {
                crashed = true;
                return outcome;
            }
            Outcome::Done
        });
        if crashed {
            // A new process needs a moment; the world does not wait for it.
            (0..5).for_each(|_| model.advance());
            assert_eq!(
                walk(model, &plan, Goal::Finish, 600),
                End::Done,
                "crash at {at}: {:#?}",
                model.story
            );
            return true;
        }
        if end.unwrap().is_some() {
            return false;
        }
        model.advance();
    }
    panic!("no end");
}

#[test]
fn a_crash_before_or_after_any_action_changes_nothing_in_the_end() {
    for strategy in [
        EtcdStrategy::RemoveThenAdd,
        EtcdStrategy::Reattach,
        EtcdStrategy::LearnerFirst,
    ] {
        for outcome in [Outcome::KilledBefore, Outcome::KilledAfter] {
            let mut at = 0;
            loop {
                at += 1;
                let mut model = Model::ready_for(strategy, 3);
                let crashed = walk_with_crash(&mut model, strategy, at, outcome);
                assert_eq!(model.members.len(), 3);
                assert!(model.running.values().all(|version| *version == NEW) && model.running.len() == 3);
                assert_eq!(
                    model.machines.iter().filter(|machine| machine.is_live()).count(),
                    3,
                    "{at}"
                );
                if !crashed {
                    break;
                }
            }
            assert!(at > 30, "only {at} crash points");
        }
    }
}
