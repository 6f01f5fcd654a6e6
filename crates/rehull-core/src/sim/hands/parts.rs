//! The parts that outlive a machine. Every mutation looks first and asks only for what is not so already, as the
//! production adapter does.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Hands;
use super::kept::{Kept, unexpected};
use super::read::{attachment, gone, not_yet, refused};
use crate::domain::desired::Slot;
use crate::domain::fleet::{Attachment, Part, SlotParts as Parts, tag};
use crate::domain::ids::{Generation, InstanceId, InterfaceId, SlotName, VolumeId, Zone};
use crate::domain::observed::{Gap, Part as ObservedPart, Partial};
use crate::ports::{PortError, Rule, SlotParts};
use crate::sim::lab::Lab;
use crate::world::api::ec2::{Describe, Filter, Request as Ask, Response as Told};
use crate::world::interface::Interface;
use crate::world::volume::Volume;
use crate::world::{Kind, World};

impl Lab {
    fn parts(&mut self, now: Timestamp, slots: &[Slot]) -> Result<BTreeMap<SlotName, Parts>, PortError> {
        let kept = self.views.parts.take().filter(|kept| kept.asked == slots);
        let mut kept = kept.unwrap_or_else(|| {
            let volumes = slots.iter().map(|slot| slot.volume.as_str().to_owned());
            let interfaces = slots.iter().map(|slot| slot.interface.as_str().to_owned());
            let calls = vec![
                self.signed(Ask::DescribeVolumes(by("volume-id", volumes.collect()))),
                self.signed(Ask::DescribeNetworkInterfaces(by(
                    "network-interface-id",
                    interfaces.collect(),
                ))),
            ];
            Kept::new(slots.to_vec(), calls, Kind::Parts)
        });
        self.views.comes(self.draw)?;
        let (world, lag) = (&mut self.world, self.views.lag);
        let answer = kept.ask(world, (now, lag), not_yet, |world| {
            let named = slots.iter().map(|slot| (slot.name.clone(), parts(slot, world)));
            Ok(named.collect())
        });
        let shows_from = kept.shows_from();
        self.views.parts = Some(kept);
        self.look_again(shows_from);
        answer
    }

    fn volume(&mut self, now: Timestamp, id: &VolumeId) -> Result<Volume, PortError> {
        let asked = by("volume-id", vec![id.as_str().to_owned()]);
        let Told::Volumes(page) = self.ec2(now, Ask::DescribeVolumes(asked), not_yet)? else {
            return Err(unexpected());
        };
        let found = page.rows.into_iter().next();
        found.ok_or_else(|| gone(format!("volume `{id}`")))
    }

    fn interface(&mut self, now: Timestamp, id: &InterfaceId) -> Result<Interface, PortError> {
        let asked = by("network-interface-id", vec![id.as_str().to_owned()]);
        let Told::Interfaces(page) = self.ec2(now, Ask::DescribeNetworkInterfaces(asked), not_yet)? else {
            return Err(unexpected());
        };
        let found = page.rows.into_iter().next();
        found.ok_or_else(|| gone(format!("interface `{id}`")))
    }
}

#[async_trait]
impl SlotParts for Hands {
    async fn observe(&self, slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>> {
        let now = self.now();
        let mut lab = self.lab();
        match lab.parts(now, slots) {
            Ok(value) => Partial {
                value,
                gaps: Vec::new(),
            },
            Err(error) => Partial {
                value: BTreeMap::new(),
                gaps: vec![Gap {
                    part: ObservedPart::Slots,
                    why: error.to_string(),
                }],
            },
        }
    }

    async fn detach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        self.request("DetachNetworkInterface", |lab, now| {
            let found = lab.interface(now, interface)?;
            let Some(at) = found.attachment.as_ref() else {
                return Ok(());
            };
            if !is_to_be_detached(&place(Some((&at.instance, at.state))), machine) {
                return Ok(());
            }
            let attachment = at.id.clone();
            gone_is_detached(lab.ec2(now, Ask::DetachNetworkInterface { attachment }, gone))
        })
        .await
    }

