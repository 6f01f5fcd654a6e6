//! Who leaves, and whether one more comes first: never below the floor, never the last one of a zone.

use std::collections::BTreeSet;

use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::Zone;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::ActionPast;
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::serving::{Before, Roll, Situated, small};
use crate::rollout::tick::Tick;

/// So often a zone without a new machine is tried again before a person has to look.
const TRIES: u32 = 3;

impl Roll<'_> {
    /// One leaves, or one more comes, or everything is put back.
    pub(super) fn exchange(&self, before: &Before, goal: Goal, tick: &mut Tick) {
        let is_more = self.counted() > before.sizes.desired;
        let candidates = self.candidates(goal);
        if is_more
            && let Some(server) = candidates
                .iter()
                .find(|server| self.may_leave(server, before, goal))
        {
            return self.deregister(server, tick);
        }
        mutant!(LeaveFirst => if let Some(server) = candidates.first().filter(|_| goal == Goal::Finish && !is_more) {
            return self.deregister(server, tick);
        });
        let has_old = self.olds().next().is_some();
        if goal == Goal::Finish && has_old && self.counted() < self.at_most(before) {
            return self.launch_one_more(before, tick);
        }
        if is_more && let Some(server) = candidates.first() {
            return self.tries_elsewhere(server, before, goal, tick);
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
    pub(super) fn crowd(&self, server: &Situated<'_>) -> usize {
        let same = self.servers.iter();
        same.filter(|other| other.member.zone == server.member.zone)
            .count()
    }

    pub(super) fn may_leave(&self, server: &Situated<'_>, before: &Before, goal: Goal) -> bool {
        let WaitingOn::Floor { healthy, floor, .. } = self.floor(server, before, goal) else {
            return false;
        };
        healthy >= floor
    }

    /// A group of fewer machines than zones: while it has more machines than it shall have, each alone in its zone, a zone
    /// loses its last one whatever is done. Not before every old one has gone, so that no more zones lose theirs than have to.
    fn has_too_many_zones(&self, before: &Before, goal: Goal) -> bool {
        let sent_to = || self.servers.iter().filter(|server| server.is_sent_to());
        let zones: BTreeSet<&Zone> = sent_to().map(|server| &server.member.zone).collect();
        let is_last = goal == Goal::Rest || self.olds().next().is_none();
        is_last && sent_to().count() == zones.len() && small(zones.len()) > before.sizes.desired
    }

    /// The floor that this machine's leaving comes nearest to.
    fn floor(&self, server: &Situated<'_>, before: &Before, goal: Goal) -> WaitingOn {
        let machine = server.member.machine.clone();
        let policy = &self.plan.policy;
        let zone = &server.member.zone;
        let in_zone = self.healthy_without(&machine, Some(zone));
        // Where it is not sent to its zone has nothing to lose.
        let may_empty = policy.cross_zone || self.has_too_many_zones(before, goal);
        if !may_empty && server.is_sent_to() && in_zone == 0 {
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

    pub(super) fn deregister_or_wait(
        &self,
        server: &Situated<'_>,
        before: &Before,
        goal: Goal,
        tick: &mut Tick,
    ) {
        if self.may_leave(server, before, goal) {
            self.deregister(server, tick);
        } else {
            self.wait_for_floor(server, before, goal, tick);
        }
    }

    /// Its neighbours may serve again; whoever is missing does not come by waiting for ever.
    fn wait_for_floor(&self, server: &Situated<'_>, before: &Before, goal: Goal, tick: &mut Tick) {
        let on = self.floor(server, before, goal);
        let WaitingOn::Floor {
            machine,
            healthy,
            floor,
            zone,
        } = &on
        else {
            return;
        };
        let since = self.held().waits_since(&format!("floor without {machine}"), tick);
        if self.seen.at < self.deadline(Some(since), self.plan.policy.serve_deadline) {
            return self.wait(tick, on);
        }
        let zone = zone
            .as_ref()
            .map_or_else(String::new, |zone| format!(" in {zone}"));
        let what = format!(
            "{machine} has to leave, and may not: without it {healthy} of at least {floor} targets would be healthy{zone}"
        );
        tick.stop(StopReason::Deadline { what });
    }

    fn deregister(&self, server: &Situated<'_>, tick: &mut Tick) {
        let action = GroupAction::Deregister {
            group: self.plan.group.clone(),
            targets: self.plan.targets.clone(),
            machine: server.member.machine.clone(),
        };
        self.act(tick, action);
    }

    /// There are as many as there may be, and none came up where one is missing: the zone has no capacity. One of those that
    /// are too many goes again, and another one is tried; not for ever.
    pub(super) fn tries_elsewhere(
        &self,
        server: &Situated<'_>,
        before: &Before,
        goal: Goal,
        tick: &mut Tick,
    ) {
        let most = sizes(before, self.at_most(before));
        let past = self.journal.past(&self.surge(most).key()).cloned();
        let holder = self.journal.holder().map(|(_, at)| at);
        let is_over = |past: &ActionPast| past.tries() >= TRIES && past.done_at >= holder;
        if goal == Goal::Rest || past.is_none() {
            return self.wait_for_floor(server, before, goal, tick);
        }
        if past.as_ref().is_some_and(is_over) {
            let (machine, zone) = (&server.member.machine, &server.member.zone);
            let what = format!(
                "{machine} has no healthy neighbour in {zone}, and after {TRIES} tries no new machine came up there"
            );
            return tick.stop(StopReason::Deadline { what });
        }
        let surplus = self.news().filter(|new| self.crowd(new) > 1);
        match surplus.max_by_key(|new| self.crowd(new)) {
            Some(new) if self.may_leave(new, before, goal) => self.deregister(new, tick),
            Some(_) | None => self.wait_for_floor(server, before, goal, tick),
        }
    }

    pub(super) fn launch_one_more(&self, before: &Before, tick: &mut Tick) {
        let refusal = self.refusal_mark();
        if let Some((mark, _)) = self.journal.marks_like(&refusal).next() {
            let text = mark.strip_prefix(&refusal).unwrap_or_default().to_owned();
            let group = self.plan.group.clone();
            return tick.stop(StopReason::NoLaunch { group, text });
        }
        let sizes = sizes(before, self.counted().saturating_add(1));
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
}

/// So many are wanted, with a maximum that allows it.
pub(super) fn sizes(before: &Before, desired: u32) -> Sizes {
    Sizes {
        max: before.sizes.max.max(desired),
        desired,
        ..before.sizes
    }
}
