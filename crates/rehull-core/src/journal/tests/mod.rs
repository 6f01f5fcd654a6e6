#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod append;
mod damage;
mod folding;

use jiff::Timestamp;

use super::*;
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::ids::{ClusterName, ContentDigest, InstanceId, RolloutId, SlotName, StepId};
use crate::executor::fakes::{FakeClock, FakeStore, block_on};
use crate::ports::PortError;

pub(super) fn scope() -> Scope {
    Scope {
        cluster: ClusterName::new("dev"),
        rollout: RolloutId::new("dev-1"),
    }
}

pub(super) fn writer(nonce: &str) -> Writer {
    Writer {
        nonce: nonce.to_owned(),
        tail: TornTail::Tolerated,
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn record(second: i64, body: RecordBody) -> Record {
    Record { at: at(second), body }
}

pub(super) fn opened() -> Record {
    let envelope = ContentDigest::new("sha256:00");
    record(
        0,
        RecordBody::Opened {
            envelope,
            plan: None,
            rehull: "0.1.0".to_owned(),
        },
    )
}

pub(super) fn attached(holder: &str) -> Record {
    record(
        0,
        RecordBody::Attached {
            holder: holder.to_owned(),
        },
    )
}

pub(super) fn marked(second: i64, mark: &str) -> Record {
    record(
        second,
        RecordBody::Marked {
            mark: mark.to_owned(),
        },
    )
}

pub(super) fn terminate(machine: &str) -> Action {
    Action::TerminateMachine {
        slot: SlotName::new("etcd-a"),
        machine: InstanceId::new(machine),
        why: TerminateWhy::Replaced,
    }
}

pub(super) fn intended(second: i64, action: &Action, attempt: u32) -> Record {
    let step = StepId::new("etcd/etcd-a");
    let token = token(&scope().rollout, &step, &action.key(), attempt);
    record(
        second,
        RecordBody::Intended {
            step,
            action: action.clone(),
            attempt,
            token,
        },
    )
}

pub(super) fn settled(second: i64, action: &Action, attempt: u32, error: Option<PortError>) -> Record {
    record(
        second,
        RecordBody::Settled {
            key: action.key(),
            attempt,
            error,
        },
    )
}

pub(super) fn unknown() -> PortError {
    PortError::OutcomeUnknown {
        why: "time-out".to_owned(),
    }
}

pub(super) fn throttled() -> PortError {
    PortError::Throttled {
        after: std::time::Duration::from_secs(3),
    }
}

/// Store, clock and what tests do with them.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) store: FakeStore,
    pub(super) clock: FakeClock,
}

impl Bench {
    pub(super) fn open(&self, nonce: &str) -> Result<Journal<'_>, JournalError> {
        block_on(
            &self.clock,
            Journal::open(&self.store, &self.clock, scope(), writer(nonce)),
        )
    }

    pub(super) fn append(&self, journal: &mut Journal<'_>, records: Vec<Record>) -> Result<(), JournalError> {
        block_on(&self.clock, journal.append(records))
    }

    /// One segment per list of records.
    pub(super) fn written(&self, segments: Vec<Vec<Record>>) {
        let mut journal = self.open("first").unwrap();
        for records in segments {
            self.append(&mut journal, records).unwrap();
        }
    }

    pub(super) fn key(seq: u64) -> String {
        keys::segment(&scope().rollout, seq)
    }
}
