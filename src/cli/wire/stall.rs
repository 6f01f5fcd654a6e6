//! Tells with every step that ends or is interrupted how long it made writers wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::{RolloutId, StepId};
use rehull_core::event::{Event, EventSink, What};
use rehull_core::plan::{RolloutKind, RolloutPlan};

use super::{World, clock};
use crate::adapters::etcd::StallProbe;
use crate::report::sinks::Fan;

/// Hands events on, and without a probe no more than that; before a step's end comes what was measured during it.
pub struct Stalls {
    probe: Option<StallProbe>,
    /// The step that was worked on last: a stop cuts into it.
    at_work: Mutex<Option<StepId>>,
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
        Stalls {
            probe,
            at_work: Mutex::default(),
            to,
        }
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

impl Stalls {
    /// The step whose measurement ends with this event.
    fn measured_until(&self, event: &Event) -> Option<StepId> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.what {
            What::Acting { step, .. } => {
                *at_work = Some(step.clone());
                None
            }
            What::StepDone { step } => Some(step.clone()),
            What::Stopped { .. } => at_work.clone(),
            What::Started { .. }
            | What::Acted { .. }
            | What::Waiting { .. }
            | What::Stalled { .. }
            | What::Rolled { .. }
            | What::Finished => None,
        }
    }
}

impl EventSink for Stalls {
    fn emit(&self, event: &Event) {
        if let Some(step) = self.measured_until(event)
            && let Some(longest) = self.probe.as_ref().and_then(StallProbe::take)
        {
            let what = What::Stalled {
                step,
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
