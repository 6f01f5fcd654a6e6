//! What Auto Scaling, load balancers and the servers themselves say of machines that live in groups.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, TargetGroupArn, Zone};
use super::version::KubernetesVersion;

/// The groups of a rollout, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsView {
    /// A group that does not exist is absent.
    pub groups: BTreeMap<GroupName, Group>,
    /// Every registered target; a machine that is not registered is absent.
    pub targets: BTreeMap<TargetGroupArn, BTreeMap<InstanceId, TargetHealth>>,
    /// What the apiserver of a machine answers when it is asked itself, not through a load balancer.
    pub servers: BTreeMap<InstanceId, Server>,
}

/// One Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it launches from.
    pub template: LaunchTemplateName,
    /// Which version of it.
    pub launches: Launches,
    /// How many.
    pub sizes: Sizes,
    /// Processes that are suspended, in AWS's words.
    pub suspended: BTreeSet<String>,
    /// Every instance that it tells, in any state.
    pub members: Vec<Member>,
    /// Where it may launch.
    pub zones: BTreeSet<Zone>,
    /// The newest activity, if it has failed and the group lacks machines.
    pub refused: Option<FailedLaunch>,
}

/// A launch that failed: only a scaling activity tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedLaunch {
    /// When it was tried, by AWS's clock.
    pub at: Timestamp,
    /// AWS's words.
    pub text: String,
}

/// The version that a group launches next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Launches {
    /// A number.
    Version(LaunchTemplateVersion),
    /// `$Latest`, `$Default`, or nothing: what it means may change at any moment.
    Floating(String),
}

/// Minimum, maximum, desired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Never fewer.
    pub min: u32,
    /// Never more.
    pub max: u32,
    /// So many.
    pub desired: u32,
}

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Instance id.
    pub machine: InstanceId,
    /// Its zone.
    pub zone: Zone,
    /// How far its lifecycle is.
    pub lifecycle: Lifecycle,
    /// The group's own opinion.
    pub is_healthy: bool,
    /// What it was launched from; `None`: not by this group.
    pub version: Option<LaunchTemplateVersion>,
}

/// Lifecycle states, as far as a rollout tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// On its way into service, its hooks included.
    Pending,
    /// In service.
    InService,
    /// On its way out, its hooks included.
    Leaving,
    /// Standby, detaching, or a word this version does not know: nobody's business but a person's.
    Other(String),
}

impl Lifecycle {
    /// Counts against the desired capacity. What is not known is taken to.
    #[must_use]
    pub const fn counts(&self) -> bool {
        match self {
            Self::Pending | Self::InService | Self::Other(_) => true,
            Self::Leaving => false,
        }
    }
}

/// The health of a registered target, as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetHealth {
    /// Registered, not checked often enough yet.
    Initial,
    /// Passes its checks.
    Healthy,
    /// Fails them; established connections may be cut.
    Unhealthy,
    /// Deregistered, for its group's delay.
    Draining,
    /// A word, or a reason for `unused`, that says nothing about serving.
    Other(String),
}

impl TargetHealth {
    /// Neither leaving nor left.
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        match self {
            Self::Initial | Self::Healthy | Self::Unhealthy | Self::Other(_) => true,
            Self::Draining => false,
        }
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
            Self::Other(word) => word,
        }
    }
}

/// An apiserver, asked at its own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// `/readyz` is 200.
    Ready {
        /// `/version`.
        version: KubernetesVersion,
    },
    /// It answers, and is not ready.
    NotReady {
        /// What it says.
        why: String,
    },
    /// Nothing listens.
    Refused,
    /// No answer in time.
    Silent,
}
