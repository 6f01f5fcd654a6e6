//! Serving (invariant 4), judged by the raw answers of Auto Scaling and load balancing.

use std::collections::BTreeSet;

use super::{Violation, violation};
use crate::domain::group::{Group, Launches, Lifecycle, TargetHealth};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{InstanceId, LaunchTemplateVersion, Zone};
use crate::domain::observed::Observed;
use crate::plan::{ControlPlanePlan, RolloutPlan};

/// Of a group that is not in the plan, or that the plan leaves alone, nothing may be done at all.
pub(super) fn check(plan: &RolloutPlan, seen: &Observed, action: &GroupAction) -> Result<(), Violation> {
    let name = action.group();
    let planned = plan.envelope.control_plane.as_ref();
    let Some(planned) = planned.filter(|planned| planned.group == *name && !planned.reasons.is_empty())
    else {
        let what = format!("would touch the group {name}, which the plan does not change");
        return Err(violation(1, what));
    };
    let Some(group) = seen.groups.groups.get(name) else {
        let what = format!("would touch the group {name}, of which nothing is seen");
        return Err(violation(9, what));
    };
    let view = View { planned, seen, group };
    match action {
        GroupAction::Deregister { targets, machine, .. } if *targets == planned.targets => {
            view.deregister(machine)
        }
        GroupAction::Deregister { targets, .. } => {
            let what = format!("would deregister at {targets}, which is not in the plan");
            Err(violation(1, what))
        }
        GroupAction::TerminateMember { machine, .. } => view.terminate(machine),
        GroupAction::SetGroup { version, sizes, .. } => {
            view.launches(*version)?;
            let more = sizes.desired.saturating_sub(group.sizes.desired);
            if more > 1 {
                let what = format!("would launch {more} machines of {name} at once");
                return Err(violation(4, what));
            }
            Ok(())
        }
        GroupAction::CreateVersion { template, digest, .. }
            if *template == planned.launch_template && *digest == planned.to.digest =>
        {
            Ok(())
        }
        GroupAction::CreateVersion { template, digest, .. } => {
            let what = format!("would make {digest} a version of {template}, which is not in the plan");
            Err(violation(1, what))
        }
        GroupAction::HoldGroup { .. } | GroupAction::ReleaseGroup { .. } => Ok(()),
    }
}

struct View<'a> {
    planned: &'a ControlPlanePlan,
    seen: &'a Observed,
    group: &'a Group,
}

impl View<'_> {
    fn health(&self, machine: &InstanceId) -> Option<&TargetHealth> {
        self.seen.groups.targets.get(&self.planned.targets)?.get(machine)
    }

    fn serves(&self, machine: &InstanceId) -> bool {
        let mut members = self.group.members.iter();
        let member = members.find(|member| member.machine == *machine);
        let in_service = member.is_some_and(|member| member.lifecycle == Lifecycle::InService);
        in_service && self.health(machine) == Some(&TargetHealth::Healthy)
    }

    fn zone(&self, machine: &InstanceId) -> Option<&Zone> {
        let mut members = self.group.members.iter();
        let member = members.find(|member| member.machine == *machine)?;
        Some(&member.zone)
    }

    /// Whoever serves may go only if enough others do, and one of them in its zone.
    fn deregister(&self, machine: &InstanceId) -> Result<(), Violation> {
        let others = || {
            let all = self.group.members.iter().map(|member| &member.machine);
            all.filter(|other| *other != machine)
        };
        let is_draining = |other: &&InstanceId| self.health(other) == Some(&TargetHealth::Draining);
        if let Some(other) = others().find(is_draining) {
            let what = format!("would deregister {machine} while {other} is draining");
            return Err(violation(4, what));
        }
        if !self.serves(machine) {
            return Ok(());
        }
        let serving: Vec<&InstanceId> = others().filter(|other| self.serves(other)).collect();
        let floor = usize::try_from(self.planned.policy.floor).unwrap_or(usize::MAX);
        if serving.len() < floor {
            let what = format!(
                "would leave {} healthy targets of {floor} without {machine}",
                serving.len()
            );
            return Err(violation(4, what));
        }
        let zone = self.zone(machine);
        let has_neighbour = serving.iter().any(|other| self.zone(other) == zone);
        if self.planned.policy.cross_zone || has_neighbour || self.has_more_zones_than_it_fills(&serving) {
            return Ok(());
        }
        let zone = zone.map_or("its zone", Zone::as_str);
        let what = format!("would leave nobody healthy in {zone} without {machine}");
        Err(violation(4, what))
    }

    /// One machine in each of its zones, and more of them than the group has to have: it has more zones than machines, and in
    /// one of them nobody is left whoever goes.
    fn has_more_zones_than_it_fills(&self, others: &[&InstanceId]) -> bool {
        let zones: BTreeSet<Option<&Zone>> = others.iter().map(|other| self.zone(other)).collect();
        let least = usize::try_from(self.group.sizes.min).unwrap_or(usize::MAX);
        zones.len() == others.len() && others.len() >= least
    }

    /// Nobody whom the load balancer still sends to may end.
    fn terminate(&self, machine: &InstanceId) -> Result<(), Violation> {
        match self.health(machine) {
            Some(TargetHealth::Healthy | TargetHealth::Draining) => {
                let what = format!("would end {machine}, which the load balancer has not let go of");
                Err(violation(4, what))
            }
            Some(TargetHealth::Initial | TargetHealth::Unhealthy | TargetHealth::Other(_)) | None => Ok(()),
        }
    }

    /// What was approved, or what the group launches or has already.
    fn launches(&self, version: LaunchTemplateVersion) -> Result<(), Violation> {
        let versions = self.seen.fleet.templates.get(&self.planned.launch_template);
        let approved = versions
            .into_iter()
            .flatten()
            .any(|known| known.version == version && known.digest.as_ref() == Some(&self.planned.to.digest));
        let runs = |member: &crate::domain::group::Member| member.version == Some(version);
        let is_known =
            self.group.launches == Launches::Version(version) || self.group.members.iter().any(runs);
        if approved || is_known {
            return Ok(());
        }
        let name = &self.planned.group;
        let what = format!("{name} would launch version {version}, which was not approved");
        Err(violation(1, what))
    }
}
