//! The loop against a modelled cluster, with the real `decide` and the real checker.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets the unexpected shall fail loudly"
)]

mod calls;
mod kills;
mod looks;
mod opening;
mod races;
mod resting;
mod stops;

use std::sync::Arc;
use std::time::Duration;

use super::fakes::{FakeAttention, FakeEvents, FakeLease, FakeStore, FakeWorld, block_on};
use super::lease::LeaseTimes;
use super::open::{Access, OpenError, begin, resume};
use super::{Driver, Opened, Outcome, Ports, Rules, RunError, Watch};
use crate::domain::ids::{ClusterName, RolloutId};
use crate::domain::observed::Identity;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::journal::{JournalView, RecordBody, Scope, TornTail, Writer, keys, load, read_all};
use crate::plan::RolloutPlan;
use crate::ports::{Clock, LeaseState};
use crate::rollout::tests::model::{self, NEW};

/// A world, and what stands beside the loop.
pub(super) struct Bench {
    pub(super) world: FakeWorld,
    pub(super) lease: Arc<FakeLease>,
    /// The same, as the loop has it.
    told: Arc<dyn LeaseState>,
    pub(super) attention: FakeAttention,
    pub(super) events: FakeEvents,
    pub(super) rules: Rules,
    pub(super) plan: RolloutPlan,
}

pub(super) fn scope() -> Scope {
    Scope {
        cluster: ClusterName::new("t"),
        rollout: RolloutId::new("t-1"),
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(EtcdStrategy::RemoveThenAdd)
    }

    pub(super) fn with(strategy: EtcdStrategy) -> Self {
        let mut plan = model::plan(3, strategy);
        for planned in &plan.envelope.slots {
            let name = planned.slot.name.clone();
            plan.user_data
                .insert(name.clone(), format!("#cloud-config of {name}"));
        }
        let world = FakeWorld::healthy(3, scope());
        let identity = Identity {
            format: 1,
            cluster: "t".to_owned(),
            account: plan.envelope.account.clone(),
            region: plan.envelope.region.clone(),
            etcd_cluster: plan.envelope.etcd_cluster.unwrap(),
        };
        world
            .store
            .put(keys::IDENTITY, &serde_json::to_vec(&identity).unwrap());
        let lease = Arc::<FakeLease>::default();
        Self {
            world,
            told: lease.clone(),
            lease,
            attention: FakeAttention::default(),
            events: FakeEvents::default(),
            rules: Rules::default(),
            plan,
        }
    }

    pub(super) fn store(&self) -> &FakeStore {
        &self.world.store
    }

    pub(super) fn ports(&self) -> Ports<'_> {
        Ports {
            machines: &self.world,
            parts: &self.world,
            templates: &self.world,
            etcd: &self.world,
            membership: &self.world,
            probe: &self.world,
            snapshots: &self.world,
            serving: None,
            kube: None,
            terraform: None,
            store: self.world.store.as_ref(),
            clock: self.world.clock.as_ref(),
        }
    }

    pub(super) fn watch(&self) -> Watch<'_> {
        Watch {
            lease: &self.told,
            times: LeaseTimes::of(Duration::from_secs(60)),
            attention: &self.attention,
            events: &self.events,
        }
    }

    pub(super) fn access(&self, writer: Writer) -> Access<'_> {
        Access {
            store: self.ports().store,
            clock: self.ports().clock,
            lease: self.told.as_ref(),
            scope: scope(),
            writer,
        }
    }

    /// Begins the rollout, or goes on with it, as a new process with this nonce.
    pub(super) async fn process(&self, nonce: &str) -> Result<Outcome, RunError> {
        self.process_with(nonce, self.watch()).await
    }

    pub(super) async fn process_with(&self, nonce: &str, watch: Watch<'_>) -> Result<Outcome, RunError> {
        let writer = Writer {
            nonce: nonce.to_owned(),
            tail: TornTail::Refused,
        };
        let access = Access {
            lease: watch.lease.as_ref(),
            ..self.access(writer)
        };
        let found = match resume(access.clone()).await {
            Err(OpenError::NotFound { .. }) => begin(access, self.plan.clone()).await,
            found => found,
        };
        let opened: Opened<'_> = match found {
            Ok(opened) => opened,
            // What the command line makes of it.
            Err(OpenError::LeaseLost { holder }) => {
                return Ok(Outcome::Stopped {
                    reason: StopReason::LeaseLost { holder },
                    rest: super::rest::unseen(),
                    in_flight: false,
                });
            }
            Err(error) => panic!("{error:?}"),
        };
        Driver::new(opened, self.ports(), watch, self.rules)
            .run(&format!("{nonce}@host 7"))
            .await
    }

    pub(super) fn run(&self, nonce: &str) -> Outcome {
        block_on(&self.world.clock, self.process(nonce)).unwrap()
    }

    /// Runs to a stop and gives the reason.
    pub(super) fn stop(&self, nonce: &str) -> (StopReason, crate::event::Rest, bool) {
        match self.run(nonce) {
            Outcome::Stopped {
                reason,
                rest,
                in_flight,
            } => (reason, rest, in_flight),
            Outcome::Finished => panic!("finished"),
        }
    }

    pub(super) fn journal(&self) -> JournalView {
        let scope = scope();
        block_on(&self.world.clock, load(self.store(), &scope, TornTail::Refused))
            .unwrap()
            .view
    }

    pub(super) fn records(&self) -> Vec<RecordBody> {
        let scope = scope();
        let segments = read_all(self.store(), &scope, TornTail::Refused);
        let segments = block_on(&self.world.clock, segments).unwrap();
        segments
            .into_iter()
            .flat_map(|segment| segment.records)
            .map(|record| record.body)
            .collect()
    }

    pub(super) fn segments(&self) -> usize {
        let prefix = keys::journal(&scope().rollout);
        self.store()
            .keys()
            .iter()
            .filter(|key| key.starts_with(&prefix))
            .count()
    }

    /// Three new members, three machines, nothing else; the journal is closed.
    pub(super) fn assert_upgraded(&self, case: &str) {
        let model = self.world.model.lock().unwrap();
        assert_eq!(model.members.len(), 3, "{case}");
        assert_eq!(model.healthy_voters(), 3, "{case}");
        assert!(
            model.running.values().all(|version| *version == NEW),
            "{case}: {:?}",
            model.running
        );
        let live = model.machines.iter().filter(|machine| machine.is_live()).count();
        assert_eq!(live, 3, "{case}: {:#?}", model.story);
        drop(model);
        assert_eq!(
            self.journal().closed().map(|(outcome, _)| outcome.to_owned()),
            Some("finished".to_owned())
        );
        assert!(self.journal().in_doubt().is_empty(), "{case}");
    }
}
