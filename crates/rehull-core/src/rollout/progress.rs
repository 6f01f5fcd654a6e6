//! How far a rollout has come, for people.

use std::collections::BTreeSet;

use super::situation::SlotSituation;
use super::{Reading, apiserver, join, spare, worker};
use crate::domain::ids::StepId;
use crate::journal::JournalView;

/// How far a rollout has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps that are done and were not before: the new member serves and the old machine is gone; a group has no old
    /// machine and is owed nothing.
    pub done: Vec<StepId>,
    /// Groups whose machines are replaced, as far as they can be read.
    pub rolled: Vec<Rolled>,
    /// As [`super::margin`] tells it.
    pub margin: i64,
}

/// How far a group has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rolled {
    /// Its step.
    pub step: StepId,
    /// Machines that were launched with the planned content.
    pub new: u32,
    /// Others.
    pub old: u32,
    /// Nothing is left to do.
    pub is_done: bool,
}

/// How far it has come since these steps were done, in one reading.
#[must_use]
pub fn progress(reading: &Reading<'_>, journal: &JournalView, before: &BTreeSet<StepId>) -> Progress {
    let Reading(now) = reading;
    let is_new = |slot: &&SlotSituation<'_>| slot.plan.changes() && !before.contains(&slot.plan.step);
    let done = |slot: &&SlotSituation<'_>| is_new(slot) && join::is_complete(now, slot, journal);
    let slots = now.slots.iter().filter(done);
    let spare = now
        .spare
        .iter()
        .filter(|spare| !before.contains(&spare.plan.step) && spare::is_done(now, spare, journal));
    let rolled: Vec<Rolled> = apiserver::rolled(now, journal)
        .into_iter()
        .chain(worker::rolled(now, journal))
        .collect();
    let groups = rolled
        .iter()
        .filter(|group| group.is_done && !before.contains(&group.step));
    let groups = groups.map(|group| group.step.clone());
    Progress {
        done: slots
            .chain(spare)
            .map(|slot| slot.plan.step.clone())
            .chain(groups)
            .collect(),
        rolled,
        margin: now.standing().margin(),
    }
}
