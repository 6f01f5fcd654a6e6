//! Network interfaces: one that is attached elsewhere, or lives in another zone, is refused.

use core::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::agenda::Event;
use super::api::ec2::{CreateNetworkInterface, Describe, Response, Tags};
use super::error::AwsError;
use super::instance::InstanceState;
use super::select::{Described, Visibility, select};
use super::tags;
use super::timing::Quantity;

/// Interfaces that an instance of the common types can have; the real number depends on the type.
const PER_INSTANCE_MAX: usize = 3;

/// An elastic network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// Subnet.
    pub subnet: String,
    /// Network.
    pub vpc: String,
    /// Zone of the subnet.
    pub zone: String,
    /// Private address.
    pub address: Ipv4Addr,
    /// MAC address.
    pub mac: String,
    /// Text.
    pub description: String,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Tags.
    pub tags: Tags,
    /// Where it is; `None`: available.
    pub attachment: Option<InterfaceAttachment>,
    /// When it becomes known.
    pub seen: Visibility,
}

/// An interface at an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceAttachment {
    /// `eni-attach-…`.
    pub id: String,
    /// Instance.
    pub instance: String,
    /// 0 is the primary interface.
    pub device_index: u32,
    /// How far it is.
    pub state: AttachmentState,
    /// Since when.
    pub since: Timestamp,
    /// Goes with the instance.
    pub delete_on_termination: bool,
}

/// State of an attachment of an interface or a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttachmentState {
    /// On its way.
    Attaching,
    /// There, as far as the API goes.
    Attached,
    /// On its way off.
    Detaching,
    /// The guest holds on to it (volumes).
    Busy,
}

impl AttachmentState {
    /// EC2's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Busy => "busy",
        }
    }
}

impl Interface {
    /// EC2's word.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        if self.attachment.is_some() {
            "in-use"
        } else {
            "available"
        }
    }

    /// It is attached to this instance, however far that has come.
    pub(super) fn is_at(&self, instance: &str) -> bool {
        self.attachment.as_ref().is_some_and(|at| at.instance == instance)
    }
}

impl Described for Interface {
    const FILTERS: &'static [&'static str] = &[
        "network-interface-id",
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "status",
        "private-ip-address",
        "attachment.instance-id",
        "attachment.status",
        "attachment.attachment-id",
        "group-id",
        "description",
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
        let attachment = self.attachment.as_ref();
        match filter {
            "network-interface-id" => vec![self.id.clone()],
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            "availability-zone" => vec![self.zone.clone()],
            "status" => vec![self.status().to_owned()],
            "private-ip-address" => vec![self.address.to_string()],
            "attachment.instance-id" => attachment.map(|at| at.instance.clone()).into_iter().collect(),
            "attachment.status" => attachment
                .map(|at| at.state.as_str().to_owned())
                .into_iter()
                .collect(),
            "attachment.attachment-id" => attachment.map(|at| at.id.clone()).into_iter().collect(),
            "group-id" => self.security_groups.clone(),
            "description" => vec![self.description.clone()],
            _ => vec![],
        }
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::bad(
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{id}' does not exist"),
        )
    }
}

impl World {
    pub(super) fn create_interface(&mut self, asked: &CreateNetworkInterface) -> Result<Response, AwsError> {
        const ACTION: &str = "CreateNetworkInterface";
        if let Some(id) = self.repeated(ACTION, asked.token.as_deref(), asked)? {
            let interface = self
                .interfaces
                .get(&id)
                .ok_or_else(|| Interface::not_found(&id))?;
            return Ok(Response::Interface(interface.clone()));
        }
        let interface = self.make_interface(asked)?;
        self.remember(ACTION, asked.token.as_deref(), asked, &interface.id);
        Ok(Response::Interface(interface))
    }

    pub(super) fn make_interface(&mut self, asked: &CreateNetworkInterface) -> Result<Interface, AwsError> {
        tags::check(&asked.tags)?;
        self.check_security_groups(&asked.security_groups)?;
        let subnet = self.subnet(&asked.subnet)?.clone();
        let address = self.give_address(&subnet.id, asked.address)?;
        let id = self.new_id("eni");
        let security_groups = if asked.security_groups.is_empty() {
            let groups = self.network.security_groups.iter();
            let default = groups.filter(|group| group.vpc == subnet.vpc && group.name == "default");
            default.map(|group| group.id.clone()).collect()
        } else {
            asked.security_groups.clone()
        };
        let interface = Interface {
            id: id.clone(),
            subnet: subnet.id,
            vpc: subnet.vpc,
            zone: subnet.zone,
            address,
            mac: mac_of(address),
            description: asked.description.clone(),
            security_groups,
            tags: asked.tags.clone(),
            attachment: None,
            seen: self.newly_visible(&id),
        };
        self.interfaces.insert(id, interface.clone());
        Ok(interface)
    }

