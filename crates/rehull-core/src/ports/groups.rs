//! Auto Scaling, load balancing and apiservers as the core needs them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::PortError;
use crate::domain::group::{Group, Server, Sizes, TargetHealth};
use crate::domain::ids::{GroupName, InstanceId, LaunchTemplateVersion, TargetGroupArn};
use crate::domain::observed::Partial;

/// Auto Scaling groups.
#[async_trait]
pub trait Groups: Send + Sync {
    /// These groups with their instances; one that does not exist is absent.
    async fn observe(&self, groups: &[GroupName]) -> Partial<BTreeMap<GroupName, Group>>;
    /// Sets what the group launches from its launch template, and how many: absolute values, repeatable.
    async fn set(
        &self,
        group: &GroupName,
        version: LaunchTemplateVersion,
        sizes: Sizes,
    ) -> Result<(), PortError>;
    /// Suspends these processes; already suspended is success.
    async fn suspend(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError>;
    /// Resumes these processes; not suspended is success.
    async fn resume(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError>;
    /// Terminates a member, and the desired capacity goes down by one; a machine that is no member is `Gone`.
    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError>;
}

/// Targets of load balancers.
#[async_trait]
pub trait Targets: Send + Sync {
    /// Every registered target of these target groups.
    async fn observe(
        &self,
        groups: &[TargetGroupArn],
    ) -> Partial<BTreeMap<TargetGroupArn, BTreeMap<InstanceId, TargetHealth>>>;
    /// Takes a machine out; not registered is success.
    async fn deregister(&self, group: &TargetGroupArn, machine: &InstanceId) -> Result<(), PortError>;
}

/// Apiservers, asked at their machines' own addresses.
#[async_trait]
pub trait Servers: Send + Sync {
    /// `/readyz` and `/version` of each.
    async fn observe(&self, machines: &[InstanceId]) -> BTreeMap<InstanceId, Server>;
}
