//! What the modelled cluster does by itself while time passes, and what befalls it.

use std::time::Duration;

use super::model::{APPLIES, Boots, Data, INDEX, Member, Model, NEW, OLD, SPARE, digest, report, slot_name};
use crate::domain::fleet::{Attachment, BootPhase, Join, Machine, MachineState};
use crate::domain::ids::InstanceId;
use crate::domain::version::EtcdVersion;

impl Model {
    /// Time passes: machines boot, told ones start, asked ones stop, parts arrive, terminated ones end.
    pub(crate) fn advance(&mut self) {
        self.at = self.at.checked_add(Duration::from_secs(1)).unwrap();
        for member in self.members.iter_mut().filter(|m| m.started) {
            member.applied = INDEX.min(member.applied + APPLIES);
        }
        for n in 0..self.machines.len() {
            let machine = self.machines[n].clone();
            let phase = machine.report.as_ref().map(|r| r.phase.clone());
            let parts = &self.parts[&machine.slot];
            let holds = parts.volume.attachment.is_attached_to(&machine.id)
                && parts.interface.attachment.is_attached_to(&machine.id);
            match (&machine.state, phase) {
                (MachineState::Pending, _) => self.machines[n].state = MachineState::Running,
                (MachineState::ShuttingDown, _) => self.end(n),
                (MachineState::Running, None) => {
                    let phase = match self.boots {
                        Boots::Well | Boots::RefusesVolume => BootPhase::Warm,
                        Boots::RefusesCold => BootPhase::Refused,
                        Boots::Never => continue,
                    };
                    self.machines[n].report = report(&machine.id, phase);
                }
                (MachineState::Running, Some(BootPhase::Warm)) if machine.go && holds => self.start(n),
                (MachineState::Running, Some(BootPhase::Running))
                    if machine.stop_asked && !self.deaf.contains(&machine.id) =>
                {
                    self.running.remove(&machine.slot);
                    self.machines[n].report = report(&machine.id, BootPhase::Stopped);
                }
                _ => {}
            }
        }
        self.elect();
        self.decide_cluster_version();
    }

    pub(super) fn start(&mut self, n: usize) {
        let machine = self.machines[n].clone();
        let slot = machine.slot.clone();
        if self.boots == Boots::RefusesVolume {
            self.machines[n].report = report(&machine.id, BootPhase::Refused);
            return;
        }
        self.machines[n].report = report(&machine.id, BootPhase::Running);
        let version = version_of(&machine);
        // etcd: "cluster cannot be downgraded", and the process ends.
        if version.line() < self.cluster_version {
            return;
        }
        let generation = machine.generation.unwrap();
        let starts = match machine.join.unwrap() {
            Join::Reattach => {
                let data = self.data.get(&slot).copied();
                let known = |data: Data| self.members.iter().any(|m| m.id == data.member && m.started);
                // Without its data, or with that of a removed member, etcd ends.
                data.is_some_and(|data| data.generation == generation && known(data))
            }
            Join::Existing | Join::Bootstrap => {
                assert!(
                    self.data
                        .get(&slot)
                        .is_none_or(|data| data.generation < generation),
                    "the data of {slot} would be used again"
                );
                let listed = self.members.len();
                let named = self.named(&machine);
                let member = self.members.iter_mut().find(|m| m.slot == slot && !m.started);
                // etcd: "member count is unequal", and the process ends, again and again.
                assert!(
                    member.is_none() || machine.join == Some(Join::Bootstrap) || named == listed,
                    "{slot} names {named} members, {listed} are listed"
                );
                member.is_some_and(|member| {
                    member.started = true;
                    let member = member.id;
                    self.data.insert(slot.clone(), Data { generation, member });
                    true
                })
            }
        };
        if starts {
            self.running.insert(slot, version);
        }
    }

    /// How many members its `--initial-cluster` names.
    fn named(&self, machine: &Machine) -> usize {
        let spare = usize::from(self.parts.contains_key(&slot_name(SPARE)));
        self.parts.len() - spare + usize::from(self.with_spare.contains(&machine.id))
    }

    pub(super) fn end(&mut self, n: usize) {
        let machine = self.machines[n].clone();
        self.machines[n].state = MachineState::Terminated;
        let parts = self.parts.get_mut(&machine.slot).unwrap();
        for attachment in [&mut parts.volume.attachment, &mut parts.interface.attachment] {
            if attachment.machine() == Some(&machine.id) {
                *attachment = Attachment::Available;
            }
        }
    }

    fn elect(&mut self) {
        let leads = |m: &Member| !m.learner && self.serving(&m.slot) == Some(m.id);
        if self.members.iter().any(|m| Some(m.id) == self.leader && leads(m)) {
            return;
        }
        self.leader = self.members.iter().find(|m| leads(m)).map(|m| m.id);
    }

    /// It rises to the lowest version of all listed members, once every one of them tells its own.
    pub(super) fn decide_cluster_version(&mut self) {
        let version = |m: &Member| {
            self.serving(&m.slot)
                .and_then(|_| self.running.get(&m.slot))
                .map(|version| version.line())
        };
        let all: Option<Vec<(u32, u32)>> = self.members.iter().map(version).collect();
        if let Some(lowest) = all.and_then(|all| all.into_iter().min())
            && self.has_quorum()
        {
            self.cluster_version = self.cluster_version.max(lowest);
        }
    }

    /// A machine dies behind everybody's back.
    pub(crate) fn kill_machine(&mut self, id: &InstanceId) {
        let n = self.power_cut(id);
        self.end(n);
    }

    /// Somebody switches it off in EC2: its parts stay at it.
    pub(crate) fn power_off(&mut self, id: &InstanceId) {
        let n = self.power_cut(id);
        self.machines[n].state = MachineState::Stopped;
    }

    fn power_cut(&mut self, id: &InstanceId) -> usize {
        let n = self.machines.iter().position(|m| m.id == *id).unwrap();
        let machine = &self.machines[n];
        if machine
            .report
            .as_ref()
            .is_some_and(|report| report.phase == BootPhase::Running)
        {
            self.running.remove(&machine.slot.clone());
        }
        self.elect();
        n
    }

    /// The live machine that carries the slot's volume, if one does.
    pub(crate) fn carrier(&self, slot: &crate::domain::ids::SlotName) -> Option<InstanceId> {
        let at = self.parts[slot].volume.attachment.machine()?;
        let machine = self.machines.iter().find(|m| m.id == *at && m.is_live())?;
        (machine.state != MachineState::Stopped).then(|| machine.id.clone())
    }
}

fn version_of(machine: &Machine) -> EtcdVersion {
    if machine.digest == Some(digest(&machine.slot, NEW)) {
        NEW
    } else {
        OLD
    }
}
