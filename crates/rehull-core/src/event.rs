//! What happened, once, for everybody who shows it. Reporters read events and nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::action::Action;
use crate::domain::ids::{GroupName, RolloutId, SlotName, StepId};
use crate::domain::version::{EtcdVersion, KubernetesVersion};
use crate::domain::waiting::{StopReason, Waiting};
use crate::plan::{RolloutPlan, SlotPlan};
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
        /// Steps of etcd, in forecast order.
        steps: Vec<StepOutline>,
        /// Groups whose machines are replaced after them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<GroupOutline>,
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
    /// What a step cost the clients, measured beside it; told just before its end, and only where writes are probed.
    Stalled {
        /// Step.
        step: StepId,
        /// Longest time that a writer with 200 ms per try, then the next member, waited for its acknowledgement, in
        /// milliseconds.
        longest_ms: u64,
    },
    /// How far a group has come; sent when it differs from the last.
    Rolled {
        /// Step.
        step: StepId,
        /// Machines that were launched with the planned content.
        new: u32,
        /// Others, which will give way.
        old: u32,
    },
    /// A step is done: the slot's new member serves and its old machine is gone, or no machine of the group is old and
    /// nothing is owed to it.
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

impl What {
    /// The first event of every process that works on a rollout, told from its plan alone.
    #[must_use]
    pub fn started(plan: &RolloutPlan, first: bool) -> Self {
        let rank = |slot: &SlotPlan| {
            let order = &plan.forecast.order;
            order
                .iter()
                .position(|step| step.step == slot.step)
                .unwrap_or(order.len())
        };
        let mut changing: Vec<&SlotPlan> = plan.envelope.all_slots().filter(|slot| slot.changes()).collect();
        changing.sort_by_key(|slot| rank(slot));
        let spare = plan.envelope.spare.as_ref().map(|spare| &spare.step);
        let outline = |slot: &SlotPlan| StepOutline::of(slot, spare == Some(&slot.step));
        Self::Started {
            first,
            summary: plan.headline(),
            steps: changing.into_iter().map(outline).collect(),
            groups: GroupOutline::all(plan),
        }
    }
}

/// The same of a group of machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOutline {
    /// Step.
    pub step: StepId,
    /// Auto Scaling group.
    pub group: GroupName,
    /// Kubernetes release before, where known.
    pub from: Option<KubernetesVersion>,
    /// Release afterwards.
    pub to: KubernetesVersion,
}

impl GroupOutline {
    /// Groups whose machines the plan replaces: the control plane, then workers.
    fn all(plan: &RolloutPlan) -> Vec<Self> {
        let servers = plan.envelope.servers().map(|servers| Self {
            step: servers.step.clone(),
            group: servers.group.clone(),
            from: servers.from.as_ref().map(|content| content.version),
            to: servers.to.version,
        });
        let workers = plan.envelope.workers.iter().flat_map(|workers| &workers.groups);
        let workers = workers.filter(|group| group.changes()).map(|group| Self {
            step: group.step.clone(),
            group: group.group.clone(),
            from: group.from.as_ref().map(|content| content.version),
            to: group.to.version,
        });
        servers.into_iter().chain(workers).collect()
    }
}

/// One line of a rollout's contents page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    /// Step.
    pub step: StepId,
    /// Slot whose machine is replaced.
    pub slot: SlotName,
    /// Release before, where known.
    pub from: Option<EtcdVersion>,
    /// Release afterwards.
    pub to: EtcdVersion,
    /// It is the spare: it joins before the others are replaced and leaves after them.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub spare: bool,
}

impl StepOutline {
    fn of(slot: &SlotPlan, spare: bool) -> Self {
        Self {
            spare,
            step: slot.step.clone(),
            slot: slot.slot.name.clone(),
            from: slot.from.as_ref().map(|content| content.version),
            to: slot.to.version,
        }
    }
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
    /// A member answered, or at least one port: where nothing is heard at all, no margin is known.
    #[serde(default = "heard")]
    pub heard: bool,
}

/// Events of before were told without asking.
const fn heard() -> bool {
    true
}
