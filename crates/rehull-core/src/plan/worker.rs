//! Workers in the plan: groups of nodes that are rolled side by side, and what they may cost each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::group::ServerContent;
use crate::domain::ids::{GroupName, LaunchTemplateName, ObjectName, StepId, TargetGroupArn};

/// All groups of workers that rehull rolls. Nodes of no group in here are nobody's business of this rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersPlan {
    /// Groups; those with reasons are rolled.
    pub groups: Vec<WorkerGroupPlan>,
    /// So many nodes at most are being drained at once, over all groups.
    pub budget: u32,
    /// Which workload leaves a node before which other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<OrderRule>,
}

impl WorkersPlan {
    /// Some of its machines are replaced by this rollout.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.groups.iter().any(WorkerGroupPlan::changes)
    }
}

/// On one node, pods of `then` stay until `first` has left it and is ready elsewhere; and while any pod of `first` is not
/// ready, no pod of `then` is moved at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderRule {
    /// Workload that others depend on.
    pub first: ObjectName,
    /// Workload that depends on it.
    pub then: ObjectName,
}

/// One group of workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerGroupPlan {
    /// Step that approves it, for example `workers/general`.
    pub step: StepId,
    /// Auto Scaling group.
    pub group: GroupName,
    /// Target groups that its machines are registered in; mostly none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetGroupArn>,
    /// What the group launches from.
    pub launch_template: LaunchTemplateName,
    /// What most machines were launched with, where known.
    pub from: Option<ServerContent>,
    /// What all of them shall be launched with; its version is the kubelet's.
    pub to: ServerContent,
    /// Why they are replaced; empty: they are not.
    pub reasons: Vec<String>,
    /// Waits and limits.
    pub policy: WorkerPolicy,
}

impl WorkerGroupPlan {
    /// Its machines are replaced by this rollout.
    #[must_use]
    pub fn changes(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// How nodes of a group give way to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPolicy {
    /// So many machines more than the group has, at most; 0: none, and `max_unavailable` counts from the beginning.
    pub max_surge: u32,
    /// So many fewer than the group has, at most, and only where there can be none more; 0 beside a surge: the rollout
    /// stops instead.
    pub max_unavailable: u32,
    /// So many come first, and are watched before more like them are launched.
    pub canary: u32,
    /// For so long.
    pub bake: Duration,
    /// A node that is not empty after so long stops the rollout. Nothing is ever forced.
    pub drain_deadline: Duration,
    /// A new machine whose node carries nothing after so long stops the rollout.
    pub ready_deadline: Duration,
    /// A group that shows no new machine after so long cannot launch any.
    pub launch_deadline: Duration,
    /// A deregistered target may get new connections for so long.
    pub propagation: Duration,
}

impl Default for WorkerPolicy {
    fn default() -> Self {
        Self {
            max_surge: 1,
            max_unavailable: 1,
            canary: 1,
            bake: Duration::from_secs(120),
            drain_deadline: Duration::from_secs(900),
            ready_deadline: Duration::from_secs(900),
            launch_deadline: Duration::from_secs(300),
            propagation: Duration::from_secs(120),
        }
    }
}
