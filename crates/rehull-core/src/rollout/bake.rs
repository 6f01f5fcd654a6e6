//! The bake before the point of no return: with one old member of a minor upgrade left, going back is still free.

use super::join;
use super::situation::{Situation, SlotSituation};
use super::tick::Tick;
use crate::domain::waiting::WaitingOn;
use crate::journal::JournalView;
use crate::mutant::mutant;

const MARK: &str = "bake";

/// The wait that holds the last switch back, if this slot is the last old one of a minor upgrade.
pub(crate) fn hold(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    journal: &JournalView,
    tick: &mut Tick,
) -> Option<WaitingOn> {
    mutant!(SkipBake => return None);
    let envelope = &now.plan.envelope;
    let last = now
        .others(slot.name())
        .all(|other| join::is_complete(now, other, journal));
    if !envelope.bakes() || !last {
        return None;
    }
    // One in the future was written before the clock went back: it is written again.
    let begun = journal.marked_at(MARK).filter(|at| *at <= now.seen.at);
    let Some(begun) = begun else {
        tick.mark(MARK.to_owned());
        return Some(WaitingOn::Bake {
            until: now.seen.at.checked_add(envelope.policy.bake).ok()?,
        });
    };
    let until = begun.checked_add(envelope.policy.bake).ok()?;
    (now.seen.at < until).then_some(WaitingOn::Bake { until })
}
