//! Between [`Action`] and [`Act`].

use super::super::model::{NEW, OLD, digest, slot, slot_url};
use super::scene::Scene;
use super::state::{Act, World};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::ids::{Generation, InstanceId, LaunchTemplateVersion, MemberId, SlotName};
use std::num::NonZeroU64;

impl Scene {
    /// As decided in this world.
    pub(super) fn act(&self, world: &World, action: &Action) -> Act {
        let of = |name: &SlotName| self.slot(name);
        let number = |slot: &SlotName, id: &InstanceId| self.machine_number(world, slot, id);
        let is_listed = |slot: &SlotName, member: MemberId| Self::listed(of(slot)) == member;
        match action {
            Action::LaunchMachine {
                slot,
                digest: content,
                join,
                generation,
                ..
            } => Act::Launch {
                slot: of(slot),
                new: *content == digest(slot, NEW),
                join: (*join).into(),
                generation: u8::try_from(generation.0).unwrap(),
            },
            Action::MoveLeader { from, to, .. } => Act::MoveLeader {
                from: of(from),
                to: of(to),
            },
            Action::AskStop { slot, machine } => Act::AskStop {
                slot: of(slot),
                machine: number(slot, machine),
            },
            Action::RemoveMember { slot, member, .. } => Act::Remove {
                slot: of(slot),
                listed: is_listed(slot, *member),
            },
            Action::PromoteMember { slot, member, .. } => Act::Promote {
                slot: of(slot),
                listed: is_listed(slot, *member),
            },
            Action::AddMember { slot, learner, .. } => Act::Add {
                slot: of(slot),
                learner: *learner,
            },
            Action::VerifyData { slot } => Act::Verify { slot: of(slot) },
            Action::Go {
                slot,
                machine,
                with_spare,
            } => Act::Go {
                slot: of(slot),
                machine: number(slot, machine),
                with_spare: *with_spare,
            },
            Action::TerminateMachine { slot, machine, why } => Act::Terminate {
                slot: of(slot),
                machine: number(slot, machine),
                did_not_boot: *why == TerminateWhy::DidNotBoot,
            },
            other => self.act_on_parts(world, other),
        }
    }

    fn act_on_parts(&self, world: &World, action: &Action) -> Act {
        let number = |slot: &SlotName, id: &InstanceId| self.machine_number(world, slot, id);
        match action {
            Action::DetachInterface { slot, machine, .. } => Act::DetachInterface {
                slot: self.slot(slot),
                machine: number(slot, machine),
            },
            Action::DetachVolume { slot, machine, .. } => Act::DetachVolume {
                slot: self.slot(slot),
                machine: number(slot, machine),
            },
            Action::AttachInterface { slot, machine, .. } => Act::AttachInterface {
                slot: self.slot(slot),
                machine: number(slot, machine),
            },
            Action::AttachVolume {
                slot,
                machine,
                generation,
                ..
            } => Act::AttachVolume {
                slot: self.slot(slot),
                machine: number(slot, machine),
                generation: u8::try_from(generation.0).unwrap(),
            },
            other => panic!("not expected in this plan: {other:?}"),
        }
    }

    fn machine_number(&self, world: &World, slot: &SlotName, id: &InstanceId) -> u8 {
        let slot = self.slot(slot);
        let mut machines = world.machines().filter(|(of, _, _)| *of == slot);
        let found = machines.find(|(_, number, _)| self.id(slot, *number) == *id);
        found.unwrap().1
    }

    /// The action again; what is not in [`Act`] follows from the slot.
    pub(super) fn action(&self, act: Act) -> Action {
        let number = act.slot();
        let name = self.name(number);
        let id = |machine: u8| self.id(number, machine);
        let part = slot(self.slot_number(number));
        let slot = name.clone();
        match act {
            Act::Launch {
                new,
                join,
                generation,
                ..
            } => Action::LaunchMachine {
                template: part.launch_template,
                version: LaunchTemplateVersion(NonZeroU64::new(1 + u64::from(new)).unwrap()),
                digest: digest(&name, if new { NEW } else { OLD }),
                join: join.into(),
                generation: Generation(u32::from(generation)),
                slot,
            },
            Act::MoveLeader { from, to } => Action::MoveLeader {
                from: slot,
                from_id: Self::listed(from),
                to: self.name(to),
                to_id: Self::listed(to),
            },
            Act::AskStop { machine, .. } => Action::AskStop {
                slot,
                machine: id(machine),
            },
            Act::Remove { .. } => Action::RemoveMember {
                member: Self::listed(number),
                via: slot.clone(),
                slot,
            },
            Act::Promote { .. } => Action::PromoteMember {
                member: Self::listed(number),
                via: slot.clone(),
                slot,
            },
            Act::Add { learner, .. } => Action::AddMember {
                peer_url: slot_url(&name),
                via: slot.clone(),
                slot,
                learner,
            },
            Act::Verify { .. } => Action::VerifyData { slot },
            Act::Go {
                machine, with_spare, ..
            } => Action::Go {
                slot,
                machine: id(machine),
                with_spare,
            },
            Act::Terminate {
                machine,
                did_not_boot,
                ..
            } => Action::TerminateMachine {
                slot,
                machine: id(machine),
                why: why(did_not_boot),
            },
            Act::DetachInterface { .. }
            | Act::DetachVolume { .. }
            | Act::AttachInterface { .. }
            | Act::AttachVolume { .. } => self.action_on_parts(act),
        }
    }

    fn action_on_parts(&self, act: Act) -> Action {
        let number = act.slot();
        let slot = self.name(number);
        let machine = self.id(number, act.machine().unwrap());
        let part = super::super::model::slot(self.slot_number(number));
        let (interface, volume) = (part.interface, part.volume);
        match act {
            Act::DetachInterface { .. } => Action::DetachInterface {
                slot,
                interface,
                machine,
            },
            Act::DetachVolume { .. } => Action::DetachVolume {
                slot,
                volume,
                machine,
            },
            Act::AttachInterface { .. } => Action::AttachInterface {
                slot,
                interface,
                machine,
            },
            Act::AttachVolume { generation, .. } => Action::AttachVolume {
                slot,
                volume,
                machine,
                generation: Generation(u32::from(generation)),
            },
            other => panic!("not about parts: {other:?}"),
        }
    }

    /// As a person would say it.
    pub(super) fn words(&self, act: Act) -> String {
        let action = self.action(act);
        let mut words = format!("{} {}", action.verb(), self.name(act.slot()));
        match act {
            Act::MoveLeader { to, .. } => words += &format!(" -> {}", self.name(to)),
            Act::Launch {
                join,
                generation,
                new,
                ..
            } => {
                words += &format!(
                    " ({}, {join:?}, generation {generation})",
                    if new { "new" } else { "old" }
                );
            }
            _ => {}
        }
        if let Some(machine) = act.machine() {
            words += &format!(" (machine {machine})");
        }
        words
    }
}

fn why(did_not_boot: bool) -> TerminateWhy {
    if did_not_boot {
        TerminateWhy::DidNotBoot
    } else {
        TerminateWhy::Replaced
    }
}
