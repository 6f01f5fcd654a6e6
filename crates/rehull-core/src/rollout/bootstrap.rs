//! Creates a cluster, once: all machines warm, all slots in place, all told to go, then the identity record.
//!
//! Only legal without an identity record; the planner checks that no machine and no used volume exists.

use super::situation::{Health, Situation, SlotSituation};
use super::slot_move;
use super::tick::Tick;
use super::{gates, launch_template};
use crate::domain::action::Action;
use crate::domain::fleet::{BootPhase, Join};
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
    let mut ready = true;
    for slot in &now.slots {
        ready &= in_place(now, slot, tick);
    }
    if !ready {
        return;
    }
    let mut healthy = true;
    for slot in &now.slots {
        healthy &= started(now, slot, journal, tick);
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
fn in_place(now: &Situation<'_>, slot: &SlotSituation<'_>, tick: &mut Tick) -> bool {
    let step = &slot.plan.step;
    let Some(new) = slot.new else {
        if let Some(version) = now.template_version(slot.plan) {
            let action = Action::LaunchMachine {
                slot: slot.name().clone(),
                template: slot.plan.slot.launch_template.clone(),
                version: version.version,
                digest: slot.plan.to.digest.clone(),
                join: Join::Bootstrap,
                generation: Generation(1),
            };
            tick.act(step, action);
        }
        return false;
    };
    let report = new.report.as_ref();
    match report.map(|report| &report.phase) {
        Some(BootPhase::Refused) => {
            let code = report.map(|r| r.code.clone()).unwrap_or_default();
            let text = report.map(|r| r.text.clone()).unwrap_or_default();
            tick.stop(StopReason::BootRefused {
                machine: new.id.clone(),
                code,
                text,
            });
            false
        }
        Some(BootPhase::Warm | BootPhase::Starting | BootPhase::Running) => {
            slot_move::to_the_new(slot, new, tick)
        }
        None | Some(BootPhase::Fetching | BootPhase::Stopped | BootPhase::Other(_)) => {
            let deadline = now.plan.envelope.policy.boot_deadline;
            let until = new
                .launched_at
                .unwrap_or(now.seen.at)
                .checked_add(deadline)
                .unwrap_or(now.seen.at);
            if now.seen.at > until {
                let what = format!(
                    "machine {} of {} did not become warm in time",
                    new.id,
                    slot.name()
                );
                tick.stop(StopReason::Deadline { what });
            }
            tick.wait(
                step,
                WaitingOn::Boot {
                    machine: new.id.clone(),
                    phase: "booting".to_owned(),
                    until,
                },
            );
            false
        }
    }
}

/// Told to go and healthy.
fn started(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView, tick: &mut Tick) -> bool {
    let Some(new) = slot.new else { return false };
    let go = Action::Go {
        slot: slot.name().clone(),
        machine: new.id.clone(),
        with_spare: false,
    };
    if !new.go {
        tick.act(&slot.plan.step, go);
        return false;
    }
    if slot.standing() == Health::Healthy {
        return true;
    }
    let begun = journal.done_at(&go.key()).unwrap_or(now.seen.at);
    let until = begun
        .checked_add(now.plan.envelope.policy.join_deadline)
        .unwrap_or(now.seen.at);
    if now.seen.at > until {
        let what = format!("{} did not start in time: {}", slot.name(), gates::describe(slot));
        tick.stop(StopReason::Deadline { what });
    }
    tick.wait(
        &slot.plan.step,
        WaitingOn::Join {
            lacks: gates::describe(slot),
            lag: None,
            until,
        },
    );
    false
}
