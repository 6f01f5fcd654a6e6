//! A member whose machine was lost behind our back comes back as it was: the same member, on its own data, with the
//! content that its machine had.
//!
//! It needs no quorum and no vote, so it also works when more than one is lost, and an incident never starts or skips a
//! step of an upgrade: snapshot, bake and order are waited for as if nothing had happened. A slot whose switch rehull
//! itself has begun is not lost; there the way is forward.

use super::boot::warm;
use super::situation::{Health, Situation, SlotSituation, is_off};
use super::slot_move;
use super::step::Step;
use super::tick::Tick;
use super::{Goal, gates, give_up, join};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::{Join, Machine, MachineState};
use crate::domain::ids::Generation;
use crate::domain::waiting::StopReason;
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::{RolloutKind, SlotContent};

/// How a lost member comes back.
pub(crate) struct Comeback<'a> {
    content: &'a SlotContent,
    generation: Generation,
    /// The machine that will carry it, once launched.
    machine: Option<&'a Machine>,
}

/// `Some`: nothing runs this slot's member any more, though it is still a member and its data is there.
pub(crate) fn lost<'a>(now: &Situation<'a>, slot: &SlotSituation<'a>) -> Option<Comeback<'a>> {
    let runs = |machine: &Machine| machine.go && machine.state != MachineState::Stopped;
    // What cannot be brought back at all is asked first: then any machine that may run keeps the slot from being lost.
    let generation = slot.parts?.volume_generation?;
    let content = content(now, slot)?;
    let carries = |machine: &Machine| {
        machine.join == Some(Join::Reattach)
            && machine.digest.as_ref() == Some(&content.digest)
            && machine.generation == Some(generation)
            && !machine.stop_asked
    };
    // Only a machine of this very return is known to run nothing because it has refused: etcd may go on running on any
    // other one whose boot script began anew and refused.
    let may_run = |machine: &Machine| runs(machine) && !(machine.has_refused() && carries(machine));
    if slot
        .machines()
        .any(|machine| may_run(machine) && !mutant!(SilentIsLost))
        || slot.endpoint.answer().is_some()
    {
        return None;
    }
    if switch_is_ours(slot) || is_target(now, slot) {
        return None;
    }
    let still_a_member = match (&now.members, slot.listed) {
        (Err(_), _) => false,
        (Ok(_), Some(line)) => !line.name.is_empty(),
        // Without a quorum nobody can show a list. A member that was removed all the same is refused by etcd itself.
        (Ok(list), None) => list.is_empty(),
    };
    still_a_member.then(|| Comeback {
        content,
        generation,
        // Of several the one that has the parts already: what was moved once is not moved again.
        machine: slot
            .running_machines()
            .filter(|machine| carries(machine))
            .min_by_key(|machine| !slot.has_part_at(machine)),
    })
}

/// rehull itself asked for the stop, or has moved the slot to a machine that joins as a new member.
fn switch_is_ours(slot: &SlotSituation<'_>) -> bool {
    let joins_anew = |new: &Machine| new.join != Some(Join::Reattach) && slot.has_part_at(new);
    slot.stop_was_asked() || slot.new.is_some_and(joins_anew)
}

/// Healing and replacing are about this very slot: a person has asked for its way forward.
pub(super) fn is_target(now: &Situation<'_>, slot: &SlotSituation<'_>) -> bool {
    match &now.plan.envelope.kind {
        RolloutKind::Heal { slot: target } | RolloutKind::Replace { slot: target } => target == slot.name(),
        RolloutKind::Bootstrap => true,
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } => false,
    }
}

/// What the machine had that ran this member last.
fn content<'a>(now: &Situation<'_>, slot: &SlotSituation<'a>) -> Option<&'a SlotContent> {
    let (from, to) = (slot.plan.from.as_ref(), &slot.plan.to);
    let last = match slot.last_started().and_then(|machine| machine.digest.as_ref()) {
        Some(digest) if *digest == to.digest => to,
        Some(digest) => from.filter(|from| from.digest == *digest)?,
        // EC2 forgets a terminated machine after about an hour. A slot that this rollout leaves alone is to run what it ran.
        None => match from {
            Some(from) => from,
            None if slot.plan.changes() => return None,
            None => to,
        },
    };
    // Machines are told apart by when they were launched, and one that was launched early may have been told to go late.
    // The cluster version knows better: it rises only once every listed member tells at least as much of itself, and
    // after that nobody starts below it. So this member has run what the slot is to become.
    let has_run_more = |risen: (u32, u32)| last.version.line() < risen && to.version.line() >= risen;
    if now.cluster_version().is_some_and(has_run_more) {
        return Some(to);
    }
    Some(last)
}

/// Proposes what brings a lost member one stage further back. False: on the way to rest it is not waited for, because
/// the machine that should bring it back did not boot; it stays where it is, and healing the member replaces it. Without a
/// quorum of several nothing could be healed, so there the rollout stays open.
pub(crate) fn next(step: &Step<'_>, back: &Comeback<'_>, goal: Goal, tick: &mut Tick) -> bool {
    let did_not_boot = |machine| give_up::did_not_boot(step, machine) && was_launched_in_vain(step, machine);
    let can_be_healed = step.now.standing().margin() >= 0 || step.now.slots.len() == 1;
    if goal == Goal::Rest && can_be_healed && back.machine.is_some_and(did_not_boot) {
        return false;
    }
    bring(step, back, tick);
    true
}

