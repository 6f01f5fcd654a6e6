//! What can come back from a mutation. Classified once, in the adapter, by code and text.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A mutation that did not report success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "kebab-case")]
pub enum PortError {
    /// Certainly not sent (connect refused, no credentials): safe to try again.
    #[error("not sent: {why}")]
    NotSent {
        /// Why.
        why: String,
    },
    /// Sent, no definite answer: settled by looking, with the same attempt number.
    #[error("outcome unknown: {why}")]
    OutcomeUnknown {
        /// Why.
        why: String,
    },
    /// The thing is not visible to this API yet.
    #[error("not yet visible: {why}")]
    NotYetVisible {
        /// Which.
        why: String,
    },
    /// Asked to slow down.
    #[error("throttled; again after {after:?}")]
    Throttled {
        /// How long to leave it alone.
        after: Duration,
    },
    /// A rule of the other side says no; nothing was changed.
    #[error("refused: {text}")]
    Refused {
        /// Which rule.
        rule: Rule,
        /// Their words.
        text: String,
    },
    /// The identity may not do this.
    #[error("denied: {action}")]
    Denied {
        /// What it tried.
        action: String,
    },
    /// The thing does not exist any more.
    #[error("gone: {what}")]
    Gone {
        /// Which.
        what: String,
    },
    /// An answer that this version cannot read.
    #[error("unreadable answer: {text}")]
    Unreadable {
        /// What came.
        text: String,
    },
}

/// Rules that decisions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// etcd: "unhealthy cluster" (links younger than 5 s, a member down): again later.
    UnhealthyCluster,
    /// etcd: "not enough started members".
    NotEnoughStarted,
    /// etcd: member or peer URL already exists.
    MemberExists,
    /// etcd: "not leader" / "bad leader transferee".
    NotLeader,
    /// etcd: learner not in sync.
    LearnerNotReady,
    /// etcd: too many learners.
    TooManyLearners,
    /// EC2: no capacity.
    InsufficientCapacity,
    /// EC2: a quota.
    LimitExceeded,
    /// EC2: the part is busy, or in the wrong state: again later.
    Busy,
    /// Kubernetes: a PodDisruptionBudget allows nobody to go right now.
    Budget,
    /// EC2: zone mismatch, bad parameter: will be refused again.
    Invalid,
    /// Anything else: will be refused again.
    Other,
}

impl PortError {
    /// Trying again later can help without anybody changing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::NotSent { .. }
            | Self::OutcomeUnknown { .. }
            | Self::NotYetVisible { .. }
            | Self::Throttled { .. } => true,
            Self::Refused { rule, .. } => match rule {
                Rule::UnhealthyCluster
                | Rule::NotEnoughStarted
                | Rule::NotLeader
                | Rule::LearnerNotReady
                | Rule::TooManyLearners
                | Rule::Budget
                | Rule::Busy => true,
                Rule::MemberExists
                | Rule::InsufficientCapacity
                | Rule::LimitExceeded
                | Rule::Invalid
                | Rule::Other => false,
            },
            Self::Denied { .. } | Self::Gone { .. } | Self::Unreadable { .. } => false,
        }
    }
}
