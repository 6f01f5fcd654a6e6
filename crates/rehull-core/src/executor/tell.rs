//! What a run tells while it works: what is completed, and what is waited for, each of it once.

use super::driver::Driver;
use crate::domain::waiting::Waiting;
use crate::event::{Event, What};
use crate::rollout::{Progress, Reading, Rolled, progress};

impl Driver<'_> {
    /// Tells what has been completed in what was looked at.
    pub(super) fn tell_progress(&mut self, reading: &Reading<'_>) {
        let Progress { done, rolled, margin } = progress(reading, self.journal.view(), &self.told_done);
        self.margin = margin;
        for Rolled { step, new, old, .. } in rolled {
            if self.told_rolled.insert(step.clone(), (new, old)) != Some((new, old)) {
                self.emit(What::Rolled { step, new, old });
            }
        }
        for step in done {
            self.told_done.insert(step.clone());
            self.emit(What::StepDone { step });
        }
    }

    pub(super) fn tell_waiting(&mut self, waiting: Vec<Waiting>) {
        let margin = self.margin;
        let silent = self.told_waiting.is_none() && waiting.is_empty();
        let told = self
            .told_waiting
            .as_ref()
            .is_some_and(|told| told.0 == waiting && told.1 == margin);
        if silent || told {
            return;
        }
        self.emit(What::Waiting {
            waiting: waiting.clone(),
            margin,
        });
        self.told_waiting = Some((waiting, margin));
    }

    pub(super) fn emit(&self, what: What) {
        let rollout = self.journal.scope().rollout.clone();
        self.watch.events.emit(&Event {
            at: self.ports.clock.now(),
            rollout,
            what,
        });
    }
}
