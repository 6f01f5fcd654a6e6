//! RunInstances: everything that can be refused is checked before anything is made.

use super::World;
use super::agenda::Event;
use super::api::ec2::{CreateNetworkInterface, DiskSpec, InterfaceSpec, LaunchData, Response, RunInstances};
use super::error::AwsError;
use super::instance::{Instance, InstanceState, Metadata};
use super::interface::{self, AttachmentState, Interface};
use super::network::Subnet;
use super::performance::Performance;
use super::select::Described as _;
use super::template::{check_data, overlay};
use super::timing::Quantity;
use super::volume::{Volume, VolumeAttachment};

const ACTION: &str = "RunInstances";

/// A launch after everything was checked.
struct Placement {
    data: LaunchData,
    image: String,
    primary: InterfaceSpec,
    subnet: String,
    zone: String,
    /// Template id and version: EC2 writes them into system tags.
    origin: Option<(String, u64)>,
}

impl World {
    pub(super) fn run_instances(&mut self, asked: &RunInstances) -> Result<Response, AwsError> {
        if let Some(reservation) = self.repeated(ACTION, asked.token.as_deref(), asked)? {
            return self.repeated_launch(&reservation);
        }
        if asked.min_count == 0 || asked.max_count < asked.min_count {
            return Err(AwsError::value("Invalid value for MinCount or MaxCount"));
        }
        let placement = self.place(asked)?;
        if self.faults.has_no_capacity(&placement.zone) {
            return Err(AwsError::with(
                500,
                "InsufficientInstanceCapacity",
                no_capacity(&placement),
            ));
        }
        let reservation = self.new_id("r");
        let mut launched = Vec::new();
        for index in 0..asked.max_count {
            launched.push(self.launch(&placement, &reservation, index, asked.token.clone())?);
        }
        self.remember(ACTION, asked.token.as_deref(), asked, &reservation);
        Ok(Response::Reservation(
            launched.iter().filter_map(|id| self.sight(id)).collect(),
        ))
    }

    fn repeated_launch(&self, reservation: &str) -> Result<Response, AwsError> {
        let of_it = || {
            self.instances
                .values()
                .filter(|instance| instance.reservation == reservation)
        };
        let over = |instance: &Instance| {
            matches!(
                instance.state,
                InstanceState::ShuttingDown | InstanceState::Terminated
            )
        };
        if of_it().count() == 0 || of_it().any(over) {
            return Err(AwsError::bad(
                "IdempotentInstanceTerminated",
                "The client token of this request launched an instance that has been terminated",
            ));
        }
        Ok(Response::Reservation(
            of_it().filter_map(|instance| self.sight(&instance.id)).collect(),
        ))
    }

    /// Joins template and call, and checks everything that can be refused before anything is made.
    fn place(&self, asked: &RunInstances) -> Result<Placement, AwsError> {
        let (base, origin) = match &asked.template {
            Some((which, version)) => {
                let template = self.template(which)?;
                let version = template.version(version.as_deref())?;
                (version.data.clone(), Some((template.id.clone(), version.number)))
            }
            None => (LaunchData::default(), None),
        };
        let data = overlay(base, asked.data.clone());
        check_data(&data)?;
        let image = data.image.clone().ok_or_else(|| {
            AwsError::bad(
                "MissingParameter",
                "The request must contain the parameter ImageId",
            )
        })?;
        self.check_image(&image)?;
        if let Some(profile) = data
            .profile
            .as_deref()
            .filter(|name| !self.identities.has_profile(name) && !self.has_made_profile(name))
        {
            return Err(AwsError::value(format!(
                "Value ({profile}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
            )));
        }
        let primary = self.primary(&data)?;
        let (subnet, zone) = self.place_of(&primary, asked.zone.as_deref())?;
        self.check_security_groups(&primary.security_groups)?;
        Ok(Placement {
            data,
            image,
            primary,
            subnet,
            zone,
            origin,
        })
    }

    fn primary(&self, data: &LaunchData) -> Result<InterfaceSpec, AwsError> {
        if data.interfaces.is_empty() {
            return Ok(InterfaceSpec {
                subnet: data.subnet.clone(),
                security_groups: data.security_groups.clone(),
                ..InterfaceSpec::default()
            });
        }
        if !data.security_groups.is_empty() || data.subnet.is_some() {
            return Err(AwsError::bad(
                "InvalidParameterCombination",
                "Network interfaces and an instance-level security groups or subnet ID may not be specified on the \
                 same request",
            ));
        }
        for spec in &data.interfaces {
            let Some(id) = &spec.interface else { continue };
            let known = self.interfaces.get(id).ok_or_else(|| Interface::not_found(id))?;
            if known.attachment.is_some() {
                return Err(interface::in_use(id));
            }
            if spec.delete_on_termination == Some(true) {
                return Err(AwsError::value(
                    "DeleteOnTermination may only be true for a new network interface",
                ));
            }
        }
        let primary = data.interfaces.iter().find(|spec| spec.device_index == 0);
        primary
            .cloned()
            .ok_or_else(|| AwsError::value("An interface with device index 0 is required"))
    }

