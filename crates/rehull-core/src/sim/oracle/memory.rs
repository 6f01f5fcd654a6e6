//! What the oracle keeps in mind between two requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::edits::Edits;
use super::ledger::Ledger;
use super::serving::Serving;
use crate::domain::ids::{InstanceId, ObjectName, RolloutId, SlotName};
use crate::journal::keys;
use crate::plan::RolloutPlan;
use crate::sim::store::Objects;

/// No request arrives later than this.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// Facts about the past that nothing in the world shows any more.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and no two of them exclude each other"
)]
pub(super) struct Memory {
    pub(super) ledgers: BTreeMap<RolloutId, Ledger>,
    plans: BTreeMap<RolloutId, Arc<RolloutPlan>>,
    /// What many rollouts are about to store, and what it says: read once for all of them.
    read_before: Option<(Arc<[u8]>, Arc<RolloutPlan>)>,
    /// User data that was approved for machines of a slot, by its digest.
    pub(super) booted: BTreeMap<(SlotName, String), String>,
    /// The rollout that is taken back: what was new in it is old now.
    pub(super) taken_back: Option<RolloutId>,
    /// What was asked of the rollout that is taken back.
    asked_before: BTreeSet<String>,
    /// When a machine was told to go, or to stop, whichever came last.
    pub(super) told: BTreeMap<InstanceId, Timestamp>,
    /// When a machine was last told to stop, or terminated: the request may still be on its way.
    pub(super) sent_away: BTreeMap<InstanceId, Timestamp>,
    /// What that was before the last such request.
    pub(super) sent_before: BTreeMap<InstanceId, Option<Timestamp>>,
    /// When a server's load balancer was first told to let go of it.
    pub(super) deregistered: BTreeMap<InstanceId, Timestamp>,
    /// Who served when that was counted last.
    pub(super) serving: Option<Serving>,
    /// Nodes of each group that could be scheduled on after so many changes of the laboratory.
    pub(super) open: Option<(u64, BTreeMap<String, u32>)>,
    /// All servers have served once.
    pub(super) has_served: bool,
    /// When the last comparison of all data that came out well was begun.
    pub(super) compared: Option<Timestamp>,
    /// Who wrote the lease last, and when.
    pub(super) lease: Option<(String, Timestamp)>,
    /// Budgets that were met, and at how many healthy pods.
    pub(super) budgets_met: BTreeMap<ObjectName, u32>,
    /// Groups of workers that had all their nodes once.
    pub(super) groups_whole: BTreeSet<String>,
    /// Somebody else has taken a server out, or what leads to it.
    pub(super) servers_were_harmed: bool,
    /// A zone was lost: what was in it may come back as it was.
    pub(super) zone_was_lost: bool,
    /// Somebody else has taken a node out, or what runs there.
    pub(super) nodes_were_harmed: bool,
    /// There was no capacity for one more.
    pub(super) capacity_was_missing: bool,
    /// What somebody else has done to groups.
    pub(super) edits: Edits,
    /// AWS has told what was: who was told to stop may not have been shown.
    pub(super) reads_were_stale: bool,
    /// Wall clocks lie: rehull's waits may be shorter than they should.
    pub(super) clock_was_set: bool,
}

impl Memory {
    /// Nobody but rehull has touched a node yet.
    pub(super) const fn nodes_unharmed(&self) -> bool {
        !self.nodes_were_harmed
    }

    /// What rehull reads tells who was told to stop, and its clock when.
    pub(super) const fn tells_the_margin(&self) -> bool {
        !self.clock_was_set && !self.reads_were_stale
    }

    /// It may have been told to stop or to end, though nothing shows it yet.
    pub(super) fn may_be_going(&self, machine: &InstanceId, now: Timestamp) -> bool {
        let sent = self.sent_away.get(machine);
        sent.and_then(|at| at.checked_add(ARRIVES_WITHIN).ok())
            .is_some_and(|until| now < until)
    }

    /// What was approved, as it lies in the store. Only the data: none of the planner's judgement.
    pub(super) fn plan(&mut self, store: &Objects, rollout: &RolloutId) -> Option<Arc<RolloutPlan>> {
        if !self.plans.contains_key(rollout) {
            let stored = store.bytes(&keys::plan(rollout))?;
            let known = self.read_before.as_ref().filter(|(bytes, _)| **bytes == *stored);
            let plan = match known {
                Some((_, plan)) => plan.clone(),
                None => Arc::new(serde_json::from_slice(stored).ok()?),
            };
            self.approve(&plan);
            self.plans.insert(rollout.clone(), plan);
        }
        self.plans.get(rollout).cloned()
    }

    /// The rollout is taken back from now on; what was asked of it asks nothing of the way back.
    pub(super) fn turn(&mut self, store: &Objects, rollout: &RolloutId) {
        self.taken_back = Some(rollout.clone());
        self.asked_before = store.below(keys::REQUESTS).cloned().collect();
    }

    pub(super) fn asks_for_rest(&self, store: &Objects) -> bool {
        let mut letters = store.below(keys::REQUESTS);
        letters.any(|letter| !self.asked_before.contains(letter))
    }

    /// The version that groups launched before the rollout.
    pub(super) const fn old_version(&self) -> &'static str {
        if self.taken_back.is_some() { "2" } else { "1" }
    }

    /// What machines of this plan may boot.
    fn approve(&mut self, plan: &RolloutPlan) {
        for planned in plan.envelope.slots.iter().chain(&plan.envelope.spare) {
            let (slot, digest) = (&planned.slot.name, &planned.to.digest);
            if let Some(text) = plan.user_data.get(slot) {
                let whose = (slot.clone(), digest.as_str().to_owned());
                self.booted.entry(whose).or_insert_with(|| text.clone());
            }
        }
    }

    /// Reads a plan as it will be stored.
    pub(super) fn read_ahead(&mut self, plan: &RolloutPlan) {
        let stored = serde_json::to_vec_pretty(plan).unwrap_or_default();
        let says = serde_json::from_slice(&stored).ok();
        self.read_before = says.map(|says| (stored.into(), Arc::new(says)));
    }
}
