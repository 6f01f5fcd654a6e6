//! The parts that outlive a machine: one interface and one volume per slot.
//!
//! AttachVolume and its relatives know no client token, so every mutation looks first and asks only for what is not so
//! already. Nothing is ever forced: "in use" is the fence between two writers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Tag};
use rehull_core::domain::desired::Slot;
use rehull_core::domain::fleet::{Attachment, Part, SlotParts as Parts, tag};
use rehull_core::domain::ids::{Generation, InstanceId, InterfaceId, SlotName, VolumeId};
use rehull_core::domain::observed::{Gap, Part as ObservedPart, Partial};
use rehull_core::ports::{PortError, Rule, SlotParts};

use super::client::AwsClients;
use super::convert::{self, InterfaceSeen, Read, VolumeSeen};
use super::error::{Absent, Call, Failure};
use super::machines::{CALL_LIMIT, too_long};
use crate::adapters::clock::within;

/// The template's own interface is 0 (primary); the slot's comes and goes as 1.
const DEVICE_INDEX: i32 = 1;
/// EC2's recommended first name for data volumes; a Nitro guest finds the volume by its id.
const DEVICE_NAME: &str = "/dev/sdf";
/// Values that EC2 takes in one filter.
const FILTER_VALUES: usize = 200;

const DESCRIBE_VOLUMES: Call = Call {
    action: "ec2:DescribeVolumes",
    absent: Absent::NotYet,
};
const DESCRIBE_INTERFACES: Call = Call {
    action: "ec2:DescribeNetworkInterfaces",
    absent: Absent::NotYet,
};
const ATTACH_VOLUME: Call = Call {
    action: "ec2:AttachVolume",
    absent: Absent::NotYet,
};
const DETACH_VOLUME: Call = Call {
    action: "ec2:DetachVolume",
    absent: Absent::Gone,
};
const ATTACH_INTERFACE: Call = Call {
    action: "ec2:AttachNetworkInterface",
    absent: Absent::NotYet,
};
const DETACH_INTERFACE: Call = Call {
    action: "ec2:DetachNetworkInterface",
    absent: Absent::Gone,
};
const TAG_VOLUME: Call = Call {
    action: "ec2:CreateTags",
    absent: Absent::NotYet,
};

/// Interfaces and volumes of the slots.
#[derive(Clone, Debug)]
pub struct AwsSlotParts {
    clients: AwsClients,
}

impl AwsSlotParts {
    /// Parts in the account and region of these clients.
    #[must_use]
    pub fn new(clients: AwsClients) -> Self {
        Self { clients }
    }

