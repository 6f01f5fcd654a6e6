//! What a caller may do to single machines of a group: terminate, detach, attach, standby, protect. Hooks run for none of
//! these but the termination.

use super::activity::Status;
use super::hold::Process;
use super::invalid;
use super::member::{Lifecycle, count};
use crate::world::World;
use crate::world::agenda::later;
use crate::world::error::AwsError;
use crate::world::instance::InstanceState;
use crate::world::query::{Document, Operation, Scope};
use crate::world::timing::Quantity;

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("TerminateInstanceInAutoScalingGroup", terminate),
    Operation::of("DetachInstances", detach),
    Operation::of("AttachInstances", attach),
    Operation::of("EnterStandby", enter_standby),
    Operation::of("ExitStandby", exit_standby),
    Operation::of("SetInstanceProtection", protect),
];

/// The service's limit of ids in one call.
const IDS_MAX: usize = 20;

pub(super) fn not_found(instance: &str) -> AwsError {
    invalid(format!(
        "Instance Id not found - No managed instance found for instance ID: {instance}"
    ))
}

impl World {
    /// The ids of a call, all of them members in one of these states.
    fn named(&mut self, at: &Scope<'_>, allowed: &[Lifecycle]) -> Result<(String, Vec<String>), AwsError> {
        let ids = at.list("InstanceIds");
        if ids.len() > IDS_MAX {
            return Err(invalid(format!("No more than {IDS_MAX} instances per call")));
        }
        let group = self.scaling_group(at)?;
        for id in &ids {
            let Some(member) = group.members.get(id) else {
                return Err(invalid(format!(
                    "The instance {id} is not part of Auto Scaling group {}.",
                    group.name
                )));
            };
            if !allowed.is_empty() && !allowed.contains(&member.lifecycle) {
                return Err(invalid(format!(
                    "The instance {id} is not in the correct state, it is in {}.",
                    member.lifecycle.name()
                )));
            }
        }
        Ok((group.name.clone(), ids))
    }

    /// The desired capacity goes with the machines, unless they shall be made up for.
    fn decrement(&mut self, group: &str, decrements: bool, by: i64) -> Result<String, AwsError> {
        let now = self.now;
        let group = self.scaling_group_named(group)?;
        let (from, min) = (group.settings.desired, group.settings.min);
        if !decrements {
            return Ok(format!(
                "At {now} a user request moved instances out of service. "
            ));
        }
        let desired = from.saturating_sub(by);
        if desired < min {
            return Err(invalid(format!(
                "Currently, desiredSize equals {from}. Removing {by} would bring it below the group's minSize of {min}."
            )));
        }
        group.settings.desired = desired;
        Ok(format!(
            "At {now} a user request moved instances out of service, shrinking the capacity from {from} to {desired}. "
        ))
    }

    fn increment(&mut self, group: &str, by: i64) -> Result<String, AwsError> {
        let now = self.now;
        let group = self.scaling_group_named(group)?;
        if group.holds(Process::Launch) {
            return Err(invalid(format!(
                "The Launch process of the group {} is suspended.",
                group.name
            )));
        }
        let (from, max) = (group.settings.desired, group.settings.max);
        let desired = from.saturating_add(by);
        if desired > max {
            return Err(invalid(format!(
                "Currently, desiredSize equals {from}. Adding {by} would bring it above the group's maxSize of {max}."
            )));
        }
        group.settings.desired = desired;
        Ok(format!(
            "At {now} a user request moved instances into service, increasing the capacity from {from} to {desired}. "
        ))
    }

    /// Out of its target groups first, for their whole delay.
    fn move_out(
        &mut self,
        group: &str,
        instance: &str,
        (to, verb): (Lifecycle, &str),
        cause: &str,
    ) -> Document {
        let (description, status) = (format!("{verb}: {instance}"), Status::InProgress);
        let id = self.begin(group, status, &description, cause);
        if let Some(member) = self.member(instance) {
            member.lifecycle = to;
            member.activity = Some(id.clone());
        }
        if self.drain(instance) {
            self.progress(instance, Status::WaitingForELBConnectionDraining, "");
        }
        self.told(group, &id)
    }

    /// Into service without hooks; registration comes with it.
    fn move_in(&mut self, group: &str, instance: &str, description: &str, cause: &str) -> Document {
        let id = self.begin(
            group,
            Status::PreInService,
            &format!("{description}: {instance}"),
            cause,
        );
        let wait = self.draw(instance, Quantity::GroupMovesOn);
        let at = later(self.now, wait);
        if let Some(member) = self.member(instance) {
            member.lifecycle = Lifecycle::Pending;
            member.activity = Some(id.clone());
        }
        self.due(instance, at);
        self.told(group, &id)
    }

