//! Workers in the plan: groups of nodes that are rolled side by side, and what they may cost each other.

use crate::domain::machine::MachineContent;
use serde::{Deserialize, Serialize};

use super::group::ServerContent;
use crate::domain::ids::{GroupName, LaunchTemplateName, StepId, TargetGroupArn};
use crate::domain::worker::{OrderRule, WorkerPolicy};

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
    /// Launch template fields, where a new version of it may have to be made.
    pub machine: MachineContent,
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
