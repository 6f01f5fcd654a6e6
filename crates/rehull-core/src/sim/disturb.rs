//! Disturbances as the world feels them.

use std::time::Duration;

use jiff::Timestamp;

use super::chronicle::Happened;
use super::fault::Happening;
use super::ground::PERSON;
use super::lab::{Due, Lab, later};
use crate::domain::fleet::tag;
use crate::domain::ids::{InstanceId, NodeName, SlotName};
use crate::world::Switch;
use crate::world::api::{Call, Request, ec2};

/// Calls that a throttled API turns away before it relents, where nobody says for how long.
const THROTTLED_CALLS: u32 = 20;
/// A person whose call is turned away tries again after this.
const TRIED_AGAIN: Duration = Duration::from_secs(30);

/// What keeps machines from booting, while it lasts.
#[derive(Clone, Debug, Default)]
pub(super) struct Boots {
    /// Artefacts have another content than their digest says.
    pub(super) wrong_artefact: bool,
    /// Nothing is ever heard of a machine.
    pub(super) never: bool,
    /// With the user data of the version before.
    pub(super) stale: bool,
    /// With the user data of this slot.
    pub(super) foreign: Option<SlotName>,
    /// The kernel takes so much longer.
    pub(super) late: Duration,
}

/// What becomes of a snapshot, while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SnapshotTrouble {
    /// It does not get done.
    Hangs,
    /// It ends without a result.
    Fails,
}

impl Lab {
    pub(super) fn disturb(&mut self, now: Timestamp, what: &Happening, begins: bool) {
        self.oracle.disturbed(now, what, begins);
        let happened = Happened::World {
            what: what.clone(),
            begins,
        };
        self.note(now, 0, happened);
        self.feel(now, what, begins);
    }

    fn feel(&mut self, now: Timestamp, what: &Happening, begins: bool) {
        match what {
            Happening::Terminate { slot } => {
                let id = self.carrier(slot).filter(|_| begins);
                self.terminate_by_hand(now, id);
            }
            Happening::PowerCut { slot } => self.power_cut(now, slot, begins),
            Happening::KillProcess { slot } => {
                if let Some(id) = self.carrier(slot).filter(|_| begins) {
                    self.kill_process(now, &id);
                }
            }
            Happening::Freeze { slot } => self.etcd.freeze(now, slot, begins),
            Happening::LeaderFlip => self.etcd.flip_leader(now),
            Happening::Alarm { slot, alarm } => self.etcd.alarm(slot, alarm, begins),
            Happening::RemoveMember { slot } => self.remove_member(now, slot, begins),
            Happening::NoCapacity { slot } => {
                self.switch_zone(now, slot, |zone| Switch::NoCapacity { zone, on: begins });
            }
            Happening::ZoneLoss { slot } => {
                self.switch_zone(now, slot, |zone| Switch::ZoneLoss { zone, on: begins });
            }
            Happening::ServerLost { slot } => {
                let id = self.server_in_zone_of(slot).filter(|_| begins);
                self.terminate_by_hand(now, id);
            }
            Happening::ListenerGone => self.listen(now, !begins),
            Happening::NodeLost
            | Happening::KubeletHangs
            | Happening::BudgetBlocks
            | Happening::ScaleOut
            | Happening::ZoneAdded
            | Happening::VersionEdited
            | Happening::MaxLowered
            | Happening::ProcessesResumed
            | Happening::ScaleIn => self.feel_in_groups(now, what, begins),
            Happening::StuckVolume { slot } => self.hold_volume(now, slot, begins),
            Happening::WrongArtefact => self.boots.wrong_artefact = begins,
            Happening::NeverBoots => self.boots.never = begins,
            Happening::StaleUserData => self.boots.stale = begins,
            Happening::ForeignUserData { slot } => self.boots.foreign = begins.then(|| slot.clone()),
            Happening::StaleReads { .. } => self.views.lag = more(what, begins),
            Happening::ReadsLost => self.views.lose(begins),
            Happening::Throttle => self.throttle(now, begins),
            Happening::StoreDown => self.store.silent = begins,
            Happening::ExpiredCredentials => self.expire(now, begins),
            Happening::BootsLate { .. } => self.boots.late = more(what, begins),
            Happening::SlowJoin { .. } => self.etcd.slow_down(more(what, begins)),
            Happening::Partition { slot } => self.etcd.cut(now, slot, begins),
            Happening::ForeignVolume { slot } => self.tag_volume(now, slot, begins),
            Happening::SnapshotHangs => self.snapshot_trouble = begins.then_some(SnapshotTrouble::Hangs),
            Happening::SnapshotFails => self.snapshot_trouble = begins.then_some(SnapshotTrouble::Fails),
            Happening::PlanDies => self.terraform.troubles.plan_dies = begins,
            Happening::ApplyDies { slot } => {
                self.terraform.troubles.apply_dies = begins.then(|| slot.clone());
            }
            Happening::PlanChanged => self.terraform.troubles.is_changed = begins,
            Happening::StateLocked => self.somebody_locks(now, begins),
            Happening::TerraformSlow { .. } => self.terraform.troubles.slow = more(what, begins),
            Happening::ClockJump { .. }
            | Happening::AskAbort
            | Happening::Revert
            | Happening::SecondRehull
            | Happening::ComputerLost => {
                if begins {
                    self.errands.push(what.clone());
                }
            }
        }
    }

