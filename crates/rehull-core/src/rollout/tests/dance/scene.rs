//! [`World`] into [`Model`] and back: what the model does and shows is the one truth, here it is only made small.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use jiff::Timestamp;

use super::super::fixture::done_snapshot;
use super::super::model::{
    Boots, Data, INDEX, Member as Listed, Model, NEW, OLD, SPARE, digest, parts, plan, report, slot,
    slot_name,
};
use super::state::{Act, Box_, Member, Noted, Phase, Power, Slot, Way, World};
use crate::domain::fleet::{Attachment, Machine, SlotParts, TemplateVersion};
use crate::domain::ids::{
    Generation, InstanceId, LaunchTemplateName, LaunchTemplateVersion, MemberId, SlotName,
};
use crate::domain::policy::EtcdStrategy;
use crate::domain::terraform::TerraformRun;
use crate::plan::RolloutPlan;

/// The instant of every look. What lies before it is told in words.
pub(super) const NOW: i64 = 1_000_000;
/// Every patience, in seconds; settling and baking are over at once.
pub(super) const PATIENCE: i64 = 600;

/// What is the same in all states.
pub(super) struct Scene {
    pub(super) plan: RolloutPlan,
    /// Slots without the spare.
    pub(super) count: usize,
    templates: BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>,
}

pub(super) fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn generation(tag: Option<Generation>) -> u8 {
    tag.map_or(0, |Generation(number)| u8::try_from(number).unwrap())
}

impl Scene {
    pub(super) fn new(count: usize, strategy: EtcdStrategy) -> Self {
        let mut plan = plan(count, strategy);
        let policy = &mut plan.envelope.policy;
        let patience = Duration::from_secs(PATIENCE.unsigned_abs());
        (policy.boot_deadline, policy.stop_deadline, policy.join_deadline) = (patience, patience, patience);
        (policy.settle, policy.bake) = (Duration::ZERO, Duration::ZERO);
        let versions = |n: usize| {
            let version = |number: u64, content| TemplateVersion {
                version: LaunchTemplateVersion(NonZeroU64::new(number).unwrap()),
                digest: Some(digest(&slot_name(n), content)),
            };
            (slot(n).launch_template, vec![version(1, OLD), version(2, NEW)])
        };
        let templates = (0..count).chain([SPARE]).map(versions).collect();
        Self {
            plan,
            count,
            templates,
        }
    }

    pub(super) fn name(&self, slot: u8) -> SlotName {
        slot_name(self.slot_number(slot))
    }

    pub(super) fn slot_number(&self, slot: u8) -> usize {
        let slot = usize::from(slot);
        if slot < self.count { slot } else { SPARE }
    }

    pub(super) fn is_spare(&self, slot: u8) -> bool {
        usize::from(slot) >= self.count
    }

    /// Number of the slot of this name.
    pub(super) fn slot(&self, name: &SlotName) -> u8 {
        let slots = u8::try_from(self.count).unwrap() + 1;
        (0..slots).find(|slot| self.name(*slot) == *name).unwrap()
    }

    pub(super) fn id(&self, slot: u8, machine: u8) -> InstanceId {
        InstanceId::new(format!("{}/{machine}", self.name(slot)))
    }

    /// Id of the member that is listed in a slot.
    pub(super) fn listed(slot: u8) -> MemberId {
        MemberId(10 * (u64::from(slot) + 1))
    }

    /// All members serve the old version, the first one leads; a spare slot is empty.
    pub(super) fn beginning(&self) -> World {
        let old = Box_ {
            new: false,
            join: Way::Bootstrap,
            generation: 1,
            power: Power::Running,
            phase: Phase::Running,
            go: true,
            stop_asked: false,
            with_spare: false,
            noted: Noted::default(),
        };
        let full = Slot {
            machines: vec![old],
            volume: Some(0),
            interface: Some(0),
            tagged: 1,
            data: 1,
            data_is_listed: true,
            member: Some(Member {
                started: true,
                learner: false,
                behind: false,
            }),
            runs: true,
            ..Slot::default()
        };
        let mut slots = vec![full; self.count];
        slots.extend(self.plan.envelope.spare.iter().map(|_| Slot::default()));
        World {
            slots,
            leader: Some(0),
            risen: false,
            fresh: false,
            rest: false,
        }
    }

