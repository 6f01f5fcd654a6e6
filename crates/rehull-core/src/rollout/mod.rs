//! Decides what happens next. Plain functions: plan, snapshot and journal in, actions and waits out.
//!
//! One file per kind of step; [`decide`] only chooses whose turn it is.

mod alarm;
mod apiserver;
mod bake;
mod boot;
mod bootstrap;
mod comeback;
mod drain;
mod etcd_member;
mod gates;
mod give_up;
mod hold;
mod join;
mod launch_template;
mod learner;
mod leave;
#[cfg(test)]
mod mutants;
mod order;
mod preflight;
mod progress;
mod reading;
mod removed;
mod serving;
mod situation;
mod slot_move;
mod snapshot;
mod spare;
mod steady;
mod step;
mod tick;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::action::{Action, TerminateWhy};
use crate::domain::fleet::Machine;
use crate::domain::ids::{SlotName, StepId};
use crate::domain::observed::Observed;
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::{RolloutKind, RolloutPlan};
use order::Turn;
pub use progress::{Progress, Rolled, progress};
pub use reading::Reading;
use situation::{Situation, SlotSituation};
use step::Step;
use tick::Tick;

/// Where a decision drives to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To the end of the plan.
    Finish,
    /// To the nearest resting place: nothing new is begun.
    Rest,
}

/// What one tick decides. `act` keeps every invariant for every subset and every order of completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue {
        /// To be performed now.
        act: Vec<(StepId, Action)>,
        /// Everything that is waited for.
        waiting: Vec<Waiting>,
        /// Instants to remember: timers run from the journal, never from memory.
        mark: Vec<String>,
        /// When to look again if nothing else happens.
        recheck: Duration,
    },
    /// The goal is reached (`Finish`: the plan is done; `Rest`: at rest).
    Done,
    /// A stop point with no way on by itself.
    Stop(StopReason),
}

/// The one decision function.
#[must_use]
pub fn decide(plan: &RolloutPlan, seen: &Observed, journal: &JournalView, goal: Goal) -> Next {
    decide_on(&Reading::of(plan, seen), journal, goal)
}

/// The same of a look that was read already.
#[must_use]
pub fn decide_on(reading: &Reading<'_>, journal: &JournalView, goal: Goal) -> Next {
    let Reading(now) = reading;
    let (plan, seen) = (now.plan, now.seen);
    let mut tick = Tick::default();
    let everything = StepId::new("cluster");
    for gap in gates::blinding_gaps(seen) {
        tick.wait(
            &everything,
            WaitingOn::Unreadable {
                part: gap.part,
                why: gap.why.clone(),
            },
        );
    }
    if !tick.is_empty() {
        if plan.envelope.kind != RolloutKind::Bootstrap {
            // A member that falls meanwhile has fallen all the same.
            steady::note_by_journal(now, journal, &mut tick);
        }
        return tick.into_next();
    }
    if let Some(reason) = stop_sign(now) {
        return Next::Stop(reason);
    }
    match plan.envelope.kind {
        RolloutKind::Bootstrap => bootstrap::next(now, journal, goal, &mut tick),
        RolloutKind::Upgrade
        | RolloutKind::Heal { .. }
        | RolloutKind::Replace { .. }
        | RolloutKind::Rollback { .. } => {
            members(now, journal, goal, &mut tick);
            alarm::restrain(now, journal, goal, &mut tick);
            // One after the other, so that the cause of what fails is plain.
            mutant!(WorkersFirst => worker::next(now, journal, goal, &mut tick));
            if tick.is_empty() {
                apiserver::next(now, journal, goal, &mut tick);
            }
            if tick.is_empty() {
                worker::next(now, journal, goal, &mut tick);
            }
        }
    }
    if goal == Goal::Rest {
        launch_template::at_work(now, &mut tick);
    }
    mutant!(TwoAtOnce => mutants::two_at_once(now, &mut tick));
    mutant!(HastyNext => mutants::hasty_next(now, &mut tick));
    mutant!(OutsideThePlan => mutants::outside_the_plan(now, &mut tick));
    tick.into_next()
}

