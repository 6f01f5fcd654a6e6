//! What can be seen of the machines from outside.

use super::Lab;
use crate::domain::desired::Slot;
use crate::domain::etcd::Endpoint;
use crate::domain::ids::{InstanceId, SlotName};
use crate::world::instance::{Instance, InstanceState};

impl Lab {
    /// What a client sees at a slot's address.
    #[must_use]
    pub(crate) fn endpoint(&self, slot: &Slot) -> Endpoint {
        if self.has_host(slot) {
            self.etcd.answer(&slot.name)
        } else {
            Endpoint::Silent("no answer within 2 s".to_owned())
        }
    }

    /// A machine with power has a slot's address.
    #[must_use]
    pub(crate) fn has_host(&self, slot: &Slot) -> bool {
        let machine = self.world.machine_at(slot.address);
        machine.is_some_and(|machine| self.guests.keys().any(|id| id.as_str() == machine))
    }

    /// The machine that carries a slot's volume, if it has power.
    #[must_use]
    pub(crate) fn carrier(&self, slot: &SlotName) -> Option<InstanceId> {
        let volume = &self.slots.iter().find(|known| known.name == *slot)?.volume;
        let at = self.world.volume_at(volume.as_str())?;
        self.guests.keys().find(|id| id.as_str() == at).cloned()
    }

    /// Machines that are not terminated and not on the way there; one that has never said a word counts as well.
    #[must_use]
    pub(crate) fn living_machines(&self) -> usize {
        let lives = |instance: &&Instance| match instance.state {
            InstanceState::Pending | InstanceState::Running | InstanceState::Stopped => true,
            InstanceState::ShuttingDown | InstanceState::Terminated => false,
        };
        self.world.instances().filter(lives).count()
    }
}
