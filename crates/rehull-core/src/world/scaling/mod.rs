//! Auto Scaling groups: the nouns and what a caller may ask of them. A group does not launch yet: its desired capacity is
//! held, it has no instances, and a scaling activity says so.

pub(super) mod describe;
pub(super) mod hook;
pub(super) mod settings;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::hook::Hook;
use self::settings::Settings;
use super::World;
use super::error::AwsError;
use super::query::{Document, Operation, Scope};

/// All groups by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scaling {
    groups: BTreeMap<String, Group>,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    name: String,
    arn: String,
    created: Timestamp,
    settings: Settings,
    target_groups: Vec<String>,
    suspended: BTreeSet<String>,
    hooks: BTreeMap<String, Hook>,
    /// By key; with them, whether machines get it.
    tags: BTreeMap<String, (String, bool)>,
    /// Oldest first.
    activities: Vec<Activity>,
}

/// Something that the group did or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    id: String,
    at: Timestamp,
    description: String,
    cause: String,
    message: String,
}

/// What can be suspended (API reference, `ProcessType`).
const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateAutoScalingGroup", create),
    Operation::of("UpdateAutoScalingGroup", update),
    Operation::of("SetDesiredCapacity", set_desired),
    Operation::of("DeleteAutoScalingGroup", delete),
    Operation::of("SetInstanceProtection", protect),
    Operation::of("AttachLoadBalancerTargetGroups", attach),
    Operation::of("DetachLoadBalancerTargetGroups", detach),
    Operation::of("SuspendProcesses", |world, at| {
        let processes = processes(at)?;
        world.scaling_group(at)?.suspended.extend(processes);
        Ok(Document::new())
    }),
    Operation::of("ResumeProcesses", |world, at| {
        let processes = processes(at)?;
        world
            .scaling_group(at)?
            .suspended
            .retain(|known| !processes.contains(known));
        Ok(Document::new())
    }),
    Operation::of("CreateOrUpdateTags", tag),
    Operation::of("DeleteTags", untag),
];

/// How this service words nearly every refusal.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad("ValidationError", message)
}

fn no_group(name: &str) -> AwsError {
    invalid(format!(
        "AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
    ))
}

impl World {
    fn scaling_group(&mut self, at: &Scope<'_>) -> Result<&mut Group, AwsError> {
        let name = at.need("AutoScalingGroupName")?;
        self.scaling_group_named(&name)
    }

    fn scaling_group_named(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        self.scaling.groups.get_mut(name).ok_or_else(|| no_group(name))
    }

    /// The wish is held and not granted; whoever reads the activities learns why.
    fn wish(&mut self, name: &str, cause: &str) -> Result<(), AwsError> {
        let (id, now) = (self.new_id("activity"), self.now);
        let group = self.scaling_group_named(name)?;
        if group.settings.desired == 0 {
            return Ok(());
        }
        let wanted = group.settings.desired;
        group.activities.push(Activity {
            id,
            at: now,
            description: format!("Launching {wanted} EC2 instances"),
            cause: format!("At {now} {cause} the desired capacity is {wanted}."),
            message: "The sandbox's groups do not launch yet.".to_owned(),
        });
        Ok(())
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("AutoScalingGroupName")?;
    if world.scaling.groups.contains_key(&name) {
        return Err(AwsError::bad(
            "AlreadyExists",
            format!(
                "AutoScalingGroup by this name already exists - A group with the name {name} already exists"
            ),
        ));
    }
    let mut settings = Settings::new(at)?;
    settings.change(world, at)?;
    settings.check()?;
    let target_groups = target_groups(world, at)?;
    let id = world.new_id("group");
    let (region, account) = (&world.setup.region, &world.setup.account);
    let arn =
        format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{id}:autoScalingGroupName/{name}");
    let group = Group {
        name: name.clone(),
        arn,
        created: world.now,
        settings,
        target_groups,
        suspended: BTreeSet::new(),
        hooks: BTreeMap::new(),
        tags: tags(at, &name)?
            .into_iter()
            .map(|(_, key, tag)| (key, tag))
            .collect(),
        activities: Vec::new(),
    };
    world.scaling.groups.insert(name.clone(), group);
    for hook in at.items("LifecycleHookSpecificationList") {
        let (hook_name, hook) = Hook::read(&hook)?;
        world.scaling_group_named(&name)?.hooks.insert(hook_name, hook);
    }
    world.wish(&name, "a group was created;")?;
    Ok(Document::new())
}

fn update(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let group = world.scaling_group(at)?.clone();
    let mut settings = group.settings.clone();
    settings.change(world, at)?;
    if !at.has("DesiredCapacity") {
        settings.desired = settings
            .desired
            .clamp(settings.min, settings.max.max(settings.min));
    }
    settings.check()?;
    let wants_more = settings.desired != group.settings.desired;
    world.scaling_group_named(&group.name)?.settings = settings;
    if wants_more {
        world.wish(&group.name, "a user request updated the group;")?;
    }
    Ok(Document::new())
}

fn set_desired(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["HonorCooldown"]);
    let desired: i64 = at.parse("DesiredCapacity")?.unwrap_or_default();
    let group = world.scaling_group(at)?;
    let (min, max) = (group.settings.min, group.settings.max);
    if desired > max {
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is above max value {max} for the AutoScalingGroup."
        )));
    }
    if desired < min {
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is below min value {min} for the AutoScalingGroup."
        )));
    }
    group.settings.desired = desired;
    let name = group.name.clone();
    world.wish(&name, "a user request set the desired capacity;")?;
    Ok(Document::new())
}

