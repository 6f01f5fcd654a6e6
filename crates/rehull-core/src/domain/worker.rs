//! The workers, as the cluster file wants them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::desired::{ClientTls, TemplateRef};
use super::ids::{GroupName, LaunchTemplateName, ObjectName, TargetGroupArn};
use super::machine::MachineContent;
use super::version::KubernetesVersion;

/// All groups of workers that rehull rolls, and how it reaches the API that their pods are evicted through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersRole {
    /// URL of the API, through the load balancer: `https://api.dev.example:6443`.
    pub server: String,
    /// What rehull asks it with.
    pub client_tls: ClientTls,
    /// So many nodes at most are being drained at once, over all groups.
    pub budget: u32,
    /// Which workload leaves a node before which other.
    pub order: Vec<OrderRule>,
    /// Groups, in file order.
    pub groups: Vec<WorkerGroupRole>,
}

/// One Auto Scaling group of workers of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerGroupRole {
    /// Auto Scaling group.
    pub group: GroupName,
    /// What it launches from.
    pub launch_template: LaunchTemplateName,
    /// Target groups that its machines are registered in; mostly none.
    pub target_groups: Vec<TargetGroupArn>,
    /// Pinned release of the kubelet: a new node counts when it runs just this.
    pub version: KubernetesVersion,
    /// What its machines are made from.
    pub machine: MachineContent,
    /// Which user-data template.
    pub template: TemplateRef,
    /// Waits and limits.
    pub policy: WorkerPolicy,
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
