//! EC2 as the core needs it.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::PortError;
use crate::domain::desired::Slot;
use crate::domain::fleet::{BootReport, Machine, SlotParts as Parts, TemplateVersion};
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, Generation, InstanceId, InterfaceId, LaunchTemplateName,
    LaunchTemplateVersion, Region, SlotName, Token, VolumeId,
};
use crate::domain::observed::Partial;

/// What RunInstances needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchRequest {
    /// Template.
    pub template: LaunchTemplateName,
    /// Always a number.
    pub version: LaunchTemplateVersion,
    /// All tags of the instance.
    pub tags: BTreeMap<String, String>,
    /// EC2 client token: the same token launches once.
    pub token: Token,
}

/// Machines of one cluster.
#[async_trait]
pub trait Machines: Send + Sync {
    /// All instances tagged with the cluster, in any state EC2 still tells, boot reports joined in.
    async fn observe(&self, cluster: &ClusterName) -> Partial<Vec<Machine>>;
    /// Launches one.
    async fn launch(&self, request: &LaunchRequest) -> Result<InstanceId, PortError>;
    /// Sets tags (absolute values, repeatable).
    async fn tag(&self, machine: &InstanceId, tags: &BTreeMap<String, String>) -> Result<(), PortError>;
    /// Terminates by id; an unknown id is `Gone`.
    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError>;
    /// Whose credentials these are and where.
    async fn whoami(&self) -> Result<(AccountId, Region), PortError>;
    /// Boot report of one machine; `None` if it has not written one.
    async fn boot_report(
        &self,
        slot: &SlotName,
        machine: &InstanceId,
    ) -> Result<Option<BootReport>, PortError>;
}

/// Persistent interfaces and volumes.
#[async_trait]
pub trait SlotParts: Send + Sync {
    /// Where the parts of these slots are.
    async fn observe(&self, slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>>;
    /// Detaches; already detached is success.
    async fn detach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError>;
    /// Detaches, never forced; already detached is success.
    async fn detach_volume(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError>;
    /// Attaches; already attached to this machine is success.
    async fn attach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError>;
    /// Writes the generation tag, then attaches; already attached to this machine is success.
    async fn attach_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError>;
}

/// Everything of a launch template version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateContent {
    /// Goes into the version description.
    pub digest: ContentDigest,
    /// Machine image.
    pub image: String,
    /// Instance type.
    pub instance_type: String,
    /// Instance profile name.
    pub instance_profile: String,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Subnet of the primary interface; `None`: whoever launches says it.
    pub subnet: Option<String>,
    /// Plain user data (the adapter encodes it).
    pub user_data: String,
    /// Tags of the template itself.
    pub tags: BTreeMap<String, String>,
}

/// A version that exists now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeVersion(pub LaunchTemplateVersion);

/// Launch templates.
#[async_trait]
pub trait LaunchTemplates: Send + Sync {
    /// Versions with the digest in their description; a template that does not exist is absent.
    async fn observe(
        &self,
        templates: &[LaunchTemplateName],
    ) -> Partial<BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>>;
    /// Makes the template or one more version. Never touches the default version.
    async fn create_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError>;
}
