//! What the oracle keeps in mind between two requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ledger::Ledger;
use crate::domain::ids::{InstanceId, RolloutId};
use crate::journal::keys;
use crate::plan::RolloutPlan;
use crate::sim::store::Objects;

/// Facts about the past that nothing in the world shows any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) ledgers: BTreeMap<RolloutId, Ledger>,
    plans: BTreeMap<RolloutId, Arc<RolloutPlan>>,
    /// When a machine was told to go, or to stop, whichever came last.
    pub(super) told: BTreeMap<InstanceId, Timestamp>,
    /// When the last comparison of all data that came out well was begun.
    pub(super) compared: Option<Timestamp>,
    /// Who wrote the lease last, and when.
    pub(super) lease: Option<(String, Timestamp)>,
    /// Wall clocks lie: rehull's waits may be shorter than they should.
    pub(super) clock_was_set: bool,
}

impl Memory {
    /// What was approved, as it lies in the store. Only the data: none of the planner's judgement.
    pub(super) fn plan(&mut self, store: &Objects, rollout: &RolloutId) -> Option<Arc<RolloutPlan>> {
        if !self.plans.contains_key(rollout) {
            let stored = store.get(&keys::plan(rollout))?;
            let plan = serde_json::from_slice(&stored.bytes).ok()?;
            self.plans.insert(rollout.clone(), Arc::new(plan));
        }
        self.plans.get(rollout).cloned()
    }
}