    /// By filter, not by id list: one unknown id must not hide the others.
    async fn volumes(&self, ids: &[String]) -> Result<Vec<Read<VolumeSeen>>, PortError> {
        let mut seen = Vec::new();
        for ids in ids.chunks(FILTER_VALUES) {
            let these = Filter::builder()
                .name("volume-id")
                .set_values(Some(ids.to_vec()))
                .build();
            let mut pages = self
                .clients
                .ec2
                .describe_volumes()
                .filters(these)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| DESCRIBE_VOLUMES.failed(&Failure::of(&error)))?;
                seen.extend(page.volumes().iter().map(convert::volume));
            }
        }
        Ok(seen)
    }

    async fn interfaces(&self, ids: &[String]) -> Result<Vec<Read<InterfaceSeen>>, PortError> {
        let mut seen = Vec::new();
        for ids in ids.chunks(FILTER_VALUES) {
            let these = Filter::builder()
                .name("network-interface-id")
                .set_values(Some(ids.to_vec()))
                .build();
            let request = self.clients.ec2.describe_network_interfaces().filters(these);
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| DESCRIBE_INTERFACES.failed(&Failure::of(&error)))?;
                seen.extend(page.network_interfaces().iter().map(convert::interface));
            }
        }
        Ok(seen)
    }

    async fn volume(&self, id: &VolumeId) -> Result<VolumeSeen, PortError> {
        let found = self.volumes(&[id.as_str().to_owned()]).await?.into_iter().next();
        found.map(|read| read.value).ok_or_else(|| PortError::Gone {
            what: format!("volume `{id}`"),
        })
    }

    async fn interface(&self, id: &InterfaceId) -> Result<InterfaceSeen, PortError> {
        let found = self
            .interfaces(&[id.as_str().to_owned()])
            .await?
            .into_iter()
            .next();
        found.map(|read| read.value).ok_or_else(|| PortError::Gone {
            what: format!("interface `{id}`"),
        })
    }

    async fn look(&self, slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>> {
        let volume_ids: Vec<String> = slots.iter().map(|slot| slot.volume.as_str().to_owned()).collect();
        let interface_ids: Vec<String> = slots
            .iter()
            .map(|slot| slot.interface.as_str().to_owned())
            .collect();
        match futures_util::future::join(self.volumes(&volume_ids), self.interfaces(&interface_ids)).await {
            (Ok(volumes), Ok(interfaces)) => together(slots, volumes, interfaces),
            (Err(error), _) | (_, Err(error)) => nothing(error.to_string()),
        }
    }

    async fn let_volume_go(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError> {
        if !is_to_be_detached(
            volume.as_str(),
            &self.volume(volume).await?.part.attachment,
            machine,
        )? {
            return Ok(());
        }
        let request = self
            .clients
            .ec2_once
            .detach_volume()
            .volume_id(volume.as_str())
            .instance_id(machine.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => gone_is_detached(DETACH_VOLUME.failed(&Failure::of(&error))),
        }
    }

    async fn let_interface_go(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        let seen = self.interface(interface).await?;
        if !is_to_be_detached(interface.as_str(), &seen.part.attachment, machine)? {
            return Ok(());
        }
        let Some(attachment) = seen.attachment_id else {
            return Err(PortError::Unreadable {
                text: format!("the attachment of `{interface}` has no id"),
            });
        };
        match self
            .clients
            .ec2_once
            .detach_network_interface()
            .attachment_id(attachment)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => gone_is_detached(DETACH_INTERFACE.failed(&Failure::of(&error))),
        }
    }

    async fn give_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        if !is_to_be_attached(
            interface.as_str(),
            &self.interface(interface).await?.part.attachment,
            machine,
        )? {
            return Ok(());
        }
        let request = self
            .clients
            .ec2_once
            .attach_network_interface()
            .network_interface_id(interface.as_str())
            .instance_id(machine.as_str())
            .device_index(DEVICE_INDEX);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ATTACH_INTERFACE.failed(&Failure::of(&error))),
        }
    }

    /// The tag comes first: a volume must never be at a machine that could read an older generation from it.
    async fn give_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError> {
        let seen = self.volume(volume).await?;
        let attach = is_to_be_attached(volume.as_str(), &seen.part.attachment, machine)?;
        if seen.generation != Some(generation) {
            let mark = Tag::builder()
                .key(tag::GENERATION)
                .value(generation.to_string())
                .build();
            let request = self
                .clients
                .ec2_once
                .create_tags()
                .resources(volume.as_str())
                .tags(mark);
            request
                .send()
                .await
                .map_err(|error| TAG_VOLUME.failed(&Failure::of(&error)))?;
        }
        if !attach {
            return Ok(());
        }
        let request = self
            .clients
            .ec2_once
            .attach_volume()
            .volume_id(volume.as_str())
            .instance_id(machine.as_str())
            .device(DEVICE_NAME);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ATTACH_VOLUME.failed(&Failure::of(&error))),
        }
    }
}

#[async_trait]
impl SlotParts for AwsSlotParts {
    async fn observe(&self, slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>> {
        let looked = within(CALL_LIMIT, self.look(slots)).await;
        looked.unwrap_or_else(|| nothing(too_long("describing volumes and interfaces")))
    }

    async fn detach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        bounded(DETACH_INTERFACE, self.let_interface_go(interface, machine)).await
    }

    async fn detach_volume(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError> {
        bounded(DETACH_VOLUME, self.let_volume_go(volume, machine)).await
    }

    async fn attach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        bounded(ATTACH_INTERFACE, self.give_interface(interface, machine)).await
    }