/// Nothing launches, so nothing can hold a group back.
fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["ForceDelete"]);
    let name = world.scaling_group(at)?.name.clone();
    world.scaling.groups.remove(&name);
    Ok(Document::new())
}

/// No group has an instance, so every id is a wrong one.
fn protect(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["ProtectedFromScaleIn"]);
    let name = world.scaling_group(at)?.name.clone();
    match at.list("InstanceIds").first() {
        None => Ok(Document::new()),
        Some(id) => Err(invalid(format!(
            "The instance {id} is not part of Auto Scaling group {name}."
        ))),
    }
}

fn target_groups(world: &World, at: &Scope<'_>) -> Result<Vec<String>, AwsError> {
    let arns = at.list("TargetGroupARNs");
    let unknown = arns
        .iter()
        .find(|arn| !world.balancing.target_groups.contains_key(*arn));
    match unknown {
        None => Ok(arns),
        Some(_) => Err(invalid(
            "Provided Target Groups may not be valid. Please ensure they exist and try again.",
        )),
    }
}

fn attach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arns = target_groups(world, at)?;
    let group = world.scaling_group(at)?;
    for arn in arns {
        if !group.target_groups.contains(&arn) {
            group.target_groups.push(arn);
        }
    }
    Ok(Document::new())
}

fn detach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arns = at.list("TargetGroupARNs");
    world
        .scaling_group(at)?
        .target_groups
        .retain(|known| !arns.contains(known));
    Ok(Document::new())
}

/// None named means all.
fn processes(at: &Scope<'_>) -> Result<Vec<String>, AwsError> {
    let named = at.list("ScalingProcesses");
    if let Some(unknown) = named.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        return Err(invalid(format!("Invalid process type: {unknown}")));
    }
    if named.is_empty() {
        return Ok(PROCESSES.map(str::to_owned).to_vec());
    }
    Ok(named)
}

/// Group, key, and value with whether machines get it.
type GroupTag = (String, String, (String, bool));

fn tags(at: &Scope<'_>, default: &str) -> Result<Vec<GroupTag>, AwsError> {
    let rows = at.items("Tags");
    let rows = rows.iter().map(|tag| {
        tag.ignore(&["ResourceType"]);
        let group = tag.text("ResourceId").unwrap_or_else(|| default.to_owned());
        let value = (
            tag.text("Value").unwrap_or_default(),
            tag.flag("PropagateAtLaunch")?,
        );
        Ok((group, tag.need("Key")?, value))
    });
    rows.collect()
}

fn tag(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for (group, key, value) in tags(at, "")? {
        world.scaling_group_named(&group)?.tags.insert(key, value);
    }
    Ok(Document::new())
}

fn untag(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for (group, key, _) in tags(at, "")? {
        world.scaling_group_named(&group)?.tags.remove(&key);
    }
    Ok(Document::new())
}
