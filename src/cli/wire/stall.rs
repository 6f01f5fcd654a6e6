//! Tells with every finished step how long it made writers wait.

use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::RolloutId;
use rehull_core::event::{Event, EventSink, What};
use rehull_core::plan::{RolloutKind, RolloutPlan};

use super::{World, clock};
use crate::adapters::etcd::StallProbe;
use crate::report::sinks::Fan;

/// Hands events on, and without a probe no more than that; before a step's end comes what was measured during it.
pub struct Stalls {
    probe: Option<StallProbe>,
    to: Fan,
}

impl World {
    /// Measures if the policy wants it. A cluster that is only being created has no writers.
    #[must_use]
    pub fn stalls(&self, plan: &RolloutPlan, rollout: &RolloutId, to: Fan) -> Stalls {
        let envelope = &plan.envelope;
        let wanted = envelope.policy.probe && envelope.kind != RolloutKind::Bootstrap;
        let slots: Vec<Slot> = envelope.slots.iter().map(|plan| plan.slot.clone()).collect();
        let probe = wanted.then(|| StallProbe::start(Arc::clone(&self.etcd), clock(), rollout, &slots));
        Stalls { probe, to }
    }
}

impl Stalls {
    /// Ends the probe, then lets go of the sinks.
    pub async fn end(self) {
        if let Some(probe) = self.probe {
            probe.end().await;
        }
    }
}

impl EventSink for Stalls {
    fn emit(&self, event: &Event) {
        if let What::StepDone { step } = &event.what
            && let Some(longest) = self.probe.as_ref().and_then(StallProbe::take)
        {
            let what = What::Stalled {
                step: step.clone(),
                longest_ms: millis(longest),
            };
            self.to.emit(&Event {
                what,
                ..event.clone()
            });
        }
        self.to.emit(event);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
