//! Everything that is not rehull: AWS, machines, etcd and the store, in one time. Nothing in here knows a plan.

mod sight;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::chronicle::{Chronicle, Happened};
use super::draw::{Draw, Spread};
use super::edits::Wishes;
use super::etcd::Etcd;
use super::fault::Happening;
use super::guest::{Disk, Guest, Surroundings, UserData};
use super::hands::Views;
use super::kube::Kube;
use super::laid::{ServersLaid, WorkersLaid};
use super::oracle::{Counts, Oracle};
use super::servers::Servers;
use super::store::Objects;
use super::terraform::{ProgramNumber, Terraform};
use super::time::ProcessNumber;
use crate::domain::desired::Slot;
use crate::domain::fleet::{BootPhase, BootReport};
use crate::domain::ids::{InstanceId, NodeName, RolloutId, VolumeId};
use crate::domain::observed::SnapshotFact;
use crate::world::{BootId, Deed, Effect, Fact, Timing, World};

pub(super) use super::disturb::{Boots, SnapshotTrouble};
pub(crate) use super::guest::Releases;

/// A guest that was asked to shut down is off after this, in milliseconds.
pub(super) const SHUTDOWN: Spread = Spread::new(500, 3_000, 12_000, 20_000);

/// Something that ends later.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A guest's shutdown is done.
    Off(InstanceId, BootId),
    /// The world is disturbed, or the disturbance ends.
    Disturb(Happening, bool),
    /// Something can be seen that could not be seen before.
    Seen,
    /// A program of Terraform goes on.
    Terraform(ProgramNumber),
    /// A person frees the lock that a dead one has left.
    UnlockTerraform,
    /// A person ends the machine of a node that answers nobody any more.
    EndNode(NodeName),
}

/// The laboratory.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    /// AWS.
    pub(crate) world: World,
    /// The cluster's etcd.
    pub(crate) etcd: Etcd,
    /// Journal, lease, mailbox.
    pub(crate) store: Objects,
    pub(super) slots: Vec<Slot>,
    pub(super) releases: Releases,
    pub(super) draw: Draw,
    pub(super) timing: Timing,
    pub(super) guests: BTreeMap<InstanceId, Guest>,
    pub(super) disks: BTreeMap<String, Disk>,
    /// What was laid of a control plane.
    pub(super) control_plane: Option<Arc<ServersLaid>>,
    /// Control-plane machines.
    pub(super) servers: Servers,
    /// What was laid of workers.
    pub(super) workers: Option<Arc<WorkersLaid>>,
    /// What people have wished of the sizes of the group that they touch.
    pub(super) wishes: Wishes,
    /// What runs on workers, if there are any.
    pub(super) kube: Kube,
    pub(super) agenda: BTreeMap<(Timestamp, u64), Due>,
    numbers: u64,
    changes: u64,
    /// Changes that the guests have heard of.
    stirred: u64,
    /// The instant that was lived through last, and the changes up to then: while they are the same, it is over.
    calm: Option<(Timestamp, u64)>,
    pub(super) boots: Boots,
    pub(super) views: Views,
    /// Operator's access key.
    pub(super) key: String,
    pub(super) oracle: Oracle,
    pub(super) chronicle: Chronicle,
    /// What rehull itself has to be told by whoever runs it.
    pub(super) errands: Vec<Happening>,
    /// Snapshots under way, by process and rollout: when they will be done.
    pub(super) snapshots: BTreeMap<(ProcessNumber, RolloutId), Timestamp>,
    pub(super) snapshot_trouble: Option<SnapshotTrouble>,
    /// The module of the cluster, if it has one.
    pub(super) terraform: Terraform,
    /// What the store holds of snapshots that were taken.
    pub(super) snapshot_facts: BTreeMap<RolloutId, SnapshotFact>,
    /// What machines have written of themselves; it outlives them.
    pub(super) reports: BTreeMap<InstanceId, BootReport>,
}

/// What a laboratory is made of.
pub(super) struct Furniture {
    pub(super) world: World,
    pub(super) etcd: Etcd,
    pub(super) slots: Vec<Slot>,
    pub(super) releases: Releases,
    pub(super) draw: Draw,
    pub(super) timing: Timing,
    pub(super) key: String,
}

