//! Members of a group: instances, and how far their lifecycle has come.
//!
//! A member waits for one thing at a time, so one due time is enough: [`World::member_due`] takes the next step.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Group;
use super::activity::Status;
use super::hold::Process;
use super::hook::Waiting;
use crate::world::World;
use crate::world::agenda::{Event, later};
use crate::world::instance::InstanceState;
use crate::world::target::TargetId;

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) instance: String,
    pub(super) zone: String,
    pub(super) instance_type: String,
    /// Id, name and version of what it was launched from; whoever was attached may have none.
    pub(super) template: Option<(String, String, u64)>,
    pub(super) lifecycle: Lifecycle,
    pub(super) is_healthy: bool,
    pub(super) is_protected: bool,
    /// It is not `InService` before.
    pub(super) ready_from: Timestamp,
    pub(super) in_service_since: Option<Timestamp>,
    pub(super) waiting: Option<Waiting>,
    pub(super) due: Option<Timestamp>,
    pub(super) activity: Option<String>,
    pub(super) launched: Timestamp,
}

/// Lifecycle state (user guide, "instance lifecycle"). Pools, and what leads to `Terminating:Retained`, are not modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lifecycle {
    Pending,
    PendingWait,
    PendingProceed,
    InService,
    /// Its targets drain.
    Terminating,
    TerminatingWait,
    TerminatingProceed,
    EnteringStandby,
    Standby,
    Detaching,
}

impl Lifecycle {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::PendingWait => "Pending:Wait",
            Self::PendingProceed => "Pending:Proceed",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
            Self::EnteringStandby => "EnteringStandby",
            Self::Standby => "Standby",
            Self::Detaching => "Detaching",
        }
    }

    pub(super) const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::PendingProceed)
    }

    /// Counts against the desired capacity. Whoever is on the way out does so no longer, however long that takes.
    pub(super) const fn counts(self) -> bool {
        self.is_pending() || matches!(self, Self::InService)
    }

    pub(super) const fn is_terminating(self) -> bool {
        matches!(
            self,
            Self::Terminating | Self::TerminatingWait | Self::TerminatingProceed
        )
    }
}

impl Group {
    pub(super) fn counted(&self) -> i64 {
        count(self.members.values().filter(|one| one.lifecycle.counts()))
    }

    pub(super) fn in_service(&self) -> i64 {
        count(
            self.members
                .values()
                .filter(|one| one.lifecycle == Lifecycle::InService && one.is_healthy),
        )
    }

    pub(super) fn counted_in(&self, zone: &str) -> i64 {
        let there = self.members.values().filter(|one| one.zone == zone);
        count(there.filter(|one| one.lifecycle.counts() && one.is_healthy))
    }
}

pub(super) fn count<T>(of: impl Iterator<Item = T>) -> i64 {
    i64::try_from(of.count()).unwrap_or(i64::MAX)
}

impl World {
    pub(super) fn group_with(&mut self, instance: &str) -> Option<&mut Group> {
        let name = self.group_name_of(instance)?;
        self.scaling.groups.get_mut(&name)
    }

    pub(super) fn group_name_of(&self, instance: &str) -> Option<String> {
        let mut groups = self.scaling.groups.values();
        let group = groups.find(|group| group.members.contains_key(instance))?;
        Some(group.name.clone())
    }

    pub(super) fn member(&mut self, instance: &str) -> Option<&mut Member> {
        self.group_with(instance)?.members.get_mut(instance)
    }

    pub(super) fn due(&mut self, instance: &str, at: Timestamp) {
        if let Some(member) = self.member(instance) {
            member.due = Some(at);
            self.agenda.plan(at, Event::MemberDue(instance.to_owned()));
        }
    }