    pub(super) fn model(&self, world: &World) -> Model {
        let mut model = Model {
            at: instant(NOW),
            machines: Vec::new(),
            parts: BTreeMap::new(),
            templates: self.templates.clone(),
            members: Vec::new(),
            running: BTreeMap::new(),
            data: BTreeMap::new(),
            cluster_version: if world.risen { NEW.line() } else { OLD.line() },
            down: BTreeSet::new(),
            deaf: BTreeSet::new(),
            boots: Boots::Well,
            with_spare: BTreeSet::new(),
            leader: world.leader.map(Self::listed),
            snapshot: done_snapshot(),
            terraform: TerraformRun::Absent,
            identity: true,
            alarms: Vec::new(),
            blind: false,
            records: Vec::new(),
            folded: RefCell::default(),
            story: Vec::new(),
            next_id: 100_000,
        };
        for (number, slot) in (0_u8..).zip(&world.slots) {
            self.fill(&mut model, world, number, slot);
        }
        model
    }

    fn fill(&self, model: &mut Model, world: &World, number: u8, held: &Slot) {
        let name = self.name(number);
        for (at, machine) in (0_u8..).zip(&held.machines) {
            let machine = self.machine(world, (number, at), machine);
            if held.machines[usize::from(at)].with_spare {
                model.with_spare.insert(machine.id.clone());
            }
            model.machines.push(machine);
        }
        model.parts.insert(name.clone(), self.parts(number, held));
        if let Some(member) = held.member {
            model.members.push(Listed {
                id: Self::listed(number),
                slot: name.clone(),
                started: member.started,
                learner: member.learner,
                applied: member.applied(),
            });
        }
        if held.data > 0 {
            let listed = Self::listed(number);
            let former = MemberId(listed.0 + 1);
            let member = if held.data_is_listed { listed } else { former };
            let generation = Generation(u32::from(held.data));
            model.data.insert(name.clone(), Data { generation, member });
        }
        if held.frozen {
            model.down.insert(name.clone());
        }
        if held.runs {
            let carrier = held.volume.map(|at| held.machines[usize::from(at)]);
            let version = if carrier.unwrap().new { NEW } else { OLD };
            model.running.insert(name, version);
        }
    }

    fn parts(&self, number: u8, held: &Slot) -> SlotParts {
        let at = |part: Option<u8>| {
            part.map_or(Attachment::Available, |machine| {
                Attachment::Attached(self.id(number, machine))
            })
        };
        let mut parts = parts(&slot(self.slot_number(number)), &self.id(number, 0));
        parts.volume.attachment = at(held.volume);
        parts.interface.attachment = at(held.interface);
        parts.volume_generation = (held.tagged > 0).then(|| Generation(u32::from(held.tagged)));
        parts
    }

    fn machine(&self, world: &World, (slot, number): (u8, u8), machine: &Box_) -> Machine {
        let (name, id) = (self.name(slot), self.id(slot, number));
        let order = Duration::from_millis(u64::from(number));
        Machine {
            report: machine.phase.real().and_then(|phase| report(&id, phase)),
            id,
            state: machine.power.real(),
            zone: None,
            template_version: None,
            digest: Some(digest(&name, if machine.new { NEW } else { OLD })),
            generation: Some(Generation(u32::from(machine.generation))),
            join: Some(machine.join.into()),
            go: machine.go,
            stop_asked: machine.stop_asked,
            launched_at: Some(
                instant(world.seen_launched_at(machine))
                    .checked_add(order)
                    .unwrap(),
            ),
            slot: name,
        }
    }

    /// The model as a world again; `before` has what only the journal and the checker know. `acts` are renumbered with
    /// the machines, and what they are about is not forgotten.
    pub(super) fn world(&self, model: &mut Model, before: &World, acts: &mut [&mut Act]) -> World {
        model.decide_cluster_version();
        let mut world = before.clone();
        for number in (0_u8..).take(world.slots.len()) {
            let mut slot = self.read(model, number, before.slot(number));
            let about: Vec<&mut u8> = acts
                .iter_mut()
                .filter(|act| act.slot() == number)
                .filter_map(|act| act.machine_mut())
                .collect();
            slot.forget(about);
            *world.slot_mut(number) = slot;
        }
        world.risen = model.cluster_version == NEW.line();
        let leads = |member: &&Listed| Some(member.id) == model.leader;
        let leader = model
            .members
            .iter()
            .find(leads)
            .map(|member| self.slot(&member.slot));
        world.leader = leader.filter(|slot| world.slot(*slot).is_healthy() && world.has_quorum());
        world
    }