    pub(super) fn describe_interfaces(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.interfaces.values(), by, self.now).map(Response::Interfaces)
    }

    pub(super) fn delete_interface(&mut self, id: &str) -> Result<Response, AwsError> {
        if self.interface_mut(id)?.attachment.is_some() {
            return Err(AwsError::bad(
                "InvalidParameterValue",
                format!("Network interface '{id}' is currently in use."),
            ));
        }
        self.interfaces.remove(id);
        Ok(Response::Done)
    }

    pub(super) fn attach_interface(
        &mut self,
        interface: &str,
        instance: &str,
        device_index: u32,
    ) -> Result<Response, AwsError> {
        let (state, zone) = self
            .instance_mut(instance)
            .map(|found| (found.state, found.zone.clone()))?;
        if !matches!(state, InstanceState::Running | InstanceState::Stopped) {
            return Err(AwsError::state(format!(
                "Instance '{instance}' is not 'running' or 'stopped'."
            )));
        }
        let at_instance: Vec<u32> = self.interfaces_at(instance).map(|(index, _)| index).collect();
        let found = self.interface_mut(interface)?;
        if found.attachment.is_some() {
            return Err(in_use(interface));
        }
        if found.zone != zone {
            return Err(AwsError::bad(
                "InvalidParameterCombination",
                "You may not attach a network interface to an instance if they are not in the same availability zone",
            ));
        }
        if at_instance.contains(&device_index) {
            return Err(AwsError::value(format!(
                "Instance '{instance}' already has an interface attached at device index '{device_index}'."
            )));
        }
        if at_instance.len() >= PER_INSTANCE_MAX {
            return Err(AwsError::bad(
                "AttachmentLimitExceeded",
                format!(
                    "Interface count {} exceeds the limit of this instance type",
                    at_instance.len() + 1
                ),
            ));
        }
        let attachment = self.attach_now(interface, instance, device_index, false);
        let wait = self.draw(interface, Quantity::InterfaceAttach);
        self.plan(wait, Event::InterfaceAttached(interface.to_owned()));
        Ok(Response::InterfaceAttached(attachment))
    }

    /// Marks the interface as on its way to the instance and returns the attachment id.
    pub(super) fn attach_now(
        &mut self,
        interface: &str,
        instance: &str,
        device_index: u32,
        delete_on_termination: bool,
    ) -> String {
        let id = self.new_id("eni-attach");
        let since = self.now;
        if let Some(interface) = self.interfaces.get_mut(interface) {
            interface.attachment = Some(InterfaceAttachment {
                id: id.clone(),
                instance: instance.to_owned(),
                device_index,
                state: AttachmentState::Attaching,
                since,
                delete_on_termination,
            });
        }
        id
    }

    pub(super) fn detach_interface(&mut self, attachment: &str) -> Result<Response, AwsError> {
        let is_it = |at: &InterfaceAttachment| at.id == attachment;
        let has_it = |interface: &&Interface| interface.attachment.as_ref().is_some_and(is_it);
        let found = self.interfaces.values().find(has_it);
        let id = found.map(|interface| interface.id.clone()).unwrap_or_default();
        let found = self.interfaces.get_mut(&id);
        let Some(at) = found.and_then(|interface| interface.attachment.as_mut()) else {
            return Err(AwsError::bad(
                "InvalidAttachmentID.NotFound",
                format!("Attachment '{attachment}' does not exist."),
            ));
        };
        if at.device_index == 0 {
            return Err(AwsError::bad(
                "OperationNotPermitted",
                "The network interface at device index 0 cannot be detached.",
            ));
        }
        if at.state == AttachmentState::Detaching {
            return Ok(Response::Done);
        }
        at.state = AttachmentState::Detaching;
        let wait = self.draw(&id, Quantity::InterfaceDetach);
        self.plan(wait, Event::InterfaceDetached(id));
        Ok(Response::Done)
    }

    pub(super) fn interface_attached(&mut self, id: &str) {
        let attachment = self
            .interfaces
            .get_mut(id)
            .and_then(|interface| interface.attachment.as_mut());
        if let Some(attachment) = attachment.filter(|at| at.state == AttachmentState::Attaching) {
            attachment.state = AttachmentState::Attached;
        }
    }

    pub(super) fn interface_detached(&mut self, id: &str) {
        if let Some(interface) = self.interfaces.get_mut(id) {
            let leaving = |at: &InterfaceAttachment| at.state == AttachmentState::Detaching;
            if interface.attachment.as_ref().is_some_and(leaving) {
                interface.attachment = None;
            }
        }
    }

    /// Interfaces at an instance with their device index.
    pub(super) fn interfaces_at<'a>(
        &'a self,
        instance: &'a str,
    ) -> impl Iterator<Item = (u32, &'a Interface)> {
        self.interfaces.values().filter_map(move |interface| {
            let at = interface
                .attachment
                .as_ref()
                .filter(|at| at.instance == instance)?;
            Some((at.device_index, interface))
        })
    }

    pub(super) fn interface_mut(&mut self, id: &str) -> Result<&mut Interface, AwsError> {
        let now = self.now;
        let known = self
            .interfaces
            .get_mut(id)
            .filter(|interface| interface.seen.named_from <= now);
        known.ok_or_else(|| Interface::not_found(id))
    }
}

pub(super) fn in_use(interface: &str) -> AwsError {
    AwsError::bad(
        "InvalidNetworkInterface.InUse",
        format!("Interface: [{interface}] in use."),
    )
}

/// Locally administered, unique as long as the address is.
fn mac_of(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("0a:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}