    /// An activity as the answers of these calls show it.
    fn told(&self, group: &str, id: &str) -> Document {
        let group = self.scaling.groups.get(group);
        let found = group.and_then(|group| {
            let mut all = group.activities.iter();
            Some(super::describe::activity(group, all.find(|one| one.id == id)?))
        });
        found.unwrap_or_default()
    }

    pub(super) fn stands_by(&mut self, instance: &str) {
        if let Some(member) = self.member(instance) {
            member.lifecycle = Lifecycle::Standby;
        }
        self.progress(instance, Status::Successful, "");
    }

    /// An orphan from now on: nobody but its caller knows it any more.
    pub(super) fn detached(&mut self, instance: &str) {
        self.progress(instance, Status::Successful, "");
        self.forget_member(instance);
        if let Some(known) = self.instances.get_mut(instance) {
            known.tags.remove("aws:autoscaling:groupName");
        }
    }
}

/// Works on protected machines, too.
fn terminate(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let instance = at.need("InstanceId")?;
    at.need("ShouldDecrementDesiredCapacity")?;
    let decrements = at.flag("ShouldDecrementDesiredCapacity")?;
    let group = world
        .group_name_of(&instance)
        .ok_or_else(|| not_found(&instance))?;
    let counted = world.member(&instance).is_some_and(|one| one.lifecycle.counts());
    let cause = world.decrement(&group, decrements && counted, 1)?;
    let id = world
        .let_go(&instance, &cause)
        .ok_or_else(|| not_found(&instance))?;
    Ok(Document::new().document("Activity", world.told(&group, &id)))
}

fn detach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.need("ShouldDecrementDesiredCapacity")?;
    let decrements = at.flag("ShouldDecrementDesiredCapacity")?;
    let (group, ids) = world.named(at, &[Lifecycle::InService, Lifecycle::Standby])?;
    let counted = |id: &&String| {
        let members = world.scaling.groups.get(&group).map(|group| &group.members);
        members
            .and_then(|members| members.get(*id))
            .is_some_and(|one| one.lifecycle.counts())
    };
    let by = count(ids.iter().filter(counted));
    let cause = world.decrement(&group, decrements, by)?;
    let to = (Lifecycle::Detaching, "Detaching EC2 instance");
    let rows: Vec<Document> = ids
        .iter()
        .map(|id| world.move_out(&group, id, to, &cause))
        .collect();
    world.act_soon(&group);
    Ok(Document::new().list("Activities", rows))
}

fn enter_standby(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.need("ShouldDecrementDesiredCapacity")?;
    let decrements = at.flag("ShouldDecrementDesiredCapacity")?;
    let (group, ids) = world.named(at, &[Lifecycle::InService])?;
    let cause = world.decrement(&group, decrements, count(ids.iter()))?;
    let to = (Lifecycle::EnteringStandby, "Moving EC2 instance to Standby");
    let rows: Vec<Document> = ids
        .iter()
        .map(|id| world.move_out(&group, id, to, &cause))
        .collect();
    world.act_soon(&group);
    Ok(Document::new().list("Activities", rows))
}

fn exit_standby(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (group, ids) = world.named(at, &[Lifecycle::Standby])?;
    let cause = world.increment(&group, count(ids.iter()))?;
    let rows: Vec<Document> = ids
        .iter()
        .map(|id| world.move_in(&group, id, "Moving EC2 instance out of Standby", &cause))
        .collect();
    Ok(Document::new().list("Activities", rows))
}

fn attach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let ids = at.list("InstanceIds");
    let name = world.scaling_group(at)?.name.clone();
    if ids.len() > IDS_MAX {
        return Err(invalid(format!("No more than {IDS_MAX} instances per call")));
    }
    for id in &ids {
        let state = world.instances.get(id).map(|one| one.state);
        if state != Some(InstanceState::Running) || world.group_name_of(id).is_some() {
            return Err(invalid(format!(
                "Invalid Instance ID(s): {id} does not run, or is part of a group."
            )));
        }
    }
    let cause = world.increment(&name, count(ids.iter()))?;
    for id in &ids {
        if let Some(member) = world.membership(&name, id) {
            world
                .scaling_group_named(&name)?
                .members
                .insert(id.clone(), member);
        }
        world.move_in(&name, id, "Attaching an existing EC2 instance", &cause);
    }
    Ok(Document::new())
}

/// Keeps the group's own scale-in away, and nothing else.
fn protect(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.need("ProtectedFromScaleIn")?;
    let is_protected = at.flag("ProtectedFromScaleIn")?;
    let (group, ids) = world.named(at, &[])?;
    let group = world.scaling_group_named(&group)?;
    for id in &ids {
        if let Some(member) = group.members.get_mut(id) {
            member.is_protected = is_protected;
        }
    }
    let name = group.name.clone();
    world.act_soon(&name);
    Ok(Document::new())
}
