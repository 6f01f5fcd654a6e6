//! Pods: whose they are, where they are and how far they have come.

use jiff::Timestamp;

use crate::domain::ids::{NodeName, ObjectName};

#[derive(Clone, Debug)]
pub(in crate::sim) struct SimPod {
    pub(in crate::sim) name: ObjectName,
    pub(in crate::sim) of: PodOf,
    pub(in crate::sim) node: Option<NodeName>,
    /// Its node is ready.
    pub(super) is_hosted: bool,
    pub(super) stage: PodStage,
    pub(super) due: Option<Timestamp>,
    pub(in crate::sim) created: Timestamp,
}

/// Whose a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) enum PodOf {
    Workload(ObjectName),
    Daemon(ObjectName),
}

impl PodOf {
    pub(super) fn is_workload(&self, name: &ObjectName) -> bool {
        matches!(self, Self::Workload(of) if of == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodStage {
    Pending,
    Starts,
    Ready,
    Stops,
}

impl SimPod {
    pub(super) fn is_ready(&self) -> bool {
        self.stage == PodStage::Ready && self.is_hosted
    }
}
