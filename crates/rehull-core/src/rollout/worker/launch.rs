//! What a group launches, how many, and whether the nodes of what it has launched are ready.

use jiff::Timestamp;

use super::pool::{Pool, Worker};
use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::LaunchTemplateVersion;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::apiserver::later;
use crate::rollout::apiserver::launch::CLOCKS_DIFFER;
use crate::rollout::serving::{Before, small};
use crate::rollout::tick::Tick;

impl<'a> Pool<'a> {
    /// So many more than before at most; 0 where the group cannot launch any.
    pub(super) fn surge(&self) -> u32 {
        if self.lacks_capacity.is_some() {
            0
        } else {
            self.plan.policy.max_surge
        }
    }

    /// So many fewer than before at most: only where there can be none more.
    pub(super) fn unavailable(&self) -> u32 {
        let least = u32::from(self.plan.policy.max_surge == 0);
        if self.surge() == 0 {
            self.plan.policy.max_unavailable.max(least)
        } else {
            0
        }
    }

    /// So many come first.
    pub(super) fn canaries(&self, before: &Before) -> u32 {
        self.plan.policy.canary.clamp(1, before.sizes.desired.max(1))
    }

    /// The last version that was watched long enough. Where nobody is wanted and nobody is there, nobody can be watched: such a
    /// group launches the new one when the rollout goes forward.
    pub(super) fn passed(&self, before: &Before, goal: Goal) -> LaunchTemplateVersion {
        let is_empty = before.sizes.desired == 0 && self.workers.is_empty();
        if self.has_passed || is_empty && goal == Goal::Finish {
            self.wanted
        } else {
            before.version
        }
    }

    /// How many the group shall be told to be.
    pub(super) fn target(&self, before: &Before, goal: Goal) -> u32 {
        let desired = before.sizes.desired;
        if goal == Goal::Rest {
            return desired.max(self.counted());
        }
        let (olds, news) = (small(self.olds().count()), small(self.news().count()));
        let canaries = self.canaries(before);
        let surge = if self.has_passed {
            self.surge()
        } else {
            self.surge().min(canaries)
        };
        let all_new = desired.saturating_add(olds.min(surge));
        if self.has_passed {
            return all_new;
        }
        let more = self.counted().saturating_add(canaries.saturating_sub(news));
        all_new.min(more).max(desired)
    }

    /// What lasts of the version before: new ones are still to come before any was watched.
    pub(super) fn launches_next(&self, before: &Before, goal: Goal) -> LaunchTemplateVersion {
        let lacks_canaries = small(self.news().count()) < self.canaries(before);
        if goal == Goal::Finish && lacks_canaries {
            self.wanted
        } else {
            self.passed(before, goal)
        }
    }

    /// False: it is being set. Only between our own surge and the appearance of what it brings the group launches what was
    /// not watched yet.
    pub(super) fn launches_what_has_passed(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        mutant!(KeepUnproven => return true);
        let version = if self.counted() < self.group.sizes.desired && self.told_to_surge().is_some() {
            self.launches_next(before, goal)
        } else {
            self.passed(before, goal)
        };
        if self.launches == version {
            return true;
        }
        self.set(version, self.group.sizes, tick);
        false
    }

    /// When we told it to be as many as it should be now, from the new version, if not all that it brings have come.
    fn told_to_surge(&self) -> Option<Timestamp> {
        let action = GroupAction::SetGroup {
            group: self.plan.group.clone(),
            version: self.wanted,
            sizes: self.group.sizes,
        };
        let told = self.journal.told_at(&action.key())?;
        // Who is not marked yet has come up just now.
        let came = self
            .news()
            .filter(|worker| worker.launched.is_none_or(|at| at >= told));
        let policy = &self.plan.policy;
        let asked = if self.has_passed {
            policy.max_surge
        } else {
            policy.canary
        };
        (small(came.count()) < asked.max(1)).then_some(told)
    }

