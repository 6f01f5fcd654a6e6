//! Journal records. A segment holds all records of one tick and is written by one conditional PUT.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::action::Action;
use crate::domain::ids::{ContentDigest, RolloutId, StepId, Token};
use crate::domain::waiting::StopReason;
use crate::ports::PortError;

/// Format of journal segments; an unknown one is refused, an unknown field is kept.
pub const JOURNAL_FORMAT: u32 = 1;

/// One object `rollouts/<id>/journal/<seq>.jsonl`: a header line, then one record per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Cluster it belongs to: a journal of another cluster is refused.
    pub cluster: String,
    /// Rollout.
    pub rollout: RolloutId,
    /// From 1, without gaps: the fence.
    pub seq: u64,
    /// Random per process: tells our own lost write from somebody else's.
    pub nonce: String,
    /// Records.
    pub records: Vec<Record>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Wall clock of the writer.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub body: RecordBody,
}

/// Kinds of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum RecordBody {
    /// First record of a rollout; the plan stands beside the journal.
    Opened {
        /// Digest of the envelope.
        envelope: ContentDigest,
        /// Digest of the whole plan object, rendered texts and all; journals of before have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<ContentDigest>,
        /// Version of rehull.
        rehull: String,
    },
    /// A process took over (or began); names the holder.
    Attached {
        /// `user@host pid`.
        holder: String,
    },
    /// An action will be performed.
    Intended {
        /// Step.
        step: StepId,
        /// Action.
        action: Action,
        /// From 1.
        attempt: u32,
        /// Token.
        token: Token,
    },
    /// It was performed, or failed for certain, or is in doubt.
    Settled {
        /// Natural key of the action.
        key: String,
        /// Attempt.
        attempt: u32,
        /// `None`: done.
        error: Option<PortError>,
    },
    /// Something was first seen at this instant; timers run from it.
    Marked {
        /// Stable name, for example `joined etcd-b i-0abc`.
        mark: String,
    },
    /// A mailbox request was answered.
    Answered {
        /// Request id.
        request: String,
        /// Answer, for people.
        answer: String,
    },
    /// Stopped at a stop point.
    Stopped {
        /// Why.
        reason: StopReason,
        /// At rest?
        at_rest: bool,
    },
    /// The end: finished or aborted; nothing is owed.
    Closed {
        /// `finished` or `aborted`.
        outcome: String,
    },
}
