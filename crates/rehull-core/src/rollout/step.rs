//! What every stage of a step reads and says: the world, the slot, the journal, and the words for waiting.

use jiff::Timestamp;

use super::gates;
use super::situation::{Health, Situation, SlotSituation};
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::fleet::{BootPhase, Machine, MachineState};
use crate::domain::ids::SlotName;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;

/// What a step may read.
pub(crate) struct Step<'a> {
    pub(crate) now: &'a Situation<'a>,
    pub(crate) slot: &'a SlotSituation<'a>,
    pub(crate) journal: &'a JournalView,
    /// Waits that forbid taking the old member out (snapshot, bake); empty: it may begin.
    pub(crate) hold: Vec<WaitingOn>,
}

impl Step<'_> {
    pub(super) fn wait(&self, tick: &mut Tick, on: WaitingOn) {
        tick.wait(&self.slot.plan.step, on);
    }

    /// For a member that does not serve yet, so that nobody knows how far behind it is.
    pub(super) fn wait_for_join(&self, lacks: String, until: Timestamp, tick: &mut Tick) {
        let lag = None;
        self.wait(tick, WaitingOn::Join { lacks, lag, until });
    }

    pub(super) fn act(&self, tick: &mut Tick, action: Action) {
        tick.act(&self.slot.plan.step, action);
    }

    pub(super) fn name(&self) -> SlotName {
        self.slot.name().clone()
    }

    /// `start + limit`; an unknown start means that the full limit begins now.
    pub(super) fn until(&self, start: Option<Timestamp>, limit: std::time::Duration) -> Timestamp {
        let at = self.now.seen.at;
        start.unwrap_or(at).checked_add(limit).unwrap_or(Timestamp::MAX)
    }

    /// When a machine's patience ends. A process that has just taken over begins with the full limit again: whoever
    /// types `resume` wants to wait, not to be told at once that time was up an hour ago.
    pub(super) fn deadline(&self, start: Option<Timestamp>, limit: std::time::Duration) -> Timestamp {
        let attached = self.journal.holder().map(|(_, at)| at);
        self.until(start.max(attached), limit)
    }

    /// A gate wait if members that stay are not green.
    pub(super) fn others_green(&self, tick: &mut Tick) -> bool {
        let red = gates::red(self.now, self.slot.name());
        if red.is_empty() {
            return true;
        }
        self.wait(tick, WaitingOn::Gate { red });
        false
    }
}

/// A machine that will not start its etcd says so once and for all.
pub(super) fn refusal(machine: &Machine) -> Option<StopReason> {
    let report = machine.report.as_ref()?;
    match report.phase {
        BootPhase::Refused => Some(StopReason::BootRefused {
            machine: machine.id.clone(),
            code: report.code.clone(),
            text: report.text.clone(),
        }),
        BootPhase::Fetching
        | BootPhase::Warm
        | BootPhase::Starting
        | BootPhase::Running
        | BootPhase::Stopped
        | BootPhase::Other(_) => None,
    }
}

/// Everything is verified, and it waits for its go.
pub(super) fn is_warm(machine: &Machine) -> bool {
    let reported = machine.report.as_ref().map(|report| &report.phase);
    machine.state == MachineState::Running && reported == Some(&BootPhase::Warm)
}

/// The same, or it goes already: its report may be newer than its tags.
pub(super) fn is_verified(machine: &Machine) -> bool {
    is_warm(machine) || machine.says_that_etcd_starts()
}

/// A healthy member that stays, the one that joined longest ago: etcd judges by the *receiver's* own peer links.
pub(super) fn survivor(step: &Step<'_>) -> Option<SlotName> {
    let mut healthy: Vec<_> = step
        .now
        .others(step.slot.name())
        .filter(|slot| slot.standing() == Health::Healthy)
        .map(|slot| (gates::joined_at(slot, step.journal), slot.name().clone()))
        .collect();
    healthy.sort_by_key(|(joined, _)| *joined);
    healthy.into_iter().next().map(|(_, name)| name)
}

pub(super) fn boot_word(phase: &BootPhase) -> String {
    match phase {
        BootPhase::Fetching => "fetching",
        BootPhase::Warm => "warm",
        BootPhase::Starting => "starting",
        BootPhase::Running => "running",
        BootPhase::Stopped => "stopped",
        BootPhase::Refused => "refused",
        BootPhase::Other(word) => word,
    }
    .to_owned()
}
