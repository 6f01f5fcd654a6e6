//! Machines of which nothing good is to be expected are given up by whoever attaches later; their slot is filled again.
//!
//! The process that saw it first stops, for a person shall see it, and what is only slow has come up meanwhile. Whoever
//! attaches after that wants to go on: waiting once more as long, or reading the same refusal, would lead to the same
//! stop. A new machine has the whole patience for itself, so a broken cause costs one machine per resume.

use std::time::Duration;

use jiff::Timestamp;

use super::step::{Step, is_warm, refusal};
use super::tick::Tick;
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::fleet::Machine;

/// A machine that has refused to boot: said, or given up. False: it has not refused.
pub(super) fn a_refusal(step: &Step<'_>, machine: &Machine, tick: &mut Tick) -> bool {
    let Some(reason) = refusal(machine) else {
        return false;
    };
    let answers = machine.go && step.slot.endpoint.answer().is_some();
    if was_launched_before_us(step, machine) && !answers {
        unbooted(step, machine, tick);
    } else {
        tick.stop(reason);
    }
    true
}

/// No etcd runs on it, as far as anybody can tell. Should one run all the same, its vote may only be missed where the
/// others do without it, or where no quorum is left to lose.
pub(super) fn unbooted(step: &Step<'_>, machine: &Machine, tick: &mut Tick) {
    let nobody_serves = step.now.answers().all(|(_, answer)| !answer.serves);
    let idle = !machine.go && !step.slot.has_part_at(machine);
    if idle || nobody_serves || step.others_green(tick) {
        terminate(step, machine, TerminateWhy::DidNotBoot, tick);
    }
}

/// It has refused, or its time to become warm was up, before this process took over.
pub(super) fn did_not_boot(step: &Step<'_>, machine: &Machine) -> bool {
    if refusal(machine).is_some() {
        return was_launched_before_us(step, machine);
    }
    let patience = step.now.plan.envelope.policy.boot_deadline;
    !machine.go && !is_warm(machine) && was_over(step, launched_at(step, machine), patience)
}

/// The patience with something that began then had ended before this process took over.
pub(super) fn was_over(step: &Step<'_>, began: Option<Timestamp>, patience: Duration) -> bool {
    let (Some(began), Some((_, attached))) = (began, step.journal.holder()) else {
        return false;
    };
    began.checked_add(patience).is_ok_and(|over| over <= attached)
}

/// What is over gets one look more, of a settling time: until when?
pub(super) fn last_look(step: &Step<'_>) -> Timestamp {
    let attached = step.journal.holder().map(|(_, at)| at);
    step.until(attached, step.now.plan.envelope.policy.settle)
}

pub(super) fn terminate(step: &Step<'_>, machine: &Machine, why: TerminateWhy, tick: &mut Tick) {
    let (slot, machine) = (step.name(), machine.id.clone());
    step.act(tick, Action::TerminateMachine { slot, machine, why });
}

/// By the journal's clock, which is also that of the holder's arrival. What another rollout launched was there before.
fn was_launched_before_us(step: &Step<'_>, machine: &Machine) -> bool {
    let Some((_, attached)) = step.journal.holder() else {
        return false;
    };
    launch_done_at(step, machine).is_none_or(|launched| launched < attached)
}

fn launched_at(step: &Step<'_>, machine: &Machine) -> Option<Timestamp> {
    launch_done_at(step, machine).or(machine.launched_at)
}

/// When this rollout last launched such a machine for the slot.
fn launch_done_at(step: &Step<'_>, machine: &Machine) -> Option<Timestamp> {
    step.journal
        .launched_at(step.slot.name(), machine.digest.as_ref()?, machine.generation?)
}
