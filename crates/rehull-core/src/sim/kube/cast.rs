//! Workloads.

use jiff::Timestamp;

use crate::domain::ids::ObjectName;

/// A workload, its budget included.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Cast {
    pub(in crate::sim) name: ObjectName,
    pub(in crate::sim) replicas: u32,
    /// `minAvailable`; `None`: no budget.
    pub(in crate::sim) least: Option<u32>,
    /// Its pods may be scheduled on cordoned nodes.
    pub(in crate::sim) tolerates_cordon: bool,
    /// When its budget was changed last.
    pub(in crate::sim) changed: Option<Timestamp>,
    /// Its budget allows nobody to go, whatever `least` says.
    pub(in crate::sim) blocks: bool,
}

impl Cast {
    /// With so many pods, of which so many are to be healthy at every time.
    pub(in crate::sim) fn new(name: &str, replicas: u32, least: Option<u32>) -> Self {
        Self {
            name: ObjectName::new(name),
            replicas,
            least,
            tolerates_cordon: false,
            changed: None,
            blocks: false,
        }
    }
}
