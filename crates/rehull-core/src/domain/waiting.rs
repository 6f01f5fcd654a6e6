//! Waiting is typed and simultaneous: a tool that is silent is a tool that is hung.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{GroupName, InstanceId, SlotName, StepId, Zone};
use super::observed::Part;
use super::terraform::TerraformProgress;

/// Why a step does not act right now. Every tick lists all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum WaitingOn {
    /// A part of the world could not be read.
    Unreadable {
        /// Which.
        part: Part,
        /// Why.
        why: String,
    },
    /// The snapshot job runs.
    Snapshot {
        /// Bytes so far.
        bytes: u64,
    },
    /// The run of Terraform that makes the launch template versions.
    Terraform {
        /// How far it is; `None`: it has ended, and EC2 does not show what it has made yet.
        progress: Option<TerraformProgress>,
    },
    /// A machine is not warm yet.
    Boot {
        /// Machine.
        machine: InstanceId,
        /// Its own word, or EC2's.
        phase: String,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// Members that the step does not touch are not all green.
    Gate {
        /// Every red thing, by name.
        red: Vec<RedGate>,
    },
    /// Peer links must be older than etcd's HealthInterval.
    Settle {
        /// When it is over.
        until: Timestamp,
    },
    /// An election, or a leader on its way.
    Leader {
        /// Who should give it up.
        from: SlotName,
    },
    /// The old etcd's graceful stop.
    Stop {
        /// Machine.
        machine: InstanceId,
        /// When it is called ungraceful.
        until: Timestamp,
    },
    /// Interface or volume on its way.
    Slot {
        /// `interface` or `volume`.
        part: String,
        /// EC2's word.
        state: String,
    },
    /// The new member starts, joins and catches up.
    Join {
        /// What it lacks.
        lacks: String,
        /// Entries behind the leader, when known.
        lag: Option<u64>,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// A machine on its way to `terminated`.
    Termination {
        /// Machine.
        machine: InstanceId,
    },
    /// The bake before the point of no return.
    Bake {
        /// When it is over.
        until: Timestamp,
    },
    /// Another member is out; only bringing that one back is legal.
    OtherMemberOut {
        /// Who.
        slot: SlotName,
        /// What is seen of it.
        seen: String,
    },
    /// A group was told to be one more, and shows no new machine yet.
    Launch {
        /// Group.
        group: GroupName,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// A new server does not serve through its load balancer yet.
    Serving {
        /// Machine.
        machine: InstanceId,
        /// What it lacks.
        lacks: String,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// The first new server is watched before more like it are launched.
    Canary {
        /// Machine.
        machine: InstanceId,
        /// When it is over.
        until: Timestamp,
    },
    /// A deregistered server goes on serving until the load balancer has let go of it.
    LetGo {
        /// Machine.
        machine: InstanceId,
        /// The load balancer's word for it.
        state: String,
        /// Not before.
        until: Timestamp,
    },
    /// Without this machine too few targets would be healthy.
    Floor {
        /// Machine.
        machine: InstanceId,
        /// Healthy without it.
        healthy: u32,
        /// Never fewer.
        floor: u32,
        /// Where, if one zone is meant.
        zone: Option<Zone>,
    },
    /// The last attempt of an action failed; it is tried again later.
    Retry {
        /// Which action.
        action: String,
        /// Why it failed.
        why: String,
        /// When.
        at: Timestamp,
    },
}

impl WaitingOn {
    /// Every word of [`Self::name`].
    pub const NAMES: [&str; 19] = [
        "unreadable",
        "snapshot",
        "terraform",
        "boot",
        "gate",
        "settle",
        "leader",
        "stop",
        "slot",
        "join",
        "termination",
        "bake",
        "other-member-out",
        "launch",
        "serving",
        "canary",
        "let-go",
        "floor",
        "retry",
    ];

    /// Its word, the one in the journal.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Snapshot { .. } => "snapshot",
            Self::Terraform { .. } => "terraform",
            Self::Boot { .. } => "boot",
            Self::Gate { .. } => "gate",
            Self::Settle { .. } => "settle",
            Self::Leader { .. } => "leader",
            Self::Stop { .. } => "stop",
            Self::Slot { .. } => "slot",
            Self::Join { .. } => "join",
            Self::Termination { .. } => "termination",
            Self::Bake { .. } => "bake",
            Self::OtherMemberOut { .. } => "other-member-out",
            Self::Launch { .. } => "launch",
            Self::Serving { .. } => "serving",
            Self::Canary { .. } => "canary",
            Self::LetGo { .. } => "let-go",
            Self::Floor { .. } => "floor",
            Self::Retry { .. } => "retry",
        }
    }
}

/// One red gate: member, gate, what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedGate {
    /// Member, if it is about one.
    pub slot: Option<SlotName>,
    /// Stable word, for example `applied-lag`.
    pub gate: String,
    /// What was seen and what is wanted.
    pub seen: String,
}

/// A step and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Step.
    pub step: StepId,
    /// Reason.
    pub on: WaitingOn,
}

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

impl StopReason {
    /// Every word of [`Self::name`].
    pub const NAMES: [&str; 13] = [
        "asked",
        "quorum-lost",
        "outside-envelope",
        "boot-refused",
        "deadline",
        "refused",
        "past-point-of-no-return",
        "alarm",
        "no-capacity",
        "no-launch",
        "terraform",
        "lease-lost",
        "store-silent",
    ];

    /// Its word, the one in the journal.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::QuorumLost { .. } => "quorum-lost",
            Self::OutsideEnvelope { .. } => "outside-envelope",
            Self::BootRefused { .. } => "boot-refused",
            Self::Deadline { .. } => "deadline",
            Self::Refused { .. } => "refused",
            Self::PastPointOfNoReturn { .. } => "past-point-of-no-return",
            Self::Alarm { .. } => "alarm",
            Self::NoCapacity { .. } => "no-capacity",
            Self::NoLaunch { .. } => "no-launch",
            Self::Terraform { .. } => "terraform",
            Self::LeaseLost { .. } => "lease-lost",
            Self::StoreSilent { .. } => "store-silent",
        }
    }

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
            | Self::Terraform { .. }
            | Self::LeaseLost { .. }
            | Self::StoreSilent { .. } => false,
        }
    }
}
