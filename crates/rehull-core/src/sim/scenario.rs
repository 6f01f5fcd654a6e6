//! What is simulated: a cluster, what is to become of it, and how long things take in its world.

use serde::{Deserialize, Serialize};

use super::fault::Faults;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::world::Timing;

/// One simulation; with its seed everything is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Voters: 1, 3 or 5.
    pub members: u8,
    /// Running at the beginning.
    pub from: EtcdVersion,
    /// The new pin.
    pub to: EtcdVersion,
    /// How members are replaced.
    pub strategy: EtcdStrategy,
    /// How long things take.
    pub timing: Timing,
    /// Decides every wait and every id.
    pub seed: u64,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Faults,
}

impl Scenario {
    /// 3 members, 3.5.33 → 3.6.14, nothing goes wrong.
    #[must_use]
    pub fn plain(strategy: EtcdStrategy, members: u8, seed: u64) -> Self {
        Self {
            about: String::new(),
            members,
            from: EtcdVersion::new(3, 5, 33),
            to: EtcdVersion::new(3, 6, 14),
            strategy,
            timing: Timing::Aws,
            seed,
            faults: Faults::default(),
        }
    }

    /// The same with other faults.
    #[must_use]
    pub fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}
