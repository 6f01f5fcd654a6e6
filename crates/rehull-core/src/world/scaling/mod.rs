//! Auto Scaling groups: the nouns, and what a caller may ask of a group as a whole. What it does by itself:
//! [`reconcile`]; what becomes of one machine: [`member`], [`leave`].

mod activity;
pub(super) mod describe;
pub(super) mod health;
pub(super) mod hold;
pub(super) mod hook;
mod launch;
mod leave;
pub(super) mod look;
mod member;
pub(super) mod moves;
mod reconcile;
pub(super) mod settings;
pub(super) mod tags;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::activity::Activity;
use self::hold::Process;
use self::hook::Hook;
use self::member::{Lifecycle, Member};
use self::settings::Settings;
use super::World;
use super::error::AwsError;
use super::query::{Document, Operation, Scope};
use super::rows::Rows;

/// All groups by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scaling {
    groups: Rows<Group>,
}

impl Scaling {
    pub(super) fn revision_of(&self, name: &str) -> u64 {
        self.groups.revision_of(name)
    }
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    name: String,
    arn: String,
    created: Timestamp,
    settings: Settings,
    target_groups: Vec<String>,
    /// Target groups that have found a machine healthy since they were attached.
    #[serde(default)]
    proven: BTreeSet<String>,
    suspended: BTreeSet<String>,
    /// Suspended by the service itself.
    #[serde(default)]
    given_up: BTreeSet<String>,
    hooks: BTreeMap<String, Hook>,
    /// By key; with them, whether machines get it.
    tags: BTreeMap<String, (String, bool)>,
    /// By instance.
    #[serde(default)]
    members: BTreeMap<String, Member>,
    /// Oldest first.
    activities: Vec<Activity>,
    /// What the next launch is told to be due to.
    #[serde(default)]
    because: Option<String>,
    #[serde(default)]
    failing_since: Option<Timestamp>,
    /// No launch before.
    #[serde(default)]
    retry_from: Option<Timestamp>,
    /// There is one more than desired, until it is in service.
    #[serde(default)]
    rebalancing: bool,
    /// When one was launched to even out the zones, last.
    #[serde(default)]
    balanced: Option<Timestamp>,
    /// Whoever was ended for it.
    #[serde(default)]
    balanced_away: BTreeSet<String>,
    #[serde(default)]
    deleting: bool,
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateAutoScalingGroup", create),
    Operation::of("UpdateAutoScalingGroup", update),
    Operation::of("SetDesiredCapacity", set_desired),
    Operation::of("DeleteAutoScalingGroup", delete),
    Operation::of("AttachLoadBalancerTargetGroups", attach),
    Operation::of("DetachLoadBalancerTargetGroups", detach),
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
    pub(super) fn scaling_group(&mut self, at: &Scope<'_>) -> Result<&mut Group, AwsError> {
        let name = at.need("AutoScalingGroupName")?;
        self.scaling_group_named(&name)
    }

    pub(super) fn scaling_group_named(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        self.scaling.groups.get_mut(name).ok_or_else(|| no_group(name))
    }

    /// The group sees to it in its own time; also when it had given up for a while.
    fn wish(&mut self, name: &str, cause: &str) -> Result<(), AwsError> {
        let now = self.now;
        let group = self.scaling_group_named(name)?;
        group.because = Some(format!("At {now} {cause} "));
        group.retry_from = None;
        self.act_soon(name);
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
        proven: BTreeSet::new(),
        suspended: BTreeSet::new(),
        given_up: BTreeSet::new(),
        hooks: BTreeMap::new(),
        tags: tags::read(at, &name)?
            .into_iter()
            .map(|(_, key, tag)| (key, tag))
            .collect(),
        members: BTreeMap::new(),
        activities: Vec::new(),
        because: None,
        failing_since: None,
        retry_from: None,
        rebalancing: false,
        balanced: None,
        balanced_away: BTreeSet::new(),
        deleting: false,
    };
    world.scaling.groups.insert(name.clone(), group);
    for hook in at.items("LifecycleHookSpecificationList") {
        let (hook_name, hook) = Hook::read(&hook)?;
        world.scaling_group_named(&name)?.hooks.insert(hook_name, hook);
    }
    world.wish(&name, "a user request created the group.")?;
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
    let (from, to) = (group.settings.desired, settings.desired);
    world.scaling_group_named(&group.name)?.settings = settings;
    let cause = format!("a user request updated the group; the desired capacity went from {from} to {to}.");
    world.wish(&group.name, &cause)?;
    Ok(Document::new())
}

fn set_desired(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let desired: i64 = at.parse("DesiredCapacity")?.unwrap_or_default();
    let honours_cooldown = at.flag("HonorCooldown")?;
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
    if honours_cooldown && group.is_busy() {
        return Err(busy(&group.name));
    }
    let from = std::mem::replace(&mut group.settings.desired, desired);
    let name = group.name.clone();
    let cause = format!("a user request set the desired capacity from {from} to {desired}.");
    world.wish(&name, &cause)?;
    Ok(Document::new())
}

fn busy(name: &str) -> AwsError {
    AwsError::bad(
        "ScalingActivityInProgress",
        format!("Scaling activity is in progress for the group {name}"),
    )
}

/// By force everything goes at once, past hooks and delays; else the group must be empty and at rest.
fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let forces = at.flag("ForceDelete")?;
    let group = world.scaling_group(at)?;
    let name = group.name.clone();
    if !forces {
        if group.members.values().any(|one| !one.lifecycle.is_terminating()) {
            return Err(AwsError::bad(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances still in the group.",
            ));
        }
        if group.is_busy() {
            return Err(busy(&name));
        }
    }
    group.deleting = true;
    let members: Vec<String> = group.members.keys().cloned().collect();
    for id in members {
        world.let_go(&id, "A user request deleted the group by force.");
        world.power_down(&id);
    }
    world.group_acts(&name);
    Ok(Document::new())
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

/// Machines in service are registered, too, unless that is suspended.
fn attach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arns = target_groups(world, at)?;
    let group = world.scaling_group(at)?;
    let registers = !group.holds(Process::AddToLoadBalancer);
    let serving = group.members.values();
    let serving = serving.filter(|one| one.lifecycle == Lifecycle::InService && registers);
    let serving: Vec<String> = serving.map(|one| one.instance.clone()).collect();
    for arn in arns {
        let group = world.scaling_group(at)?;
        if !group.target_groups.contains(&arn) {
            group.target_groups.push(arn.clone());
        }
        for id in &serving {
            world.register_member_with(id, &arn);
        }
    }
    Ok(Document::new())
}

fn detach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arns = at.list("TargetGroupARNs");
    let group = world.scaling_group(at)?;
    group.target_groups.retain(|known| !arns.contains(known));
    group.proven.retain(|known| !arns.contains(known));
    let members: Vec<String> = group.members.keys().cloned().collect();
    let left =
        world.target_ids(|arn, one| arns.iter().any(|gone| gone == arn) && members.contains(&one.instance));
    for id in left {
        world.deregister_target(&id);
    }
    Ok(Document::new())
}

impl Group {
    fn is_busy(&self) -> bool {
        self.activities.iter().any(|one| !one.status.is_over())
    }
}