    /// An earlier plan for the same member is not due any more.
    pub(in crate::world) fn member_due(&mut self, instance: &str) {
        let now = self.now;
        let Some(member) = self.member(instance) else {
            return;
        };
        if member.due.is_none_or(|due| due > now) {
            return;
        }
        member.due = None;
        match member.lifecycle {
            Lifecycle::Pending | Lifecycle::PendingProceed => self.enter_service(instance),
            Lifecycle::PendingWait | Lifecycle::TerminatingWait => self.hook_ends(instance),
            Lifecycle::Terminating => self.drained(instance),
            Lifecycle::EnteringStandby => self.stands_by(instance),
            Lifecycle::Detaching => self.detached(instance),
            Lifecycle::InService | Lifecycle::Standby | Lifecycle::TerminatingProceed => {}
        }
    }

    /// EC2 says `running`: hooks begin, or the group's own wait goes on.
    pub(in crate::world) fn member_runs(&mut self, instance: &str) {
        let now = self.now;
        let Some(member) = self.member(instance) else {
            return;
        };
        if member.lifecycle != Lifecycle::Pending {
            return;
        }
        let ready = member.ready_from.max(now);
        let hooks = self.hooks_for(instance, super::hook::LAUNCHING);
        if !self.wait_for_hooks(instance, Lifecycle::PendingWait, hooks) {
            self.due(instance, ready);
        }
    }

    /// Registration is asked for here and not awaited: `InService` says nothing about health.
    fn enter_service(&mut self, instance: &str) {
        let now = self.now;
        let Some(group) = self.group_with(instance) else {
            return;
        };
        let (name, is_protected) = (group.name.clone(), group.settings.is_protected);
        let registers = !group.holds(Process::AddToLoadBalancer);
        let Some(member) = group.members.get_mut(instance) else {
            return;
        };
        member.lifecycle = Lifecycle::InService;
        member.in_service_since = Some(now);
        member.is_protected |= is_protected;
        if registers {
            self.register_member(instance);
        }
        self.progress(instance, Status::Successful, "");
        // It may have died, or be found unhealthy, before it was looked at.
        if !self.runs(instance) {
            self.member_stops(instance);
        }
        self.act_soon(&name);
    }

    pub(super) fn runs(&self, instance: &str) -> bool {
        let known = self.instances.get(instance);
        known.is_some_and(|one| one.state == InstanceState::Running)
    }

    /// With every target group of its group.
    pub(super) fn register_member(&mut self, instance: &str) {
        let Some(group) = self.group_with(instance) else {
            return;
        };
        for arn in group.target_groups.clone() {
            self.register_member_with(instance, &arn);
        }
    }

    pub(super) fn register_member_with(&mut self, instance: &str, arn: &str) {
        let Some(port) = self.balancing.target_groups.get(arn).map(|group| group.port) else {
            return;
        };
        if self.runs(instance) {
            self.register_target(&TargetId {
                group: arn.to_owned(),
                instance: instance.to_owned(),
                port,
            });
        }
    }

    /// The longest delay among its group's target groups; zero: it is registered with none.
    pub(super) fn deregister_member(&mut self, instance: &str) -> Option<Duration> {
        let arns = self.group_with(instance)?.target_groups.clone();
        let ids =
            self.target_ids(|group, one| one.instance == instance && arns.iter().any(|arn| arn == group));
        let mut longest = None;
        for id in ids {
            let delay = self.deregister_target(&id).or_else(|| {
                let left = self.drained_at(&id)?.duration_since(self.now);
                left.try_into().ok()
            });
            longest = longest.max(delay);
        }
        longest
    }

    /// Out of the target groups; then whatever comes after that. True: it has to wait for it.
    pub(super) fn drain(&mut self, instance: &str) -> bool {
        let delay = self.deregister_member(instance);
        let at = later(self.now, delay.unwrap_or_default());
        self.due(instance, at);
        delay.is_some()
    }

    /// The group forgets it; the instance is not touched.
    pub(super) fn forget_member(&mut self, instance: &str) {
        let Some(group) = self.group_with(instance) else {
            return;
        };
        group.members.remove(instance);
        let name = group.name.clone();
        self.act_soon(&name);
    }
}