    fn read(&self, model: &Model, number: u8, before: &Slot) -> Slot {
        let name = self.name(number);
        let of: Vec<&Machine> = model.machines.iter().filter(|m| m.slot == name).collect();
        let at = |attachment: &Attachment| {
            let holder = attachment.machine()?;
            (0_u8..).zip(&of).find(|(_, m)| m.id == *holder).map(|(at, _)| at)
        };
        let machines = (0_u8..).zip(&of).map(|(at, machine)| {
            let known = before.machines.get(usize::from(at));
            let noted = known.map_or(Noted::default(), |known| known.noted);
            boxed(machine, noted, model.with_spare.contains(&machine.id))
        });
        let listed = model.members.iter().find(|m| m.slot == name);
        let (parts, data) = (&model.parts[&name], model.data.get(&name));
        let runs = model.running.contains_key(&name);
        let mut slot = Slot {
            machines: machines.collect(),
            volume: at(&parts.volume.attachment),
            interface: at(&parts.interface.attachment),
            tagged: generation(parts.volume_generation),
            data: generation(data.map(|data| data.generation)),
            data_is_listed: data.is_some_and(|data| listed.is_some_and(|line| line.id == data.member)),
            member: listed.map(|line| Member {
                started: line.started,
                learner: line.learner,
                behind: line.applied < INDEX,
            }),
            runs,
            frozen: runs && model.down.contains(&name),
            ..before.clone()
        };
        let stays = slot.carrier().is_some_and(|machine| !machine.stop_asked);
        let is_released = slot.member.is_none() && self.is_spare(number);
        if slot.is_healthy() && stays || is_released {
            (slot.ours, slot.lost) = (false, false);
        }
        slot
    }
}

fn boxed(machine: &Machine, noted: Noted, with_spare: bool) -> Box_ {
    Box_ {
        new: machine.digest == Some(digest(&machine.slot, NEW)),
        join: machine.join.unwrap().into(),
        generation: generation(machine.generation),
        power: Power::of(&machine.state),
        phase: Phase::of(machine.report.as_ref().map(|report| &report.phase)),
        go: machine.go,
        stop_asked: machine.stop_asked,
        with_spare,
        noted,
    }
}

impl Slot {
    pub(super) fn carrier(&self) -> Option<&Box_> {
        self.volume.map(|at| &self.machines[usize::from(at)])
    }

    /// Its machine was told to stop.
    pub(super) fn is_going(&self) -> bool {
        self.carrier().is_some_and(|machine| machine.stop_asked)
    }

    /// Machines that are gone and of which nobody asks any more go; `about` are numbers that must stay right.
    fn forget(&mut self, mut about: Vec<&mut u8>) {
        for machine in &mut self.machines {
            if !machine.is_live() {
                machine.noted = Noted::default();
                machine.phase = Phase::Silent;
                machine.with_spare = false;
            }
            if !machine.is_in_the_journal() {
                // Nothing of it is in this journal.
                machine.noted = Noted::default();
            }
        }
        let mut at = 0_u8;
        while usize::from(at) < self.machines.len() {
            let machine = self.machines[usize::from(at)];
            let later = &self.machines[usize::from(at) + 1..];
            let last_started = machine.go && !later.iter().any(|other| other.go);
            let named = about.iter().any(|number| **number == at);
            if machine.power != Power::Terminated || last_started || named {
                at += 1;
                continue;
            }
            self.machines.remove(usize::from(at));
            let numbers = [self.volume.as_mut(), self.interface.as_mut()];
            let numbers = numbers.into_iter().flatten();
            for number in numbers.chain(about.iter_mut().map(|number| &mut **number)) {
                *number -= u8::from(*number > at);
            }
        }
    }
}
