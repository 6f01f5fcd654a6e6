//! What goes wrong, as data: a list of disturbances can be printed, minimised, stored and replayed.

mod request;
mod words;

use serde::{Deserialize, Serialize};

use crate::domain::ids::SlotName;
pub use request::{Cue, REQUESTS, RequestFault, RequestTrouble, Then};

/// Everything that goes wrong in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Faults {
    /// In the world, at an instant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub world: Vec<WorldFault>,
    /// At a request of rehull's: the world's answer, or rehull itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestFault>,
    /// When rehull comes to a certain request, whenever that is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cues: Vec<Cue>,
}

impl Faults {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.world
            .len()
            .saturating_add(self.requests.len())
            .saturating_add(self.cues.len())
    }

    /// Nothing goes wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same without the one of this number, in the order of the fields.
    #[must_use]
    pub fn without(&self, number: usize) -> Self {
        let mut less = self.clone();
        let requests = number.checked_sub(less.world.len());
        let cues = requests.and_then(|number| number.checked_sub(less.requests.len()));
        match (requests, cues) {
            (None, _) => drop(less.world.remove(number)),
            (Some(number), None) => drop(less.requests.remove(number)),
            (Some(_), Some(number)) if number < less.cues.len() => drop(less.cues.remove(number)),
            (Some(_), Some(_)) => {}
        }
        less
    }
}

/// Something happens in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldFault {
    /// Seconds after the rollout began.
    pub at_s: u64,
    /// For how many seconds, where it can end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub for_s: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Happening {
    /// Somebody terminates the machine that carries the slot.
    Terminate {
        /// Slot.
        slot: SlotName,
    },
    /// Its power goes; EC2 goes on saying `running`.
    PowerCut {
        /// Slot.
        slot: SlotName,
    },
    /// Its etcd is killed; systemd starts it again.
    KillProcess {
        /// Slot.
        slot: SlotName,
    },
    /// Its etcd hangs, or its network is cut.
    Freeze {
        /// Slot.
        slot: SlotName,
    },
    /// The leader changes.
    LeaderFlip,
    /// An alarm is raised.
    Alarm {
        /// Slot.
        slot: SlotName,
        /// `NOSPACE` or `CORRUPT`.
        alarm: String,
    },
    /// Somebody removes the slot's member by hand.
    RemoveMember {
        /// Slot.
        slot: SlotName,
    },
    /// A zone has no capacity.
    NoCapacity {
        /// Zone of this slot.
        slot: SlotName,
    },
    /// A zone loses its power and its API.
    ZoneLoss {
        /// Zone of this slot.
        slot: SlotName,
    },
    /// Somebody terminates a control-plane machine through EC2; its group finds out later.
    ServerLost {
        /// Zone of this slot.
        slot: SlotName,
    },
    /// Somebody takes away the listener of the control plane's load balancer: its targets are `unused`, and are used again
    /// when it is put back.
    ListenerGone,
    /// Somebody terminates a worker through EC2: one that is being drained, if there is one.
    NodeLost,
    /// The kubelet of a worker stands still: of one that is being drained, if there is one.
    KubeletHangs,
    /// A budget is made so strict that it allows nobody to go.
    BudgetBlocks,
    /// A person, or an autoscaler, wants one more of the first group of workers.
    ScaleOut,
    /// Somebody adds a zone to the first group of workers, or takes it away again: where nothing holds it back, the group
    /// evens its machines out, and ends one that nobody has drained.
    ZoneAdded,
    /// Somebody lets a group launch another version of its launch template. This and what follows is done to the first
    /// group of workers, or to the control plane's where there are none.
    VersionEdited,
    /// Somebody lowers the maximum by one: the desired capacity may not be above it.
    MaxLowered,
    /// Somebody resumes everything that is suspended.
    ProcessesResumed,
    /// Somebody wants one less; the group ends one of its choice.
    ScaleIn,
    /// The volume does not leave `detaching`.
    StuckVolume {
        /// Slot.
        slot: SlotName,
    },
    /// The artefact store holds something else: machines that boot meanwhile refuse it.
    WrongArtefact,
    /// Machines that are launched meanwhile boot with the user data of the version before the one they are launched from.
    StaleUserData,
    /// Machines of etcd that are launched meanwhile boot with the user data of this slot.
    ForeignUserData {
        /// Slot.
        slot: SlotName,
    },
    /// What AWS tells of machines, parts, launch templates and groups is what was so many seconds ago.
    StaleReads {
        /// Seconds.
        seconds: i64,
    },
    /// Every other answer to a question to AWS or Kubernetes gets lost.
    ReadsLost,
    /// Machines that are launched meanwhile run for EC2 and never say a word.
    NeverBoots,
    /// EC2 throttles every call.
    Throttle,
    /// The store does not answer.
    StoreDown,
    /// rehull's credentials are expired.
    ExpiredCredentials,
    /// rehull's wall clock jumps by so many seconds.
    ClockJump {
        /// Forwards, or backwards if negative.
        seconds: i64,
    },
    /// Machines that are launched meanwhile take so many seconds longer to boot.
    BootsLate {
        /// More seconds.
        seconds: i64,
    },
    /// A member that starts meanwhile and lacks much takes so many seconds longer to catch up.
    SlowJoin {
        /// More seconds.
        seconds: i64,
    },
    /// The other members do not reach this one, but clients do.
    Partition {
        /// Slot.
        slot: SlotName,
    },
    /// Somebody tags the slot's volume for another cluster.
    ForeignVolume {
        /// Slot.
        slot: SlotName,
    },
    /// A snapshot does not get done.
    SnapshotHangs,
    /// A snapshot that ends has failed.
    SnapshotFails,
    /// A person asks for an abort.
    AskAbort,
    /// The change is reverted: the rollout is aborted, and what it has changed is taken back.
    Revert,
    /// Another rehull is started beside the one that runs, on another computer.
    SecondRehull,
    /// The computer on which rehull runs is lost with everything on it; rehull goes on somewhere else.
    ComputerLost,
    /// Terraform is killed while it plans, once.
    PlanDies,
    /// Terraform is killed while it applies, once: when it has made the launch template version of the slot.
    ApplyDies {
        /// Slot.
        slot: SlotName,
    },
    /// Somebody changes the module: what Terraform would do is not what was approved.
    PlanChanged,
    /// Somebody else has the lock of Terraform's state.
    StateLocked,
    /// Programs of Terraform that begin meanwhile take so many seconds longer.
    TerraformSlow {
        /// More seconds.
        seconds: i64,
    },
}

