//! The old member leaves: leadership elsewhere, then a graceful stop that is observed before anything depends on it.

use super::situation::Health;
use super::step::Step;
use super::tick::Tick;
use super::{alarm, steady};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::fleet::{BootPhase, Machine, MachineState};
use crate::domain::ids::{MemberId, SlotName};
use crate::domain::waiting::WaitingOn;
use crate::mutant::mutant;

/// Stages 3 and 4: leader away, graceful stop observed. A dead old machine is stopped already.
pub(super) fn old_is_stopped(step: &Step<'_>, tick: &mut Tick) -> bool {
    let active: Vec<&Machine> = step
        .slot
        .old
        .iter()
        .copied()
        .filter(|m| m.go && !is_stopped(m))
        .collect();
    let answering = step.slot.endpoint.answer().is_some();
    if active.is_empty() {
        if answering {
            // Reported as stopped, yet something answers at its address: look again before touching anything.
            step.wait(
                tick,
                WaitingOn::Slot {
                    part: "etcd".to_owned(),
                    state: "still answers".to_owned(),
                },
            );
        }
        return !answering;
    }
    let asked = active.iter().all(|machine| machine.stop_asked);
    mutant!(ResumeByPosition => if asked { return true });
    if !asked {
        if !step.others_green(tick) || !leadership_elsewhere(step, tick) {
            return false;
        }
        for machine in active.iter().filter(|machine| !machine.stop_asked) {
            step.act(
                tick,
                Action::AskStop {
                    slot: step.name(),
                    machine: machine.id.clone(),
                },
            );
        }
        return false;
    }
    for machine in active {
        wait_for_stop(step, machine, answering, tick);
    }
    false
}

/// Of a machine that was told to. `answering`: its etcd still does.
fn wait_for_stop(step: &Step<'_>, machine: &Machine, answering: bool, tick: &mut Tick) {
    let ask = Action::AskStop {
        slot: step.name(),
        machine: machine.id.clone(),
    };
    let until = step.deadline(
        step.journal.told_at(&ask.key()),
        step.now.plan.envelope.policy.stop_deadline,
    );
    let is_late = step.now.seen.at >= until;
    if is_late
        && answering
        && let Some(reason) = alarm::raised(step.now)
    {
        // Whoever has not heard that it should stop is a member still.
        return tick.stop(reason);
    }
    // It is the one that we take out; ended hard it must not cost the quorum that others hold.
    if (is_late || mutant!(EndAtOnce)) && step.others_green(tick) {
        let why = TerminateWhy::UngracefulStop;
        step.act(
            tick,
            Action::TerminateMachine {
                slot: step.name(),
                machine: machine.id.clone(),
                why,
            },
        );
    }
    step.wait(
        tick,
        WaitingOn::Stop {
            machine: machine.id.clone(),
            until,
        },
    );
}

/// Graceful stop reported by the machine, or power off according to EC2.
fn is_stopped(machine: &Machine) -> bool {
    let reported = machine
        .report
        .as_ref()
        .is_some_and(|report| report.phase == BootPhase::Stopped);
    reported || matches!(machine.state, MachineState::Stopped)
}

/// Stage 3. True when the slot's member does not lead (any more), or nobody else could.
fn leadership_elsewhere(step: &Step<'_>, tick: &mut Tick) -> bool {
    mutant!(KeepLeadership => return true);
    let Some(answer) = step.slot.endpoint.answer() else {
        return true;
    };
    if answer.leader != Some(answer.id) {
        return true;
    }
    let Some((to, to_id)) = next_leader(step, answer.id) else {
        return step.now.slots.len() == 1;
    };
    let action = Action::MoveLeader {
        from: step.name(),
        from_id: answer.id,
        to,
        to_id,
    };
    step.wait(tick, WaitingOn::Leader { from: step.name() });
    step.act(tick, action);
    false
}

/// Healthy voters: those that have not fallen in this rollout first, then those whose last transfer did not fail, then
/// those that already run the new version.
fn next_leader(step: &Step<'_>, from_id: MemberId) -> Option<(SlotName, MemberId)> {
    let mut targets: Vec<_> = step
        .now
        .others(step.slot.name())
        .filter(|slot| slot.standing() == Health::Healthy)
        .filter_map(|slot| slot.endpoint.answer().map(|answer| (slot, answer)))
        .map(|(slot, answer)| {
            let to = slot.name().clone();
            let key = Action::MoveLeader {
                from: step.name(),
                from_id,
                to: to.clone(),
                to_id: answer.id,
            }
            .key();
            let failed = step.journal.past(&key).is_some_and(|past| past.failed.is_some());
            let ends = steady::ends(&to, step.journal);
            let old = answer.version != slot.plan.to.version;
            (ends, failed, old, to, answer.id)
        })
        .collect();
    targets.sort_by_key(|(ends, failed, old, _, _)| (*ends, *failed, *old));
    targets.into_iter().next().map(|(.., to, id)| (to, id))
}