    async fn detach_volume(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError> {
        self.request("DetachVolume", |lab, now| {
            let found = lab.volume(now, volume)?;
            let at = found
                .attachment
                .as_ref()
                .map(|at| (at.instance.as_str(), at.state));
            if !is_to_be_detached(&place(at), machine) {
                return Ok(());
            }
            let ask = Ask::DetachVolume {
                volume: volume.as_str().to_owned(),
                instance: Some(machine.as_str().to_owned()),
                force: false,
            };
            gone_is_detached(lab.ec2(now, ask, gone))
        })
        .await
    }

    async fn attach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        self.request("AttachNetworkInterface", |lab, now| {
            let found = lab.interface(now, interface)?;
            let at = found
                .attachment
                .as_ref()
                .map(|at| (at.instance.as_str(), at.state));
            if !is_to_be_attached(interface.as_str(), &place(at), machine)? {
                return Ok(());
            }
            let ask = Ask::AttachNetworkInterface {
                interface: interface.as_str().to_owned(),
                instance: machine.as_str().to_owned(),
                device_index: 1,
            };
            lab.ec2(now, ask, not_yet).map(drop)
        })
        .await
    }

    async fn attach_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError> {
        self.request("AttachVolume", |lab, now| {
            let found = lab.volume(now, volume)?;
            let at = found
                .attachment
                .as_ref()
                .map(|at| (at.instance.as_str(), at.state));
            let attach = is_to_be_attached(volume.as_str(), &place(at), machine)?;
            if found.tags.get(tag::GENERATION) != Some(&generation.to_string()) {
                let ask = Ask::CreateTags {
                    ids: vec![volume.as_str().to_owned()],
                    tags: BTreeMap::from([(tag::GENERATION.to_owned(), generation.to_string())]),
                };
                lab.ec2(now, ask, not_yet)?;
            }
            if !attach {
                return Ok(());
            }
            let ask = Ask::AttachVolume {
                volume: volume.as_str().to_owned(),
                instance: machine.as_str().to_owned(),
                device: "/dev/sdf".to_owned(),
            };
            lab.ec2(now, ask, not_yet).map(drop)
        })
        .await
    }
}

use super::read::attachment as place;

fn by(name: &str, values: Vec<String>) -> Describe {
    Describe {
        filters: vec![Filter {
            name: name.to_owned(),
            values,
        }],
        ..Describe::default()
    }
}

fn parts(slot: &Slot, world: &World) -> Parts {
    let volume = world.listed_volume(slot.volume.as_str());
    let interface = world.listed_interface(slot.interface.as_str());
    let generation = volume.and_then(|volume| volume.tags.get(tag::GENERATION));
    Parts {
        interface: Part {
            id: slot.interface.clone(),
            zone: interface.map(|interface| Zone::new(&interface.zone)),
            attachment: interface.map_or(Attachment::Missing, |interface| {
                attachment(
                    interface
                        .attachment
                        .as_ref()
                        .map(|at| (at.instance.as_str(), at.state)),
                )
            }),
        },
        volume: Part {
            id: slot.volume.clone(),
            zone: volume.map(|volume| Zone::new(&volume.zone)),
            attachment: volume.map_or(Attachment::Missing, |volume| {
                attachment(
                    volume
                        .attachment
                        .as_ref()
                        .map(|at| (at.instance.as_str(), at.state)),
                )
            }),
        },
        volume_generation: generation.and_then(|text| text.parse().ok()).map(Generation),
        volume_cluster: volume.and_then(|volume| volume.tags.get(tag::CLUSTER)).cloned(),
        interface_address: interface.map(|interface| interface.address),
    }
}

/// `Ok(false)`: it is there, or on its way.
fn is_to_be_attached(part: &str, now: &Attachment, machine: &InstanceId) -> Result<bool, PortError> {
    match now {
        Attachment::Available => Ok(true),
        Attachment::Attached(at) | Attachment::Attaching(at) if at == machine => Ok(false),
        Attachment::Attached(at) | Attachment::Attaching(at) | Attachment::Detaching(at) => {
            Err(refused(Rule::Busy, format!("`{part}` is still at `{at}`")))
        }
        Attachment::Unclear(word) => Err(refused(Rule::Busy, format!("`{part}` is `{word}`"))),
        Attachment::Missing => Err(gone(format!("`{part}`"))),
    }
}

fn is_to_be_detached(now: &Attachment, machine: &InstanceId) -> bool {
    match now {
        Attachment::Attached(at) | Attachment::Attaching(at) => at == machine,
        Attachment::Available | Attachment::Detaching(_) | Attachment::Unclear(_) | Attachment::Missing => {
            false
        }
    }
}

fn gone_is_detached(answer: Result<Told, PortError>) -> Result<(), PortError> {
    match answer {
        Ok(_) | Err(PortError::Gone { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
