//! Reads one snapshot as "server by server": which machine of a group is new, who serves, who was taken out by us.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::group_action::{GroupAction, deregister_key};
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, Zone,
};
use crate::domain::observed::Observed;
use crate::domain::waiting::StopReason;
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::ControlPlanePlan;

/// A group and its load balancer at one instant.
pub(super) struct Roll<'a> {
    pub(super) plan: &'a ControlPlanePlan,
    pub(super) seen: &'a Observed,
    pub(super) journal: &'a JournalView,
    pub(super) group: &'a Group,
    /// What the group launches now.
    pub(super) launches: LaunchTemplateVersion,
    /// What it shall launch in the end.
    pub(super) wanted: LaunchTemplateVersion,
    /// All that count against the desired capacity.
    pub(super) servers: Vec<Situated<'a>>,
}

/// One machine of the group.
#[derive(Clone, Copy)]
pub(super) struct Situated<'a> {
    pub(super) member: &'a Member,
    pub(super) is_new: bool,
    pub(super) health: Option<&'a TargetHealth>,
    pub(super) answer: Option<&'a Server>,
    /// When this rollout told the load balancer to let go of it.
    pub(super) deregistered: Option<Timestamp>,
}

/// What the group was before this rollout took hold of it.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) processes: BTreeSet<String>,
    pub(super) version: LaunchTemplateVersion,
    pub(super) sizes: Sizes,
    /// So many more than that it was when that was last written down.
    pub(super) beyond: i64,
}

impl Before {
    /// `None`: nothing is held.
    pub(super) fn of(journal: &JournalView, group: &GroupName) -> Option<Self> {
        let past = journal.hold_of(group)?;
        let Action::Group(GroupAction::HoldGroup {
            processes,
            version,
            sizes,
            beyond,
            ..
        }) = &past.action
        else {
            return None;
        };
        Some(Self {
            processes: processes.clone(),
            version: *version,
            sizes: *sizes,
            beyond: *beyond,
        })
    }
}

/// What a group launches, and what it shall launch in the end.
pub(super) struct Versions<'a> {
    pub(super) launches: LaunchTemplateVersion,
    pub(super) wanted: LaunchTemplateVersion,
    known: &'a [TemplateVersion],
    content: &'a ContentDigest,
}

impl<'a> Versions<'a> {
    /// Or what is not as it was when it was planned.
    pub(super) fn read(
        seen: &'a Observed,
        name: &GroupName,
        template: &LaunchTemplateName,
        content: &'a ContentDigest,
    ) -> Result<(&'a Group, Self), String> {
        let Some(group) = seen.groups.groups.get(name) else {
            return Err(format!("there is no group {name}"));
        };
        let launches = match &group.launches {
            Launches::Version(version) => *version,
            Launches::Floating(word) => {
                return Err(format!(
                    "the group {name} launches {word}, which may be another version tomorrow"
                ));
            }
        };
        if group.template != *template {
            return Err(format!("the group {name} launches from {}", group.template));
        }
        let known = seen.fleet.templates.get(template);
        let known = known.map(Vec::as_slice).unwrap_or_default();
        let mut fitting = known.iter().rev();
        let Some(wanted) = fitting.find(|known| known.digest.as_ref() == Some(content)) else {
            return Err(format!("{template} has no version with the planned content"));
        };
        let versions = Self {
            launches,
            wanted: wanted.version,
            known,
            content,
        };
        Ok((group, versions))
    }

    pub(super) fn is_new(&self, version: LaunchTemplateVersion) -> bool {
        let mut all = self.known.iter();
        all.any(|known| known.version == version && known.digest.as_ref() == Some(self.content))
    }
}

impl<'a> Roll<'a> {
    /// Or what is not as it was when it was planned.
    pub(super) fn read(
        plan: &'a ControlPlanePlan,
        seen: &'a Observed,
        journal: &'a JournalView,
    ) -> Result<Self, String> {
        let (group, versions) = Versions::read(seen, &plan.group, &plan.launch_template, &plan.to.digest)?;
        let targets = seen.groups.targets.get(&plan.targets);
        let counted = group.members.iter().filter(|member| member.lifecycle.counts());
        let servers = counted.map(|member| Situated {
            member,
            is_new: member.version.is_some_and(|version| versions.is_new(version)),
            health: targets
                .and_then(|all| all.get(&member.machine))
                .filter(|health| !(mutant!(UnusedIsGone) && health.words().starts_with("unused"))),
            answer: seen.groups.servers.get(&member.machine),
            deregistered: journal.told_at(&deregister_key(&plan.targets, &member.machine)),
        });
        Ok(Self {
            plan,
            seen,
            journal,
            group,
            launches: versions.launches,
            wanted: versions.wanted,
            servers: servers.collect(),
        })
    }

