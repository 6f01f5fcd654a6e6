//! Lifecycle hooks: held and told. Nothing launches, so nothing waits for one yet.

use serde::{Deserialize, Serialize};

use super::invalid;
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope};

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hook {
    transition: String,
    heartbeat: i64,
    default_result: String,
    metadata: Option<String>,
    target: Option<String>,
    role: Option<String>,
}

/// A timer and its limit (Auto Scaling user guide, "lifecycle hooks").
const HEARTBEAT: i64 = 3_600;
const HEARTBEATS_MAX: i64 = 100;
const LONGEST: i64 = 172_800;

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("PutLifecycleHook", put),
    Operation::of("DescribeLifecycleHooks", describe),
    Operation::of("DeleteLifecycleHook", delete),
];

impl Hook {
    /// Name and hook.
    pub(super) fn read(at: &Scope<'_>) -> Result<(String, Self), AwsError> {
        let hook = Self {
            transition: at.need("LifecycleTransition")?,
            heartbeat: at.parse("HeartbeatTimeout")?.unwrap_or(HEARTBEAT),
            default_result: at.text("DefaultResult").unwrap_or_else(|| "ABANDON".to_owned()),
            metadata: at.text("NotificationMetadata"),
            target: at.text("NotificationTargetARN"),
            role: at.text("RoleARN"),
        };
        let transitions = [
            "autoscaling:EC2_INSTANCE_LAUNCHING",
            "autoscaling:EC2_INSTANCE_TERMINATING",
        ];
        if !transitions.contains(&hook.transition.as_str()) {
            return Err(invalid(format!(
                "Invalid lifecycle transition: {}",
                hook.transition
            )));
        }
        if !["CONTINUE", "ABANDON"].contains(&hook.default_result.as_str()) {
            return Err(invalid(format!(
                "Invalid default result: {}",
                hook.default_result
            )));
        }
        if !(30..=7_200).contains(&hook.heartbeat) {
            return Err(invalid(format!(
                "Heartbeat timeout must be between 30 and 7200 seconds, not {}",
                hook.heartbeat
            )));
        }
        Ok((at.need("LifecycleHookName")?, hook))
    }
}

fn put(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (name, hook) = Hook::read(at)?;
    world.scaling_group(at)?.hooks.insert(name, hook);
    Ok(Document::new())
}

/// A name that is not there is left out.
fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let names = at.list("LifecycleHookNames");
    let group = world.scaling_group(at)?;
    let hooks = group
        .hooks
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(*name));
    let rows = hooks.map(|(name, hook)| {
        let longest = hook.heartbeat.saturating_mul(HEARTBEATS_MAX).min(LONGEST);
        Document::new()
            .text("LifecycleHookName", name)
            .text("AutoScalingGroupName", &group.name)
            .text("LifecycleTransition", &hook.transition)
            .number("HeartbeatTimeout", hook.heartbeat)
            .number("GlobalTimeout", longest)
            .text("DefaultResult", &hook.default_result)
            .maybe("NotificationMetadata", hook.metadata.as_ref())
            .maybe("NotificationTargetARN", hook.target.as_ref())
            .maybe("RoleARN", hook.role.as_ref())
    });
    Ok(Document::new().list("LifecycleHooks", rows))
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("LifecycleHookName")?;
    let group = world.scaling_group(at)?;
    match group.hooks.remove(&name) {
        Some(_) => Ok(Document::new()),
        None => Err(invalid(format!("No Lifecycle Hook found with name {name}"))),
    }
}
