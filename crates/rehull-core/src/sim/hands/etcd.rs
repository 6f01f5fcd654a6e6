//! etcd, and the snapshot job.

use std::time::Duration;

use async_trait::async_trait;

use super::Hands;
use crate::domain::desired::Slot;
use crate::domain::etcd::{Endpoint, EtcdView as View};
use crate::domain::ids::{MemberId, RolloutId, SlotName};
use crate::domain::observed::{JobState, SnapshotFact};
use crate::journal::keys;
use crate::ports::{EtcdMembership, EtcdProbe, EtcdView, PortError, SnapshotJobs};
use crate::sim::lab::{Lab, SnapshotTrouble, later};
use crate::sim::store::Write;

/// Streaming, test-restoring and uploading of the modelled database.
const SNAPSHOT_TAKES: Duration = Duration::from_secs(12);

impl Lab {
    /// A request reaches the process at a slot's address, or nobody.
    fn reach(&self, slot: &Slot) -> Result<(), PortError> {
        match self.endpoint(slot) {
            Endpoint::Answered(_) => Ok(()),
            Endpoint::Refused => Err(PortError::NotSent {
                why: format!("{}: connection refused", slot.name),
            }),
            Endpoint::Silent(why) | Endpoint::Strange(why) => Err(PortError::OutcomeUnknown { why }),
        }
    }
}

#[async_trait]
impl EtcdView for Hands {
    async fn observe(&self, slots: &[Slot]) -> View {
        let now = self.now();
        let mut lab = self.lab();
        lab.advance(now);
        let endpoints = slots.iter().map(|slot| (slot.name.clone(), lab.endpoint(slot)));
        View {
            endpoints: endpoints.collect(),
            client_cert_until: None,
        }
    }

    async fn compare_hashes(&self, slots: &[Slot]) -> Result<(), PortError> {
        self.request("HashKV", |lab, _| {
            // The model's logs are prefixes of one another: whoever answers has the same data.
            slots.iter().try_for_each(|slot| lab.reach(slot))
        })
        .await
    }
}

#[async_trait]
impl EtcdMembership for Hands {
    async fn add(&self, via: &Slot, peer_url: &str, learner: bool) -> Result<MemberId, PortError> {
        self.request("MemberAdd", |lab, now| {
            lab.reach(via)?;
            lab.etcd.add(now, &via.name, peer_url, learner)
        })
        .await
    }

    async fn remove(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        self.request("MemberRemove", |lab, now| {
            lab.reach(via)?;
            lab.etcd.remove(now, &via.name, member)
        })
        .await
    }

    async fn promote(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        self.request("MemberPromote", |lab, now| {
            lab.reach(via)?;
            lab.etcd.promote(now, &via.name, member)
        })
        .await
    }

    async fn move_leader(&self, leader: &Slot, to: MemberId) -> Result<(), PortError> {
        self.request("MoveLeader", |lab, now| {
            lab.reach(leader)?;
            lab.etcd.move_leader(now, &leader.name, to)
        })
        .await
    }
}

#[async_trait]
impl EtcdProbe for Hands {
    async fn write_through(&self, slots: &[Slot]) -> Result<(), PortError> {
        // A member that serves linearizable reads has a leader and a quorum: it takes writes, too.
        self.request("Put", |lab, _| {
            slots
                .iter()
                .try_for_each(|slot| match lab.endpoint(slot).answer() {
                    Some(answer) if !answer.serves => Err(PortError::OutcomeUnknown {
                        why: format!("{}: no answer within 2 s", slot.name),
                    }),
                    Some(_) | None => lab.reach(slot),
                })
        })
        .await
    }
}

#[async_trait]
impl SnapshotJobs for Hands {
    async fn start(&self, rollout: &RolloutId, slots: &[Slot], running: &SlotName) -> Result<(), PortError> {
        let process = self.process;
        self.request("start snapshot", |lab, now| {
            if let Some(slot) = slots.iter().find(|slot| slot.name == *running) {
                lab.reach(slot)?;
            }
            let done = later(now, SNAPSHOT_TAKES);
            let job = lab.snapshots.entry((process, rollout.clone())).or_insert(done);
            // One that has ended without a result is started anew.
            if *job <= now {
                *job = done;
            }
            Ok(())
        })
        .await
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError> {
        let now = self.now();
        let mut lab = self.lab();
        if lab.store.silent {
            let unanswered = lab.store.check(&keys::snapshot(rollout));
            unanswered.map_err(|error| PortError::NotSent {
                why: error.to_string(),
            })?;
        }
        if let Some(fact) = lab.snapshot_facts.get(rollout) {
            return Ok(JobState::Done(fact.clone()));
        }
        let Some(done) = lab.snapshots.get(&(self.process, rollout.clone())).copied() else {
            return Ok(JobState::Absent);
        };
        if now < done || lab.snapshot_trouble == Some(SnapshotTrouble::Hangs) {
            return Ok(JobState::Running { bytes: 1 << 20 });
        }
        if lab.snapshot_trouble == Some(SnapshotTrouble::Fails) {
            return Ok(JobState::Failed {
                why: "it cannot be restored".to_owned(),
            });
        }
        let fact = SnapshotFact {
            format: 1,
            key: format!("etcd/{rollout}.db"),
            bytes: 64 << 20,
            sha256: "0".repeat(64),
            revision: lab.etcd.committed(),
            restored_by: "the model".to_owned(),
        };
        let bytes = serde_json::to_vec(&fact).unwrap_or_default();
        // Another process of the same rollout may have been faster: its fact is as good.
        let _ = lab.store.write(&keys::snapshot(rollout), &Write::Create(&bytes));
        lab.snapshot_facts.insert(rollout.clone(), fact.clone());
        Ok(JobState::Done(fact))
    }
}
