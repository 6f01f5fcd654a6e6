//! The control plane, machine by machine: one more from the new launch template version; it serves through the load
//! balancer; then the load balancer lets go of one that is old, which goes on serving meanwhile; then that one ends.
//!
//! What the group launches by itself is never what has not served yet, but for the moment of our own surge. Everything
//! that was altered of the group is put back at every resting place.

mod exchange;
pub(super) mod launch;

use std::time::Duration;

use jiff::Timestamp;

use super::Goal;
use super::hold::Held;
use super::progress::Rolled;
use super::serving::{Before, Roll, Situated, put_aside, small};
use super::situation::Situation;
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::group::{Lifecycle, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::LaunchTemplateVersion;
use crate::domain::observed::Part;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;

/// Proposes what is next for the control plane, once etcd has nothing left to do.
pub(super) fn next(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) {
    let Some(plan) = now
        .plan
        .envelope
        .control_plane
        .as_ref()
        .filter(|plan| plan.changes())
    else {
        return;
    };
    for part in [Part::Groups, Part::Targets] {
        if let Some(gap) = now.seen.gap(part) {
            let why = gap.why.clone();
            return tick.wait(&plan.step, WaitingOn::Unreadable { part, why });
        }
    }
    match Roll::read(plan, now.seen, journal) {
        Ok(roll) => roll.next(goal, tick),
        // On the way to rest a group that was not touched yet may also lack the version that it was to launch.
        Err(_) if goal == Goal::Rest && Before::of(journal, &plan.group).is_none() => {}
        Err(what) => tick.stop(StopReason::OutsideEnvelope { what }),
    }
}

/// How far it has come; `None` where it cannot be read.
pub(super) fn rolled(now: &Situation<'_>, journal: &JournalView) -> Option<Rolled> {
    let plan = now.plan.envelope.servers()?;
    if now.seen.gap(Part::Groups).is_some() {
        return None;
    }
    let roll = Roll::read(plan, now.seen, journal).ok()?;
    let is_readable = now.seen.gap(Part::Targets).is_none();
    Some(Rolled {
        step: plan.step.clone(),
        new: small(roll.news().count()),
        old: small(roll.olds().count()),
        is_done: is_readable && roll.before().is_none() && roll.is_done(),
    })
}

impl Roll<'_> {
    fn next(&self, goal: Goal, tick: &mut Tick) {
        let is_rolled = goal == Goal::Finish && (self.before().is_some() || !self.is_done());
        if let Some(reason) = put_aside(&self.plan.group, self.group).filter(|_| is_rolled) {
            return tick.stop(reason);
        }
        for member in self.held().leaving() {
            let machine = member.machine.clone();
            self.wait(tick, WaitingOn::Termination { machine });
        }
        let Some(before) = self.before() else {
            if goal == Goal::Finish && !self.is_done() {
                self.hold(tick);
            }
            return;
        };
        if let Some(past) = self.held().in_doubt() {
            return tick.act(&self.plan.step, past.action.clone());
        }
        if let Some(reason) = self.is_resized(&before) {
            return tick.stop(reason);
        }
        let held = self.held();
        if let Some(action) = held
            .let_loose(&before)
            .or_else(|| self.limits_are_raised(&before))
        {
            return self.act(tick, action);
        }
        if self.is_fewer_than_it_has(&before, tick) {
            return;
        }
        if let Some(server) = self.servers.iter().find(|server| server.was_taken_out()) {
            return self.let_go(server, &before, tick);
        }
        if !self.launches_what_has_passed(&before, goal, tick) {
            return;
        }
        if self.counted() < self.group.sizes.desired && self.waits_for_launch(&before, goal, tick) {
            return;
        }
        let held =
            |server: &&Situated<'_>| self.lacks(server).is_some() && !self.is_left(server, &before, goal);
        if let Some(server) = self.news().find(held) {
            return self.wait_to_serve(server, &before, goal, tick);
        }
        // One machine after the other: whoever is on its way out is gone before the next thing is begun.
        if !self.bakes(goal, tick) && !self.is_leaving() {
            self.exchange(&before, goal, tick);
        }
    }

    fn is_leaving(&self) -> bool {
        self.held().leaving().next().is_some()
    }

    /// Nothing is old, nothing is owed, and the group goes on launching what its machines are.
    fn is_done(&self) -> bool {
        let serve = self.news().all(|server| self.lacks(server).is_none());
        self.olds().next().is_none() && serve && self.launches == self.wanted
    }

    fn held(&self) -> Held<'_> {
        Held {
            name: &self.plan.group,
            step: &self.plan.step,
            group: self.group,
            journal: self.journal,
            at: self.seen.at,
        }
    }

    /// A group that is smaller than the floor was made smaller after it was planned, where that would have been refused: its
    /// floor was approved, and there is no order in which its machines could go.
    fn hold(&self, tick: &mut Tick) {
        let (desired, floor) = (self.group.sizes.desired, self.plan.policy.floor);
        if desired < floor {
            let group = &self.plan.group;
            let what = format!(
                "somebody has set the desired capacity of {group} to {desired}, and never fewer than {floor} healthy targets were approved: make it larger again, or plan again with `floor: {desired}`"
            );
            return tick.stop(StopReason::OutsideEnvelope { what });
        }
        self.act(tick, self.held().begin(self.launches));
    }

    /// Neither what it was nor what this rollout may have told it.
    fn is_resized(&self, before: &Before) -> Option<StopReason> {
        let desired = self.group.sizes.desired;
        // A zone that has lost its machine is not seen, but it was counted when this was set.
        let most = self.at_most(before).max(before.sizes.desired.saturating_mul(2));
        let told = self.journal.desired_of(&self.plan.group);
        let is_ours = desired <= most || told == Some(i64::from(desired));
        if desired >= before.sizes.desired && is_ours {
            return None;
        }
        let what = format!(
            "somebody has set the desired capacity of {} to {desired}; it was {}",
            self.plan.group, before.sizes.desired
        );
        Some(StopReason::OutsideEnvelope { what })
    }

    /// What somebody has raised meanwhile stays so.
    fn limits_are_raised(&self, before: &Before) -> Option<GroupAction> {
        let group = &self.plan.group;
        if self.journal.doubts_about(group).next().is_some() {
            return None;
        }
        let desired = i64::from(self.group.sizes.desired);
        let told = self.journal.desired_of(group);
        let by = told.map_or(0, |told| desired.saturating_sub(told));
        let held = self.held();
        held.with_sizes(before, held.in_raised_limits(before, before.sizes, by), false)
    }

    /// Somebody has set it to fewer than it has: it would end one of its own choice, without letting anybody go. It is told
    /// again, one by one, before anything else. Auto Scaling does not count who is put aside.
    fn is_fewer_than_it_has(&self, before: &Before, tick: &mut Tick) -> bool {
        let sizes = self.group.sizes;
        let counted = self
            .servers
            .iter()
            .filter(|server| !matches!(server.member.lifecycle, Lifecycle::Other(_)));
        if small(counted.count()) <= sizes.desired {
            return false;
        }
        let more = exchange::sizes(before, sizes.desired.saturating_add(1));
        self.set(self.launches, more, tick);
        true
    }

    /// A deregistered server goes on serving: for the delay, which its load balancer's API tells, and for the time in which
    /// new connections may still come whatever the API tells.
    fn let_go(&self, server: &Situated<'_>, before: &Before, tick: &mut Tick) {
        let machine = server.member.machine.clone();
        let at = server.deregistered.unwrap_or(self.seen.at);
        let mut until = later(at, self.plan.policy.propagation);
        mutant!(StopAtOnce => until = at);
        if at > self.seen.at {
            // The clock went back behind it: the full wait starts again.
            until = later(self.seen.at, self.plan.policy.propagation);
        }
        if server.health.is_some() || self.seen.at < until {
            let state = server.health.map_or("deregistered", |health| health.words());
            let on = WaitingOn::LetGo {
                machine,
                state: state.to_owned(),
                until,
            };
            return self.wait(tick, on);
        }
        let sizes = self.group.sizes;
        if sizes.desired <= sizes.min {
            // Somebody has taken our surge down meanwhile: Auto Scaling would refuse to be fewer.
            let more = exchange::sizes(before, sizes.desired.saturating_add(1));
            return self.set(self.launches, more, tick);
        }
        let action = GroupAction::TerminateMember {
            group: self.plan.group.clone(),
            machine,
        };
        self.act(tick, action);
    }

    fn set(&self, version: LaunchTemplateVersion, sizes: Sizes, tick: &mut Tick) {
        let group = self.plan.group.clone();
        let action = GroupAction::SetGroup {
            group,
            version,
            sizes,
        };
        self.act(tick, action);
    }

    fn act(&self, tick: &mut Tick, action: GroupAction) {
        tick.act(&self.plan.step, Action::Group(action));
    }

    fn wait(&self, tick: &mut Tick, on: WaitingOn) {
        tick.wait(&self.plan.step, on);
    }

    /// Whoever takes over begins with the full limit again.
    fn deadline(&self, start: Option<Timestamp>, limit: Duration) -> Timestamp {
        let attached = self.journal.holder().map(|(_, at)| at);
        later(start.max(attached).unwrap_or(self.seen.at), limit)
    }
}

fn launched_mark(server: &Situated<'_>) -> String {
    format!("launched {}", server.member.machine)
}

fn served_mark(server: &Situated<'_>) -> String {
    format!("served {}", server.member.machine)
}

pub(super) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
