//! Decides what happens next. Plain functions: plan, snapshot and journal in, actions and waits out.

use std::time::Duration;

use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::observed::Observed;
use crate::domain::waiting::{StopReason, Waiting};
use crate::journal::JournalView;
use crate::plan::RolloutPlan;

/// Where a decision drives to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To the end of the plan.
    Finish,
    /// To the nearest resting place: nothing new is begun.
    Rest,
}

/// What one tick decides. `act` keeps every invariant for every subset and every order of completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue {
        /// To be performed now.
        act: Vec<(StepId, Action)>,
        /// Everything that is waited for.
        waiting: Vec<Waiting>,
        /// Instants to remember: timers run from the journal, never from memory.
        mark: Vec<String>,
        /// When to look again if nothing else happens.
        recheck: Duration,
    },
    /// The goal is reached (`Finish`: the plan is done; `Rest`: at rest).
    Done,
    /// A stop point with no way on by itself.
    Stop(StopReason),
}

/// The one decision function.
#[must_use]
pub fn decide(_plan: &RolloutPlan, _seen: &Observed, _journal: &JournalView, _goal: Goal) -> Next {
    Next::Done
}