    /// False: sizes have to be left alone for now, or are being put back.
    pub(super) fn has_launched(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        if self.counted() >= self.group.sizes.desired {
            return true;
        }
        let limit = self.plan.policy.launch_deadline;
        // Or the group makes up for a machine that it has lost.
        let told = self.told_to_surge();
        let since = told.unwrap_or_else(|| self.held().makes_up_since(tick));
        let until = self.deadline(Some(since), limit);
        // One of before our own is nobody's answer to it.
        let ours = |at: Timestamp| told.is_some_and(|told| later(at, CLOCKS_DIFFER) >= told);
        let is_over = self.seen.at >= until;
        let failed = self.group.refused.as_ref();
        let text = match failed.filter(|failed| is_over || ours(failed.at)) {
            Some(failed) => failed.text.clone(),
            None if is_over => "nothing came up in time".to_owned(),
            None => {
                self.wait_launch(until, tick);
                return false;
            }
        };
        if self.group.sizes.desired > before.sizes.desired {
            // There can be none more: one fewer, if the plan allows it.
            if goal == Goal::Finish && told.is_some() {
                tick.mark(format!("{}{text}", self.refusal_mark()));
            }
            let desired = self.counted().max(before.sizes.desired);
            self.set(self.passed(before, goal), Self::sizes(before, desired), tick);
        } else if is_over && goal == Goal::Finish {
            let group = self.plan.group.clone();
            tick.stop(StopReason::NoLaunch { group, text });
        } else if !is_over {
            // The group goes on trying by itself.
            self.wait_launch(until, tick);
        }
        // At rest, what is missing then is its own business.
        is_over && goal == Goal::Rest && self.group.sizes.desired <= before.sizes.desired
    }

    fn wait_launch(&self, until: Timestamp, tick: &mut Tick) {
        let group = self.plan.group.clone();
        self.wait(tick, WaitingOn::Launch { group, until });
    }

    /// What stands before a refusal's words; whoever takes over tries again.
    fn refusal_mark(&self) -> String {
        let holder = self
            .journal
            .holder()
            .map_or_else(String::new, |(_, at)| at.to_string());
        format!("no launch of {} since {holder}: ", self.plan.group)
    }

    /// What is known of it before this look is judged.
    pub(super) fn refusal(&self) -> Option<&'a str> {
        let refusal = self.refusal_mark();
        let (mark, _) = self.journal.marks_like(&refusal).next()?;
        mark.strip_prefix(&refusal)
    }

    /// Waits for new nodes, with what each of them lacks; one that did not come up in time stops the rollout.
    pub(super) fn wait_for_nodes(&self, goal: Goal, tick: &mut Tick) {
        for worker in self.news().filter(|worker| !worker.is_cordoned) {
            if worker.launched.is_none_or(|at| at > self.seen.at) {
                tick.mark(Self::launched_mark(worker.member));
            }
            let Some(lacks) = worker.lacks.clone() else {
                if !worker.was_ready {
                    tick.mark(Self::ready_mark(worker.member));
                }
                continue;
            };
            if self.is_given_up(worker) {
                continue;
            }
            let until = self.deadline(Some(self.lacks_since(worker)), self.plan.policy.ready_deadline);
            let (machine, node) = (worker.member.machine.clone(), worker.node.as_ref());
            if self.seen.at >= until {
                if goal == Goal::Finish {
                    let what = format!("{machine} of {} {lacks}", self.plan.group);
                    tick.stop(StopReason::Deadline { what });
                }
                continue;
            }
            let node = node.map(|(of, _)| of.node.clone());
            self.wait(
                tick,
                WaitingOn::NodeReady {
                    machine,
                    node,
                    lacks,
                    until,
                },
            );
        }
    }

    pub(super) fn lacks_since(&self, worker: &Worker<'_>) -> Timestamp {
        let condition = worker.node.as_ref().and_then(|(_, node)| node.not_ready.as_ref());
        let was_ready = worker.was_ready;
        let since = condition.filter(|_| was_ready).map(|condition| condition.since);
        since
            .or(worker.launched)
            .filter(|at| *at <= self.seen.at)
            .unwrap_or(self.seen.at)
    }

    /// It has not come up in time, and whoever resumed has seen that: another one is wanted.
    pub(super) fn is_given_up(&self, worker: &Worker<'_>) -> bool {
        worker.is_new
            && worker.lacks.is_some()
            && self.was_over(self.lacks_since(worker), self.plan.policy.ready_deadline)
    }

    pub(super) fn set(&self, version: LaunchTemplateVersion, sizes: Sizes, tick: &mut Tick) {
        let group = self.plan.group.clone();
        let action = GroupAction::SetGroup {
            group,
            version,
            sizes,
        };
        self.act(tick, action);
    }

    /// So many are wanted, within limits that allow it.
    pub(super) fn sizes(before: &Before, desired: u32) -> Sizes {
        Sizes {
            min: before.sizes.min.min(desired),
            max: before.sizes.max.max(desired),
            desired,
        }
    }
}
