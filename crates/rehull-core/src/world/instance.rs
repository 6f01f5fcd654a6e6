//! Instances as EC2 tells them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::api::Text;
use super::api::ec2::{Describe, MetadataSpec, Page, Response, Sight, Tags};
use super::effect::BootId;
use super::error::AwsError;
use super::select::{Described, Visibility, choose};

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// `r-…`: instances of one RunInstances call.
    pub reservation: String,
    /// Position in its call.
    pub launch_index: u32,
    /// Machine image.
    pub image: String,
    /// Type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// Subnet of the primary interface.
    pub subnet: String,
    /// Network.
    pub vpc: String,
    /// Instance profile name.
    pub profile: Option<String>,
    /// When RunInstances was answered.
    pub launched: Timestamp,
    /// EC2's state.
    pub state: InstanceState,
    /// Code and message of the last change, if there is something to say.
    pub state_reason: Option<(String, String)>,
    /// Tags.
    pub tags: Tags,
    /// Metadata service.
    pub metadata: Metadata,
    /// User data, plain.
    pub user_data: Text,
    /// Key pair name.
    pub key_name: Option<String>,
    /// Client token of its launch.
    pub token: Option<String>,
    /// When it becomes known.
    pub seen: Visibility,
    /// The boot that is on now.
    pub boot: Option<BootId>,
    pub(super) last_boot: Option<BootId>,
    /// The power of this boot was cut; until its exit is reported its devices are not free.
    pub(super) dying: Option<BootId>,
    /// Power on again once it is off.
    pub(super) restart: bool,
    /// `shutting-down` may not end before.
    pub(super) ends_from: Option<Timestamp>,
}

impl Instance {
    /// Something of it may still run and hold its devices.
    pub(super) const fn has_process(&self) -> bool {
        self.boot.is_some() || self.dying.is_some()
    }
}

/// State of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Being placed.
    Pending,
    /// Powered on.
    Running,
    /// On the way to `Terminated`.
    ShuttingDown,
    /// Gone; its devices are free.
    Terminated,
    /// Powered off by its guest; keeps its devices.
    Stopped,
}

impl InstanceState {
    /// EC2's number.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopped => 80,
        }
    }

    /// EC2's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopped => "stopped",
        }
    }
}

/// Metadata options in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Tokens are required (IMDSv2 only).
    pub tokens_required: bool,
    /// The service answers at all.
    pub enabled: bool,
    /// Hop limit.
    pub hop_limit: u32,
    /// Tags are shown.
    pub instance_tags: bool,
}

impl From<&MetadataSpec> for Metadata {
    fn from(spec: &MetadataSpec) -> Self {
        Self {
            tokens_required: spec.http_tokens.as_deref() == Some("required"),
            enabled: spec.http_endpoint.as_deref() != Some("disabled"),
            hop_limit: spec.hop_limit.unwrap_or(1),
            instance_tags: spec.instance_tags.as_deref() == Some("enabled"),
        }
    }
}

impl Described for Instance {
    const FILTERS: &'static [&'static str] = &[
        "instance-id",
        "instance-state-name",
        "instance-state-code",
        "availability-zone",
        "subnet-id",
        "vpc-id",
        "image-id",
        "instance-type",
        "client-token",
        "reservation-id",
        "iam-instance-profile.name",
        "key-name",
    ];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn visibility(&self) -> Visibility {
        self.seen
    }
    fn values(&self, filter: &str) -> Vec<String> {
        match filter {
            "instance-id" => vec![self.id.clone()],
            "instance-state-name" => vec![self.state.name().to_owned()],
            "instance-state-code" => vec![self.state.code().to_string()],
            "availability-zone" => vec![self.zone.clone()],
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            "image-id" => vec![self.image.clone()],
            "instance-type" => vec![self.instance_type.clone()],
            "client-token" => self.token.clone().into_iter().collect(),
            "reservation-id" => vec![self.reservation.clone()],
            "iam-instance-profile.name" => self.profile.clone().into_iter().collect(),
            "key-name" => self.key_name.clone().into_iter().collect(),
            _ => vec![],
        }
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::bad(
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{id}' does not exist"),
        )
    }
}

impl World {
    pub(super) fn describe_instances(&self, by: &Describe) -> Result<Response, AwsError> {
        let page = choose(self.instances.values(), by, self.now)?;
        let rows = page
            .rows
            .iter()
            .filter_map(|instance| self.sight(&instance.id))
            .collect();
        Ok(Response::Instances(Page {
            rows,
            next: page.next,
        }))
    }

    pub(super) fn sight(&self, id: &str) -> Option<Sight> {
        let instance = self.instances.get(id)?.clone();
        let mut interfaces: Vec<_> = self.interfaces_at(id).collect();
        interfaces.sort_by_key(|(index, _)| *index);
        let interfaces = interfaces
            .into_iter()
            .map(|(_, interface)| interface.clone())
            .collect();
        Some(Sight {
            instance,
            interfaces,
            volumes: self.volumes_at(id).cloned().collect(),
        })
    }

    pub(super) fn instance_mut(&mut self, id: &str) -> Result<&mut Instance, AwsError> {
        let now = self.now;
        let known = self
            .instances
            .get_mut(id)
            .filter(|instance| instance.seen.named_from <= now);
        known.ok_or_else(|| Instance::not_found(id))
    }
}
