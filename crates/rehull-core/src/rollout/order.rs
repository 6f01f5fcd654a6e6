//! Whose turn it is: the slot whose switch has begun, before anybody else; then followers, the leader last.

use super::Goal;
use super::comeback;
use super::join;
use super::removed;
use super::situation::{Health, Situation, SlotSituation, is_off};
use crate::journal::JournalView;
use crate::mutant::mutant;

/// The answer of one tick.
pub(crate) struct Turn<'a> {
    /// Its switch has begun: from here the way is forward.
    pub(crate) begun: Option<&'a SlotSituation<'a>>,
    /// Would be begun next; nothing of it has been touched.
    pub(crate) next: Option<&'a SlotSituation<'a>>,
    /// Members that are out and not by our doing.
    pub(crate) out: Vec<&'a SlotSituation<'a>>,
    /// Slots with machines on their way to `terminated`.
    pub(crate) leaving: Vec<&'a SlotSituation<'a>>,
}

/// Chooses. Deterministic: ties fall to the order of the cluster file.
pub(crate) fn turn<'a>(now: &'a Situation<'a>, journal: &JournalView, goal: Goal) -> Turn<'a> {
    let is_lost = |slot: &SlotSituation<'_>| comeback::lost(now, slot).is_some();
    let open: Vec<&SlotSituation<'_>> = now
        .slots
        .iter()
        .filter(|slot| !join::is_complete(now, slot, journal) && !is_lost(slot))
        .filter(|slot| !join::was_complete_and_hangs(now, slot, journal))
        .filter(|slot| goal == Goal::Finish || !join::is_left_at_rest(now, slot, journal))
        .collect();
    let mut begun: Vec<&SlotSituation<'_>> = open
        .iter()
        .copied()
        .filter(|slot| {
            let is_open = is_vacant(slot) && !removed::by_others(now, slot, journal);
            !slot.is_yet_to_begin(journal) || is_open
        })
        .collect();
    // Of several (machines were lost, a person interfered), those that are out come back first, the nearest to serving
    // before the others. What serves already, be it the wrong release, is only verified or replaced, and for that all have to
    // be there; what had settled on its machine lacks nothing but a quorum.
    begun.sort_by_key(|slot| {
        (
            slot.standing() == Health::Healthy || join::has_settled(now, slot, journal),
            !slot.new.is_some_and(|m| m.go),
            slot.new.is_none(),
        )
    });
    let begun = begun.into_iter().next();
    let is_begun = |slot: &SlotSituation<'_>| begun.is_some_and(|other| other.name() == slot.name());
    let out: Vec<&SlotSituation<'_>> = now
        .slots
        .iter()
        .filter(|slot| slot.standing() == Health::Out && !is_begun(slot))
        .collect();
    let leader = now.leader().map(|slot| slot.name().clone());
    let mut waiting: Vec<&SlotSituation<'_>> = open.into_iter().filter(|slot| !is_begun(slot)).collect();
    waiting.sort_by_key(|slot| (leader.as_ref() == Some(slot.name()), slot.new.is_none()));
    mutant!(LeaderFirst => waiting.sort_by_key(|slot| leader.as_ref() != Some(slot.name())));
    let next = if goal == Goal::Finish {
        waiting.into_iter().next()
    } else {
        None
    };
    let leaving = now
        .slots
        .iter()
        .filter(|slot| !slot.leaving_now().is_empty())
        .collect();
    Turn {
        begun,
        next,
        out,
        leaving,
    }
}

/// Nothing runs its member or will by itself: it is out, and filling the slot is the only legal step.
fn is_vacant(slot: &SlotSituation<'_>) -> bool {
    slot.endpoint.answer().is_none() && slot.old.iter().all(|machine| is_off(machine))
}
