//! Why a rollout ends before its end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{GroupName, InstanceId, NodeName, SlotName};
use super::waiting::LeftPod;
use super::words::words;

/// Why the rollout ended before its end. All are resumable unless `needs_human` says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stop", rename_all = "kebab-case")]
pub enum StopReason {
    /// A person asked for it (signal, `abort`, `pause`).
    Asked {
        /// How.
        how: String,
    },
    /// Quorum is lost: nothing may be touched.
    QuorumLost {
        /// Evidence, one line each.
        evidence: Vec<String>,
    },
    /// The world left the envelope: another cluster id, account, region, a foreign volume, changed slots.
    OutsideEnvelope {
        /// What differs.
        what: String,
    },
    /// A machine refused to boot.
    BootRefused {
        /// Machine.
        machine: InstanceId,
        /// Its code.
        code: String,
        /// Its sentence.
        text: String,
    },
    /// Something took longer than its deadline.
    Deadline {
        /// What.
        what: String,
    },
    /// An action was refused or denied by the other side and will be refused again.
    Refused {
        /// Action.
        action: String,
        /// Their words.
        text: String,
    },
    /// The cluster version has risen: etcd refuses to start a member of the version that is planned.
    PastPointOfNoReturn {
        /// Member that would not start.
        slot: SlotName,
        /// What was planned and what the cluster version is.
        what: String,
    },
    /// An alarm (NOSPACE, CORRUPT) stops everything; under NOSPACE only once no member is out by our doing.
    Alarm {
        /// Member.
        slot: SlotName,
        /// Alarm.
        alarm: String,
    },
    /// No capacity for the replacement; nothing was touched.
    NoCapacity {
        /// Slot.
        slot: SlotName,
        /// EC2's words.
        text: String,
    },
    /// A group cannot launch. What it launches and how many were put back.
    NoLaunch {
        /// Group.
        group: GroupName,
        /// Its words.
        text: String,
    },
    /// A node was not empty in time. Nothing was forced.
    Undrained {
        /// Node.
        node: NodeName,
        /// Every pod that is still there, and what holds it.
        pods: Vec<LeftPod>,
    },
    /// The run of Terraform did not come to the end that was approved.
    Terraform {
        /// What came of it.
        why: String,
        /// What to do; may be empty.
        help: String,
    },
    /// The lease was lost.
    LeaseLost {
        /// Who holds it now, if known.
        holder: String,
    },
    /// The store has not answered for so long that the lease cannot be ours for certain.
    StoreSilent {
        /// Which store.
        store: String,
        /// Since when.
        since: Timestamp,
        /// Its last error.
        why: String,
    },
}

words! {
    StopReason, "Its word, the one in the journal.":
    Asked => "asked",
    QuorumLost => "quorum-lost",
    OutsideEnvelope => "outside-envelope",
    BootRefused => "boot-refused",
    Deadline => "deadline",
    Refused => "refused",
    PastPointOfNoReturn => "past-point-of-no-return",
    Alarm => "alarm",
    NoCapacity => "no-capacity",
    NoLaunch => "no-launch",
    Undrained => "undrained",
    Terraform => "terraform",
    LeaseLost => "lease-lost",
    StoreSilent => "store-silent",
}

impl StopReason {
    /// Nothing automatic may go on from here.
    #[must_use]
    pub const fn needs_human(&self) -> bool {
        match self {
            Self::QuorumLost { .. }
            | Self::OutsideEnvelope { .. }
            | Self::PastPointOfNoReturn { .. }
            | Self::Alarm { .. } => true,
            Self::Asked { .. }
            | Self::BootRefused { .. }
            | Self::Deadline { .. }
            | Self::Refused { .. }
            | Self::NoCapacity { .. }
            | Self::NoLaunch { .. }
            | Self::Undrained { .. }
            | Self::Terraform { .. }
            | Self::LeaseLost { .. }
            | Self::StoreSilent { .. } => false,
        }
    }
}