/// A new member of this slot was seen serving in the rollout of this journal, whatever has become of it.
#[must_use]
pub fn has_joined(journal: &JournalView, slot: &SlotName) -> bool {
    gates::has_joined(slot, journal)
}

/// When a member that was out was last seen to be back, whoever had taken it out; etcd's links to it are as old as that.
#[must_use]
pub fn last_back(journal: &JournalView) -> Option<Timestamp> {
    steady::last_back(journal)
}

/// Voters that may still fail right now; negative: no quorum.
#[must_use]
pub fn margin(plan: &RolloutPlan, seen: &Observed) -> i64 {
    Situation::read(plan, seen).standing().margin()
}

/// What forbids touching anything at all.
fn stop_sign(now: &Situation<'_>) -> Option<StopReason> {
    let envelope = &now.plan.envelope;
    if let (Some(identity), Some(ours)) = (&now.seen.identity, envelope.etcd_cluster)
        && identity.etcd_cluster != ours
        && !mutant!(AnyIdentity)
    {
        let what = format!(
            "the identity record names etcd cluster {}, the plan {ours}",
            identity.etcd_cluster
        );
        return Some(StopReason::OutsideEnvelope { what });
    }
    for (slot, answer) in now.answers() {
        if let Some(ours) = envelope.etcd_cluster
            && answer.cluster != ours
        {
            let what = format!(
                "{} answers for etcd cluster {}, the plan is for {ours}",
                slot.name(),
                answer.cluster
            );
            return Some(StopReason::OutsideEnvelope { what });
        }
    }
    for slot in now.all_slots() {
        if let Some(foreign) = slot.parts.and_then(|parts| parts.volume_cluster.as_deref())
            && foreign != envelope.cluster.as_str()
        {
            let what = format!(
                "volume {} of {} is tagged for cluster `{foreign}`",
                slot.plan.slot.volume,
                slot.name()
            );
            return Some(StopReason::OutsideEnvelope { what });
        }
    }
    all_slots_empty(now).or_else(|| alarm::stop_sign(now))
}

/// "All empty" is never "new": with an identity record it is quorum loss, and nothing is started.
fn all_slots_empty(now: &Situation<'_>) -> Option<StopReason> {
    let created = now.seen.identity.is_some() || now.plan.envelope.kind != RolloutKind::Bootstrap;
    let empty = now.slots.iter().all(|slot| {
        let off = slot.old.iter().all(|machine| situation::is_off(machine));
        slot.new.is_none() && off
    });
    (created && empty).then(|| StopReason::QuorumLost {
        evidence: now
            .slots
            .iter()
            .map(|slot| format!("{}: {}", slot.name(), gates::describe(slot)))
            .collect(),
    })
}

fn members(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) {
    steady::note(now, journal, tick);
    let returning = bring_back(now, journal, goal, tick);
    if tick.one_is_out() {
        return;
    }
    let turn = order::turn(now, journal, goal);
    if goal == Goal::Finish {
        wait_for_others(now, journal, &turn, tick);
        removed::watch(now, journal, tick);
    }
    for slot in &turn.leaving {
        for machine in &slot.leaving_now() {
            tick.wait(
                &slot.plan.step,
                WaitingOn::Termination {
                    machine: machine.id.clone(),
                },
            );
        }
    }
    if goal == Goal::Rest && turn.begun.is_none() {
        if returning {
            return;
        }
        terminate_surplus(now, journal, tick);
    }
    if spare::next(now, journal, goal, &turn, tick) {
        return;
    }
    // At rest nothing is next.
    let Some(slot) = turn.begun.or(turn.next) else {
        let envelope = &now.plan.envelope;
        // Terraform alone, for which no machine waits; or what control plane and workers are launched from.
        let has_groups = envelope.servers().is_some() || envelope.worker_groups().next().is_some();
        if goal == Goal::Finish && (!envelope.replaces_members() || has_groups) {
            launch_template::next(now, journal, tick);
        }
        return;
    };
    let hold = held_back(now, slot, (journal, &turn), tick);
    if let Some(reason) = gates::past_the_point(now, slot, slot.plan.to.version)
        && slot.new.is_none_or(|new| !new.go)
    {
        return tick.stop(reason);
    }
    if slot.new.is_none() && !launch_template::next(now, journal, tick) {
        return;
    }
    etcd_member::next(
        &Step {
            now,
            slot,
            journal,
            hold,
        },
        tick,
    );
}