/// This rollout has launched it, and its member was never seen in step on it. What carried the member before, and refuses
/// since it booted again, is no try to bring it back.
fn was_launched_in_vain(step: &Step<'_>, machine: &Machine) -> bool {
    let (digest, generation) = (machine.digest.as_ref(), machine.generation);
    let launched = digest
        .zip(generation)
        .and_then(|(digest, generation)| step.journal.launched_at(step.slot.name(), digest, generation));
    let joined = gates::joined_mark(step.slot.name(), &machine.id);
    launched.is_some() && step.journal.marked_at(&joined).is_none()
}

fn bring(step: &Step<'_>, back: &Comeback<'_>, tick: &mut Tick) {
    let slot = step.slot;
    if let Some(reason) = gates::past_the_point(step.now, slot, back.content.version) {
        return tick.stop(reason);
    }
    let Some(machine) = back.machine else {
        let plan = slot.plan;
        let Some(version) = step.now.template_version_of(plan, &back.content.digest) else {
            let what = format!(
                "{} was lost, and launch template {} has no version {} any more to bring it back with",
                slot.name(),
                plan.slot.launch_template,
                back.content.digest
            );
            return tick.stop(StopReason::OutsideEnvelope { what });
        };
        return step.act(
            tick,
            Action::LaunchMachine {
                slot: step.name(),
                template: plan.slot.launch_template.clone(),
                version: version.version,
                digest: back.content.digest.clone(),
                join: Join::Reattach,
                generation: back.generation,
            },
        );
    };
    if give_up::a_refusal(step, machine, tick) {
        return;
    }
    if !warm(step, machine, tick) || !slot_move::to_the_new(slot, machine, tick) {
        return;
    }
    step.act(
        tick,
        Action::Go {
            slot: step.name(),
            machine: machine.id.clone(),
            with_spare: false,
        },
    );
}

/// After the return: its links have to grow old like those of any member that has joined, and what was switched off goes.
pub(crate) fn afterwards(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    journal: &JournalView,
    tick: &mut Tick,
) {
    if slot.standing() != Health::Healthy {
        return;
    }
    let is_new = |machine: &Machine| slot.new.is_some_and(|new| new.id == machine.id);
    if let Some(machine) = slot.carrier()
        && machine.go
        && !is_new(machine)
        && was_told_by_us(slot, machine, journal)
    {
        let mark = gates::joined_mark(slot.name(), &machine.id);
        if journal.marked_at(&mark).is_none_or(|at| at > now.seen.at) {
            tick.mark(mark);
        }
    }
    for machine in slot
        .old
        .iter()
        .filter(|machine| is_off(machine) && !slot.has_part_at(machine))
    {
        let action = Action::TerminateMachine {
            slot: slot.name().clone(),
            machine: machine.id.clone(),
            why: TerminateWhy::PoweredOff,
        };
        tick.act(&slot.plan.step, action);
    }
}

/// It was lost and is brought back by this rollout, or was told to start by it.
pub(super) fn is_ours(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    let told = |machine: &Machine| machine.go && was_told_by_us(slot, machine, journal);
    lost(now, slot).is_some() || slot.running_machines().any(told)
}

/// A member that was told to start and has not come up yet is waited for, also on the way to rest; not for ever. What
/// has refused after its machine booted again is given up, and comes back like a lost one.
pub(crate) fn is_returning(step: &Step<'_>, tick: &mut Tick) -> bool {
    let slot = step.slot;
    if slot.standing() == Health::Healthy {
        return false;
    }
    let refuses = |machine: &Machine| will_not_come_up(step.now, slot, machine);
    // Of a slot that changes, the new machine joins by its own step. Once that is over nobody looks after it there, and
    // what is only silent may be heard again; what refuses to boot never will.
    let joins = |machine: &Machine| slot.plan.changes() && slot.new.is_some_and(|new| new.id == machine.id);
    let step_is_over = join::was_complete_and_hangs(step.now, slot, step.journal);
    let is_ours = |machine: &Machine| {
        if joins(machine) {
            step_is_over && refuses(machine)
        } else {
            was_told_by_us(slot, machine, step.journal) || refuses(machine)
        }
    };
    let comes = |machine: &&Machine| machine.go && is_ours(machine);
    let Some(machine) = slot.running_machines().find(comes) else {
        return false;
    };
    if give_up::a_refusal(step, machine, tick) {
        return true;
    }
    let done = step.journal.told_at(&go_key(slot, machine));
    let until = step.deadline(done, step.now.plan.envelope.policy.join_deadline);
    if step.now.seen.at >= until {
        return false;
    }
    let lacks = gates::describe(slot);
    step.wait_for_join(lacks, until, tick);
    true
}

/// Whoever told it to go: it has booted again, its boot script refuses, and nothing listens at its port. Silence would
/// not say so: etcd may run on where the script alone began anew.
fn will_not_come_up(now: &Situation<'_>, slot: &SlotSituation<'_>, machine: &Machine) -> bool {
    let ends_here = machine.stop_asked || is_target(now, slot);
    machine.has_refused() && *slot.endpoint == Endpoint::Refused && slot.has_part_at(machine) && !ends_here
}

fn was_told_by_us(slot: &SlotSituation<'_>, machine: &Machine, journal: &JournalView) -> bool {
    journal.past(&go_key(slot, machine)).is_some()
}

fn go_key(slot: &SlotSituation<'_>, machine: &Machine) -> String {
    let go = Action::Go {
        slot: slot.name().clone(),
        machine: machine.id.clone(),
        with_spare: false,
    };
    go.key()
}
