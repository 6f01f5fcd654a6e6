//! Lifecycle hooks, and machines that wait for one.
//!
//! Several hooks of a transition run one after the other in the order of their names; AWS promises no order.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::activity::Status;
use super::invalid;
use super::member::Lifecycle;
use crate::world::World;
use crate::world::agenda::later;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope};
use crate::world::timing::Quantity;

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

/// A machine waits for whoever completes this action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    hook: String,
    token: String,
    /// Hooks that come after it.
    rest: Vec<String>,
    /// No heartbeat moves it beyond.
    ends: Timestamp,
    /// What somebody said; without a word it is the hook's default.
    abandons: Option<bool>,
}

pub(super) const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
pub(super) const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// A timer and its limit (Auto Scaling user guide, "lifecycle hooks").
const HEARTBEAT: i64 = 3_600;
const HEARTBEATS_MAX: i64 = 100;
const LONGEST: i64 = 172_800;

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("PutLifecycleHook", put),
    Operation::of("DescribeLifecycleHooks", describe),
    Operation::of("DeleteLifecycleHook", delete),
    Operation::of("CompleteLifecycleAction", complete),
    Operation::of("RecordLifecycleActionHeartbeat", heartbeat),
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
        if ![LAUNCHING, TERMINATING].contains(&hook.transition.as_str()) {
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

    fn longest(&self) -> i64 {
        self.heartbeat.saturating_mul(HEARTBEATS_MAX).min(LONGEST)
    }

    fn abandons(&self) -> bool {
        self.default_result == "ABANDON"
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

impl World {
    pub(super) fn hooks_for(&mut self, instance: &str, transition: &str) -> Vec<String> {
        let Some(group) = self.group_with(instance) else {
            return Vec::new();
        };
        let hooks = group.hooks.iter();
        hooks
            .filter(|(_, hook)| hook.transition == transition)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Waits for the first of these that is still there. False: there is none.
    pub(super) fn wait_for_hooks(&mut self, instance: &str, at: Lifecycle, hooks: Vec<String>) -> bool {
        let (now, token) = (self.now, self.new_id("action"));
        let Some(group) = self.group_with(instance) else {
            return false;
        };
        let mut hooks = hooks.into_iter().filter(|name| group.hooks.contains_key(name));
        let Some(name) = hooks.next() else { return false };
        let rest: Vec<String> = hooks.collect();
        let Some(hook) = group.hooks.get(&name).cloned() else {
            return false;
        };
        let ends = later(now, seconds(hook.longest()));
        if let Some(member) = group.members.get_mut(instance) {
            member.lifecycle = at;
            member.waiting = Some(Waiting {
                hook: name,
                token,
                rest,
                ends,
                abandons: None,
            });
        }
        self.progress(instance, Status::MidLifecycleAction, "");
        self.due(instance, later(now, seconds(hook.heartbeat)).min(ends));
        true
    }

    /// Somebody completed the action, or nobody did in time.
    pub(super) fn hook_ends(&mut self, instance: &str) {
        let now = self.now;
        let Some(group) = self.group_with(instance) else {
            return;
        };
        let name = group.name.clone();
        let Some(member) = group.members.get_mut(instance) else {
            return;
        };
        let Some(waiting) = member.waiting.take() else {
            return;
        };
        let (lifecycle, ready) = (member.lifecycle, member.ready_from.max(now));
        let default = group.hooks.get(&waiting.hook);
        let default = default.is_some_and(Hook::abandons);
        let is_launch = lifecycle == Lifecycle::PendingWait;
        match (waiting.abandons.unwrap_or(default), is_launch) {
            (true, true) => {
                let hook = &waiting.hook;
                let cause = format!("At {now} the lifecycle action of the hook {hook} was abandoned.");
                self.let_go(instance, &cause);
                // A launch that fails again and again must not become a storm.
                self.retry_later(&name);
            }
            // The rest of the hooks is skipped; the machine goes in any case.
            (true, false) => self.power_down(instance),
            (false, _) => {
                if self.wait_for_hooks(instance, lifecycle, waiting.rest) {
                    return;
                }
                if is_launch {
                    if let Some(member) = self.member(instance) {
                        member.lifecycle = Lifecycle::PendingProceed;
                    }
                    self.progress(instance, Status::InProgress, "");
                    self.due(instance, ready);
                } else {
                    self.power_down(instance);
                }
            }
        }
    }

    /// The group takes its time to go on.
    fn says(&mut self, instance: &str, abandons: bool) {
        if let Some(waiting) = self.member(instance).and_then(|one| one.waiting.as_mut()) {
            waiting.abandons = Some(abandons);
        }
        let wait = self.draw(instance, Quantity::GroupMovesOn);
        let at = later(self.now, wait);
        self.due(instance, at);
    }

    /// Who waits for this action, by instance or by token.
    fn waits(&mut self, at: &Scope<'_>) -> Result<String, AwsError> {
        let hook = at.need("LifecycleHookName")?;
        let (instance, token) = (at.text("InstanceId"), at.text("LifecycleActionToken"));
        let group = self.scaling_group(at)?;
        let is_it = |member: &&super::member::Member| {
            member.waiting.as_ref().is_some_and(|waiting| {
                waiting.hook == hook
                    && waiting.abandons.is_none()
                    && instance.as_ref().is_none_or(|id| *id == member.instance)
                    && token.as_ref().is_none_or(|token| *token == waiting.token)
            })
        };
        let named = instance.is_some() || token.is_some();
        let found = group.members.values().find(is_it).filter(|_| named);
        found.map(|member| member.instance.clone()).ok_or_else(|| {
            invalid(format!(
                "No active Lifecycle Action found with instance ID {}",
                instance.or(token).unwrap_or_default()
            ))
        })
    }
}

fn complete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let result = at.need("LifecycleActionResult")?;
    if !["CONTINUE", "ABANDON"].contains(&result.as_str()) {
        return Err(invalid(format!("Invalid lifecycle action result: {result}")));
    }
    let instance = world.waits(at)?;
    world.says(&instance, result == "ABANDON");
    Ok(Document::new())
}

/// The timer begins again, as often as the whole limit allows.
fn heartbeat(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let instance = world.waits(at)?;
    let now = world.now;
    let group = world.scaling_group(at)?;
    let waiting = group.members.get(&instance).and_then(|one| one.waiting.as_ref());
    let timer = waiting.and_then(|waiting| Some((group.hooks.get(&waiting.hook)?.heartbeat, waiting.ends)));
    if let Some((heartbeat, ends)) = timer {
        world.due(&instance, later(now, seconds(heartbeat)).min(ends));
    }
    Ok(Document::new())
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
        Document::new()
            .text("LifecycleHookName", name)
            .text("AutoScalingGroupName", &group.name)
            .text("LifecycleTransition", &hook.transition)
            .number("HeartbeatTimeout", hook.heartbeat)
            .number("GlobalTimeout", hook.longest())
            .text("DefaultResult", &hook.default_result)
            .maybe("NotificationMetadata", hook.metadata.as_ref())
            .maybe("NotificationTargetARN", hook.target.as_ref())
            .maybe("RoleARN", hook.role.as_ref())
    });
    Ok(Document::new().list("LifecycleHooks", rows))
}

/// Whoever waits for it moves on: out of a launch by giving it up, out of a termination by going on.
fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("LifecycleHookName")?;
    let group = world.scaling_group(at)?;
    if group.hooks.remove(&name).is_none() {
        return Err(invalid(format!("No Lifecycle Hook found with name {name}")));
    }
    let waiting = group.members.values();
    let waiting = waiting.filter(|one| one.waiting.as_ref().is_some_and(|waiting| waiting.hook == name));
    let waiting: Vec<(String, bool)> = waiting
        .map(|one| (one.instance.clone(), one.lifecycle == Lifecycle::PendingWait))
        .collect();
    for (instance, is_launch) in waiting {
        world.says(&instance, is_launch);
    }
    Ok(Document::new())
}
