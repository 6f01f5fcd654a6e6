//! Collects what one tick decides.

use std::time::Duration;

use super::Next;
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};

/// Look again soon: something is under way and answers within a second or two.
const SOON: Duration = Duration::from_millis(500);
/// Look again later: only time passes.
const LATER: Duration = Duration::from_secs(2);

/// Under construction.
#[derive(Debug, Default)]
pub(crate) struct Tick {
    act: Vec<(StepId, Action)>,
    waiting: Vec<Waiting>,
    mark: Vec<String>,
    stop: Option<StopReason>,
    one_out: bool,
}

impl Tick {
    pub(crate) fn act(&mut self, step: &StepId, action: Action) {
        self.act.push((step.clone(), action));
    }

    #[cfg(test)]
    pub(super) fn proposed(&self) -> impl Iterator<Item = &Action> {
        self.act.iter().map(|(_, action)| action)
    }

    pub(crate) fn wait(&mut self, step: &StepId, on: WaitingOn) {
        self.waiting.push(Waiting {
            step: step.clone(),
            on,
        });
    }

    pub(crate) fn mark(&mut self, mark: String) {
        self.mark.push(mark);
    }

    /// A machine that may carry a member is ended in this tick: nothing else may take one out.
    pub(crate) fn takes_one_out(&mut self) {
        self.one_out = true;
    }

    pub(crate) fn one_is_out(&self) -> bool {
        self.one_out
    }

    /// The first reason wins.
    pub(crate) fn stop(&mut self, reason: StopReason) {
        self.stop.get_or_insert(reason);
    }

    /// Forgets what was decided for other steps.
    pub(super) fn only(&mut self, keeps: impl Fn(&StepId) -> bool) {
        self.act.retain(|(step, _)| keeps(step));
        self.waiting.retain(|waiting| keeps(&waiting.step));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.act.is_empty() && self.waiting.is_empty() && self.mark.is_empty() && self.stop.is_none()
    }

    /// Nothing collected: done.
    pub(crate) fn into_next(self) -> Next {
        if let Some(reason) = self.stop {
            return Next::Stop(reason);
        }
        if self.is_empty() {
            return Next::Done;
        }
        let only_time = self.waiting.iter().all(|waiting| match waiting.on {
            WaitingOn::Bake { .. }
            | WaitingOn::Settle { .. }
            | WaitingOn::Canary { .. }
            | WaitingOn::LetGo { .. }
            | WaitingOn::Retry { .. } => true,
            WaitingOn::Unreadable { .. }
            | WaitingOn::Snapshot { .. }
            | WaitingOn::Terraform { .. }
            | WaitingOn::Boot { .. }
            | WaitingOn::Gate { .. }
            | WaitingOn::Leader { .. }
            | WaitingOn::Stop { .. }
            | WaitingOn::Slot { .. }
            | WaitingOn::Join { .. }
            | WaitingOn::Termination { .. }
            | WaitingOn::OtherMemberOut { .. }
            | WaitingOn::Launch { .. }
            | WaitingOn::Serving { .. }
            | WaitingOn::Floor { .. }
            | WaitingOn::NodeReady { .. }
            | WaitingOn::Drain { .. }
            | WaitingOn::DrainTurn { .. } => false,
        });
        let recheck = if only_time { LATER } else { SOON };
        Next::Continue {
            act: self.act,
            waiting: self.waiting,
            mark: self.mark,
            recheck,
        }
    }
}
