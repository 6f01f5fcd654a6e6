//! Faults are data of the world: switched on, counted down, switched off.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::World;
use super::api::s3::{Operation, PutCondition};
use super::identity::AccessKey;

/// Something to switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "switch",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Switch {
    /// RunInstances in this zone (`*`: any) has no capacity.
    NoCapacity {
        /// Zone or `*`.
        zone: String,
        /// On or off.
        on: bool,
    },
    /// The next calls of this action (`*`: any) are throttled.
    Throttle {
        /// Action, for example `RunInstances`.
        action: String,
        /// How many calls.
        calls: u32,
    },
    /// The next calls of this action take effect, but their answers are lost.
    LoseAnswers {
        /// Action, for example `RunInstances` or `PutObject`.
        action: String,
        /// How many calls.
        calls: u32,
    },
    /// The next conditional writes of S3 answer 409.
    WriteConflict {
        /// How many.
        calls: u32,
    },
    /// This volume does not leave `detaching`.
    StuckVolume {
        /// Volume.
        volume: String,
        /// On or off.
        on: bool,
    },
    /// The power of this machine goes; EC2 goes on saying `running`.
    PowerCut {
        /// Instance.
        instance: String,
    },
    /// All machines of the zone lose power and nothing moves there; switched off, they boot again.
    ZoneLoss {
        /// Zone.
        zone: String,
        /// On or off.
        on: bool,
    },
    /// These credentials are expired.
    Expire {
        /// Access key id.
        access_key: String,
        /// On or off.
        on: bool,
    },
    /// One more access key, for example of another account.
    AddKey {
        /// The key.
        key: AccessKey,
    },
}

/// What is switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Faults {
    no_capacity: BTreeSet<String>,
    throttled: BTreeMap<String, u32>,
    lost_answers: BTreeMap<String, u32>,
    write_conflicts: u32,
    pub(super) stuck_volumes: BTreeSet<String>,
    pub(super) lost_zones: BTreeSet<String>,
}

impl Faults {
    pub(super) fn has_no_capacity(&self, zone: &str) -> bool {
        self.no_capacity.contains(zone) || self.no_capacity.contains("*") || self.lost_zones.contains(zone)
    }

    pub(super) fn take_throttle(&mut self, action: &str) -> bool {
        take(&mut self.throttled, action)
    }

    pub(super) fn take_lost_answer(&mut self, action: &str) -> bool {
        take(&mut self.lost_answers, action)
    }

    pub(super) fn take_write_conflict(&mut self, operation: &Operation) -> bool {
        let conditional = match operation {
            Operation::Put(put) => put.condition != PutCondition::Always,
            Operation::Delete { if_match, .. } => if_match.is_some(),
            Operation::CreateBucket
            | Operation::HeadBucket
            | Operation::SetVersioning(_)
            | Operation::GetVersioning
            | Operation::Get(_)
            | Operation::Head(_)
            | Operation::List(_)
            | Operation::DeleteBucket
            | Operation::GetSetting(_)
            | Operation::PutSetting(..)
            | Operation::DeleteSetting(_)
            | Operation::GetTagging(_) => false,
        };
        let taken = conditional && self.write_conflicts > 0;
        if taken {
            self.write_conflicts -= 1;
        }
        taken
    }
}

/// One of the counted calls, by its own name first.
fn take(counts: &mut BTreeMap<String, u32>, action: &str) -> bool {
    for name in [action, "*"] {
        if let Some(left) = counts.get_mut(name).filter(|left| **left > 0) {
            *left -= 1;
            return true;
        }
    }
    false
}

fn set(set: &mut BTreeSet<String>, name: String, on: bool) {
    if on {
        set.insert(name);
    } else {
        set.remove(&name);
    }
}

impl World {
    /// Switches one fault; what it names must exist.
    pub(super) fn switch_fault(&mut self, switch: Switch) -> Result<(), String> {
        match switch {
            Switch::NoCapacity { zone, on } => set(&mut self.faults.no_capacity, zone, on),
            Switch::Throttle { action, calls } => {
                self.faults.throttled.insert(action, calls);
            }
            Switch::LoseAnswers { action, calls } => {
                self.faults.lost_answers.insert(action, calls);
            }
            Switch::WriteConflict { calls } => self.faults.write_conflicts = calls,
            Switch::StuckVolume { volume, on } => {
                known(self.volumes.contains_key(&volume), &volume)?;
                set(&mut self.faults.stuck_volumes, volume, on);
            }
            Switch::PowerCut { instance } => {
                known(self.instances.contains_key(&instance), &instance)?;
                self.cut_power(&instance);
            }
            Switch::ZoneLoss { zone, on } => {
                known(self.zones().contains(&zone), &zone)?;
                self.lose_zone(zone, on);
            }
            Switch::Expire { access_key, on } => {
                known(self.identities.set_expired(&access_key, on), &access_key)?;
            }
            Switch::AddKey { key } => self.identities.add_key(key),
        }
        Ok(())
    }

    fn lose_zone(&mut self, zone: String, on: bool) {
        let there = |instance: &&super::instance::Instance| instance.zone == zone;
        let machines: Vec<String> = self
            .instances
            .values()
            .filter(there)
            .map(|instance| instance.id.clone())
            .collect();
        for id in machines {
            if on {
                self.cut_power(&id);
            } else {
                self.plan_power_on(&id);
            }
        }
        set(&mut self.faults.lost_zones, zone, on);
    }
}

fn known(is: bool, name: &str) -> Result<(), String> {
    if is {
        Ok(())
    } else {
        Err(format!("there is no `{name}` in this world"))
    }
}
