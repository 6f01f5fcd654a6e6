//! What rehull can do to a group of machines and to what a load balancer sends it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::group::Sizes;
use super::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, TargetGroupArn,
};

/// One mutation of a group. It carries every value it needs; sizes and versions are absolute, so that the same request
/// twice is the same as once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum GroupAction {
    /// Suspend what would interfere. It also writes down what the group was, to be put back at every resting place.
    HoldGroup {
        /// Group.
        group: GroupName,
        /// Processes that were not suspended before; may be none.
        processes: BTreeSet<String>,
        /// What the group launched before.
        version: LaunchTemplateVersion,
        /// What the group's sizes were before.
        sizes: Sizes,
        /// It is told to be so many more than that now, by this rollout; not 0 only where somebody else has made it
        /// larger or smaller meanwhile, and `sizes` follow.
        #[serde(default, skip_serializing_if = "is_zero")]
        beyond: i64,
    },
    /// Make a version of the launch template that the group launches from, in no machine yet.
    CreateVersion {
        /// Group.
        group: GroupName,
        /// Launch template.
        template: LaunchTemplateName,
        /// What it shall hold.
        digest: ContentDigest,
    },
    /// Set what the group launches, and how many.
    SetGroup {
        /// Group.
        group: GroupName,
        /// Always a number.
        version: LaunchTemplateVersion,
        /// All three.
        sizes: Sizes,
    },
    /// Resume what [`GroupAction::HoldGroup`] has suspended.
    ReleaseGroup {
        /// Group.
        group: GroupName,
        /// Processes; may be none.
        processes: BTreeSet<String>,
    },
    /// Take a machine out of its target group. It goes on serving.
    Deregister {
        /// Group that the machine is of.
        group: GroupName,
        /// Target group.
        targets: TargetGroupArn,
        /// Machine.
        machine: InstanceId,
    },
    /// Terminate through the group, whose desired capacity goes down with it.
    TerminateMember {
        /// Group.
        group: GroupName,
        /// Machine.
        machine: InstanceId,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl GroupAction {
    /// See [`super::action::Action::key`].
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::HoldGroup { group, .. } => hold_key(group),
            Self::CreateVersion { template, digest, .. } => format!("create-version {template} {digest}"),
            Self::SetGroup {
                group,
                version,
                sizes: Sizes { min, max, desired },
            } => format!("{}v{version} {min} {max} {desired}", set_keys(group)),
            Self::ReleaseGroup { group, .. } => release_key(group),
            Self::Deregister { targets, machine, .. } => deregister_key(targets, machine),
            Self::TerminateMember { machine, .. } => format!("{TERMINATE_KEYS}{machine}"),
        }
    }

    /// See [`super::action::Action::verb`].
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::HoldGroup { .. } => "hold group",
            Self::CreateVersion { .. } => "create template version",
            Self::SetGroup { .. } => "set group",
            Self::ReleaseGroup { .. } => "release group",
            Self::Deregister { .. } => "deregister",
            Self::TerminateMember { .. } => "terminate",
        }
    }

    /// The group it is about.
    #[must_use]
    pub const fn group(&self) -> &GroupName {
        match self {
            Self::HoldGroup { group, .. }
            | Self::CreateVersion { group, .. }
            | Self::SetGroup { group, .. }
            | Self::ReleaseGroup { group, .. }
            | Self::Deregister { group, .. }
            | Self::TerminateMember { group, .. } => group,
        }
    }
}

/// How all keys of [`GroupAction::TerminateMember`] begin.
pub const TERMINATE_KEYS: &str = "terminate-member ";

/// How all keys of [`GroupAction::SetGroup`] of one group begin.
#[must_use]
pub fn set_keys(group: &GroupName) -> String {
    format!("set-group {group} ")
}

/// Key of [`GroupAction::HoldGroup`].
#[must_use]
pub fn hold_key(group: &GroupName) -> String {
    format!("hold-group {group}")
}

/// Key of [`GroupAction::ReleaseGroup`].
#[must_use]
pub fn release_key(group: &GroupName) -> String {
    format!("release-group {group}")
}

/// Key of [`GroupAction::Deregister`].
#[must_use]
pub fn deregister_key(targets: &TargetGroupArn, machine: &InstanceId) -> String {
    format!("deregister {machine} {targets}")
}
