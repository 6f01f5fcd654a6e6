//! The snapshot before the first change: streamed, verified, test-restored, uploaded. A job; its fact is in the store.

use super::situation::Situation;
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::observed::JobState;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::{ActionPast, JournalView};
use crate::mutant::mutant;
use crate::plan::RolloutKind;

/// A job that failed this often is not started again by itself.
const TRIES_MAX: u32 = 3;

/// Proposes or waits for the snapshot; returns the wait that holds the first switch back.
pub(crate) fn next(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) -> Option<WaitingOn> {
    mutant!(ForgetSnapshot => return None);
    let wanted = match now.plan.envelope.kind {
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } | RolloutKind::Replace { .. } => true,
        // Nothing to lose yet; and a dead member is brought back before anything else is read in full.
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
    };
    if !wanted || !now.plan.envelope.policy.snapshot {
        return None;
    }
    let step = StepId::new("snapshot");
    let action = Action::StartSnapshot;
    let bytes = match &now.seen.jobs.snapshot {
        JobState::Done(_) => return None,
        JobState::Running { bytes } => *bytes,
        JobState::Absent => {
            tick.act(&step, action);
            0
        }
        JobState::Failed { why } => {
            let tries = journal.past(&action.key()).map_or(0, ActionPast::tries);
            if tries >= TRIES_MAX {
                tick.stop(StopReason::Refused {
                    action: action.verb().to_owned(),
                    text: why.clone(),
                });
            } else {
                tick.act(&step, action);
            }
            0
        }
    };
    tick.wait(&step, WaitingOn::Snapshot { bytes });
    Some(WaitingOn::Snapshot { bytes })
}
