//! What a sandbox says of itself.

use rehull_core::world::World;
use rehull_core::world::instance::InstanceState;
use serde::{Deserialize, Serialize};

/// The machines of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// By id, terminated ones included as long as EC2 would tell them.
    pub machines: Vec<MachineStatus>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Instance id.
    pub id: String,
    /// EC2's word.
    pub state: InstanceState,
    /// Zone.
    pub zone: String,
    /// Powered on: differs from `running` after a power cut.
    pub powered: bool,
    /// Its slot, from its tag.
    pub slot: Option<String>,
}

pub(super) fn of(world: &World) -> Status {
    let machines = world.instances().map(|instance| MachineStatus {
        id: instance.id.clone(),
        state: instance.state,
        zone: instance.zone.clone(),
        powered: instance.boot.is_some(),
        slot: instance.tags.get(rehull_core::domain::fleet::tag::SLOT).cloned(),
    });
    Status {
        machines: machines.collect(),
    }
}
