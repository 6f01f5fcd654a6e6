//! The machines of a group in the plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId, TargetGroupArn};
use crate::domain::version::KubernetesVersion;

/// The control plane: apiserver, controller-manager and scheduler of one release on every machine of one group, behind
/// one target group of a network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlPlanePlan {
    /// Step that approves it, for example `control-plane/cp`.
    pub step: StepId,
    /// Auto Scaling group.
    pub group: GroupName,
    /// Where its machines are registered.
    pub targets: TargetGroupArn,
    /// What the group launches from.
    pub launch_template: LaunchTemplateName,
    /// What most machines were launched with, where known.
    pub from: Option<ServerContent>,
    /// What all of them shall be launched with.
    pub to: ServerContent,
    /// Why they are replaced; empty: they are not.
    pub reasons: Vec<String>,
    /// Waits and limits.
    pub policy: ServingPolicy,
}

impl ControlPlanePlan {
    /// Its machines are replaced by this rollout.
    #[must_use]
    pub fn changes(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// What decides whether two machines of a group are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerContent {
    /// Kubernetes release.
    pub version: KubernetesVersion,
    /// Content digest, in the description of the launch template version.
    pub digest: ContentDigest,
}

/// How one server gives way to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingPolicy {
    /// Never fewer healthy targets than this.
    pub floor: u32,
    /// The load balancer sends across zones. If it does not, a zone never loses its last healthy target.
    pub cross_zone: bool,
    /// A deregistered target may get new connections for so long: 75 to 120 s were reported, none longer than 180.
    pub propagation: Duration,
    /// A new machine that does not serve through the load balancer after so long stops the rollout.
    pub serve_deadline: Duration,
    /// A group that shows no new machine after so long stops the rollout.
    pub launch_deadline: Duration,
    /// The first new machine is watched for so long before the group launches more like it.
    pub bake: Duration,
}

impl Default for ServingPolicy {
    fn default() -> Self {
        Self {
            floor: 3,
            cross_zone: false,
            propagation: Duration::from_secs(120),
            serve_deadline: Duration::from_secs(900),
            launch_deadline: Duration::from_secs(300),
            bake: Duration::from_secs(120),
        }
    }
}
