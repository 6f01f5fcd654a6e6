//! How a group learns that one of its machines is unhealthy. Marking is one process, acting on it another.

use std::time::Duration;

use super::hold::Process;
use super::member::{Lifecycle, Member};
use super::{Group, invalid};
use crate::world::World;
use crate::world::agenda::{Event, later};
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope};
use crate::world::target::{Stage, TargetId};
use crate::world::timing::Quantity;

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("SetInstanceHealth", set_health),
    Operation::of("DescribeLoadBalancerTargetGroups", attachments),
];

impl World {
    /// EC2 knows that a machine goes; its group finds out at its next sweep.
    pub(in crate::world) fn member_stops(&mut self, instance: &str) {
        let Some(member) = self.member(instance) else {
            return;
        };
        if member.lifecycle.is_terminating() {
            return;
        }
        let wait = self.draw(instance, Quantity::GroupNotices);
        self.plan(wait, Event::MemberNoticed(instance.to_owned()));
    }

    pub(super) fn notice_soon(&mut self, instance: &str) {
        let wait = self.draw(instance, Quantity::GroupReplaces);
        self.plan(wait, Event::MemberNoticed(instance.to_owned()));
    }

    /// A load balancer has found it healthy for the first time: from now on the group believes that target group.
    pub(in crate::world) fn member_is_served(&mut self, target: &TargetId) {
        let Some(group) = self.group_with(&target.instance) else {
            return;
        };
        let is_attached = group.target_groups.contains(&target.group);
        if !is_attached || !group.proven.insert(target.group.clone()) {
            return;
        }
        let members: Vec<String> = group.members.keys().cloned().collect();
        for id in members {
            self.notice_soon(&id);
        }
    }

    pub(in crate::world) fn member_is_unserved(&mut self, instance: &str) {
        if self.member(instance).is_some() {
            self.notice_soon(instance);
        }
    }

    pub(in crate::world) fn member_noticed(&mut self, instance: &str) {
        let now = self.now;
        let runs = self.runs(instance);
        let is_pending_in_ec2 = self
            .instances
            .get(instance)
            .is_some_and(|one| one.state == crate::world::instance::InstanceState::Pending);
        let fails = self.is_unserved(instance);
        let Some(group) = self.group_with(instance) else {
            return;
        };
        let name = group.name.clone();
        let (holds, grace) = (group.holds(Process::HealthCheck), group.grace());
        let by_balancer = group.asks_balancer();
        let Some(member) = group.members.get_mut(instance) else {
            return;
        };
        if !member.lifecycle.counts() {
            return;
        }
        if member.is_healthy && !holds && !is_pending_in_ec2 {
            // What does not run is unhealthy at once; the grace period is for what load balancers say.
            let grace_ends = member.grace_ends(grace);
            if !runs {
                member.is_healthy = false;
            } else if by_balancer && fails && member.lifecycle == Lifecycle::InService {
                if grace_ends > now {
                    self.agenda
                        .plan(grace_ends, Event::MemberNoticed(instance.to_owned()));
                    return;
                }
                member.is_healthy = false;
            }
        }
        if !member.is_healthy {
            self.group_acts(&name);
        }
    }

    /// One of the target groups that the group believes says so.
    fn is_unserved(&self, instance: &str) -> bool {
        let mut groups = self.scaling.groups.values();
        let Some(group) = groups.find(|group| group.members.contains_key(instance)) else {
            return false;
        };
        let unhealthy = self.target_ids(|arn, one| {
            one.instance == instance && one.stage == Stage::Unhealthy && group.proven.contains(arn)
        });
        unhealthy.iter().any(|id| group.target_groups.contains(&id.group))
    }
}

impl Group {
    fn grace(&self) -> Duration {
        Duration::from_secs(self.settings.health_check_grace.unsigned_abs())
    }

    fn asks_balancer(&self) -> bool {
        let mut kinds = self.settings.health_check_type.split(',');
        kinds.any(|kind| kind == "ELB")
    }
}

impl Member {
    /// It begins when a machine comes into service, also from standby.
    fn grace_ends(&self, grace: Duration) -> jiff::Timestamp {
        later(self.in_service_since.unwrap_or(self.ready_from), grace)
    }
}

/// Marks by hand, whatever is suspended; only ReplaceUnhealthy decides what follows.
fn set_health(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (instance, status) = (at.need("InstanceId")?, at.need("HealthStatus")?);
    let respects: bool = at.parse("ShouldRespectGracePeriod")?.unwrap_or(true);
    if !["Healthy", "Unhealthy"].contains(&status.as_str()) {
        return Err(invalid(format!("Invalid health status: {status}")));
    }
    let now = world.now;
    let group = world
        .group_with(&instance)
        .ok_or_else(|| super::moves::not_found(&instance))?;
    let (name, grace) = (group.name.clone(), group.grace());
    if let Some(member) = group.members.get_mut(&instance) {
        let is_early = respects && member.grace_ends(grace) > now;
        if status == "Healthy" || !is_early {
            member.is_healthy = status == "Healthy";
        }
    }
    let wait = world.draw(&name, Quantity::GroupReplaces);
    world.plan(wait, Event::GroupActs(name));
    Ok(Document::new())
}

/// How far a target group has come with a group; before the last of these its word does not count.
fn attachments(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["MaxRecords", "NextToken"]);
    let group = world.scaling_group(at)?.clone();
    let rows = group.target_groups.iter().map(|arn| {
        let is_registering = !world
            .target_ids(|known, one| {
                known == arn && one.stage == Stage::Registering && group.members.contains_key(&one.instance)
            })
            .is_empty();
        let state = match (group.proven.contains(arn), is_registering) {
            (true, _) => "InService",
            (false, true) => "Adding",
            (false, false) => "Added",
        };
        Document::new()
            .text("LoadBalancerTargetGroupARN", arn)
            .text("State", state)
    });
    Ok(Document::new().list("LoadBalancerTargetGroups", rows.collect::<Vec<_>>()))
}
