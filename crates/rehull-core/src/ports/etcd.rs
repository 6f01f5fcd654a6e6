//! etcd as the core needs it: one single-endpoint client per member, never a client over all of them.

use async_trait::async_trait;

use super::PortError;
use crate::domain::desired::Slot;
use crate::domain::etcd::EtcdView as View;
use crate::domain::ids::{MemberId, RolloutId, SlotName};
use crate::domain::observed::{JobState, SnapshotFact};

/// Reads.
#[async_trait]
pub trait EtcdView: Send + Sync {
    /// Asks every slot's address for status, member list (after a linearizable read) and `/version`.
    async fn observe(&self, slots: &[Slot]) -> View;
    /// Hash of the key space at one revision on every one of these voters: equal or the names that differ. One that does
    /// not answer is an error: nothing is said of the others alone.
    async fn compare_hashes(&self, slots: &[Slot]) -> Result<(), PortError>;
}

/// Membership changes; each is sent to the named member and to no other.
#[async_trait]
pub trait EtcdMembership: Send + Sync {
    /// Adds a voter (or learner).
    async fn add(&self, via: &Slot, peer_url: &str, learner: bool) -> Result<MemberId, PortError>;
    /// Removes by id; "member not found" is success.
    async fn remove(&self, via: &Slot, member: MemberId) -> Result<(), PortError>;
    /// Promotes a learner; "already a voter" is success.
    async fn promote(&self, via: &Slot, member: MemberId) -> Result<(), PortError>;
    /// Must be sent to the leader.
    async fn move_leader(&self, leader: &Slot, to: MemberId) -> Result<(), PortError>;
}

/// The only writer of keys. It knows one key, below `/rehull/probe/`, and can do nothing else.
#[async_trait]
pub trait EtcdProbe: Send + Sync {
    /// Writes the key through each of these members and removes it in the end. One that has not taken it after 2 s is an
    /// error that names it.
    async fn write_through(&self, slots: &[Slot]) -> Result<(), PortError>;
}

/// The snapshot job of a rollout.
#[async_trait]
pub trait SnapshotJobs: Send + Sync {
    /// Starts streaming in the background; starting twice is success.
    async fn start(&self, rollout: &RolloutId, slots: &[Slot], running: &SlotName) -> Result<(), PortError>;
    /// Where it is; `Done` only with the fact in the store.
    async fn observe(&self, rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError>;
}