    async fn attach_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError> {
        bounded(ATTACH_VOLUME, self.give_volume(volume, machine, generation)).await
    }
}

fn nothing(why: String) -> Partial<BTreeMap<SlotName, Parts>> {
    Partial {
        value: BTreeMap::new(),
        gaps: vec![Gap {
            part: ObservedPart::Slots,
            why,
        }],
    }
}

/// Sorts what was seen into slots; what EC2 does not know is `Missing`.
fn together(
    slots: &[Slot],
    volumes: Vec<Read<VolumeSeen>>,
    interfaces: Vec<Read<InterfaceSeen>>,
) -> Partial<BTreeMap<SlotName, Parts>> {
    let mut doubts = Vec::new();
    let mut volumes: BTreeMap<VolumeId, VolumeSeen> = volumes
        .into_iter()
        .map(|read| {
            doubts.extend(read.doubts);
            (read.value.part.id.clone(), read.value)
        })
        .collect();
    let mut interfaces: BTreeMap<InterfaceId, InterfaceSeen> = interfaces
        .into_iter()
        .map(|read| {
            doubts.extend(read.doubts);
            (read.value.part.id.clone(), read.value)
        })
        .collect();
    let value = slots
        .iter()
        .map(|slot| {
            let volume = volumes.remove(&slot.volume);
            let interface = interfaces.remove(&slot.interface);
            let parts = Parts {
                interface_address: interface.as_ref().and_then(|seen| seen.address),
                interface: interface.map_or_else(|| missing(&slot.interface), |seen| seen.part),
                volume_generation: volume.as_ref().and_then(|seen| seen.generation),
                volume_cluster: volume.as_ref().and_then(|seen| seen.cluster.clone()),
                volume: volume.map_or_else(|| missing(&slot.volume), |seen| seen.part),
            };
            (slot.name.clone(), parts)
        })
        .collect();
    let gaps = doubts
        .into_iter()
        .map(|why| Gap {
            part: ObservedPart::Slots,
            why,
        })
        .collect();
    Partial { value, gaps }
}

fn missing<Id: Clone>(id: &Id) -> Part<Id> {
    Part {
        id: id.clone(),
        zone: None,
        attachment: Attachment::Missing,
    }
}

/// `Ok(false)`: it is there, or on its way.
fn is_to_be_attached(part: &str, now: &Attachment, machine: &InstanceId) -> Result<bool, PortError> {
    match now {
        Attachment::Available => Ok(true),
        Attachment::Attached(at) | Attachment::Attaching(at) if at == machine => Ok(false),
        Attachment::Attached(at) | Attachment::Attaching(at) | Attachment::Detaching(at) => {
            Err(busy(format!("`{part}` is still at `{at}`")))
        }
        Attachment::Unclear(word) => Err(busy(format!("`{part}` is `{word}`"))),
        Attachment::Missing => Err(PortError::Gone {
            what: format!("`{part}`"),
        }),
    }
}

/// `Ok(false)`: it is not at this machine, or already on its way off.
fn is_to_be_detached(part: &str, now: &Attachment, machine: &InstanceId) -> Result<bool, PortError> {
    match now {
        Attachment::Attached(at) | Attachment::Attaching(at) => Ok(at == machine),
        Attachment::Available | Attachment::Detaching(_) => Ok(false),
        Attachment::Unclear(word) => Err(busy(format!("`{part}` is `{word}`"))),
        Attachment::Missing => Err(PortError::Gone {
            what: format!("`{part}`"),
        }),
    }
}

fn busy(text: String) -> PortError {
    PortError::Refused {
        rule: Rule::Busy,
        text,
    }
}

/// The attachment vanished between look and call, usually with its machine.
fn gone_is_detached(error: PortError) -> Result<(), PortError> {
    if matches!(error, PortError::Gone { .. }) {
        Ok(())
    } else {
        Err(error)
    }
}

async fn bounded(call: Call, work: impl Future<Output = Result<(), PortError>>) -> Result<(), PortError> {
    let unknown = || PortError::OutcomeUnknown {
        why: too_long(call.action),
    };
    within(CALL_LIMIT, work).await.unwrap_or_else(|| Err(unknown()))
}