    /// So many count.
    pub(super) fn counted(&self) -> u32 {
        small(self.servers.len())
    }

    /// So many there may be at most: one more for every zone in which the group has machines, because it is the group that
    /// chooses the zone of a new one; and two in each, where it has fewer machines than zones.
    pub(super) fn at_most(&self, before: &Before) -> u32 {
        let zones = self.zones();
        let one_more = before.sizes.desired.saturating_add(zones);
        one_more.max(zones.saturating_mul(2))
    }

    /// Zones in which the group has machines.
    fn zones(&self) -> u32 {
        let zones: BTreeSet<&Zone> = self.servers.iter().map(|server| &server.member.zone).collect();
        small(zones.len())
    }

    pub(super) fn olds(&self) -> impl Iterator<Item = &Situated<'a>> {
        self.servers.iter().filter(|server| !server.is_new)
    }

    pub(super) fn news(&self) -> impl Iterator<Item = &Situated<'a>> {
        self.servers.iter().filter(|server| server.is_new)
    }

    /// What a new server lacks before anything rests on it; `None`: it serves.
    pub(super) fn lacks(&self, server: &Situated<'_>) -> Option<String> {
        match &server.member.lifecycle {
            Lifecycle::InService => {}
            Lifecycle::Pending => return Some("is not in service yet".to_owned()),
            Lifecycle::Leaving => return Some("leaves its group".to_owned()),
            Lifecycle::Other(word) => return Some(format!("is {word} in its group")),
        }
        match server.answer {
            Some(Server::Ready { version }) if *version == self.plan.to.version => {}
            Some(Server::Ready { version }) => return Some(format!("serves {version}")),
            Some(Server::NotReady { why }) => return Some(format!("is not ready: {why}")),
            Some(Server::Refused) => return Some("refuses connections".to_owned()),
            Some(Server::Silent) | None => return Some("does not answer".to_owned()),
        }
        match server.health {
            Some(TargetHealth::Healthy) => None,
            Some(health) => Some(format!("is {} at the load balancer", health.words())),
            None => Some("is not registered at the load balancer".to_owned()),
        }
    }

    /// Healthy targets in service without this machine, everywhere or in one zone.
    pub(super) fn healthy_without(&self, machine: &InstanceId, zone: Option<&Zone>) -> u32 {
        let others = self.servers.iter().filter(|server| {
            let there = zone.is_none_or(|zone| server.member.zone == *zone);
            there && server.member.machine != *machine && server.is_sent_to()
        });
        small(others.count())
    }

    /// What was before; `None`: nothing is held.
    pub(super) fn before(&self) -> Option<Before> {
        Before::of(self.journal, &self.plan.group)
    }

    /// The first new machine has served for the time of the bake.
    pub(super) fn passed_mark(&self) -> String {
        format!("passed {}", self.plan.group)
    }

    pub(super) fn has_passed(&self) -> bool {
        self.is_marked(&self.passed_mark())
    }

    pub(super) fn is_marked(&self, mark: &str) -> bool {
        self.journal.marked_at(mark).is_some_and(|at| at <= self.seen.at)
    }
}

impl Situated<'_> {
    /// The load balancer sends it new connections, as far as its API tells.
    pub(super) fn is_sent_to(&self) -> bool {
        self.member.lifecycle == Lifecycle::InService && self.health == Some(&TargetHealth::Healthy)
    }

    /// We have taken it out, and nobody has registered it again since.
    pub(super) fn was_taken_out(&self) -> bool {
        self.deregistered.is_some() && !self.health.is_some_and(TargetHealth::is_registered)
    }
}

/// Somebody has put one of its machines aside (standby, detaching). Auto Scaling counts it no more and has launched another one
/// in its place, or will when it comes back: how many there are to be is not ours to say meanwhile.
pub(super) fn put_aside(name: &GroupName, group: &Group) -> Option<StopReason> {
    group.members.iter().find_map(|member| {
        let Lifecycle::Other(word) = &member.lifecycle else {
            return None;
        };
        let what = format!(
            "machine {} of {name} is {word}: somebody has put it aside; put it back into service, or take it out of the group",
            member.machine
        );
        Some(StopReason::OutsideEnvelope { what })
    })
}

pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
