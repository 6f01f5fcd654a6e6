//! A member that somebody else has removed from the list. Its data never starts again, and nothing that was approved gives
//! the slot a new member: that is said, and once the patience with a member that joins is over, it is a stop.

use super::situation::{Situation, SlotSituation};
use super::step::Step;
use super::tick::Tick;
use super::{comeback, gates, steady};
use crate::domain::waiting::StopReason;
use crate::journal::JournalView;

const REMOVED: &str = "removed";
const LISTED: &str = "listed";

/// What is seen of a member that is out, for whoever waits for it.
pub(super) fn describe(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> String {
    let seen = gates::describe(slot);
    if by_others(now, slot, journal) {
        format!("removed from the list; {seen}")
    } else {
        seen
    }
}

/// Remembers since when, and stops after a while: a person may be at work and add it again. One that is back and is removed
/// once more is removed since then.
pub(super) fn watch(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    for slot in &now.slots {
        let name = slot.name();
        let times = steady::times(REMOVED, name, journal);
        let is_over = journal.marked_at(&steady::mark(LISTED, name, times)).is_some();
        if !by_others(now, slot, journal) {
            // Where nobody shows a list nothing is known of it.
            if times > 0 && !is_over && now.list_is_known() && slot.listed.is_some() {
                tick.mark(steady::mark(LISTED, name, times));
            }
            continue;
        }
        let time = if times == 0 || is_over {
            times.saturating_add(1)
        } else {
            times
        };
        let mark = steady::mark(REMOVED, name, time);
        let Some(since) = journal.marked_at(&mark).filter(|at| *at <= now.seen.at) else {
            tick.mark(mark);
            continue;
        };
        let step = Step {
            now,
            slot,
            journal,
            hold: Vec::new(),
        };
        let patience = now.plan.envelope.policy.join_deadline;
        if now.seen.at >= step.deadline(Some(since), patience) {
            let what = format!(
                "{name} was removed from the member list, not by this rollout, and what was removed never starts again: `rehull abort` ends this rollout, then `rehull etcd heal {name}` makes it a new member"
            );
            tick.stop(StopReason::OutsideEnvelope { what });
        }
    }
}

/// Its new member had joined before it was removed: an incident, and no open step.
pub(super) fn after_it_joined(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    gates::joined_at(slot, journal).is_some() && by_others(now, slot, journal)
}

/// It serves, and is verified together with all others; one of those was removed by somebody and never answers again. An abort
/// leaves it at that, so that the other one can be healed.
pub(super) fn leave_it_unverified(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    journal: &JournalView,
) -> bool {
    let is_verified_last = slot.serves_new() && gates::joined_at(slot, journal).is_some();
    is_verified_last && now.slots.iter().any(|other| by_others(now, other, journal))
}

/// Its machine runs and was not told to stop, or is gone, and all who answer agree on a list without it. Of a slot whose
/// switch has begun only once its new member has joined: until then it may be rehull that has removed the old one, whose
/// machine may live on for a while.
pub(super) fn by_others(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    let runs = || {
        slot.running_machines()
            .any(|machine| machine.go && !machine.stop_asked && slot.has_part_at(machine))
    };
    let is_gone = || slot.running_machines().all(|machine| !machine.go) && !journal.switches(slot.name());
    let is_untouched = !slot.stop_was_asked() && (!slot.plan.changes() || !slot.switch_has_begun());
    let has_joined = || gates::joined_at(slot, journal).is_some();
    now.list_is_known()
        && slot.listed.is_none()
        && (runs() || is_gone())
        && (is_untouched || has_joined())
        && !comeback::is_target(now, slot)
}