impl Happening {
    /// It can take a worker out, or what runs there, without rehull's doing.
    #[must_use]
    pub const fn harms_a_node(&self) -> bool {
        matches!(self, Self::NodeLost | Self::KubeletHangs | Self::ZoneLoss { .. })
    }

    /// It can take a server out, or what leads to it, without rehull's doing.
    #[must_use]
    pub const fn harms_a_server(&self) -> bool {
        matches!(
            self,
            Self::ServerLost { .. } | Self::ListenerGone | Self::ZoneLoss { .. }
        )
    }

    /// Its harm goes on until it is over, instead of being done in an instant.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(
            self,
            Self::PowerCut { .. }
                | Self::Freeze { .. }
                | Self::Partition { .. }
                | Self::ZoneLoss { .. }
                | Self::ListenerGone
        )
    }

    /// It can take a member out without rehull's doing.
    #[must_use]
    pub const fn harms_a_member(&self) -> bool {
        match self {
            Self::Terminate { .. }
            | Self::PowerCut { .. }
            | Self::KillProcess { .. }
            | Self::Freeze { .. }
            | Self::RemoveMember { .. }
            | Self::Partition { .. }
            | Self::ZoneLoss { .. } => true,
            Self::LeaderFlip
            | Self::Alarm { .. }
            | Self::NoCapacity { .. }
            | Self::ServerLost { .. }
            | Self::ListenerGone
            | Self::NodeLost
            | Self::KubeletHangs
            | Self::BudgetBlocks
            | Self::ScaleOut
            | Self::ZoneAdded
            | Self::VersionEdited
            | Self::MaxLowered
            | Self::ProcessesResumed
            | Self::ScaleIn
            | Self::StuckVolume { .. }
            | Self::WrongArtefact
            | Self::NeverBoots
            | Self::StaleUserData
            | Self::ForeignUserData { .. }
            | Self::StaleReads { .. }
            | Self::ReadsLost
            | Self::Throttle
            | Self::StoreDown
            | Self::ExpiredCredentials
            | Self::ClockJump { .. }
            | Self::BootsLate { .. }
            | Self::SlowJoin { .. }
            | Self::ForeignVolume { .. }
            | Self::SnapshotHangs
            | Self::SnapshotFails
            | Self::AskAbort
            | Self::Revert
            | Self::SecondRehull
            | Self::ComputerLost
            | Self::PlanDies
            | Self::ApplyDies { .. }
            | Self::PlanChanged
            | Self::StateLocked
            | Self::TerraformSlow { .. } => false,
        }
    }
}
