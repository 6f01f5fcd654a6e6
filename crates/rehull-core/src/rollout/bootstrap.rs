//! Creates a cluster, once: all machines warm, all slots in place, all told to go, then the identity record.
//!
//! Only legal without an identity record; the planner checks that no machine and no used volume exists.

use super::situation::{Health, Situation};
use super::step::{Step, warm};
use super::tick::Tick;
use super::{gates, give_up, launch_template, slot_move};
use crate::domain::action::Action;
use crate::domain::fleet::Join;
use crate::domain::ids::{Generation, StepId};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;

/// Proposes what brings the new cluster one stage further.
pub(crate) fn next(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    if now.seen.identity.is_some() {
        return;
    }
    if !launch_template::next(now, tick) {
        return;
    }
    let steps = now.slots.iter().map(|slot| Step {
        now,
        slot,
        journal,
        hold: Vec::new(),
    });
    let steps: Vec<Step<'_>> = steps.collect();
    let mut ready = true;
    for step in &steps {
        ready &= in_place(step, tick);
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

/// Launched, warm, volume and interface attached.
fn in_place(step: &Step<'_>, tick: &mut Tick) -> bool {
    let slot = step.slot;
    let Some(new) = slot.new else {
        if let Some(version) = step.now.template_version(slot.plan) {
            let action = Action::LaunchMachine {
                slot: step.name(),
                template: slot.plan.slot.launch_template.clone(),
                version: version.version,
                digest: slot.plan.to.digest.clone(),
                join: Join::Bootstrap,
                generation: Generation(1),
            };
            step.act(tick, action);
        }
        return false;
    };
    if give_up::a_refusal(step, new, tick) || !new.go && !warm(step, new, tick) {
        return false;
    }
    slot_move::to_the_new(slot, new, tick)
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
    let told = step.journal.done_at(&go.key());
    let until = step.deadline(told, step.now.plan.envelope.policy.join_deadline);
    let lacks = gates::describe(slot);
    if step.now.seen.at > until {
        let what = format!("{} did not start in time: {lacks}", slot.name());
        tick.stop(StopReason::Deadline { what });
    }
    step.wait(
        tick,
        WaitingOn::Join {
            lacks,
            lag: None,
            until,
        },
    );
    false
}