    fn place_of(&self, primary: &InterfaceSpec, zone: Option<&str>) -> Result<(String, String), AwsError> {
        let given = match (&primary.interface, &primary.subnet) {
            (Some(id), _) => self.interfaces.get(id).map(|known| known.subnet.clone()),
            (None, subnet) => subnet.clone(),
        };
        let wanted = |candidate: &str| zone.is_none_or(|zone| zone == candidate);
        if let Some(id) = given {
            let subnet = self.subnet(&id)?;
            if wanted(&subnet.zone) {
                return Ok((subnet.id.clone(), subnet.zone.clone()));
            }
            return Err(AwsError::value(
                "The availability zone does not match the zone of the subnet",
            ));
        }
        let network = self.network.vpcs.iter().find(|vpc| vpc.is_default);
        let of_default = |subnet: &&Subnet| network.is_some_and(|vpc| vpc.id == subnet.vpc);
        let mut default = self.network.subnets.iter().filter(of_default);
        let default = default.find(|subnet| wanted(&subnet.zone));
        default
            .map(|subnet| (subnet.id.clone(), subnet.zone.clone()))
            .ok_or_else(|| {
                AwsError::value(format!(
                    "Invalid availability zone: [{}]",
                    zone.unwrap_or_default()
                ))
            })
    }

    fn launch(
        &mut self,
        placement: &Placement,
        reservation: &str,
        launch_index: u32,
        token: Option<String>,
    ) -> Result<String, AwsError> {
        let id = self.new_id("i");
        let data = &placement.data;
        self.launch_interfaces(&id, placement)?;
        let mut tags = data.tags.get("instance").cloned().unwrap_or_default();
        if let Some((template, version)) = &placement.origin {
            tags.insert("aws:ec2launchtemplate:id".to_owned(), template.clone());
            tags.insert("aws:ec2launchtemplate:version".to_owned(), version.to_string());
        }
        let instance = Instance {
            id: id.clone(),
            reservation: reservation.to_owned(),
            launch_index,
            image: placement.image.clone(),
            instance_type: data
                .instance_type
                .clone()
                .unwrap_or_else(|| "m1.small".to_owned()),
            zone: placement.zone.clone(),
            subnet: placement.subnet.clone(),
            vpc: self.subnet(&placement.subnet)?.vpc.clone(),
            profile: data.profile.clone(),
            launched: self.now,
            state: InstanceState::Pending,
            state_reason: None,
            tags,
            metadata: Metadata::from(&data.metadata),
            user_data: data.user_data.clone().unwrap_or_default(),
            key_name: data.key_name.clone(),
            token,
            seen: self.newly_visible(&id),
            boot: None,
            last_boot: None,
            dying: None,
            restart: false,
            ends_from: None,
        };
        self.instances.insert(id.clone(), instance);
        for disk in &data.disks {
            self.launch_disk(&id, &placement.zone, disk, data);
        }
        self.identities.add_machine(self.setup.seed, &id);
        let wait = self.draw(&id, Quantity::PendingToRunning);
        self.plan(wait, Event::InstanceRunning(id.clone()));
        Ok(id)
    }

    fn launch_interfaces(&mut self, instance: &str, placement: &Placement) -> Result<(), AwsError> {
        let specs = if placement.data.interfaces.is_empty() {
            std::slice::from_ref(&placement.primary)
        } else {
            placement.data.interfaces.as_slice()
        };
        for spec in specs {
            let (id, delete) = if let Some(id) = &spec.interface {
                (id.clone(), false)
            } else {
                let new = CreateNetworkInterface {
                    subnet: spec.subnet.clone().unwrap_or_else(|| placement.subnet.clone()),
                    address: spec.address,
                    security_groups: spec.security_groups.clone(),
                    description: spec.description.clone().unwrap_or_default(),
                    tags: placement
                        .data
                        .tags
                        .get("network-interface")
                        .cloned()
                        .unwrap_or_default(),
                    token: None,
                };
                (
                    self.make_interface(&new)?.id,
                    spec.delete_on_termination.unwrap_or(true),
                )
            };
            self.attach_now(&id, instance, spec.device_index, delete);
        }
        Ok(())
    }

    /// A disk of the launch itself: there from the start, gone with the instance unless the caller said otherwise.
    fn launch_disk(&mut self, instance: &str, zone: &str, disk: &DiskSpec, data: &LaunchData) {
        let id = self.new_id("vol");
        let attachment = VolumeAttachment {
            volume: id.clone(),
            instance: instance.to_owned(),
            device: disk.device.clone(),
            state: AttachmentState::Attached,
            since: self.now,
            delete_on_termination: disk.delete_on_termination.unwrap_or(true),
            exposed: false,
            asked: None,
        };
        let volume_type = disk.volume_type.clone().unwrap_or_else(|| "gp3".to_owned());
        let volume = Volume {
            id: id.clone(),
            zone: zone.to_owned(),
            size_gib: disk.size_gib.unwrap_or(8),
            performance: Performance::default().or_baseline(&volume_type),
            volume_type,
            encrypted: disk.encrypted.unwrap_or(false),
            created: self.now,
            creating: false,
            tags: data.tags.get("volume").cloned().unwrap_or_default(),
            attachment: Some(attachment),
            seen: self.newly_visible(&id),
        };
        self.volumes.insert(id, volume);
    }
}

fn no_capacity(placement: &Placement) -> String {
    let wanted = placement.data.instance_type.as_deref().unwrap_or("m1.small");
    format!(
        "We currently do not have sufficient {wanted} capacity in the Availability Zone you requested ({}). Our \
         system will be working on provisioning additional capacity.",
        placement.zone
    )
}
