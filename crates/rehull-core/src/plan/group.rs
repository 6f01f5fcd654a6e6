//! The machines of a group in the plan.

use crate::domain::machine::MachineContent;
use serde::{Deserialize, Serialize};

use crate::domain::group::{Group, Launches};
use crate::domain::ids::{
    ContentDigest, GroupName, LaunchTemplateName, LaunchTemplateVersion, StepId, TargetGroupArn,
};
use crate::domain::observed::Observed;
use crate::domain::policy::ServingPolicy;
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
    /// Launch template fields, where a new version of it may have to be made.
    pub machine: MachineContent,
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

/// What a version of a launch template holds.
pub(super) fn content(
    seen: &Observed,
    template: &LaunchTemplateName,
    version: LaunchTemplateVersion,
) -> Option<ContentDigest> {
    let versions = seen.fleet.templates.get(template)?;
    let known = versions.iter().find(|known| known.version == version)?;
    known.digest.clone()
}

/// A launch template has a version with this content.
pub(super) fn listed(seen: &Observed, template: &LaunchTemplateName, digest: &ContentDigest) -> bool {
    let versions = seen.fleet.templates.get(template);
    versions.is_some_and(|all| all.iter().any(|known| known.digest.as_ref() == Some(digest)))
}

pub(super) fn launched(group: &Group) -> Option<LaunchTemplateVersion> {
    match group.launches {
        Launches::Version(version) => Some(version),
        Launches::Floating(_) => None,
    }
}