    /// What befalls workers, and what is done to groups.
    fn feel_in_groups(&mut self, now: Timestamp, what: &Happening, begins: bool) {
        let is = |one: Happening| *what == one;
        if is(Happening::KubeletHangs) {
            self.kube.freeze(now, begins);
        } else if is(Happening::BudgetBlocks) {
            if let Some(laid) = &self.workers {
                self.kube.block(now, &laid.blocked, begins);
            }
        } else if is(Happening::ZoneAdded) {
            self.set_zones(now, begins);
        } else if is(Happening::NodeLost) {
            let id = self.worker_that_is_hit().filter(|_| begins);
            self.terminate_by_hand(now, id);
        } else if begins {
            self.edit_group(now, what);
        }
    }

    fn remove_member(&mut self, now: Timestamp, slot: &SlotName, begins: bool) {
        if begins {
            self.etcd.remove_by_hand(now, slot);
        }
    }

    fn throttle(&mut self, now: Timestamp, begins: bool) {
        let (action, calls) = ("*".to_owned(), if begins { THROTTLED_CALLS } else { 0 });
        self.switch(now, Switch::Throttle { action, calls });
    }

    fn expire(&mut self, now: Timestamp, on: bool) {
        let access_key = self.key.clone();
        self.switch(now, Switch::Expire { access_key, on });
    }

    fn switch_zone(&mut self, now: Timestamp, slot: &SlotName, how: impl FnOnce(String) -> Switch) {
        if let Some(zone) = self.zone(slot) {
            self.switch(now, how(zone));
        }
    }

    /// By hand, for another cluster; and back.
    fn tag_volume(&mut self, now: Timestamp, slot: &SlotName, foreign: bool) {
        let volume = self.slots.iter().find(|known| known.name == *slot);
        let Some(volume) = volume.map(|slot| slot.volume.as_str().to_owned()) else {
            return;
        };
        let owner = if foreign {
            "another"
        } else {
            super::ground::CLUSTER
        };
        let tags = [(tag::CLUSTER.to_owned(), owner.to_owned())].into();
        let ids = vec![volume];
        self.ask(now, ec2::Request::CreateTags { ids, tags });
    }

    fn zone(&self, slot: &SlotName) -> Option<String> {
        let slot = self.slots.iter().find(|known| known.name == *slot)?;
        Some(slot.zone.as_str().to_owned())
    }

    fn hold_volume(&mut self, now: Timestamp, slot: &SlotName, begins: bool) {
        let volume = self.slots.iter().find(|known| known.name == *slot);
        if let Some(volume) = volume.map(|slot| slot.volume.as_str().to_owned()) {
            self.switch(now, Switch::StuckVolume { volume, on: begins });
        }
    }

    fn server_in_zone_of(&self, slot: &SlotName) -> Option<InstanceId> {
        let zone = self.zone(slot)?;
        let mut all = self.servers.all();
        all.find(|id| {
            self.world
                .instance(id.as_str())
                .is_some_and(|one| one.zone == zone)
        })
        .cloned()
    }

    fn power_cut(&mut self, now: Timestamp, slot: &SlotName, begins: bool) {
        if begins {
            if let Some(id) = self.carrier(slot) {
                let instance = id.as_str().to_owned();
                self.switch(now, Switch::PowerCut { instance });
            }
        } else if let Some(id) = self.unpowered(slot)
            && !self.ask(now, ec2::Request::RebootInstances { ids: vec![id] })
        {
            let again = Due::Disturb(Happening::PowerCut { slot: slot.clone() }, false);
            self.plan(later(now, TRIED_AGAIN), again);
        }
    }

    /// The machine that holds the slot's volume and has no power.
    fn unpowered(&self, slot: &SlotName) -> Option<String> {
        let volume = &self.slots.iter().find(|known| known.name == *slot)?.volume;
        let at = self.world.volume_at(volume.as_str())?;
        (!self.guests.keys().any(|id| id.as_str() == at)).then(|| at.to_owned())
    }

    fn kill_process(&mut self, now: Timestamp, id: &InstanceId) {
        self.with_guest(id, |guest, around| {
            if let (Some(generation), Some(data)) = (
                guest.generation(),
                around.etcd.stop(now, &guest.user.slot, &guest.id),
            ) {
                around.disk.keep(generation, data);
            }
        });
    }

    /// Where the kubelet of a node answers, its pods go by themselves: nobody has to end it.
    pub(super) fn end_silent_node(&mut self, now: Timestamp, name: &NodeName) {
        let silent = self.kube.node(name).filter(|node| node.is_silent());
        let Some(id) = silent.map(|node| node.machine.clone()) else {
            return;
        };
        let what = Happening::NodeLost;
        self.oracle.disturbed(now, &what, true);
        self.note(now, 0, Happened::World { what, begins: true });
        self.terminate_by_hand(now, Some(id));
    }

    fn terminate_by_hand(&mut self, now: Timestamp, id: Option<InstanceId>) {
        let Some(id) = id else { return };
        let ids = vec![id.as_str().to_owned()];
        self.ask(now, ec2::Request::TerminateInstances { ids });
    }

    fn ask(&mut self, now: Timestamp, request: ec2::Request) -> bool {
        let call = Call {
            access_key: Some(PERSON.to_owned()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Ec2(request),
        };
        // What the world refuses to a person's hand did not happen: that is an answer too.
        self.world.handle(now, &call).result.is_ok()
    }

    fn switch(&mut self, now: Timestamp, switch: Switch) {
        // A machine that is gone meanwhile cannot lose its power.
        let _ = self.world.switch(now, switch);
    }
}

/// How much longer something takes while it lasts.
fn more(what: &Happening, begins: bool) -> Duration {
    let seconds = what.seconds().filter(|_| begins).unwrap_or(0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