impl Lab {
    pub(super) fn new(furniture: Furniture) -> Self {
        let Furniture {
            world,
            etcd,
            slots,
            releases,
            draw,
            timing,
            key,
        } = furniture;
        Self {
            world,
            etcd,
            store: Objects::default(),
            slots,
            releases,
            draw,
            timing,
            guests: BTreeMap::new(),
            disks: BTreeMap::new(),
            control_plane: None,
            servers: Servers::default(),
            workers: None,
            wishes: Wishes::default(),
            kube: Kube::default(),
            agenda: BTreeMap::new(),
            numbers: 0,
            changes: 0,
            stirred: 0,
            calm: None,
            boots: Boots::default(),
            views: Views::default(),
            key,
            oracle: Oracle::default(),
            chronicle: Chronicle::default(),
            errands: Vec::new(),
            snapshots: BTreeMap::new(),
            snapshot_trouble: None,
            terraform: Terraform::default(),
            snapshot_facts: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    /// Grows with everything that a look of rehull's can see, except logs that grow and catch up.
    #[must_use]
    pub(crate) fn changes(&self) -> u64 {
        let parts = [self.world.revision(), self.etcd.changes(), self.store.changes()];
        parts.into_iter().fold(self.changes, u64::saturating_add)
    }

    /// When something happens by itself next.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let due = [
            self.guests.values().map(Guest::next_due).min(),
            self.world.next_due(),
            self.etcd.next_due(),
            self.servers.next_due(),
            self.kube.next_due(),
            self.agenda.keys().next().map(|(at, _)| *at),
        ];
        due.into_iter().flatten().filter(|at| *at < Timestamp::MAX).min()
    }

