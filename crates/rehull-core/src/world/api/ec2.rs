//! EC2 requests and responses: the part of the API that etcd machines need.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::describe::{Describe, Filter, Page, PageRequest};
use crate::world::api::Text;
use crate::world::instance::Instance;
use crate::world::interface::Interface;
use crate::world::network::{Image, SecurityGroup, Subnet, Vpc};
use crate::world::performance::Performance;
use crate::world::template::{Template, TemplateVersion};
use crate::world::volume::{Volume, VolumeAttachment};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// One EC2 action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are EC2's own action names")]
pub enum Request {
    CreateLaunchTemplate(Box<CreateLaunchTemplate>),
    CreateLaunchTemplateVersion(Box<CreateLaunchTemplateVersion>),
    DescribeLaunchTemplates(DescribeTemplates),
    DescribeLaunchTemplateVersions(DescribeTemplateVersions),
    ModifyLaunchTemplate {
        template: TemplateRef,
        default_version: String,
    },
    DeleteLaunchTemplate {
        template: TemplateRef,
    },
    RunInstances(Box<RunInstances>),
    DescribeInstances(Describe),
    TerminateInstances {
        ids: Vec<String>,
    },
    RebootInstances {
        ids: Vec<String>,
    },
    CreateTags {
        ids: Vec<String>,
        tags: Tags,
    },
    DeleteTags {
        ids: Vec<String>,
        tags: BTreeMap<String, Option<String>>,
    },
    CreateNetworkInterface(CreateNetworkInterface),
    DescribeNetworkInterfaces(Describe),
    DeleteNetworkInterface {
        id: String,
    },
    AttachNetworkInterface {
        interface: String,
        instance: String,
        device_index: u32,
    },
    DetachNetworkInterface {
        attachment: String,
    },
    CreateVolume(CreateVolume),
    DescribeVolumes(Describe),
    DeleteVolume {
        id: String,
    },
    AttachVolume {
        volume: String,
        instance: String,
        device: String,
    },
    DetachVolume {
        volume: String,
        instance: Option<String>,
        force: bool,
    },
    DescribeSubnets(Describe),
    DescribeSecurityGroups(Describe),
    DescribeImages(Describe),
    DescribeVpcs(Describe),
    DescribeAvailabilityZones,
}

impl Request {
    /// EC2's name of the action.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::CreateLaunchTemplate(_) => "CreateLaunchTemplate",
            Self::CreateLaunchTemplateVersion(_) => "CreateLaunchTemplateVersion",
            Self::DescribeLaunchTemplates(_) => "DescribeLaunchTemplates",
            Self::DescribeLaunchTemplateVersions(_) => "DescribeLaunchTemplateVersions",
            Self::ModifyLaunchTemplate { .. } => "ModifyLaunchTemplate",
            Self::DeleteLaunchTemplate { .. } => "DeleteLaunchTemplate",
            Self::RunInstances(_) => "RunInstances",
            Self::DescribeInstances(_) => "DescribeInstances",
            Self::TerminateInstances { .. } => "TerminateInstances",
            Self::RebootInstances { .. } => "RebootInstances",
            Self::CreateTags { .. } => "CreateTags",
            Self::DeleteTags { .. } => "DeleteTags",
            Self::CreateNetworkInterface(_) => "CreateNetworkInterface",
            Self::DescribeNetworkInterfaces(_) => "DescribeNetworkInterfaces",
            Self::DeleteNetworkInterface { .. } => "DeleteNetworkInterface",
            Self::AttachNetworkInterface { .. } => "AttachNetworkInterface",
            Self::DetachNetworkInterface { .. } => "DetachNetworkInterface",
            Self::CreateVolume(_) => "CreateVolume",
            Self::DescribeVolumes(_) => "DescribeVolumes",
            Self::DeleteVolume { .. } => "DeleteVolume",
            Self::AttachVolume { .. } => "AttachVolume",
            Self::DetachVolume { .. } => "DetachVolume",
            Self::DescribeSubnets(_) => "DescribeSubnets",
            Self::DescribeSecurityGroups(_) => "DescribeSecurityGroups",
            Self::DescribeImages(_) => "DescribeImages",
            Self::DescribeVpcs(_) => "DescribeVpcs",
            Self::DescribeAvailabilityZones => "DescribeAvailabilityZones",
        }
    }
}

/// A launch template by id or by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplateRef {
    /// `lt-…`.
    Id(String),
    /// Name.
    Name(String),
}

/// What a launch template version (or a RunInstances call) says of a machine. Absent means "not said".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchData {
    /// Machine image.
    pub image: Option<String>,
    /// Instance type.
    pub instance_type: Option<String>,
    /// Instance profile, by name.
    pub profile: Option<String>,
    /// Security groups of the primary interface, when no interface is given.
    pub security_groups: Vec<String>,
    /// Subnet of the primary interface, when no interface is given (RunInstances only).
    pub subnet: Option<String>,
    /// Interfaces.
    pub interfaces: Vec<InterfaceSpec>,
    /// Disks of the image's mapping or new ones.
    pub disks: Vec<DiskSpec>,
    /// Metadata service.
    pub metadata: MetadataSpec,
    /// User data after base64 decoding.
    pub user_data: Option<Text>,
    /// Tags per resource type (`instance`, `volume`, `network-interface`).
    pub tags: BTreeMap<String, Tags>,
    /// Key pair name; nobody logs in here, but it is part of the data and is echoed.
    pub key_name: Option<String>,
    /// Optimised for EBS; echoed.
    pub ebs_optimized: Option<bool>,
    /// Detailed monitoring; echoed.
    pub monitoring: Option<bool>,
    /// `stop` or `terminate` when the guest switches itself off.
    pub shutdown_behavior: Option<String>,
}

