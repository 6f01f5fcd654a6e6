//! `lease.json`.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RolloutId;

/// Format of the lease object.
pub const LEASE_FORMAT: u32 = 1;

/// The lease as stored. Its instants are for people; nobody computes with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// [`LEASE_FORMAT`].
    pub format: u32,
    /// `user@host pid`.
    pub holder: String,
    /// What it works on.
    pub rollout: RolloutId,
    /// Random per process.
    pub nonce: String,
    /// Grows with every change of holder.
    pub epoch: u64,
    /// Grows with every renewal, so that no two versions have the same bytes.
    #[serde(default)]
    pub beat: u64,
    /// Time to live in milliseconds.
    pub ttl_ms: u64,
    /// When it was acquired, by the holder's wall clock.
    pub since: Timestamp,
    /// When it was last renewed, by the holder's wall clock.
    pub renewed_at: Timestamp,
    /// Given back: anybody may take it at once.
    #[serde(default)]
    pub released: bool,
}

impl LeaseRecord {
    /// How long it lives without a renewal.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }
}
