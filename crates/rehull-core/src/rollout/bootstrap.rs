//! Creates a cluster, once: all machines warm, all slots in place, all told to go, then the identity record.
//!
//! Only legal without an identity record; the planner checks that no machine and no used volume exists.

use super::boot::warm;
use super::situation::{Health, Situation};
use super::step::{Step, refusal};
use super::tick::Tick;
use super::{Goal, gates, give_up, launch_template, slot_move};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::fleet::{Join, Machine};
use crate::domain::ids::{Generation, StepId};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;

/// Proposes what brings the new cluster one stage further. At rest means: nothing was created, or the cluster is there.
pub(crate) fn next(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) {
    if now.seen.identity.is_some() {
        return;
    }
    if goal == Goal::Rest && !has_begun(now) {
        return let_go(now, tick);
    }
    if !launch_template::next(now, journal, tick) {
        return;
    }
    let steps = now.slots.iter().map(|slot| Step {
        now,
        slot,
        journal,
        hold: Vec::new(),
    });
    let steps: Vec<Step<'_>> = steps.collect();
    // A volume that is attached counts as used from then on, so nothing is attached before all machines have booted.
    let mut ready = true;
    for step in &steps {
        ready &= booted(step, goal, tick);
    }
    if !ready {
        return;
    }
    for step in &steps {
        ready &= step
            .slot
            .new
            .is_some_and(|new| slot_move::to_the_new(step.slot, new, tick));
    }
    if !ready {
        return;
    }
    let mut healthy = true;
    for step in &steps {
        healthy &= started(step, tick);
    }
    if !healthy {
        return;
    }
    if let Some((_, answer)) = now.answers().next() {
        tick.act(
            &StepId::new("identity"),
            Action::RecordIdentity {
                etcd_cluster: answer.cluster,
            },
        );
    }
}

/// Volume or interface of some slot is at its machine, or its volume is marked as used, which comes first.
fn has_begun(now: &Situation<'_>) -> bool {
    now.slots.iter().any(|slot| {
        let marked = slot.parts.is_some_and(|parts| parts.volume_generation.is_some());
        let holds = |machine: &Machine| machine.go || slot.has_part_at(machine);
        marked || slot.machines().any(holds)
    })
}

/// Nothing was created yet: what was launched goes.
fn let_go(now: &Situation<'_>, tick: &mut Tick) {
    for slot in &now.slots {
        let step = &slot.plan.step;
        for machine in slot.machines() {
            let (slot, machine) = (slot.name().clone(), machine.id.clone());
            let why = TerminateWhy::Unwanted;
            tick.act(step, Action::TerminateMachine { slot, machine, why });
        }
        for machine in slot.leaving_now() {
            let machine = machine.id.clone();
            tick.wait(step, WaitingOn::Termination { machine });
        }
    }
}

/// Launched, and warm or told to go already. On the way to rest nothing is launched.
fn booted(step: &Step<'_>, goal: Goal, tick: &mut Tick) -> bool {
    let slot = step.slot;
    let Some(new) = slot.new else {
        launch(step, goal, tick);
        return false;
    };
    if let Some(reason) = refusal(new).filter(|_| goal == Goal::Rest) {
        tick.stop(reason);
        return false;
    }
    !give_up::a_refusal(step, new, tick) && (new.go || warm(step, new, tick))
}

fn launch(step: &Step<'_>, goal: Goal, tick: &mut Tick) {
    let plan = step.slot.plan;
    if goal == Goal::Rest {
        let what = format!(
            "the machine of {} is gone in the middle of the creation: only going on can end it",
            plan.slot.name
        );
        return tick.stop(StopReason::OutsideEnvelope { what });
    }
    if let Some(version) = step.now.template_version(plan) {
        let action = Action::LaunchMachine {
            slot: step.name(),
            template: plan.slot.launch_template.clone(),
            version: version.version,
            digest: plan.to.digest.clone(),
            join: Join::Bootstrap,
            generation: Generation(1),
        };
        step.act(tick, action);
    }
}

/// Told to go and healthy.
fn started(step: &Step<'_>, tick: &mut Tick) -> bool {
    let slot = step.slot;
    let Some(new) = slot.new else { return false };
    let go = Action::Go {
        slot: step.name(),
        machine: new.id.clone(),
        with_spare: false,
    };
    if !new.go {
        step.act(tick, go);
        return false;
    }
    if slot.standing() == Health::Healthy {
        return true;
    }
    let told = step.journal.told_at(&go.key());
    let until = step.deadline(told, step.now.plan.envelope.policy.join_deadline);
    let lacks = gates::describe(slot);
    if step.now.seen.at > until {
        let what = format!("{} did not start in time: {lacks}", slot.name());
        tick.stop(StopReason::Deadline { what });
    }
    step.wait_for_join(lacks, until, tick);
    false
}
