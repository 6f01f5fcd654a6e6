//! Machines, slot parts and launch templates of the modelled cluster.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::world::{FakeWorld, perform};
use super::yield_now;
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::desired::Slot;
use crate::domain::fleet::{BootReport, Join, Machine, SlotParts as Parts, TemplateVersion, tag};
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, Generation, InstanceId, InterfaceId, LaunchTemplateName,
    LaunchTemplateVersion, Region, SlotName, Token, VolumeId,
};
use crate::domain::observed::{Part, Partial};
use crate::ports::{
    LaunchRequest, LaunchTemplates, Machines, MadeVersion, PortError, SlotParts, TemplateContent,
};

#[async_trait]
impl Machines for FakeWorld {
    async fn observe(&self, _cluster: &ClusterName) -> Partial<Vec<Machine>> {
        yield_now().await;
        let machines = self.live().machines.clone();
        self.partial(Part::Machines, machines)
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<InstanceId, PortError> {
        let tags = &request.tags;
        let action = Action::LaunchMachine {
            slot: SlotName::new(&tags[tag::SLOT]),
            template: request.template.clone(),
            version: request.version,
            digest: ContentDigest::new(&tags[tag::DIGEST]),
            join: [Join::Bootstrap, Join::Existing, Join::Reattach]
                .into_iter()
                .find(|join| join.as_str() == tags[tag::JOIN])
                .unwrap(),
            generation: Generation(tags[tag::GENERATION].parse().unwrap()),
        };
        let token = request.token.clone();
        self.call(action.clone(), |model| {
            let mut launched = self.launched.lock().unwrap();
            if !launched.contains_key(&token) {
                model.perform(&action);
                launched.insert(token.clone(), model.machines.last().unwrap().id.clone());
            }
            Ok(())
        })
        .await?;
        Ok(self.launched.lock().unwrap()[&request.token].clone())
    }

    async fn tag(&self, machine: &InstanceId, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
        let (slot, id) = (self.slot_of_machine(machine), machine.clone());
        let machine = id.clone();
        let action = if let Some(go) = tags.get(tag::GO) {
            let with_spare = go.ends_with(tag::WITH_SPARE);
            Action::Go {
                slot,
                machine,
                with_spare,
            }
        } else {
            Action::AskStop { slot, machine }
        };
        self.call(action.clone(), move |model| {
            if !model.machine(&id).is_live() {
                return Err(PortError::Gone {
                    what: "instance".to_owned(),
                });
            }
            perform(action)(model)
        })
        .await
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        let why = TerminateWhy::Replaced;
        let action = Action::TerminateMachine {
            slot: self.slot_of_machine(machine),
            machine: machine.clone(),
            why,
        };
        let id = machine.clone();
        self.call(action.clone(), move |model| {
            let live = model.machine(&id).is_live();
            if live { perform(action)(model) } else { Ok(()) }
        })
        .await
    }

    async fn whoami(&self) -> Result<(AccountId, Region), PortError> {
        yield_now().await;
        Ok((
            AccountId::new(self.account.lock().unwrap().clone()),
            Region::new("r-1"),
        ))
    }

    async fn boot_report(
        &self,
        _slot: &SlotName,
        _machine: &InstanceId,
    ) -> Result<Option<BootReport>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl SlotParts for FakeWorld {
    async fn observe(&self, _slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>> {
        yield_now().await;
        let parts = self.live().parts.clone();
        self.partial(Part::Slots, parts)
    }

    async fn detach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        let slot = self.slot_of_part(|parts| parts.interface.id == *interface);
        let action = Action::DetachInterface {
            slot: slot.clone(),
            interface: interface.clone(),
            machine: machine.clone(),
        };
        let machine = machine.clone();
        self.call(action.clone(), move |model| {
            let here = model.parts[&slot].interface.attachment.is_attached_to(&machine);
            if here { perform(action)(model) } else { Ok(()) }
        })
        .await
    }

    async fn detach_volume(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError> {
        let slot = self.slot_of_part(|parts| parts.volume.id == *volume);
        let action = Action::DetachVolume {
            slot: slot.clone(),
            volume: volume.clone(),
            machine: machine.clone(),
        };
        let machine = machine.clone();
        self.call(action.clone(), move |model| {
            let here = model.parts[&slot].volume.attachment.is_attached_to(&machine);
            if here { perform(action)(model) } else { Ok(()) }
        })
        .await
    }

    async fn attach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        let slot = self.slot_of_part(|parts| parts.interface.id == *interface);
        let action = Action::AttachInterface {
            slot,
            interface: interface.clone(),
            machine: machine.clone(),
        };
        self.call(action.clone(), perform(action)).await
    }

    async fn attach_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError> {
        let slot = self.slot_of_part(|parts| parts.volume.id == *volume);
        let action = Action::AttachVolume {
            slot,
            volume: volume.clone(),
            machine: machine.clone(),
            generation,
        };
        self.call(action.clone(), perform(action)).await
    }
}

#[async_trait]
impl LaunchTemplates for FakeWorld {
    async fn observe(
        &self,
        _templates: &[LaunchTemplateName],
    ) -> Partial<BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>> {
        yield_now().await;
        let templates = self.live().templates.clone();
        self.partial(Part::Templates, templates)
    }

    async fn create_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        _token: &Token,
    ) -> Result<MadeVersion, PortError> {
        assert!(
            content.user_data.contains(&content.tags[tag::SLOT]),
            "user data of another slot"
        );
        let action = Action::CreateTemplateVersion {
            slot: SlotName::new(&content.tags[tag::SLOT]),
            template: template.clone(),
            digest: content.digest.clone(),
        };
        self.call(action.clone(), perform(action)).await?;
        Ok(MadeVersion(LaunchTemplateVersion(1.try_into().unwrap())))
    }
}
