//! A model of AWS without IO: requests, facts and the passing of time go in; answers and effects come out.
//!
//! All waiting is a due time in the state ([`World::next_due`]), nothing sleeps, and the same seed and the same
//! calls give the same bytes. The sandbox puts it behind the real wire protocols and real processes; the simulator
//! behind the ports. Where it knows less than AWS, `docs/fidelity.md` says so.

mod agenda;
mod answer;
pub mod api;
mod balancer;
mod bucket;
mod data_plane;
mod effect;
mod endpoint;
mod error;
mod fault;
mod gateway;
mod iam;
mod identity;
mod imds;
pub mod instance;
pub mod interface;
mod kms;
mod launch;
mod lifecycle;
mod listener;
mod look;
pub mod network;
pub mod performance;
pub mod query;
mod registration;
mod route;
mod rows;
mod s3;
mod scaling;
pub mod security;
mod select;
mod setup;
mod tags;
mod target;
mod target_group;
pub mod template;
#[cfg(test)]
mod tests;
mod throttle;
mod timing;
mod token;
pub mod volume;
mod vpc;

use core::net::Ipv4Addr;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use agenda::{Agenda, Event, later};
use answer::{action, is_read};
use api::{Answer, Call};
pub use data_plane::{Flows, Route};
pub use effect::{BootId, Deed, Effect, EffectId, Fact, Hardware, Powered};
pub use error::AwsError;
use fault::Faults;
pub use fault::Switch;
use identity::Identities;
pub use identity::{AccessKey, Grant, Principal, Profile, Verb};
use instance::Instance;
use interface::{AttachmentState, Interface};
use network::Network;
use rows::Rows;
pub use scaling::look::{GroupRow, MemberRow};
pub use select::Visibility;
pub use setup::{ImagePlan, Setup, SubnetPlan};
pub use target::{Check, TargetId};
pub use target_group::HealthCheck;
use template::Template;
use throttle::Throttle;
pub use timing::{Quantity, Spread, Timing};
use token::Remembered;
use volume::Volume;

/// One region of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    setup: Setup,
    now: Timestamp,
    /// Grows with every change that somebody could miss after a restart.
    revision: u64,
    numbers: u64,
    ordinals: Rows<u64>,
    agenda: Agenda,
    network: Network,
    #[serde(default)]
    ways: route::Ways,
    #[serde(default)]
    gateways: gateway::Gateways,
    #[serde(default)]
    balancing: balancer::Balancing,
    #[serde(default)]
    scaling: scaling::Scaling,
    #[serde(default)]
    iam: iam::Iam,
    #[serde(default)]
    kms: kms::Kms,
    templates: Rows<Template>,
    instances: Rows<Instance>,
    interfaces: Rows<Interface>,
    volumes: Rows<Volume>,
    buckets: BTreeMap<String, s3::Bucket>,
    identities: Identities,
    tokens: BTreeMap<String, Remembered>,
    throttle: Throttle,
    faults: Faults,
    open: BTreeMap<EffectId, Effect>,
    #[serde(skip)]
    outbox: Vec<Effect>,
}

/// What is asked for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Instances.
    Instances,
    /// Interfaces and volumes.
    Parts,
    /// Launch templates, which are seen at once.
    Templates,
    /// The Auto Scaling group of this name, which is seen at once.
    Group(String),
}

impl World {
    /// Answers one call. What became due before `now` happens first.
    pub fn handle(&mut self, now: Timestamp, call: &Call) -> Answer {
        self.pass_time(now);
        let name = action(&call.request);
        if !is_read(name) {
            self.changed();
        }
        let result = self.answer(call, name);
        let lost = result.is_ok() && self.faults.take_lost_answer(name);
        Answer { result, lost }
    }

    /// What [`Self::handle`] does to a call that only reads, for somebody who may look for himself, or has its answer: time
    /// passes, the caller is checked, limits count it. True: its answer is lost.
    ///
    /// # Errors
    /// It would be refused now.
    pub fn admit(&mut self, now: Timestamp, call: &Call) -> Result<bool, AwsError> {
        self.pass_time(now);
        let name = action(&call.request);
        self.authorise(call)?;
        self.count(&call.request, name)?;
        Ok(self.faults.take_lost_answer(name))
    }

