//! Who leaves, and how: cordon, write down who has to go, evict what may go now, end the machine through its group.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Shared;
use super::pool::{Pool, Worker, is_among};
use crate::domain::group::{Sizes, TargetHealth};
use crate::domain::group_action::{GroupAction, deregister_key};
use crate::domain::ids::TargetGroupArn;
use crate::domain::node_action::{NodeAction, OfNode};
use crate::domain::waiting::{LeftPod, PodHeld, StopReason, WaitingOn};
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::apiserver::later;
use crate::rollout::drain::{list, stragglers};
use crate::rollout::serving::{Before, small};
use crate::rollout::tick::Tick;

impl<'a> Pool<'a> {
    /// Who goes, first the one that goes first. Forwards: everybody old; at rest, or where nobody is old: as many as the
    /// group has too many.
    pub(super) fn goers(&self, goal: Goal) -> Vec<&Worker<'a>> {
        let Some(before) = &self.before else {
            return Vec::new();
        };
        let mut all: Vec<&Worker<'a>> = self.workers.iter().collect();
        let surplus = self.counted().saturating_sub(before.sizes.desired);
        let is_back = goal == Goal::Rest && !self.has_passed;
        let crowds = self.crowds();
        if goal == Goal::Finish && self.olds().next().is_some() {
            all.retain(|worker| !worker.is_new || self.is_given_up(worker));
            all.sort_by_cached_key(|worker| {
                (
                    !worker.is_cordoned,
                    worker.is_available(),
                    Reverse(crowds.get(&worker.member.zone)),
                    &worker.member.machine,
                )
            });
            return all;
        }
        if let Some(crowded) = self.crowded_out(before) {
            return crowded;
        }
        all.sort_by_cached_key(|worker| {
            (
                worker.lacks.is_none(),
                self.is_overdue(worker),
                worker.is_new != is_back,
                !worker.is_cordoned,
                Reverse(crowds.get(&worker.member.zone)),
                &worker.member.machine,
            )
        });
        let given_up = all
            .iter()
            .filter(|worker| goal == Goal::Finish && self.is_given_up(worker))
            .count();
        all.truncate(usize::try_from(surplus).unwrap_or(usize::MAX).max(given_up));
        all
    }

    /// It was not empty in time, whoever looked; also when it has been put back since.
    pub(super) fn is_overdue(&self, worker: &Worker<'_>) -> bool {
        let limit = self.plan.policy.drain_deadline;
        let is_over = |since| self.seen.at >= later(since, limit);
        let was = self.is_marked(&Self::undrained_mark(worker.member));
        was || worker.drain.is_some_and(|(since, _)| is_over(since))
    }

    /// Whether it may begin to leave: never fewer than there were can be scheduled on, but for what the plan allows.
    pub(super) fn may_begin(&self, worker: &Worker<'_>, before: &Before, goal: Goal) -> bool {
        if goal == Goal::Finish && self.is_given_up(worker) {
            return true;
        }
        let least = before.sizes.desired.saturating_sub(self.unavailable());
        let loss = u32::from(worker.is_available());
        let cordoned = small(self.drained().count());
        let remain = self.counted().saturating_sub(cordoned).saturating_sub(1);
        let canaries = small(self.news().count()).saturating_add(cordoned) < self.canaries(before);
        let is_its_turn = self.has_passed || canaries || self.counted() > before.sizes.desired;
        let is_enough = self.available().saturating_sub(loss) >= least && remain >= least;
        is_enough && (is_its_turn || goal == Goal::Rest)
    }

    /// It has too little to be drained: no node, so nothing runs there that anybody knows of.
    pub(super) fn begin(&self, worker: &Worker<'_>, shared: &mut Shared<'_>, tick: &mut Tick) {
        let Some((of, _)) = &worker.node else {
            self.end(worker, 0, tick);
            return;
        };
        shared.draining = shared.draining.saturating_add(u32::from(!worker.is_closed()));
        self.act_on(tick, NodeAction::Cordon(of.clone()));
    }

    /// Goes on with every drain that has begun. True: a machine is being ended, and sizes must be left alone.
    pub(super) fn drain_on(
        &self,
        (goal, goers): (Goal, &[&Worker<'a>]),
        shared: &Shared<'_>,
        tick: &mut Tick,
    ) -> bool {
        let mut ends = 0_u32;
        for worker in self.drained() {
            let Some((of, node)) = &worker.node else { continue };
            if goal == Goal::Rest && self.is_overdue(worker) {
                tick.mark(Self::undrained_mark(worker.member));
            }
            if !is_among(goers, worker) {
                mutant!(ForgetUncordon => continue);
                self.act_on(tick, NodeAction::Uncordon(of.clone()));
            } else if !node.is_cordoned && !mutant!(SkipCordon) {
                self.act_on(tick, NodeAction::Cordon(of.clone()));
            } else if self.is_empty(worker, of, shared, tick) {
                ends = ends.saturating_add(u32::from(self.end(worker, ends, tick)));
            }
        }
        ends > 0
    }

    /// Everybody who had to leave has left, and load balancers have let go of it.
    fn is_empty(&self, worker: &Worker<'a>, of: &OfNode, shared: &Shared<'_>, tick: &mut Tick) -> bool {
        let kube = &self.seen.kube;
        let is_let_go = self.is_let_go(worker, tick);
        let Some((since, known)) = worker.drain else {
            mutant!(TerminateUndrained => return true);
            let (of, pods) = (of.clone(), list(kube, &of.node));
            self.act_on(tick, NodeAction::Drain { of, pods });
            return false;
        };
        let more = stragglers(kube, &of.node, known);
        if !more.is_empty() {
            let pods = known.iter().chain(&more);
            let pods = pods.map(|(uid, name)| (uid.clone(), name.clone())).collect();
            self.act_on(tick, NodeAction::Drain { of: of.clone(), pods });
            return false;
        }
        let left = shared.drains.left(known);
        for (uid, left) in &left {
            if left.held == PodHeld::Nothing {
                let (of, pod, uid) = (of.clone(), left.pod.clone(), (*uid).clone());
                self.act_on(tick, NodeAction::Evict { of, pod, uid });
            }
        }
        let gone = |left: &LeftPod| mutant!(BlockedIsGone) && matches!(left.held, PodHeld::Budget { .. });
        let left = left.into_iter().map(|(_, left)| left).filter(|left| !gone(left));
        let left: Vec<LeftPod> = left.collect();
        if left.is_empty() {
            return is_let_go;
        }
        self.wait_for_pods(of, left, since, tick);
        false
    }

    fn wait_for_pods(&self, of: &OfNode, pods: Vec<LeftPod>, since: Timestamp, tick: &mut Tick) {
        let since = Some(since).filter(|since| *since <= self.seen.at);
        let until = self.deadline(since, self.plan.policy.drain_deadline);
        let node = of.node.clone();
        if self.seen.at >= until {
            return tick.stop(StopReason::Undrained { node, pods });
        }
        self.wait(tick, WaitingOn::Drain { node, pods, until });
    }

    /// Deregistered everywhere, for as long as connections may still come.
    fn is_let_go(&self, worker: &Worker<'_>, tick: &mut Tick) -> bool {
        let mut is_let_go = true;
        for targets in &self.plan.targets {
            is_let_go &= self.is_let_go_by(targets, worker, tick);
        }
        is_let_go
    }

    fn is_let_go_by(&self, targets: &TargetGroupArn, worker: &Worker<'_>, tick: &mut Tick) -> bool {
        let machine = worker.member.machine.clone();
        let health = self
            .seen
            .groups
            .targets
            .get(targets)
            .and_then(|all| all.get(&machine));
        let told = self.journal.told_at(&deregister_key(targets, &machine));
        if health.is_some_and(TargetHealth::is_registered) {
            let (group, targets) = (self.plan.group.clone(), targets.clone());
            let action = GroupAction::Deregister {
                group,
                targets,
                machine,
            };
            self.act(tick, action);
            return false;
        }
        // It was never sent anything.
        let Some(told) = told else { return true };
        let until = later(told.min(self.seen.at), self.plan.policy.propagation);
        if health.is_none() && self.seen.at >= until {
            return true;
        }
        let state = health.map_or("deregistered", TargetHealth::words).to_owned();
        let on = WaitingOn::LetGo {
            machine,
            state,
            until,
        };
        self.wait(tick, on);
        false
    }

    /// Ends a machine, and the desired capacity goes down by one: the minimum has to allow that first. `others` end in the
    /// same tick. True: sizes change.
    fn end(&self, worker: &Worker<'_>, others: u32, tick: &mut Tick) -> bool {
        let sizes = self.group.sizes;
        let desired = sizes.desired.saturating_sub(others).saturating_sub(1);
        if self.is_being_set() || others > 0 && sizes.min > desired {
            return false;
        }
        if sizes.min > desired {
            let sizes = Sizes {
                min: desired,
                ..sizes
            };
            self.set(self.launches, sizes, tick);
            return true;
        }
        let action = GroupAction::TerminateMember {
            group: self.plan.group.clone(),
            machine: worker.member.machine.clone(),
        };
        self.act(tick, action);
        true
    }

    /// Sizes that may still be on their way would take back what ends with a machine.
    fn is_being_set(&self) -> bool {
        let mut doubts = self.journal.doubts_about(&self.plan.group);
        doubts.any(|action| matches!(action, GroupAction::SetGroup { .. }))
    }
}
