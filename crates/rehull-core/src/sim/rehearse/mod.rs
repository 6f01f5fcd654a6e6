//! A rehearsal: the real plan of one cluster file, carried out in the simulator.

mod given;
#[cfg(test)]
mod tests;

use crate::domain::desired::Desired;
use crate::domain::version::EtcdVersion;
use crate::plan::RolloutPlan;
use crate::sim::Unplanned;
use crate::sim::run::{Prepared, settle};
use crate::sim::scenario::Scenario;
use crate::sim::time::VirtualTime;

/// Decides how the cluster comes to be; every run of a rehearsal begins with the same one.
const CREATION: u64 = 1;

/// A cluster as one file describes it, running one release, with the plan of its upgrade.
pub struct Rehearsal {
    prepared: Prepared,
    names: given::Names,
    plan: RolloutPlan,
}

impl Rehearsal {
    /// Creates the cluster of this file at this release and plans its upgrade to what the file says.
    ///
    /// # Errors
    /// The planner refuses the upgrade, or no region could look like the file.
    pub fn of(desired: &Desired, from: EtcdVersion) -> Result<Self, Unplanned> {
        let given = given::lay(desired, from, CREATION, VirtualTime::default().now())?;
        let members = u8::try_from(desired.etcd.slots.len()).unwrap_or(u8::MAX);
        let scenario = Scenario {
            from,
            to: desired.etcd.version,
            ..Scenario::plain(desired.etcd.strategy, members, CREATION)
        };
        let prepared = settle(given.ground, scenario)?;
        let plan = prepared.plan().clone();
        Ok(Self {
            prepared,
            names: given.names,
            plan,
        })
    }

    /// What the planner makes of it.
    #[must_use]
    pub fn plan(&self) -> &RolloutPlan {
        &self.plan
    }
}