    /// Lets time pass, one instant after the other.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let mut is_over = false;
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.happen(due);
            is_over = due == now;
        }
        if !is_over && self.calm != Some((now, self.changes())) {
            self.happen(now);
        }
    }

    /// Something can be seen that no part of the laboratory counts.
    pub(super) fn stir(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    fn happen(&mut self, now: Timestamp) {
        self.calm = Some((now, self.changes()));
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            self.changes = self.changes.saturating_add(1);
            match entry.remove() {
                Due::Off(id, boot) => self.power_off(now, &id, boot),
                Due::Disturb(what, begins) => self.disturb(now, &what, begins),
                Due::Seen => {}
                Due::Terraform(number) => self.terraform_goes_on(now, number),
                Due::UnlockTerraform => self.unlock_terraform(now),
                Due::EndNode(name) => self.end_silent_node(now, &name),
            }
        }
        for effect in self.world.advance(now) {
            self.perform(now, effect);
        }
        self.etcd.advance(now);
        self.stir_guests(now);
        let due: Vec<InstanceId> = self
            .guests
            .iter()
            .filter(|(_, guest)| guest.next_due() <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.with_guest(&id, |guest, around| guest.look(now, around));
        }
        self.take_ended();
        self.stir_guests(now);
        self.live_on_servers(now);
        self.live_on_nodes(now);
        let counts = Counts::of(&self.etcd);
        self.oracle.look(now, &self.etcd, counts);
        self.chronicle.look(now, &self.etcd, counts);
    }

    /// Writes down what a process did (0: what the world did).
    pub(super) fn note(&mut self, now: Timestamp, process: ProcessNumber, what: Happened) {
        self.chronicle.note(now, process, &self.etcd, what);
    }

    /// Guests that wait for something to change around them look at it.
    fn stir_guests(&mut self, now: Timestamp) {
        let changes = self.world.revision().saturating_add(self.etcd.changes());
        if changes != std::mem::replace(&mut self.stirred, changes) {
            self.guests.values_mut().for_each(|guest| guest.stir(now));
        }
    }

    pub(super) fn plan(&mut self, at: Timestamp, due: Due) {
        self.numbers = self.numbers.saturating_add(1);
        self.agenda.insert((at, self.numbers), due);
    }

    /// A disturbance after so many seconds, and its end.
    pub(super) fn plan_fault(&mut self, begin: Timestamp, fault: &super::fault::WorldFault) {
        let at = later(begin, Duration::from_secs(fault.at_s));
        self.plan(at, Due::Disturb(fault.what.clone(), true));
        if fault.for_s > 0 {
            let end = later(at, Duration::from_secs(fault.for_s));
            self.plan(end, Due::Disturb(fault.what.clone(), false));
        }
    }

    fn perform(&mut self, now: Timestamp, effect: Effect) {
        let Effect {
            id,
            instance,
            boot,
            deed,
        } = effect;
        match deed {
            Deed::Start(hardware) => {
                let told = self.boots_with(&instance, &hardware.user_data);
                let draw = (self.draw, self.timing);
                let starts = later(now, self.boots.late);
                if !self.boots.never {
                    let whose = (&instance, boot);
                    self.servers.power_on(starts, whose, &told, draw);
                    self.kube.power_on(starts, whose, &told, draw);
                }
                let user = UserData::read(&told, &self.releases);
                let known = self.reports.get(&instance).map(|report| &report.phase);
                let has_binaries = matches!(
                    known,
                    Some(BootPhase::Warm | BootPhase::Starting | BootPhase::Running)
                );
                // A machine that is only switched on again boots as it did, from what it has fetched.
                let never = self.boots.never && known.is_none();
                if let Some(mut user) = user.filter(|_| !never) {
                    let wrong = self.boots.wrong_artefact && !has_binaries;
                    user.version = user.version.filter(|_| !wrong);
                    let waits = (self.draw, self.timing);
                    let starts = later(now, self.boots.late);
                    let guest = Guest::power_on(starts, instance.clone(), boot, user, waits);
                    self.guests.insert(instance, guest);
                }
                self.world.report(now, Fact::Performed(id));
            }
            Deed::Shutdown => {
                if !self.close_server(now, &instance, boot) {
                    let wait = self.draw.wait(instance.as_str(), "shutdown", boot.0, SHUTDOWN);
                    self.plan(later(now, wait), Due::Off(instance, boot));
                }
                self.world.report(now, Fact::Performed(id));
            }
            Deed::PowerCut => {
                self.world.report(now, Fact::Performed(id));
                self.power_off(now, &instance, boot);
            }
            Deed::Expose(volume) => {
                if let Some(guest) = self
                    .guests
                    .get_mut(&instance)
                    .filter(|guest| guest.user.volume == volume.as_str())
                {
                    guest.device = true;
                }
                self.world.report(now, Fact::Performed(id));
            }
            Deed::Withdraw(volume) => self.withdraw(now, &instance, &volume, id),
        }
    }

    fn withdraw(
        &mut self,
        now: Timestamp,
        instance: &InstanceId,
        volume: &VolumeId,
        id: crate::world::EffectId,
    ) {
        let guest = self
            .guests
            .get_mut(instance)
            .filter(|guest| guest.user.volume == volume.as_str());
        let fact = match guest {
            Some(guest) if guest.mounted => Fact::StillMounted(id),
            Some(guest) => {
                guest.device = false;
                Fact::Performed(id)
            }
            None => Fact::Performed(id),
        };
        self.world.report(now, fact);
    }

    fn power_off(&mut self, now: Timestamp, id: &InstanceId, boot: BootId) {
        if self.guests.get(id).is_some_and(|guest| guest.boot == boot) {
            self.with_guest(id, |guest, around| guest.power_off(now, around));
            self.guests.remove(id);
        }
        self.server_goes_off(now, id, boot);
        self.node_goes_off(now, id, boot);
        self.world.report(now, Fact::Exited { boot });
    }

    /// A guest with what it sees around it.
    pub(super) fn with_guest(
        &mut self,
        id: &InstanceId,
        act: impl FnOnce(&mut Guest, &mut Surroundings<'_>),
    ) {
        let Some(guest) = self.guests.get_mut(id) else {
            return;
        };
        let Some(instance) = self.world.instance(id.as_str()) else {
            return;
        };
        let interface = self.world.has_address(id.as_str(), guest.user.address);
        let disk = self.disks.entry(guest.user.volume.clone()).or_default();
        let mut around = Surroundings {
            tags: &instance.tags,
            interface,
            disk,
            etcd: &mut self.etcd,
            draw: self.draw,
            timing: self.timing,
        };
        let said = guest.said;
        act(guest, &mut around);
        let slot = guest.user.slot.clone();
        let report = guest.report.clone().filter(|_| guest.said != said);
        if let Some(report) = report.filter(|_| self.is_heard(id, slot.as_str())) {
            self.reports.insert(id.clone(), report);
            self.changes = self.changes.saturating_add(1);
        }
    }

    fn take_ended(&mut self) {
        for ended in self.etcd.take_ended() {
            if let Some(guest) = self.guests.get(&ended.machine) {
                let disk = self.disks.entry(guest.user.volume.clone()).or_default();
                guest.etcd_ended(ended.data, disk);
            }
        }
    }
}

pub(super) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
