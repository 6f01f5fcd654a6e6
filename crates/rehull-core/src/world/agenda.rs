//! What will happen by itself, and when. All waiting of the world is an entry here; nothing sleeps.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::target::TargetId;

/// Something that becomes true at its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Event {
    /// A pending instance runs.
    InstanceRunning(String),
    /// The least time of `shutting-down` is over.
    TerminationElapsed(String),
    /// The guest had its time to shut down.
    ShutdownBudgetSpent(String),
    /// A guest that was switched off for a restart is powered on again.
    PowerOn(String),
    /// A terminated instance loses its tags.
    TagsVanish(String),
    /// A terminated instance can no longer be described.
    Forgotten(String),
    /// A new volume is available.
    VolumeCreated(String),
    /// A volume is attached as far as the API goes.
    VolumeAttached(String),
    /// An attached volume shows up in the guest.
    DeviceVisible(String),
    /// A detaching volume is taken from the guest, if the guest lets go of it.
    VolumeLeaves(String),
    /// A secondary interface is attached.
    InterfaceAttached(String),
    /// A secondary interface is free.
    InterfaceDetached(String),
    /// A group compares what it has with what it should have.
    GroupActs(String),
    /// A group sees how one of its machines is.
    MemberNoticed(String),
    /// The next step of a group's machine is due.
    MemberDue(String),
    /// A target is known to the load balancer and checked from now on.
    TargetRegistered(TargetId),
    /// Checks have said the same often enough.
    TargetTurns(TargetId),
    /// A deregistered target leaves: first the list, then the data plane.
    TargetLeaves(TargetId),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Due {
    at: Timestamp,
    /// Ties go in the order in which they were planned.
    order: u64,
    event: Event,
}

/// Planned events in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agenda {
    planned: u64,
    due: BTreeSet<Due>,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Timestamp, event: Event) {
        self.planned = self.planned.saturating_add(1);
        self.due.insert(Due {
            at,
            order: self.planned,
            event,
        });
    }

    /// The next event at or before `now`.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Event)> {
        if self.due.first()?.at > now {
            return None;
        }
        self.due.pop_first().map(|due| (due.at, due.event))
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|due| due.at)
    }
}

/// `at` moved by a wait; saturates at the end of time.
pub(super) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
