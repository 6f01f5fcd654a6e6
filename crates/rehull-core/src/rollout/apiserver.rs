//! The control plane, machine by machine: one more from the new launch template version; it serves through the load
//! balancer; then the load balancer lets go of one that is old, which goes on serving meanwhile; then that one ends.
//!
//! What the group launches by itself is never what has not served yet, but for the moment of our own surge. Everything
//! that was altered of the group is put back at every resting place.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Goal;
use super::serving::{Before, Roll, Situated};
use super::situation::Situation;
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::group::{Lifecycle, Member, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::LaunchTemplateVersion;
use crate::domain::observed::Part;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;

/// What would interfere: it terminates machines, or changes how many there are, without asking anybody.
const INTERFERES: [&str; 3] = ["AZRebalance", "AlarmNotification", "ScheduledActions"];

/// Between AWS's clock and that of whoever runs rehull.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

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
        Err(what) => tick.stop(StopReason::OutsideEnvelope { what }),
    }
}

impl Roll<'_> {
    fn next(&self, goal: Goal, tick: &mut Tick) {
        for member in self.leaving() {
            let machine = member.machine.clone();
            self.wait(tick, WaitingOn::Termination { machine });
        }
        let before = match self.before() {
            Some(before) if self.is_certainly_held(tick) => before,
            Some(_) => return,
            None if goal == Goal::Finish && !self.is_done() => return self.hold(tick),
            None => return,
        };
        let desired = self.group.sizes.desired;
        let most = before.sizes.desired.saturating_add(self.zones());
        if desired < before.sizes.desired || desired > most {
            let what = format!(
                "somebody has set the desired capacity of {} to {desired}; it was {}",
                self.plan.group, before.sizes.desired
            );
            return tick.stop(StopReason::OutsideEnvelope { what });
        }
        if let Some(server) = self.servers.iter().find(|server| server.was_taken_out()) {
            return self.let_go(server, tick);
        }
        if !self.launches_what_has_passed(&before, goal, tick) {
            return;
        }
        if self.counted() < desired {
            return self.wait_for_launch(&before, goal, tick);
        }
        if let Some(server) = self.news().find(|server| self.lacks(server).is_some()) {
            return self.wait_to_serve(server, &before, goal, tick);
        }
        // One machine after the other: whoever is on its way out is gone before the next thing is begun.
        if !self.bakes(goal, tick) && !self.is_leaving() {
            self.exchange(&before, goal, tick);
        }
    }

    fn leaving(&self) -> impl Iterator<Item = &Member> {
        let all = self.group.members.iter();
        all.filter(|member| member.lifecycle == Lifecycle::Leaving)
    }

    fn is_leaving(&self) -> bool {
        self.leaving().next().is_some()
    }

    /// Nothing is old, nothing is owed, and the group goes on launching what its machines are.
    fn is_done(&self) -> bool {
        let serve = self.news().all(|server| self.lacks(server).is_none());
        self.olds().next().is_none() && serve && self.launches == self.wanted
    }

    fn hold(&self, tick: &mut Tick) {
        let free = |process: &&str| !self.group.suspended.contains(*process);
        let processes: BTreeSet<String> = INTERFERES
            .iter()
            .filter(|one| free(one))
            .map(|one| (*one).to_owned())
            .collect();
        self.act(
            tick,
            GroupAction::HoldGroup {
                group: self.plan.group.clone(),
                processes,
                version: self.launches,
                sizes: self.group.sizes,
            },
        );
    }

    /// What is in doubt is sent again as it was written down: what the group shows now may be our own doing.
    fn is_certainly_held(&self, tick: &mut Tick) -> bool {
        let Some(past) = self
            .journal
            .hold_of(&self.plan.group)
            .filter(|past| past.in_doubt)
        else {
            return true;
        };
        tick.act(&self.plan.step, past.action.clone());
        false
    }

    /// A deregistered server goes on serving: for the delay, which its load balancer's API tells, and for the time in which
    /// new connections may still come whatever the API tells.
    fn let_go(&self, server: &Situated<'_>, tick: &mut Tick) {
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
        let action = GroupAction::TerminateMember {
            group: self.plan.group.clone(),
            machine,
        };
        self.act(tick, action);
    }

    /// False: it is being set. Only between our own surge and the new machine's appearance the group launches what nobody
    /// has seen serve.
    fn launches_what_has_passed(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
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
    fn passed(&self, before: &Before) -> LaunchTemplateVersion {
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

    fn surge(&self, sizes: Sizes) -> GroupAction {
        GroupAction::SetGroup {
            group: self.plan.group.clone(),
            version: self.wanted,
            sizes,
        }
    }

    /// A group that cannot launch, or does not, is put back to what it was; then the rollout stops.
    fn wait_for_launch(&self, before: &Before, goal: Goal, tick: &mut Tick) {
        if !self.is_surging() {
            // The group makes up for a machine that it has lost.
            let until = later(self.seen.at, self.plan.policy.launch_deadline);
            return self.wait_launch(until, tick);
        }
        let told = self.journal.told_at(&self.surge(self.group.sizes).key());
        let until = self.deadline(told, self.plan.policy.launch_deadline);
        // One of before our own is nobody's answer to it.
        let ours = |at: Timestamp| told.is_none_or(|told| later(at, CLOCKS_DIFFER) >= told);
        let text = match self.group.refused.as_ref().filter(|failed| ours(failed.at)) {
            Some(failed) => failed.text.clone(),
            None if self.seen.at >= until => "nothing came up in time".to_owned(),
            // Also on the way to rest: a group that is told to be fewer while it launches ends one of its choice.
            None => return self.wait_launch(until, tick),
        };
        if goal == Goal::Finish {
            tick.mark(format!("{}{text}", self.refusal_mark()));
        }
        let sizes = Sizes {
            desired: self.counted(),
            ..self.group.sizes
        };
        self.set(self.passed(before), sizes, tick);
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

    fn wait_to_serve(&self, server: &Situated<'_>, before: &Before, goal: Goal, tick: &mut Tick) {
        let machine = server.member.machine.clone();
        let is_surplus = self.counted() > before.sizes.desired;
        // In a zone of its own it makes up for somebody who is lost.
        let goes = is_surplus && self.crowd(server) > 1;
        if goal == Goal::Rest && goes && !self.has_served(server) {
            let group = self.plan.group.clone();
            return self.act(tick, GroupAction::TerminateMember { group, machine });
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
        let limit = self.plan.policy.serve_deadline;
        let first = later(since.unwrap_or(self.seen.at), limit);
        let attached = self.journal.holder().map(|(_, at)| at);
        if goal == Goal::Finish && is_surplus && attached.is_some_and(|at| at > first) {
            // Its time was up before this process began: whoever says `resume` has seen it, and wants another one.
            let group = self.plan.group.clone();
            return self.act(tick, GroupAction::TerminateMember { group, machine });
        }
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

    fn has_served(&self, server: &Situated<'_>) -> bool {
        self.is_marked(&served_mark(server))
    }

    /// True: the first new machine is still watched.
    fn bakes(&self, goal: Goal, tick: &mut Tick) -> bool {
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

    /// One leaves, or one more comes, or everything is put back.
    fn exchange(&self, before: &Before, goal: Goal, tick: &mut Tick) {
        let is_more = self.counted() > before.sizes.desired;
        let candidates = self.candidates(goal);
        if is_more && let Some(server) = candidates.iter().find(|server| self.may_leave(server, before)) {
            return self.deregister(server, tick);
        }
        mutant!(LeaveFirst => if let Some(server) = candidates.first().filter(|_| goal == Goal::Finish && !is_more) {
            return self.deregister(server, tick);
        });
        let has_old = self.olds().next().is_some();
        let at_most = before.sizes.desired.saturating_add(self.zones());
        if goal == Goal::Finish && has_old && self.counted() < at_most {
            return self.launch_one_more(before, tick);
        }
        if is_more && let Some(server) = candidates.first() {
            return self.wait(tick, self.floor(server, before));
        }
        self.restore(before, tick);
    }

    /// Who may leave, best first: while there is an old one never a new one, though its zone may have one too many. On the
    /// way to rest what has not passed goes, and nothing in its place.
    fn candidates(&self, goal: Goal) -> Vec<&Situated<'_>> {
        let goes_back = goal == Goal::Rest && !self.has_passed();
        let first = |server: &&Situated<'_>| server.is_new == goes_back;
        let waits = goal == Goal::Finish || goes_back;
        let one_kind = waits && self.servers.iter().any(|server| first(&server));
        let all = self.servers.iter();
        let mut all: Vec<&Situated<'_>> = all.filter(|server| first(server) || !one_kind).collect();
        all.sort_by_key(|server| {
            (
                !first(server),
                server.is_sent_to(),
                usize::MAX - self.crowd(server),
                server.member.machine.clone(),
            )
        });
        all
    }

    /// Machines of the group in its zone, itself among them.
    fn crowd(&self, server: &Situated<'_>) -> usize {
        let same = self.servers.iter();
        same.filter(|other| other.member.zone == server.member.zone)
            .count()
    }

    fn may_leave(&self, server: &Situated<'_>, before: &Before) -> bool {
        let WaitingOn::Floor { healthy, floor, .. } = self.floor(server, before) else {
            return false;
        };
        healthy >= floor
    }

    /// The floor that this machine's leaving comes nearest to.
    fn floor(&self, server: &Situated<'_>, before: &Before) -> WaitingOn {
        let machine = server.member.machine.clone();
        let policy = &self.plan.policy;
        let zone = &server.member.zone;
        let in_zone = self.healthy_without(&machine, Some(zone));
        // Where it is not sent to its zone has nothing to lose.
        if !policy.cross_zone && server.is_sent_to() && in_zone == 0 {
            return WaitingOn::Floor {
                machine,
                healthy: 0,
                floor: 1,
                zone: Some(zone.clone()),
            };
        }
        WaitingOn::Floor {
            healthy: self.healthy_without(&machine, None),
            machine,
            floor: policy.floor.min(before.sizes.desired),
            zone: None,
        }
    }

    fn deregister(&self, server: &Situated<'_>, tick: &mut Tick) {
        let action = GroupAction::Deregister {
            group: self.plan.group.clone(),
            targets: self.plan.targets.clone(),
            machine: server.member.machine.clone(),
        };
        self.act(tick, action);
    }

    fn launch_one_more(&self, before: &Before, tick: &mut Tick) {
        let refusal = self.refusal_mark();
        if let Some(mark) = self.journal.marks().find(|mark| mark.starts_with(&refusal)) {
            let text = mark.strip_prefix(&refusal).unwrap_or_default().to_owned();
            let group = self.plan.group.clone();
            return tick.stop(StopReason::NoLaunch { group, text });
        }
        let desired = self.counted().saturating_add(1);
        let sizes = Sizes {
            max: before.sizes.max.max(desired),
            desired,
            ..before.sizes
        };
        self.set(self.wanted, sizes, tick);
    }

    fn restore(&self, before: &Before, tick: &mut Tick) {
        let version = self.passed(before);
        if (self.launches, self.group.sizes) != (version, before.sizes) {
            return self.set(version, before.sizes, tick);
        }
        mutant!(ForgetRelease => return);
        let processes = before.processes.clone();
        let group = self.plan.group.clone();
        self.act(tick, GroupAction::ReleaseGroup { group, processes });
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

fn later(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
