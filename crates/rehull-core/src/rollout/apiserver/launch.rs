//! What the group launches, and whether what it has launched serves.

use std::time::Duration;

use jiff::Timestamp;

use super::{later, launched_mark, served_mark};
use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::LaunchTemplateVersion;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::serving::{Before, Roll, Situated};
use crate::rollout::tick::Tick;

/// Between AWS's clock and that of whoever runs rehull.
pub(in crate::rollout) const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

impl Roll<'_> {
    /// False: it is being set. Only between our own surge and the new machine's appearance the group launches what nobody
    /// has seen serve.
    pub(super) fn launches_what_has_passed(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        mutant!(KeepUnproven => return true);
        let version = if self.is_surging() && goal == Goal::Finish {
            self.wanted
        } else {
            self.passed(before)
        };
        if self.launches == version {
            return true;
        }
        self.set(version, self.group.sizes, tick);
        false
    }

    /// The last version whose first machine has served for its time.
    pub(super) fn passed(&self, before: &Before) -> LaunchTemplateVersion {
        if self.has_passed() {
            self.wanted
        } else {
            before.version
        }
    }

    /// The group was told by us to be more than it is, and shows nothing of it yet.
    fn is_surging(&self) -> bool {
        let sizes = self.group.sizes;
        let Some(told) = self.journal.told_at(&self.surge(sizes).key()) else {
            return false;
        };
        // Who is not marked yet has come up just now.
        let came = |server: &Situated<'_>| {
            let at = self.journal.marked_at(&launched_mark(server));
            at.is_none_or(|at| at >= told)
        };
        self.counted() < sizes.desired && !self.news().any(came)
    }

    pub(super) fn surge(&self, sizes: Sizes) -> GroupAction {
        GroupAction::SetGroup {
            group: self.plan.group.clone(),
            version: self.wanted,
            sizes,
        }
    }

    /// A group that cannot launch, or does not, is put back to what it was; then the rollout stops. That it is fewer than it was
    /// is for a person, and at rest its own business. True: it is waited for, put back, or a stop.
    pub(super) fn waits_for_launch(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        let surge = || self.journal.told_at(&self.surge(self.group.sizes).key());
        // Or the group makes up for a machine that it has lost.
        let told = surge().filter(|_| self.is_surging());
        let since = told.unwrap_or_else(|| self.held().makes_up_since(tick));
        let until = self.deadline(Some(since), self.plan.policy.launch_deadline);
        let is_over = self.seen.at >= until;
        // One of before our own is nobody's answer to it.
        let ours = |at: Timestamp| told.is_some_and(|told| later(at, CLOCKS_DIFFER) >= told);
        let failed = self.group.refused.as_ref();
        let failed = failed.filter(|failed| is_over || ours(failed.at));
        if !is_over && failed.is_none() {
            // Also on the way to rest: a group that is told to be fewer while it launches ends one of its choice.
            self.wait_launch(until, tick);
            return true;
        }
        let text = failed.map_or("nothing came up in time", |failed| &failed.text);
        let least = self.counted().max(before.sizes.desired);
        if least < self.group.sizes.desired {
            if goal == Goal::Finish && told.is_some() {
                tick.mark(format!("{}{text}", self.refusal_mark()));
            }
            let sizes = Sizes {
                desired: least,
                ..self.group.sizes
            };
            self.set(self.passed(before), sizes, tick);
            return true;
        }
        if !is_over {
            // The group goes on trying by itself.
            self.wait_launch(until, tick);
        } else if goal == Goal::Finish {
            let (group, text) = (self.plan.group.clone(), text.to_owned());
            tick.stop(StopReason::NoLaunch { group, text });
        }
        !is_over || goal == Goal::Finish
    }

    fn wait_launch(&self, until: Timestamp, tick: &mut Tick) {
        let group = self.plan.group.clone();
        self.wait(tick, WaitingOn::Launch { group, until });
    }

    /// What stands before a refusal's words; whoever takes over tries again.
    pub(super) fn refusal_mark(&self) -> String {
        let holder = self
            .journal
            .holder()
            .map_or_else(String::new, |(_, at)| at.to_string());
        format!("no launch of {} since {holder}: ", self.plan.group)
    }

    pub(super) fn wait_to_serve(&self, server: &Situated<'_>, before: &Before, goal: Goal, tick: &mut Tick) {
        let machine = server.member.machine.clone();
        let is_surplus = self.counted() > before.sizes.desired;
        // In a zone of its own it makes up for somebody who is lost.
        let goes = is_surplus && self.crowd(server) > 1;
        if goal == Goal::Rest && goes && !self.has_served(server) {
            return self.give_up(server, before, goal, tick);
        }
        let lacks = self.lacks(server).unwrap_or_default();
        let first = launched_mark(server);
        let since = self
            .journal
            .marked_at(&first)
            .filter(|since| *since <= self.seen.at);
        if since.is_none() {
            tick.mark(first);
        }
        if goal == Goal::Finish && self.is_over(server) {
            // Without one more the group would be one less than it was, and the place of this one stays empty.
            if !is_surplus {
                return self.launch_one_more(before, tick);
            }
            return self.give_up(server, before, goal, tick);
        }
        let limit = self.plan.policy.serve_deadline;
        let until = self.deadline(Some(since.unwrap_or(self.seen.at)), limit);
        if self.seen.at >= until {
            let what = format!("{machine} {lacks}");
            return tick.stop(StopReason::Deadline { what });
        }
        self.wait(
            tick,
            WaitingOn::Serving {
                machine,
                lacks,
                until,
            },
        );
    }

    /// It goes. Who serves something else than it should is sent to all the same, and let go of first; where it is missed, one
    /// more comes before that.
    fn give_up(&self, server: &Situated<'_>, before: &Before, goal: Goal, tick: &mut Tick) {
        if !server.is_sent_to() {
            let (group, machine) = (self.plan.group.clone(), server.member.machine.clone());
            return self.act(tick, GroupAction::TerminateMember { group, machine });
        }
        if goal == Goal::Rest || self.may_leave(server, before, goal) {
            return self.deregister_or_wait(server, before, goal, tick);
        }
        // One that still comes up may be the neighbour that is missing.
        let comes = |other: &&Situated<'_>| self.lacks(other).is_some() && !self.is_over(other);
        if let Some(other) = self.news().find(comes) {
            return self.wait_to_serve(other, before, goal, tick);
        }
        if self.counted() < self.at_most(before) {
            return self.launch_one_more(before, tick);
        }
        self.tries_elsewhere(server, before, goal, tick);
    }

    /// Its time was up before this process began: whoever says `resume` has seen it, and wants another one.
    fn is_over(&self, server: &Situated<'_>) -> bool {
        let since = self.journal.marked_at(&launched_mark(server));
        let attached = self.journal.holder().map(|(_, at)| at);
        since.is_some_and(|since| attached > Some(later(since, self.plan.policy.serve_deadline)))
    }

    /// On the way to rest nothing more is begun for a machine that makes up for a lost one and does not come up: it is the
    /// group's.
    pub(super) fn is_left(&self, server: &Situated<'_>, before: &Before, goal: Goal) -> bool {
        goal == Goal::Rest && self.counted() <= before.sizes.desired && self.is_over(server)
    }

    fn has_served(&self, server: &Situated<'_>) -> bool {
        self.is_marked(&served_mark(server))
    }

    /// True: the first new machine is still watched.
    pub(super) fn bakes(&self, goal: Goal, tick: &mut Tick) -> bool {
        let mut is_new = false;
        for server in self.news().filter(|server| !self.has_served(server)) {
            tick.mark(served_mark(server));
            is_new = true;
        }
        if self.has_passed() || self.news().next().is_none() || goal == Goal::Rest {
            return false;
        }
        let since = |server: &Situated<'_>| {
            self.journal
                .marked_at(&served_mark(server))
                .filter(|at| *at <= self.seen.at)
        };
        let first = self
            .news()
            .min_by_key(|server| since(server).unwrap_or(self.seen.at));
        let until = later(
            first.and_then(since).unwrap_or(self.seen.at),
            self.plan.policy.bake,
        );
        if is_new || self.seen.at < until {
            let machine = first.map(|server| server.member.machine.clone());
            let on = machine.map(|machine| WaitingOn::Canary { machine, until });
            if let Some(on) = on {
                self.wait(tick, on);
            }
        } else {
            tick.mark(self.passed_mark());
        }
        true
    }
}
