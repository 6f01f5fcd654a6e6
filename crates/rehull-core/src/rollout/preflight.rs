//! What is asked of all members once, before the first of them is taken out: does each take a write, is their data the
//! same? Afterwards it could only be guessed whether a newcomer brought the fault or found it.

use super::situation::Health;
use super::step::Step;
use super::tick::Tick;
use crate::domain::action::{Action, Preflight};
use crate::plan::RolloutKind;

/// True: passed in this rollout, by whichever process, or not wanted. Otherwise the next check is proposed; it is told
/// by the journal, and a member that went out meanwhile is a matter of the gates.
pub(super) fn passed(step: &Step<'_>, tick: &mut Tick) -> bool {
    let wanted = match step.now.plan.envelope.kind {
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } | RolloutKind::Replace { .. } => true,
        // No data yet; and with one member out not everybody can be asked, nor is anybody taken out.
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
    };
    // A vacant slot is filled in every kind of rollout, and its member cannot answer.
    let one_is_out = step.now.slots.iter().any(|slot| slot.standing() == Health::Out);
    if !wanted || one_is_out {
        return true;
    }
    // Whoever forbids the probe to write forbids it here, too: the certificate may not even be allowed to.
    let writes = step.now.plan.envelope.policy.probe.then_some(Preflight::Writes);
    // One member alone has nobody to be compared with.
    let data = (step.now.slots.len() > 1).then_some(Preflight::Data);
    let next = [writes, data]
        .into_iter()
        .flatten()
        .map(|check| Action::Preflight { check })
        .find(|action| step.journal.done_at(&action.key()).is_none());
    match next {
        Some(action) => {
            step.act(tick, action);
            false
        }
        None => true,
    }
}
