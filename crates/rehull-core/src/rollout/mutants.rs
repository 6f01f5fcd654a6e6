//! Bugs on purpose that take more than a line.

use super::situation::{Situation, SlotSituation};
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::ids::SlotName;

/// Whoever asks one member to stop asks the next one too.
pub(super) fn two_at_once(now: &Situation<'_>, tick: &mut Tick) {
    let stopped = tick.proposed().find_map(|action| {
        let Action::AskStop { slot, .. } = action else {
            return None;
        };
        Some(slot.clone())
    });
    stop_another(now, stopped, |_| true, tick);
}

/// Goes on with the next member as soon as the new one was told to go, without waiting for it.
pub(super) fn hasty_next(now: &Situation<'_>, tick: &mut Tick) {
    let begun = tick.proposed().find_map(|action| {
        let Action::Go { slot, .. } = action else {
            return None;
        };
        Some(slot.clone())
    });
    stop_another(now, begun, |_| true, tick);
}

/// Takes any machine for one of the plan's.
pub(super) fn outside_the_plan(now: &Situation<'_>, tick: &mut Tick) {
    let nobody = SlotName::new("nobody");
    stop_another(now, Some(nobody), |slot| !slot.plan.changes(), tick);
}

fn stop_another(
    now: &Situation<'_>,
    beside: Option<SlotName>,
    fits: impl Fn(&SlotSituation<'_>) -> bool,
    tick: &mut Tick,
) {
    let Some(beside) = beside else { return };
    let mut slots = now
        .slots
        .iter()
        .filter(|slot| *slot.name() != beside && fits(slot));
    let runs = |slot: &SlotSituation<'_>| {
        slot.carrier()
            .filter(|machine| machine.go && !machine.stop_asked)
            .cloned()
    };
    if let Some(machine) = slots.find_map(runs) {
        let (slot, step) = (machine.slot.clone(), now.slots[0].plan.step.clone());
        let machine = machine.id;
        tick.act(&step, Action::AskStop { slot, machine });
    }
}