    /// An answer about resources of this kind stays true while this number and [`Self::next_shown`] do.
    #[must_use]
    pub fn revision_of(&self, kind: &Kind) -> u64 {
        match kind {
            Kind::Instances => self.instances.revision(),
            Kind::Parts => self.interfaces.revision().saturating_add(self.volumes.revision()),
            Kind::Templates => self.templates.revision(),
            Kind::Group(name) => self.scaling.revision_of(name),
        }
    }

    /// When something of this kind that is new now can be seen next, with no event telling of it.
    #[must_use]
    pub fn next_shown(&self, kind: &Kind) -> Option<Timestamp> {
        let instances = || self.instances.values().map(|row| row.seen);
        let interfaces = || self.interfaces.values().map(|row| row.seen);
        let volumes = || self.volumes.values().map(|row| row.seen);
        match kind {
            Kind::Instances => next_of(instances(), self.now),
            Kind::Parts => next_of(interfaces().chain(volumes()), self.now),
            Kind::Templates | Kind::Group(_) => None,
        }
    }

    /// Lets time pass and hands out what there is to do. Call it after every other call, and when [`Self::next_due`]
    /// comes.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Effect> {
        self.pass_time(now);
        std::mem::take(&mut self.outbox)
    }

    /// Takes in what became of an effect, or of a machine.
    pub fn report(&mut self, now: Timestamp, fact: Fact) {
        self.pass_time(now);
        self.changed();
        self.settle(fact);
    }

    /// Switches a fault; an unknown name is an error.
    pub fn switch(&mut self, now: Timestamp, switch: Switch) -> Result<(), String> {
        self.pass_time(now);
        self.changed();
        self.switch_fault(switch)
    }

    /// When something happens by itself next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.outbox.is_empty() {
            self.agenda.next()
        } else {
            Some(self.now)
        }
    }

    /// Effects that no fact has settled yet, oldest first: after a restart they are performed again.
    #[must_use]
    pub fn open_effects(&self) -> Vec<Effect> {
        self.open.values().cloned().collect()
    }

    /// A world with the same revision need not be saved again.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// All instances that can still be described, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// One instance, whatever a caller of the API is shown of it yet.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// The instance at which an address answers now: its interface is attached, or not quite off yet.
    #[must_use]
    pub fn machine_at(&self, address: Ipv4Addr) -> Option<&str> {
        let mut interfaces = self
            .interfaces
            .values()
            .filter(|interface| interface.address == address);
        let at = interfaces.find_map(|interface| interface.attachment.as_ref())?;
        matches!(at.state, AttachmentState::Attached | AttachmentState::Detaching)
            .then_some(at.instance.as_str())
    }

    /// Address of an instance's primary interface.
    #[must_use]
    pub fn address_of(&self, instance: &str) -> Option<Ipv4Addr> {
        let (_, primary) = self.interfaces_at(instance).find(|(index, _)| *index == 0)?;
        Some(primary.address)
    }

    /// The instance has the interface with this address.
    #[must_use]
    pub fn has_address(&self, instance: &str, address: Ipv4Addr) -> bool {
        self.machine_at(address) == Some(instance)
    }

    /// The instance at which a volume is, in whatever state.
    #[must_use]
    pub fn volume_at(&self, volume: &str) -> Option<&str> {
        let at = self.volumes.get(volume)?.attachment.as_ref()?;
        Some(at.instance.as_str())
    }

    /// What the world was made from.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Time never goes back here, whatever the clock outside does.
    fn pass_time(&mut self, now: Timestamp) {
        let now = now.max(self.now);
        while let Some((at, event)) = self.agenda.pop(now) {
            self.now = at.max(self.now);
            self.changed();
            self.happen(event);
        }
        self.now = now;
    }

    fn happen(&mut self, event: Event) {
        if self.is_in_lost_zone(&event) {
            let wait = self
                .setup
                .timing
                .draw(self.setup.seed, "zone", Quantity::BusyRetry, 0);
            return self.plan(wait, event);
        }
        match event {
            Event::InstanceRunning(id) => self.instance_running(&id),
            Event::TerminationElapsed(id) => self.try_to_terminate(&id),
            Event::ShutdownBudgetSpent(id) => self.shutdown_budget_spent(&id),
            Event::PowerOn(id) => self.power_on(&id),
            Event::TagsVanish(id) => self.tags_vanish(&id),
            Event::Forgotten(id) => {
                self.instances.remove(&id);
                self.targets_forgotten(&id);
            }
            Event::VolumeCreated(id) => self.volume_created(&id),
            Event::VolumeAttached(id) => self.volume_attached(&id),
            Event::DeviceVisible(id) => self.device_visible(&id),
            Event::VolumeLeaves(id) => self.volume_leaves(&id),
            Event::InterfaceAttached(id) => self.interface_attached(&id),
            Event::InterfaceDetached(id) => self.interface_detached(&id),
            Event::GroupActs(name) => self.group_acts(&name),
            Event::MemberNoticed(id) => self.member_noticed(&id),
            Event::MemberDue(id) => self.member_due(&id),
            Event::TargetRegistered(id) => self.target_registered(&id),
            Event::TargetTurns(id) => self.target_turns(&id),
            Event::TargetLeaves(id) => self.target_leaves(&id),
        }
    }

    fn is_in_lost_zone(&self, event: &Event) -> bool {
        let zone = match event {
            Event::InstanceRunning(id)
            | Event::TerminationElapsed(id)
            | Event::ShutdownBudgetSpent(id)
            | Event::PowerOn(id) => self.instances.get(id).map(|instance| &instance.zone),
            Event::VolumeCreated(id)
            | Event::VolumeAttached(id)
            | Event::DeviceVisible(id)
            | Event::VolumeLeaves(id) => self.volumes.get(id).map(|volume| &volume.zone),
            Event::InterfaceAttached(id) | Event::InterfaceDetached(id) => {
                self.interfaces.get(id).map(|interface| &interface.zone)
            }
            // Groups and load balancers live in the region, so they go on when a zone does not.
            Event::TagsVanish(_)
            | Event::Forgotten(_)
            | Event::GroupActs(_)
            | Event::MemberNoticed(_)
            | Event::MemberDue(_)
            | Event::TargetRegistered(_)
            | Event::TargetTurns(_)
            | Event::TargetLeaves(_) => None,
        };
        zone.is_some_and(|zone| self.faults.lost_zones.contains(zone))
    }

    fn changed(&mut self) {
        self.revision = self.revision.saturating_add(1);
    }

    fn plan(&mut self, wait: Duration, event: Event) {
        self.agenda.plan(later(self.now, wait), event);
    }

    /// One realised wait; every draw of the same resource and quantity has the next ordinal.
    fn draw(&mut self, resource: &str, quantity: Quantity) -> Duration {
        let ordinal = self.next_ordinal(format!("{resource}/{quantity:?}"));
        self.setup
            .timing
            .draw(self.setup.seed, resource, quantity, ordinal)
    }

    /// From 0, of each of these names.
    fn next_ordinal(&mut self, of: String) -> u64 {
        if let Some(next) = self.ordinals.get_mut(&of) {
            let ordinal = *next;
            *next = ordinal.saturating_add(1);
            return ordinal;
        }
        self.ordinals.insert(of, 1);
        0
    }

    fn newly_visible(&mut self, id: &str) -> Visibility {
        let named_from = later(self.now, self.draw(id, Quantity::NewIdUnknown));
        let listed_from = later(named_from, self.draw(id, Quantity::NewIdUnlisted));
        Visibility {
            named_from,
            listed_from,
        }
    }

    fn next_number(&mut self) -> u64 {
        self.numbers = self.numbers.saturating_add(1);
        self.numbers
    }

    /// `kind-` and seventeen hexadecimal digits, as EC2 forms its ids.
    fn new_id(&mut self, kind: &str) -> String {
        let number = self.next_number();
        setup::id(self.setup.seed, kind, number)
    }
}

fn next_of(seen: impl Iterator<Item = Visibility>, now: Timestamp) -> Option<Timestamp> {
    seen.flat_map(|seen| [seen.named_from, seen.listed_from])
        .filter(|at| *at > now)
        .min()
}
