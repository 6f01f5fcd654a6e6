//! What happened, once, for everybody who shows it. Reporters read events and nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::action::Action;
use crate::domain::ids::{RolloutId, SlotName, StepId};
use crate::domain::waiting::{StopReason, Waiting};
use crate::ports::PortError;

/// Format of the event stream.
pub const EVENT_FORMAT: u32 = 1;

/// Somebody who shows or stores events. `emit` returns at once and cannot fail: a broken terminal or a full log
/// must never change what a rollout does.
pub trait EventSink: Send + Sync {
    /// Called in order, from one task at a time.
    fn emit(&self, event: &Event);
}

/// An instant and what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Rollout.
    pub rollout: RolloutId,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Kinds of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The rollout began or was resumed.
    Started {
        /// False: resumed.
        first: bool,
        /// One line: `etcd 3.5.33 → 3.6.14 on 3 machines, remove-then-add`.
        summary: String,
        /// Steps, in forecast order.
        steps: Vec<(StepId, SlotName)>,
    },
    /// An action is about to be performed (its `Intended` is durable).
    Acting {
        /// Step.
        step: StepId,
        /// Action.
        action: Action,
        /// From 1.
        attempt: u32,
    },
    /// An action ended.
    Acted {
        /// Step.
        step: StepId,
        /// Action.
        action: Action,
        /// From 1.
        attempt: u32,
        /// `None` = done; otherwise why not.
        error: Option<PortError>,
    },
    /// The complete list of waits of a tick; sent when it differs from the last.
    Waiting {
        /// All of them.
        waiting: Vec<Waiting>,
        /// Voters that may still fail.
        margin: i64,
    },
    /// A step's slot is done: new member serves, old machine is gone.
    StepDone {
        /// Step.
        step: StepId,
    },
    /// A stop point with no way on.
    Stopped {
        /// Why.
        reason: StopReason,
        /// At a resting place?
        rest: Rest,
    },
    /// The end.
    Finished,
}

/// Whether it is safe to leave things as they are for days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Full margin, nothing in flight, nothing owed.
    pub at_rest: bool,
    /// What is out or in flight otherwise.
    pub left: Vec<String>,
    /// Voters that may still fail.
    pub margin: i64,
}
