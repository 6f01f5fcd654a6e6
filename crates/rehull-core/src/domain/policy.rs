//! How a rollout behaves: numbers with a unit and a reason. All of it is in the envelope.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one etcd member gives way to its replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EtcdStrategy {
    /// Remove the old member, add a new one at the same address with an empty data directory.
    RemoveThenAdd,
    /// Same member, same data: only the machine changes.
    Reattach,
    /// One member more while the others are replaced: a learner in the spare slot, promoted; then each slot in turn
    /// as with `RemoveThenAdd`, but its new member enters as a learner; in the end the spare leaves.
    LearnerFirst,
}

impl EtcdStrategy {
    /// The word used in the cluster file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RemoveThenAdd => "remove-then-add",
            Self::Reattach => "reattach",
            Self::LearnerFirst => "learner-first",
        }
    }
}

/// Waits and limits. Durations are exact; every timer runs from a journaled instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPolicy {
    /// Watch between the last-but-one and the last old member: the last moment to go back for free.
    pub bake: Duration,
    /// A machine that is not warm after this long stops the rollout.
    pub boot_deadline: Duration,
    /// A graceful stop that is not observed after this long is reported as ungraceful and the machine is terminated.
    /// etcd with open watch streams took 2.4–10 s to stop, so never below 15 s.
    pub stop_deadline: Duration,
    /// A member that has not joined and caught up after this long stops the rollout, and so does one that others keep out so long.
    pub join_deadline: Duration,
    /// Peer links younger than this count as down inside etcd (HealthInterval 5 s), so never below 6 s.
    pub settle: Duration,
    /// Applied index may trail the leader's by this many entries at most before a gate is green.
    pub lag_entries_max: u64,
    /// Database size above this share of its quota blocks the start (per cent).
    pub quota_used_percent_max: u8,
    /// Take a snapshot (verified, test-restored) before the first change.
    pub snapshot: bool,
    /// Write one small key through every member beforehand, and one ten times a second meanwhile, to measure how long
    /// clients wait.
    pub probe: bool,
    /// A single-member cluster cannot be upgraded without an outage; this says so out loud.
    pub accept_downtime: bool,
    /// Lease time to live.
    pub lease_ttl: Duration,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            bake: Duration::from_secs(300),
            boot_deadline: Duration::from_secs(600),
            stop_deadline: Duration::from_secs(60),
            join_deadline: Duration::from_secs(600),
            settle: Duration::from_secs(6),
            lag_entries_max: 100,
            quota_used_percent_max: 80,
            snapshot: true,
            probe: true,
            accept_downtime: false,
            lease_ttl: Duration::from_secs(60),
        }
    }
}

/// How one server gives way to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingPolicy {
    /// Never fewer healthy targets than this.
    pub floor: u32,
    /// The load balancer sends across zones. If it does not, a zone never loses its last healthy target.
    pub cross_zone: bool,
    /// A deregistered target may get new connections for so long: 75 to 120 s were reported, none longer than 180.
    pub propagation: Duration,
    /// A new machine that does not serve through the load balancer after so long stops the rollout.
    pub serve_deadline: Duration,
    /// A group that shows no new machine after so long stops the rollout.
    pub launch_deadline: Duration,
    /// The first new machine is watched for so long before the group launches more like it.
    pub bake: Duration,
}

impl Default for ServingPolicy {
    fn default() -> Self {
        Self {
            floor: 3,
            cross_zone: false,
            propagation: Duration::from_secs(120),
            serve_deadline: Duration::from_secs(900),
            launch_deadline: Duration::from_secs(300),
            bake: Duration::from_secs(120),
        }
    }
}
