//! What actions do to the modelled cluster. Panics where the real one would be hurt.

use std::num::NonZeroU64;

use super::fixture::done_snapshot;
use super::model::{Member, Model};
use crate::domain::action::Action;
use crate::domain::fleet::{Attachment, Machine, MachineState, TemplateVersion};
use crate::domain::ids::{InstanceId, LaunchTemplateVersion, MemberId};

impl Model {
    /// Performs; panics where the real cluster would be hurt.
    pub(crate) fn perform(&mut self, action: &Action) {
        self.story.push(action.key());
        match action {
            Action::StartSnapshot => self.snapshot = done_snapshot(),
            Action::ApplyTerraform { .. } => self.terraform = super::terraform::running(),
            Action::CreateTemplateVersion { template, digest, .. } => {
                let versions = self.templates.entry(template.clone()).or_default();
                let version = LaunchTemplateVersion(NonZeroU64::new(versions.len() as u64 + 1).unwrap());
                versions.push(TemplateVersion {
                    version,
                    digest: Some(digest.clone()),
                });
            }
            Action::LaunchMachine {
                slot,
                digest,
                join,
                generation,
                ..
            } => {
                self.next_id += 1;
                self.machines.push(Machine {
                    id: InstanceId::new(format!("i-{}", self.next_id)),
                    slot: slot.clone(),
                    state: MachineState::Pending,
                    zone: None,
                    template_version: None,
                    digest: Some(digest.clone()),
                    generation: Some(*generation),
                    join: Some(*join),
                    go: false,
                    stop_asked: false,
                    launched_at: Some(self.at),
                    report: None,
                });
            }
            Action::MoveLeader { to_id, .. } => self.leader = Some(*to_id),
            Action::AskStop { machine, slot } => {
                let member = self.members.iter().find(|m| m.slot == *slot);
                assert!(
                    member.is_none_or(|m| Some(m.id) != self.leader) || self.members.len() == 1,
                    "{slot} was asked to stop while it leads"
                );
                self.machine(machine).stop_asked = true;
            }
            Action::Go {
                machine, with_spare, ..
            } => {
                self.machine(machine).go = true;
                if *with_spare {
                    self.with_spare.insert(machine.clone());
                }
            }
            Action::TerminateMachine { machine, slot, .. } => {
                if self.machine(machine).go && self.parts[slot].volume.attachment.is_attached_to(machine) {
                    self.running.remove(slot);
                }
                self.machine(machine).state = MachineState::ShuttingDown;
            }
            Action::Preflight { .. } => {
                let all = self.members.len();
                assert_eq!(self.healthy_voters(), all, "somebody could not be asked");
            }
            Action::VerifyData { .. } => assert!(self.has_quorum()),
            Action::RecordIdentity { .. } => self.identity = true,
            _ => self.perform_on_slot(action),
        }
    }

    fn perform_on_slot(&mut self, action: &Action) {
        match action {
            Action::RemoveMember { slot, member, .. } => {
                assert!(
                    !self.running.contains_key(slot),
                    "{slot} was removed while it runs"
                );
                self.members.retain(|m| m.id != *member);
            }
            Action::PromoteMember { member, .. } => {
                assert!(self.has_quorum());
                let member = self.members.iter_mut().find(|m| m.id == *member).unwrap();
                assert!(member.started && member.applied >= 900, "not in sync with leader");
                member.learner = false;
            }
            Action::AddMember { slot, learner, .. } => {
                assert!(
                    self.members.iter().all(|m| m.started),
                    "two members that never started"
                );
                assert!(
                    self.members.iter().all(|m| !m.learner),
                    "too many learner members"
                );
                assert!(self.has_quorum());
                self.next_id += 1;
                self.members.push(Member {
                    id: MemberId(self.next_id),
                    slot: slot.clone(),
                    started: false,
                    learner: *learner,
                    applied: 0,
                });
            }
            Action::DetachInterface { slot, .. } => {
                self.parts.get_mut(slot).unwrap().interface.attachment = Attachment::Available;
            }
            Action::DetachVolume { slot, .. } => {
                assert!(
                    !self.running.contains_key(slot),
                    "the volume of {slot} was taken from a running etcd"
                );
                self.parts.get_mut(slot).unwrap().volume.attachment = Attachment::Available;
            }
            Action::AttachInterface { slot, machine, .. } => {
                self.parts.get_mut(slot).unwrap().interface.attachment =
                    Attachment::Attached(machine.clone());
            }
            Action::AttachVolume {
                slot,
                machine,
                generation,
                ..
            } => {
                let parts = self.parts.get_mut(slot).unwrap();
                parts.volume.attachment = Attachment::Attached(machine.clone());
                parts.volume_generation = Some(*generation);
            }
            other => panic!("not an action on a slot: {other:?}"),
        }
    }
}