/// An interface at launch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSpec {
    /// 0 is the primary one.
    pub device_index: u32,
    /// An existing interface.
    pub interface: Option<String>,
    /// Subnet of a new one.
    pub subnet: Option<String>,
    /// Security groups of a new one.
    pub security_groups: Vec<String>,
    /// Address of a new one.
    pub address: Option<Ipv4Addr>,
    /// Deleted with the instance; only a new one may be.
    pub delete_on_termination: Option<bool>,
    /// Public address wanted; echoed, there is none here.
    pub public_address: Option<bool>,
    /// Text; echoed.
    pub description: Option<String>,
}

/// A disk at launch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    /// Device name.
    pub device: String,
    /// Size in GiB.
    pub size_gib: Option<u32>,
    /// Volume type.
    pub volume_type: Option<String>,
    /// Deleted with the instance (default at launch).
    pub delete_on_termination: Option<bool>,
    /// Encrypted.
    pub encrypted: Option<bool>,
}

/// Metadata options as given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataSpec {
    /// `required` or `optional`.
    pub http_tokens: Option<String>,
    /// `enabled` or `disabled`.
    pub http_endpoint: Option<String>,
    /// 1 to 64.
    pub hop_limit: Option<u32>,
    /// `enabled` or `disabled`.
    pub instance_tags: Option<String>,
}

/// CreateLaunchTemplate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateLaunchTemplate {
    /// Name, 3 to 128 characters.
    pub name: String,
    /// Description of version 1.
    pub description: Option<String>,
    /// Version 1.
    pub data: LaunchData,
    /// Tags of the template.
    pub tags: Tags,
    /// Client token.
    pub token: Option<String>,
}

/// CreateLaunchTemplateVersion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateLaunchTemplateVersion {
    /// Which.
    pub template: TemplateRef,
    /// Version whose data is the base of the new one.
    pub source_version: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Data.
    pub data: LaunchData,
    /// Client token.
    pub token: Option<String>,
}

/// DescribeLaunchTemplates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeTemplates {
    /// By name (all must exist).
    pub names: Vec<String>,
    /// Ids, filters and page.
    pub by: Describe,
}

/// DescribeLaunchTemplateVersions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeTemplateVersions {
    /// Which template.
    pub template: TemplateRef,
    /// Numbers, `$Latest`, `$Default`; empty: all.
    pub versions: Vec<String>,
    /// Least number.
    pub min: Option<u64>,
    /// Greatest number.
    pub max: Option<u64>,
    /// Page.
    pub page: PageRequest,
}

/// RunInstances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInstances {
    /// How many at least.
    pub min_count: u32,
    /// How many at most.
    pub max_count: u32,
    /// Template and version; an omitted version is the default one.
    pub template: Option<(TemplateRef, Option<String>)>,
    /// What the call itself says; wins over the template.
    pub data: LaunchData,
    /// Zone wanted.
    pub zone: Option<String>,
    /// Client token.
    pub token: Option<String>,
}

/// CreateNetworkInterface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNetworkInterface {
    /// Subnet.
    pub subnet: String,
    /// Fixed address.
    pub address: Option<Ipv4Addr>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Text.
    pub description: String,
    /// Tags.
    pub tags: Tags,
    /// Client token.
    pub token: Option<String>,
}

/// CreateVolume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVolume {
    /// Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub volume_type: Option<String>,
    /// Encrypted.
    pub encrypted: bool,
    /// What it is paid for.
    pub performance: Performance,
    /// Tags.
    pub tags: Tags,
    /// Client token.
    pub token: Option<String>,
}

/// What EC2 answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `<return>true</return>`.
    Done,
    /// CreateLaunchTemplate, ModifyLaunchTemplate, DeleteLaunchTemplate.
    Template(Template),
    /// DescribeLaunchTemplates.
    Templates(Page<Template>),
    /// CreateLaunchTemplateVersion.
    TemplateVersion(Template, Box<TemplateVersion>),
    /// DescribeLaunchTemplateVersions: numbers only make sense with their template.
    TemplateVersions(Template, Page<TemplateVersion>),
    /// RunInstances: one reservation.
    Reservation(Vec<Sight>),
    /// DescribeInstances, in order of launch.
    Instances(Page<Sight>),
    /// TerminateInstances: id, before, now.
    StateChanges(Vec<StateChange>),
    /// CreateNetworkInterface.
    Interface(Interface),
    /// DescribeNetworkInterfaces.
    Interfaces(Page<Interface>),
    /// AttachNetworkInterface: attachment id.
    InterfaceAttached(String),
    /// CreateVolume.
    Volume(Volume),
    /// DescribeVolumes.
    Volumes(Page<Volume>),
    /// AttachVolume, DetachVolume.
    VolumeAttachment(VolumeAttachment),
    /// DescribeSubnets.
    Subnets(Page<Subnet>),
    /// DescribeSecurityGroups.
    SecurityGroups(Page<SecurityGroup>),
    /// DescribeImages.
    Images(Page<Image>),
    /// DescribeVpcs.
    Vpcs(Page<Vpc>),
    /// DescribeAvailabilityZones: zone names of the region.
    Zones(Vec<String>),
}

/// An instance with its devices, as a describe shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The instance.
    pub instance: Instance,
    /// Interfaces at it, by device index.
    pub interfaces: Vec<Interface>,
    /// Attachments of volumes at it.
    pub volumes: Vec<VolumeAttachment>,
}

/// One row of a TerminateInstances answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Instance.
    pub id: String,
    /// State before.
    pub before: crate::world::instance::InstanceState,
    /// State now.
    pub now: crate::world::instance::InstanceState,
}
