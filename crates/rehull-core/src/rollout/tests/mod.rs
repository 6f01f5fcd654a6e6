//! Stories of `decide` against a modelled cluster. Every tick is judged by `audit`, too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    clippy::unnecessary_wraps,
    reason = "a test that meets the unexpected shall fail loudly"
)]

mod act;
mod alarms;
mod boots_again;
mod bootstraps;
mod crashes;
mod dance;
mod doubts;
mod drains;
pub(crate) mod fixture;
mod going;
mod heals;
mod hung;
mod learners;
mod losses;
pub(crate) mod model;
mod preflight;
mod refusals;
mod removed;
mod risen;
mod servers;
mod steady;
mod stories;
mod terraform;
mod time;
mod ways_back;

use super::{Goal, Next, decide};
use crate::audit;
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::waiting::StopReason;
use crate::plan::RolloutPlan;
use model::Model;

/// How a walk ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Stopped(StopReason),
    /// Still waiting when the time was up; the last waits as text.
    Waiting(String),
}

/// Which actions of a tick come true.
type Fate<'a> = &'a mut dyn FnMut(&Action) -> Outcome;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Performed and reported.
    Done,
    /// rehull is killed after the intention, before the call.
    KilledBefore,
    /// rehull is killed after the call, before it could write the outcome.
    KilledAfter,
}

/// One tick; `None`: go on.
fn tick(model: &mut Model, plan: &RolloutPlan, goal: Goal, fate: Fate<'_>) -> Result<Option<End>, String> {
    let seen = model.observe();
    let next = decide(plan, &seen, &model.journal(), goal);
    match next {
        Next::Done => Ok(Some(End::Done)),
        Next::Stop(reason) => Ok(Some(End::Stopped(reason))),
        Next::Continue {
            act, mark, waiting, ..
        } => {
            audit::check_next(plan, &seen, &act).map_err(|violation| violation.to_string())?;
            for mark in &mark {
                model.mark(mark);
            }
            perform(model, &act, fate);
            if act.is_empty() && waiting.is_empty() && mark.is_empty() {
                return Err("a tick without action waits for nothing".to_owned());
            }
            Ok(None)
        }
    }
}

fn perform(model: &mut Model, act: &[(StepId, Action)], fate: Fate<'_>) {
    let attempts: Vec<u32> = act
        .iter()
        .map(|(step, action)| model.intend(step, action))
        .collect();
    for ((_, action), attempt) in act.iter().zip(attempts) {
        match fate(action) {
            Outcome::Done => {
                model.perform(action);
                model.settle(action, attempt, None);
            }
            Outcome::KilledBefore => return,
            Outcome::KilledAfter => {
                model.perform(action);
                return;
            }
        }
    }
}

/// Ticks until an end or the time is up. Quorum is asserted at every instant.
fn walk(model: &mut Model, plan: &RolloutPlan, goal: Goal, seconds: usize) -> End {
    // What was lost before counts for nobody: from here on it may not become worse.
    let alone = plan.envelope.slots.len() == 1;
    let quorum = if alone { 0 } else { model.voters() / 2 + 1 };
    let floor = quorum.min(model.healthy_voters());
    let mut last = String::new();
    for second in 1..=seconds {
        if let Some(end) = tick(model, plan, goal, &mut |_| Outcome::Done).unwrap() {
            return end;
        }
        assert!(
            !model.down.is_empty() || model.healthy_voters() >= floor,
            "only {} healthy voters",
            model.healthy_voters()
        );
        if second == seconds
            && let Next::Continue { waiting, .. } = decide(plan, &model.observe(), &model.journal(), goal)
        {
            last = format!("{waiting:?}");
        }
        model.advance();
    }
    End::Waiting(last)
}
