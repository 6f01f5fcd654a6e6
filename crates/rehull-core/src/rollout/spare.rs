//! The spare of `learner-first`: it has a member of its own while the others are replaced, and none before and after.
//!
//! It comes before the first slot and leaves after the last; at rest it is gone. With it there is one voter more than
//! slots, so a slot whose member is out leaves as many healthy voters as the cluster has in peace. Everything is read
//! from the world: whether it should be there follows from what is left to do.

use super::order::Turn;
use super::situation::{Health, Situation, SlotSituation, is_off};
use super::step::{Step, survivor};
use super::tick::Tick;
use super::{Goal, comeback, etcd_member, gates, join, launch_template, leave, removed, snapshot, steady};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::fleet::{BootPhase, Machine, MachineState};
use crate::domain::ids::InstanceId;
use crate::domain::quorum::Standing;
use crate::domain::waiting::WaitingOn;
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::RolloutKind;

/// Proposes what the spare needs now. True: it is its turn, and no slot is begun meanwhile.
pub(super) fn next(
    now: &Situation<'_>,
    journal: &JournalView,
    goal: Goal,
    turn: &Turn<'_>,
    tick: &mut Tick,
) -> bool {
    let Some(spare) = now.spare.as_ref().filter(|spare| spare.plan.changes()) else {
        return false;
    };
    let step = Step {
        now,
        slot: spare,
        journal,
        hold: Vec::new(),
    };
    // Without a quorum it cannot leave the list, and its vote may be what brings the quorum back.
    if !now.list_is_known()
        && let Some(back) = comeback::lost(now, spare)
    {
        return comeback::next(&step, &back, goal, tick);
    }
    if turn.begun.is_some_and(|slot| !is_in_the_way(spare, slot)) {
        return false;
    }
    let work_is_left = turn.begun.is_some() || turn.next.is_some();
    let votes = spare.standing() == Health::Healthy && !spare.is_going();
    if votes && stays(now, journal, goal, work_is_left) {
        return false;
    }
    if goal == Goal::Rest || !work_is_left {
        mutant!(KeepSpare => return false);
        go_away(&step, tick);
        return true;
    }
    if join::is_complete(now, spare, journal) {
        return false;
    }
    if spare.listed.is_some() && is_dead(spare) {
        drop_from_list(&step, tick);
    } else {
        come(&step, tick);
    }
    true
}

/// Somebody has removed one of the members, and until that one is healed the spare is the vote in its place: an abort leaves it
/// where it is, and it leaves at the end of the heal.
fn stays(now: &Situation<'_>, journal: &JournalView, goal: Goal, work_is_left: bool) -> bool {
    let is_gone = |slot: &SlotSituation<'_>| removed::by_others(now, slot, journal);
    let heals = matches!(now.plan.envelope.kind, RolloutKind::Heal { .. });
    if heals && goal == Goal::Finish {
        return work_is_left;
    }
    let is_missing = |slot: &SlotSituation<'_>| heals && slot.listed.is_none();
    let mut slots = now.slots.iter();
    goal == Goal::Rest && now.list_is_known() && slots.any(|slot| is_gone(slot) || is_missing(slot))
}

/// It has been there and is gone: nothing listed, no machine, no slot left to do.
pub(super) fn is_done(now: &Situation<'_>, spare: &SlotSituation<'_>, journal: &JournalView) -> bool {
    let slots_done = now.slots.iter().all(|slot| join::is_complete(now, slot, journal));
    spare.plan.changes() && slots_done && spare.listed.is_none() && spare.machines().next().is_none()
}

/// A spare that is listed and does not vote blocks the slot that has begun: etcd takes one learner at a time, and
/// gates are red. Not when that slot's own member is the newcomer: it may wait for this very list.
fn is_in_the_way(spare: &SlotSituation<'_>, begun: &SlotSituation<'_>) -> bool {
    let newcomer = begun
        .listed
        .is_some_and(|line| line.learner || line.name.is_empty());
    spare.listed.is_some() && spare.standing() != Health::Healthy && !newcomer
}

/// Told to go and not known to have stopped: its etcd may run.
fn may_run(machine: &Machine) -> bool {
    let stopped = machine
        .report
        .as_ref()
        .is_some_and(|report| report.phase == BootPhase::Stopped);
    machine.go && !stopped && !is_off(machine)
}

/// Nothing of it can come back by itself.
fn is_dead(spare: &SlotSituation<'_>) -> bool {
    spare.running_machines().next().is_none() && spare.endpoint.answer().is_none()
}

