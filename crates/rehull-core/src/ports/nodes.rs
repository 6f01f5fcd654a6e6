//! Kubernetes as the core needs it. Nothing here can delete a pod or empty a node past its budgets.

use std::time::Duration;

use async_trait::async_trait;

use super::{PortError, Rule};
use crate::domain::ids::{NodeName, ObjectName, PodUid};
use crate::domain::kube::KubeView;
use crate::domain::observed::Partial;

/// Nodes, pods, budgets, workloads.
#[async_trait]
pub trait NodesView: Send + Sync {
    /// All of them, from one consistent reading as far as the API gives one.
    async fn observe(&self) -> Partial<KubeView>;
}

/// What can be set of a node.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// `spec.unschedulable: true`; already so is success.
    async fn cordon(&self, node: &NodeName) -> Result<(), PortError>;
    /// And back; a node that is gone is success.
    async fn uncordon(&self, node: &NodeName) -> Result<(), PortError>;
    /// [`REPLACED_SOON`](crate::domain::kube::REPLACED_SOON) with the effect `PreferNoSchedule`; already so is success.
    async fn taint(&self, node: &NodeName) -> Result<(), PortError>;
    /// And back; a node that is gone is success.
    async fn untaint(&self, node: &NodeName) -> Result<(), PortError>;
}

/// The Eviction API.
#[async_trait]
pub trait Evictions: Send + Sync {
    /// Asks this very pod to go. Success is only that it was asked: it is gone when it is not listed any more.
    async fn evict(&self, pod: &ObjectName, uid: &PodUid) -> Result<(), Unevicted>;
}

/// Why a pod was not asked to go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unevicted {
    /// Its budget allows nobody to go right now (429).
    #[error("{text}")]
    BlockedByBudget {
        /// Which, as far as the answer names it.
        budget: Option<ObjectName>,
        /// The API's words.
        text: String,
    },
    /// More than one budget is about it (500): this never succeeds.
    #[error("{text}")]
    TwoBudgets {
        /// The API's words.
        text: String,
    },
    /// Its budget is newer than its status (429 with Retry-After).
    #[error("its budget is still being processed")]
    StillProcessed {
        /// What the API asks for; in truth a fraction of a second.
        after: Duration,
    },
    /// There is no such pod, or another one of its name.
    #[error("it is gone")]
    Gone,
    /// Anything else.
    #[error(transparent)]
    Other(#[from] PortError),
}

impl Unevicted {
    /// As other mutations fail; `None`: what was wanted is so.
    #[must_use]
    pub fn into_error(self) -> Option<PortError> {
        let text = self.to_string();
        match self {
            Self::Gone => None,
            Self::BlockedByBudget { .. } | Self::StillProcessed { .. } => Some(PortError::Refused {
                rule: Rule::Budget,
                text,
            }),
            Self::TwoBudgets { .. } => Some(PortError::Refused {
                rule: Rule::Other,
                text,
            }),
            Self::Other(error) => Some(error),
        }
    }
}
