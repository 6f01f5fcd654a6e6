//! One group, one tick: what is open goes on, then what may begin begins.

use super::Shared;
use super::pool::{Pool, Worker};
use crate::domain::action::Action;
use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::kube::REPLACED_SOON;
use crate::domain::node_action::{Lasting, NodeAction};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::ActionPast;
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::apiserver::later;
use crate::rollout::hold::SHOWN_WITHIN;
use crate::rollout::serving::{Before, put_aside};
use crate::rollout::tick::Tick;

impl Pool<'_> {
    pub(in crate::rollout) fn next(&self, goal: Goal, shared: &mut Shared<'_>, tick: &mut Tick) {
        let is_rolled = goal == Goal::Finish && (self.before.is_some() || !self.is_done());
        if let Some(reason) = put_aside(&self.plan.group, self.group).filter(|_| is_rolled) {
            return tick.stop(reason);
        }
        for member in self.leaving() {
            let machine = member.machine.clone();
            self.wait(tick, WaitingOn::Termination { machine });
        }
        let Some(before) = &self.before else {
            if goal == Goal::Finish && !self.is_done() {
                self.act(tick, self.held().begin(self.launches));
            }
            return;
        };
        if let Some(past) = self.held().in_doubt() {
            return tick.act(&self.plan.step, past.action.clone());
        }
        if self.is_not_shown_yet(tick) || self.is_resized(before, tick) {
            return;
        }
        if let Some(action) = self.held().let_loose(before) {
            return self.act(tick, action);
        }
        let goers = self.goers(goal);
        let ends = self.drain_on((goal, &goers), shared, tick);
        if ends || self.is_being_ended(tick) {
            return;
        }
        self.wait_for_nodes(goal, tick);
        if goal == Goal::Finish {
            self.taint(tick);
        }
        if !self.launches_what_has_passed(before, goal, tick) || !self.has_launched(before, goal, tick) {
            return;
        }
        self.go_on((before, &goers), goal, shared, tick);
    }

    /// Everything is told and has come up: one more comes, one goes, or all is put back.
    fn go_on(
        &self,
        (before, goers): (&Before, &[&Worker<'_>]),
        goal: Goal,
        shared: &mut Shared<'_>,
        tick: &mut Tick,
    ) {
        let target = self.target(before, goal);
        if self.group.sizes.desired < target {
            if self.olds().next().is_some() && self.is_stuck(tick) {
                return;
            }
            return self.set(
                self.launches_next(before, goal),
                Self::sizes(before, target),
                tick,
            );
        }
        // Who may go goes, also where another one would be first and may not yet: one that never came up makes room for one
        // that does.
        let mut open = goers.iter().filter(|worker| !worker.is_cordoned).peekable();
        let waits = open.peek().is_some();
        let next = open.find(|worker| self.may_begin(worker, before, goal));
        let waits = waits && next.is_none();
        if let Some(worker) = next {
            if worker.node.is_some() && !worker.is_closed() && !shared.has_room() {
                let on = WaitingOn::DrainTurn {
                    group: self.plan.group.clone(),
                    draining: shared.draining,
                    budget: shared.budget,
                };
                return self.wait(tick, on);
            }
            // What others may begin is decided with the next look, when this one is seen.
            return self.begin(worker, shared, tick);
        }
        let is_busy = self.drained().next().is_some() || self.leaving().next().is_some();
        if is_busy || self.bakes(before, goal, tick) || waits {
            if waits && !is_busy && !self.is_stuck(tick) {
                self.wait_for_others(tick);
            }
            return;
        }
        let lacks = |goal: Goal| goal == Goal::Finish && self.news().any(|worker| worker.lacks.is_some());
        if !lacks(goal) && !self.evens(before, goal, tick) {
            self.restore(before, goal, tick);
        }
    }

    /// Nodes that are neither ours to open nor ready: without them too few are left. Whoever has cordoned them, or looks after
    /// them, has to hear of it.
    fn wait_for_others(&self, tick: &mut Tick) {
        let others = self.workers.iter();
        let others = others.filter(|worker| !worker.is_available() && !worker.is_cordoned);
        let others: Vec<_> = others.collect();
        // A new one that comes up has a deadline of its own.
        let comes_up = |worker: &Worker<'_>| {
            let is_waited_for = worker.is_new && worker.lacks.is_some() && !self.is_given_up(worker);
            let until = self.deadline(Some(self.lacks_since(worker)), self.plan.policy.ready_deadline);
            is_waited_for && self.seen.at < until
        };
        if others.is_empty() || others.iter().any(|worker| comes_up(worker)) {
            return;
        }
        let since = self.held().waits_since("other nodes", tick);
        let until = self.deadline(Some(since), self.plan.policy.ready_deadline);
        for worker in others {
            let by_others = "is cordoned, and not by this rollout".to_owned();
            let (machine, lacks) = (worker.member.machine.clone(), worker.lacks.clone());
            let lacks = lacks.unwrap_or(by_others);
            if self.seen.at >= until {
                let what = format!("{machine} of {} {lacks}, and no other may go", self.plan.group);
                return tick.stop(StopReason::Deadline { what });
            }
            let on = WaitingOn::NodeReady {
                machine,
                node: worker.node.as_ref().map(|(of, _)| of.node.clone()),
                lacks,
                until,
            };
            self.wait(tick, on);
        }
    }

    /// No more can be launched, and none may be missing: that is for a person.
    fn is_stuck(&self, tick: &mut Tick) -> bool {
        if let Some(text) = self.lacks_capacity.filter(|_| self.unavailable() == 0) {
            let (group, text) = (self.plan.group.clone(), text.to_owned());
            tick.stop(StopReason::NoLaunch { group, text });
            return true;
        }
        false
    }

    /// Nothing is old, nothing is owed, and the group goes on launching what its machines are.
    pub(super) fn is_done(&self) -> bool {
        let are_ready = self.news().all(|worker| worker.lacks.is_none());
        self.olds().next().is_none() && are_ready && self.launches == self.wanted
    }

    /// What the group was told last may not be shown yet: until it must be, other sizes than those are nobody's wish, and
    /// none are told on top of them.
    fn is_not_shown_yet(&self, tick: &mut Tick) -> bool {
        let Some((told, at)) = self.journal.last_told(&self.plan.group) else {
            return false;
        };
        let is_shown = self.told == Some(i64::from(self.group.sizes.desired));
        let until = later(at, SHOWN_WITHIN);
        // A clock that went back behind it must not stretch this.
        if is_shown || at > self.seen.at || self.seen.at >= until {
            return false;
        }
        let on = WaitingOn::Retry {
            action: told.key(),
            why: "it was done, and does not show yet".to_owned(),
            at: until,
        };
        self.wait(tick, on);
        true
    }

    /// Somebody, or an autoscaler, has made the group larger or smaller: what is put back in the end follows, and nothing
    /// is begun before that is written down.
    fn is_resized(&self, before: &Before, tick: &mut Tick) -> bool {
        if self.journal.doubts_about(&self.plan.group).next().is_some() {
            return self.is_resized_meanwhile(tick);
        }
        let desired = i64::from(self.group.sizes.desired);
        let by = self.told.map_or(0, |told| desired.saturating_sub(told));
        let held = self.held();
        let sizes = held.in_raised_limits(before, self.wished(before.sizes, by), by);
        let Some(action) = held.with_sizes(before, sizes, by != 0) else {
            return false;
        };
        self.act(tick, action);
        true
    }

    /// What is to be put back, where somebody has made the group larger or smaller by so many. This rollout sets no maximum
    /// below the former one, and none below what it wants: where it is, somebody has lowered it, and Auto Scaling has taken
    /// down what was wanted of our own surge with it.
    fn wished(&self, before: Sizes, by: i64) -> Sizes {
        let now = self.group.sizes;
        let told = i64::from(now.desired).saturating_sub(by);
        if now.max < before.max || by < 0 && i64::from(now.max) < told {
            // What it was told, less what the lower maximum took; whatever is missing of that somebody wants fewer.
            let left = u32::try_from(told).unwrap_or(0).min(now.max);
            let fewer = left.saturating_sub(now.desired);
            let desired = before.desired.min(now.max).saturating_sub(fewer);
            return Sizes {
                min: before.min.min(desired),
                max: before.max.min(now.max),
                desired,
            };
        }
        let desired = i64::from(before.desired).saturating_add(by).max(0);
        let desired = u32::try_from(desired).unwrap_or(u32::MAX);
        Sizes {
            min: before.min.min(desired),
            max: before.max.max(desired),
            desired,
        }
    }

    /// Sizes that were told last may have got through or not; the group has neither these nor those of before, so somebody
    /// else has changed them. Which is to be put back is known when what is on its way has come or never will.
    fn is_resized_meanwhile(&self, tick: &mut Tick) -> bool {
        let desired = self.group.sizes.desired;
        let mut told = self
            .journal
            .doubts_about(&self.plan.group)
            .map(|action| match action {
                GroupAction::SetGroup { sizes, .. } => Some(sizes.desired),
                GroupAction::HoldGroup { .. }
                | GroupAction::CreateVersion { .. }
                | GroupAction::Deregister { .. }
                | GroupAction::TerminateMember { .. }
                | GroupAction::ReleaseGroup { .. } => None,
            });
        let by_another = told.all(|told| told.is_some_and(|told| told != desired))
            && self.told != Some(i64::from(desired));
        let doubts = self.journal.in_doubt().into_iter();
        let of_group = |past: &&ActionPast| matches!(&past.action, Action::Group(action) if *action.group() == self.plan.group);
        for past in doubts.filter(of_group).filter(|_| by_another) {
            let on = WaitingOn::Retry {
                action: past.action.key(),
                why: "not known whether it happened, and somebody has changed the size of the group"
                    .to_owned(),
                at: past.intended_at,
            };
            self.wait(tick, on);
        }
        by_another
    }

    /// Sizes that are told while a machine may still be ending would bring back what ends with it. It is waited for: nobody
    /// who takes over may find nothing to do before it is known.
    fn is_being_ended(&self, tick: &mut Tick) -> bool {
        let doubts = self.journal.doubts_about(&self.plan.group);
        let ending: Vec<_> = doubts
            .filter_map(|action| match action {
                GroupAction::TerminateMember { machine, .. } => Some(machine.clone()),
                GroupAction::HoldGroup { .. }
                | GroupAction::CreateVersion { .. }
                | GroupAction::SetGroup { .. }
                | GroupAction::Deregister { .. }
                | GroupAction::ReleaseGroup { .. } => None,
            })
            .collect();
        for machine in &ending {
            // Whoever is seen to leave is waited for already.
            if self.leaving().all(|member| member.machine != *machine) {
                let machine = machine.clone();
                self.wait(tick, WaitingOn::Termination { machine });
            }
        }
        !ending.is_empty()
    }

    /// Who is scheduled anew looks for new nodes first: nobody has to move twice.
    fn taint(&self, tick: &mut Tick) {
        for worker in self.olds().filter(|worker| !worker.is_cordoned) {
            if let Some((of, node)) = &worker.node
                && !node.taints.contains(REPLACED_SOON)
            {
                self.act_on(tick, NodeAction::Taint(of.clone()));
            }
        }
    }

    /// True: the first new nodes are still watched.
    fn bakes(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        if self.has_passed || goal == Goal::Rest {
            return false;
        }
        let ready = self.news().filter(|worker| worker.lacks.is_none());
        let ready: Vec<_> = ready.collect();
        let Some(first) = ready.first() else { return false };
        if ready.len() < usize::try_from(self.canaries(before)).unwrap_or(usize::MAX) {
            return false;
        }
        let mark = format!("watched {}", self.plan.group);
        let since = self.journal.marked_at(&mark).filter(|at| *at <= self.seen.at);
        let until = later(since.unwrap_or(self.seen.at), self.plan.policy.bake);
        if since.is_none() {
            tick.mark(mark);
        }
        if since.is_some() && self.seen.at >= until {
            tick.mark(self.passed_mark());
        } else {
            let machine = first.member.machine.clone();
            self.wait(tick, WaitingOn::Canary { machine, until });
        }
        true
    }

    fn restore(&self, before: &Before, goal: Goal, tick: &mut Tick) {
        let version = self.passed(before, goal);
        if (self.launches, self.group.sizes) != (version, before.sizes) {
            return self.set(version, before.sizes, tick);
        }
        let tainted: Vec<_> = self.lasting(Lasting::Taint).cloned().collect();
        if !tainted.is_empty() {
            for of in tainted {
                self.act_on(tick, NodeAction::Untaint(of));
            }
            return;
        }
        let (group, processes) = (self.plan.group.clone(), before.processes.clone());
        mutant!(ForgetRelease => return);
        self.act(tick, GroupAction::ReleaseGroup { group, processes });
    }
}