/// Like any new member, but nobody leaves for it.
fn come(step: &Step<'_>, tick: &mut Tick) {
    // A machine that was released in an earlier rollout, and that EC2 still shows, is no part of this one.
    let still_there = |machine: &&Machine| machine.state != MachineState::Terminated;
    let slot = SlotSituation {
        leaving: step.slot.leaving.iter().copied().filter(still_there).collect(),
        ..step.slot.clone()
    };
    let mut hold = Vec::new();
    // Another rollout may have begun what this one goes on with.
    if !slot.switch_has_begun() || !step.journal.switches(slot.name()) {
        hold.extend(snapshot::next(step.now, step.journal, tick));
    }
    if slot.new.is_none() && !launch_template::next(step.now, step.journal, tick) {
        return;
    }
    let step = Step {
        now: step.now,
        slot: &slot,
        journal: step.journal,
        hold,
    };
    etcd_member::next(&step, tick);
}

/// Stopped, removed, terminated, in this order; its volume and interface stay for the next time.
fn go_away(step: &Step<'_>, tick: &mut Tick) {
    let Some(line) = step.slot.listed else {
        // Without a quorum nobody shows a list: it may still be a voter, and its vote the one that is missing.
        if !step.now.list_is_known() && step.slot.machines().any(|machine| machine.go) {
            step.others_green(tick);
            return;
        }
        return terminate(step, tick);
    };
    if step.slot.machines().any(may_run) || step.slot.endpoint.answer().is_some() {
        // A learner counts in no quorum: it may leave whatever else is out.
        if line.learner && ask_learner_to_stop(step, tick) {
            return;
        }
        if !line.learner && (may_another_go(step, tick) || !has_settled(step, tick)) {
            return;
        }
        let leaving = SlotSituation {
            new: None,
            old: step.slot.machines().collect(),
            ..step.slot.clone()
        };
        let leaving = Step {
            now: step.now,
            slot: &leaving,
            journal: step.journal,
            hold: Vec::new(),
        };
        if !leave::old_is_stopped(&leaving, tick) {
            return;
        }
    }
    drop_from_list(step, tick);
}

/// True: one was asked just now.
fn ask_learner_to_stop(step: &Step<'_>, tick: &mut Tick) -> bool {
    let mut asked = false;
    for machine in step.slot.machines() {
        if may_run(machine) && !machine.stop_asked {
            asked = true;
            let action = Action::AskStop {
                slot: step.name(),
                machine: machine.id.clone(),
            };
            step.act(tick, action);
        }
    }
    asked
}

/// Somebody else may have been told to stop, and hear of it only now: two would be out at once.
fn may_another_go(step: &Step<'_>, tick: &mut Tick) -> bool {
    // One that shows it is seen to go, and one that is gone hears of nothing.
    let hears = |machine: &InstanceId| {
        let mut others = step.now.slots.iter().flat_map(SlotSituation::machines);
        others.any(|other| other.id == *machine && !other.stop_asked)
    };
    let stops = |action: &Action| matches!(action, Action::AskStop { machine, .. } if hears(machine));
    let doubts = step.journal.in_doubt().into_iter();
    let doubts: Vec<_> = doubts.filter(|past| stops(&past.action)).collect();
    for past in &doubts {
        let on = WaitingOn::Retry {
            action: past.action.key(),
            why: "not known whether it happened".to_owned(),
            at: past.intended_at,
        };
        step.wait(tick, on);
    }
    !doubts.is_empty()
}

fn has_settled(step: &Step<'_>, tick: &mut Tick) -> bool {
    let asked = step.slot.machines().any(|machine| machine.stop_asked);
    let red = steady::red(step.now, step.slot.name(), step.journal);
    if !asked && !red.is_empty() {
        step.wait(tick, WaitingOn::Gate { red });
        return false;
    }
    match gates::settled_at(step.now, step.slot.name(), step.journal) {
        Some(until) if !asked && step.now.seen.at < until => {
            step.wait(tick, WaitingOn::Settle { until });
            false
        }
        Some(_) | None => true,
    }
}

/// Removes a member that does not run. The others need not all be green, but they must keep their quorum.
fn drop_from_list(step: &Step<'_>, tick: &mut Tick) {
    let Some(line) = step.slot.listed else { return };
    let Standing { voters, healthy } = step.now.standing();
    let left = Standing {
        voters: voters.saturating_sub(u32::from(!line.learner)),
        healthy,
    };
    if left.margin() < 0 {
        step.others_green(tick);
        return;
    }
    match survivor(step) {
        Some(via) => {
            let action = Action::RemoveMember {
                slot: step.name(),
                member: line.id,
                via,
            };
            step.act(tick, action);
        }
        None => {
            step.others_green(tick);
        }
    }
}

fn terminate(step: &Step<'_>, tick: &mut Tick) {
    for machine in step.slot.machines() {
        let why = if machine.go {
            TerminateWhy::Released
        } else {
            TerminateWhy::Unwanted
        };
        let action = Action::TerminateMachine {
            slot: step.name(),
            machine: machine.id.clone(),
            why,
        };
        step.act(tick, action);
    }
    for machine in step.slot.leaving_now() {
        let on = WaitingOn::Termination {
            machine: machine.id.clone(),
        };
        step.wait(tick, on);
    }
}
