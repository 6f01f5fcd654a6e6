//! Machines of which nothing good is to be expected are given up by whoever attaches later; their slot is filled again.
//!
//! The process that saw it first stops, for a person shall see it, and what is only slow has come up meanwhile. Whoever
//! attaches after that wants to go on: waiting once more as long, or reading the same refusal, would lead to the same
//! stop. A new machine has the whole patience for itself, so a broken cause costs one machine per resume.

use std::time::Duration;

use jiff::Timestamp;

use super::situation::SlotSituation;
use super::step::{Step, is_verified, refusal};
use super::tick::Tick;
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::Machine;
use crate::mutant::mutant;

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

/// No etcd runs on it, as far as anybody can tell. Should one run all the same, its vote may only be missed where a
/// quorum holds without it, or where none is left to lose. Of several one goes at a time.
pub(super) fn unbooted(step: &Step<'_>, machine: &Machine, tick: &mut Tick) {
    let idle = !machine.go && !step.slot.has_part_at(machine);
    if !idle && tick.one_is_out() {
        return;
    }
    let silent = step.slot.endpoint.answer().is_none();
    let quorum_without = silent && step.now.standing().margin() >= 0;
    if idle || quorum_without || no_quorum_is_left(step) || step.others_green(tick) {
        if !idle {
            tick.takes_one_out();
        }
        terminate(step, machine, TerminateWhy::DidNotBoot, tick);
    }
}

/// Somebody is heard, so the silence of others is not ours, and nobody serves.
pub(super) fn no_quorum_is_left(step: &Step<'_>) -> bool {
    let heard = |slot: &SlotSituation<'_>| match slot.endpoint {
        Endpoint::Answered(_) | Endpoint::Refused => true,
        Endpoint::Silent(_) | Endpoint::Strange(_) => false,
    };
    step.now.all_slots().any(heard) && step.now.answers().all(|(_, answer)| !answer.serves)
}

/// It has refused, or its time to become warm was up, before this process took over.
pub(super) fn did_not_boot(step: &Step<'_>, machine: &Machine) -> bool {
    if gave_up_here(step) {
        return false;
    }
    if refusal(machine).is_some() {
        return was_launched_before_us(step, machine);
    }
    let patience = step.now.plan.envelope.policy.boot_deadline;
    !machine.go && !is_verified(machine) && was_over(step, launched_at(step, machine), patience)
}

/// The patience with something that began then had ended before this process took over.
pub(super) fn was_over(step: &Step<'_>, began: Option<Timestamp>, patience: Duration) -> bool {
    mutant!(GiveUpAtOnce => return began.is_some());
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

/// By the journal's clock, which is also that of the holder's arrival; what another rollout launched by EC2's. Whatever
/// clocks say, a process gives up one machine per slot: the next one that does not boot is said.
fn was_launched_before_us(step: &Step<'_>, machine: &Machine) -> bool {
    let Some((_, attached)) = step.journal.holder() else {
        return false;
    };
    !gave_up_here(step) && launched_at(step, machine).is_some_and(|launched| launched < attached)
}

fn gave_up_here(step: &Step<'_>) -> bool {
    let attached = step.journal.holder().map(|(_, at)| at);
    let gave_up = step.journal.gave_up_at(step.slot.name());
    gave_up.is_some_and(|at| attached.is_some_and(|attached| at >= attached))
}

fn launched_at(step: &Step<'_>, machine: &Machine) -> Option<Timestamp> {
    launch_done_at(step, machine).or(machine.launched_at)
}

/// When this rollout last launched such a machine for the slot.
fn launch_done_at(step: &Step<'_>, machine: &Machine) -> Option<Timestamp> {
    step.journal
        .launched_at(step.slot.name(), machine.digest.as_ref()?, machine.generation?)
}