/// What holds the first change of a slot back.
fn held_back(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    (journal, turn): (&JournalView, &Turn<'_>),
    tick: &mut Tick,
) -> Vec<WaitingOn> {
    let mut hold = Vec::new();
    // Somebody else may have taken its old member away. Whoever is out in the middle of that is not kept waiting.
    if turn.begun.is_none_or(|slot| slot.is_yet_to_begin(journal)) {
        hold.extend(snapshot::next(now, journal, tick));
    }
    if turn.begun.is_none() {
        hold.extend(bake::hold(now, slot, journal, tick));
    }
    hold
}

/// The wait belongs to the step that it holds; the member that is out may never have been begun.
fn wait_for_others(now: &Situation<'_>, journal: &JournalView, turn: &Turn<'_>, tick: &mut Tick) {
    let everything = StepId::new("cluster");
    for slot in &turn.out {
        let held = turn.begun.or(turn.next).filter(|held| held.name() != slot.name());
        let on = WaitingOn::OtherMemberOut {
            slot: slot.name().clone(),
            seen: removed::describe(now, slot, journal),
        };
        tick.wait(held.map_or(&everything, |held| &held.plan.step), on);
    }
}

/// Lost members first: several at once, for nothing is taken out by it. True: one is on its way.
fn bring_back(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) -> bool {
    let mut returning = false;
    for slot in &now.slots {
        let step = Step {
            now,
            slot,
            journal,
            hold: Vec::new(),
        };
        if let Some(back) = comeback::lost(now, slot) {
            returning |= comeback::next(&step, &back, goal, tick);
        } else {
            returning |= comeback::is_returning(&step, tick);
            comeback::afterwards(now, slot, journal, tick);
            terminate_left_over(now, slot, tick);
            terminate_who_ran_before(&step, goal, tick);
        }
    }
    returning
}

/// In a slot that this rollout leaves alone nobody gives a go any more: what an earlier one has launched there goes.
fn terminate_left_over(now: &Situation<'_>, slot: &SlotSituation<'_>, tick: &mut Tick) {
    // While its member is out, or lists differ, it may be what brings the member back.
    if slot.plan.changes() || now.members.is_err() || slot.standing() != situation::Health::Healthy {
        return;
    }
    let waits = |machine: &&&Machine| !machine.go && !slot.has_part_at(machine);
    for machine in slot.old.iter().filter(waits) {
        let action = Action::TerminateMachine {
            slot: slot.name().clone(),
            machine: machine.id.clone(),
            why: TerminateWhy::Unwanted,
        };
        tick.act(&slot.plan.step, action);
    }
}

/// What an earlier rollout has left of a slot where this one has not begun, and what an abort leaves of a slot that it does not
/// go on with: its member runs elsewhere on the slot's volume, so nothing comes back on this machine.
fn terminate_who_ran_before(step: &Step<'_>, goal: Goal, tick: &mut Tick) {
    let Step {
        now, slot, journal, ..
    } = *step;
    let is_left = goal == Goal::Rest && join::is_left_at_rest(now, slot, journal);
    let is_alone = !slot.plan.changes() || slot.is_yet_to_begin(journal);
    if !is_alone && !is_left || now.members.is_err() {
        return;
    }
    for machine in slot.ran_before() {
        let action = Action::TerminateMachine {
            slot: step.name(),
            machine: machine.id.clone(),
            why: TerminateWhy::Replaced,
        };
        step.act(tick, action);
    }
}

/// At rest no machine may be left that only waits for its go.
fn terminate_surplus(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    mutant!(ForgetSurplus => return);
    for slot in now
        .slots
        .iter()
        .filter(|slot| slot.is_yet_to_begin(journal) && !slot.old.is_empty())
    {
        if let Some(machine) = slot.new {
            let why = TerminateWhy::Unwanted;
            let action = Action::TerminateMachine {
                slot: slot.name().clone(),
                machine: machine.id.clone(),
                why,
            };
            tick.act(&slot.plan.step, action);
        }
    }
}
