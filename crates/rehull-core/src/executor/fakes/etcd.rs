//! etcd and the snapshot job of the modelled cluster.

use async_trait::async_trait;

use super::world::{FakeWorld, perform};
use super::yield_now;
use crate::domain::action::{Action, Preflight};
use crate::domain::desired::Slot;
use crate::domain::etcd::EtcdView as View;
use crate::domain::ids::{MemberId, RolloutId, SlotName};
use crate::domain::observed::{JobState, SnapshotFact};
use crate::ports::{EtcdMembership, EtcdProbe, EtcdView, PortError, Rule, SnapshotJobs};
use crate::rollout::tests::model::{slot, slot_name};

#[async_trait]
impl EtcdView for FakeWorld {
    async fn observe(&self, _slots: &[Slot]) -> View {
        yield_now().await;
        self.live().observe().etcd
    }

    async fn compare_hashes(&self, _slots: &[Slot]) -> Result<(), PortError> {
        let action = self
            .newest_intent(|action| {
                let preflight = Preflight::Data;
                matches!(action, Action::VerifyData { .. })
                    || *action == Action::Preflight { check: preflight }
            })
            .unwrap();
        self.call(action.clone(), perform(action)).await
    }
}

#[async_trait]
impl EtcdMembership for FakeWorld {
    async fn add(&self, via: &Slot, peer_url: &str, learner: bool) -> Result<MemberId, PortError> {
        let slot = (0..9).find(|n| slot(*n).peer_url() == peer_url).map(slot_name);
        let slot = slot.unwrap();
        let action = Action::AddMember {
            slot: slot.clone(),
            peer_url: peer_url.to_owned(),
            via: via.name.clone(),
            learner,
        };
        self.call(action.clone(), move |model| {
            if model.members.iter().any(|member| member.slot == slot) {
                let text = "Peer URLs already exists".to_owned();
                return Err(PortError::Refused {
                    rule: Rule::MemberExists,
                    text,
                });
            }
            perform(action)(model)
        })
        .await?;
        Ok(MemberId(0))
    }

    async fn remove(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        let slot = {
            let model = self.model.lock().unwrap();
            model
                .members
                .iter()
                .find(|m| m.id == member)
                .map_or_else(|| slot_name(0), |m| m.slot.clone())
        };
        let action = Action::RemoveMember {
            slot,
            member,
            via: via.name.clone(),
        };
        self.call(action.clone(), move |model| {
            let there = model.members.iter().any(|m| m.id == member);
            if there { perform(action)(model) } else { Ok(()) }
        })
        .await
    }

    async fn promote(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        let slot = {
            let model = self.model.lock().unwrap();
            let found = model.members.iter().find(|m| m.id == member);
            found.map_or_else(|| slot_name(0), |m| m.slot.clone())
        };
        let action = Action::PromoteMember {
            slot,
            member,
            via: via.name.clone(),
        };
        self.call(action.clone(), move |model| {
            let is_learner = model.members.iter().any(|m| m.id == member && m.learner);
            if is_learner {
                perform(action)(model)
            } else {
                Ok(())
            }
        })
        .await
    }

    async fn move_leader(&self, leader: &Slot, to: MemberId) -> Result<(), PortError> {
        let from = leader.name.clone();
        let action = self.newest_intent(|action| {
            matches!(action, Action::MoveLeader { from: slot, to_id, .. } if *slot == from && *to_id == to)
        });
        let action = action.unwrap();
        self.call(action.clone(), move |model| {
            let asked = model
                .members
                .iter()
                .find(|member| member.slot == from)
                .map(|member| member.id);
            if asked != model.leader || model.members.iter().all(|member| member.id != to) {
                let text = "bad leader transferee".to_owned();
                return Err(PortError::Refused {
                    rule: Rule::NotLeader,
                    text,
                });
            }
            perform(action)(model)
        })
        .await
    }
}

#[async_trait]
impl EtcdProbe for FakeWorld {
    async fn write_through(&self, _slots: &[Slot]) -> Result<(), PortError> {
        let action = Action::Preflight {
            check: Preflight::Writes,
        };
        self.call(action.clone(), perform(action)).await
    }
}

#[async_trait]
impl SnapshotJobs for FakeWorld {
    async fn start(
        &self,
        _rollout: &RolloutId,
        _slots: &[Slot],
        _running: &SlotName,
    ) -> Result<(), PortError> {
        self.call(Action::StartSnapshot, perform(Action::StartSnapshot))
            .await
    }

    async fn observe(&self, _rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError> {
        yield_now().await;
        Ok(self.live().snapshot.clone())
    }
}
