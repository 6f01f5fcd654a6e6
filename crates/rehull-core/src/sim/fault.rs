//! What goes wrong, as data: a list of disturbances can be printed, minimised, stored and replayed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::SlotName;

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
    /// The volume does not leave `detaching`.
    StuckVolume {
        /// Slot.
        slot: SlotName,
    },
    /// The artefact store holds something else: machines that boot meanwhile refuse it.
    WrongArtefact,
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
    /// A person asks for an abort.
    AskAbort,
    /// Another rehull is started beside the one that runs.
    SecondRehull,
}

impl Happening {
    /// Its word, for coverage tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Terminate { .. } => "terminate",
            Self::PowerCut { .. } => "power-cut",
            Self::KillProcess { .. } => "kill-process",
            Self::Freeze { .. } => "freeze",
            Self::LeaderFlip => "leader-flip",
            Self::Alarm { .. } => "alarm",
            Self::RemoveMember { .. } => "remove-member",
            Self::NoCapacity { .. } => "no-capacity",
            Self::ZoneLoss { .. } => "zone-loss",
            Self::StuckVolume { .. } => "stuck-volume",
            Self::WrongArtefact => "wrong-artefact",
            Self::NeverBoots => "never-boots",
            Self::Throttle => "throttle",
            Self::StoreDown => "store-down",
            Self::ExpiredCredentials => "expired-credentials",
            Self::ClockJump { .. } => "clock-jump",
            Self::AskAbort => "ask-abort",
            Self::SecondRehull => "second-rehull",
        }
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
            | Self::ZoneLoss { .. } => true,
            Self::LeaderFlip
            | Self::Alarm { .. }
            | Self::NoCapacity { .. }
            | Self::StuckVolume { .. }
            | Self::WrongArtefact
            | Self::NeverBoots
            | Self::Throttle
            | Self::StoreDown
            | Self::ExpiredCredentials
            | Self::ClockJump { .. }
            | Self::AskAbort
            | Self::SecondRehull => false,
        }
    }
}

/// Something happens at one of rehull's requests that change something: calls to AWS and etcd, writes to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestFault {
    /// Which of them, from 0, counted over all processes of the run.
    pub nth: u64,
    /// What.
    pub how: RequestTrouble,
}

/// What can happen at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestTrouble {
    /// rehull is killed before it is sent.
    KillBefore,
    /// rehull is killed after it took effect, before the answer.
    KillAfter,
    /// It never arrives; rehull waits in vain.
    LoseRequest,
    /// It takes effect; the answer never arrives.
    LoseAnswer,
    /// It arrives 15 s late.
    Delay,
    /// It is carried out twice, as by a retry below us.
    Twice,
    /// rehull is stopped (SIGSTOP, a sleeping computer) for two lives of its lease just before it is sent.
    Pause,
    /// "Slow down".
    Throttle,
}

impl RequestTrouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::LoseRequest,
        Self::LoseAnswer,
        Self::Delay,
        Self::Twice,
        Self::Pause,
        Self::Throttle,
    ];

    /// How late a delayed request arrives: inside every bound of a call.
    pub const DELAY: Duration = Duration::from_secs(15);
}
