//! What goes wrong, as data: a list of disturbances can be printed, minimised, stored and replayed.

mod request;

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
    /// Every word of [`Self::name`].
    pub const NAMES: [&str; 18] = [
        "terminate",
        "power-cut",
        "kill-process",
        "freeze",
        "leader-flip",
        "alarm",
        "remove-member",
        "no-capacity",
        "zone-loss",
        "stuck-volume",
        "wrong-artefact",
        "never-boots",
        "throttle",
        "store-down",
        "expired-credentials",
        "clock-jump",
        "ask-abort",
        "second-rehull",
    ];

    /// What it is about, by the keys of a scenario file.
    #[must_use]
    pub fn keys(name: &str) -> &'static [&'static str] {
        match name {
            "terminate" | "power-cut" | "kill-process" | "freeze" | "remove-member" | "no-capacity"
            | "zone-loss" | "stuck-volume" => &["slot"],
            "alarm" => &["slot", "alarm"],
            "clock-jump" => &["seconds"],
            _ => &[],
        }
    }

    /// The one of this word; `None` if what it is about is missing, or there is no such word.
    #[must_use]
    pub fn named(
        name: &str,
        slot: Option<SlotName>,
        alarm: Option<String>,
        seconds: Option<i64>,
    ) -> Option<Self> {
        Some(match name {
            "terminate" => Self::Terminate { slot: slot? },
            "power-cut" => Self::PowerCut { slot: slot? },
            "kill-process" => Self::KillProcess { slot: slot? },
            "freeze" => Self::Freeze { slot: slot? },
            "leader-flip" => Self::LeaderFlip,
            "alarm" => Self::Alarm {
                slot: slot?,
                alarm: alarm?,
            },
            "remove-member" => Self::RemoveMember { slot: slot? },
            "no-capacity" => Self::NoCapacity { slot: slot? },
            "zone-loss" => Self::ZoneLoss { slot: slot? },
            "stuck-volume" => Self::StuckVolume { slot: slot? },
            "wrong-artefact" => Self::WrongArtefact,
            "never-boots" => Self::NeverBoots,
            "throttle" => Self::Throttle,
            "store-down" => Self::StoreDown,
            "expired-credentials" => Self::ExpiredCredentials,
            "clock-jump" => Self::ClockJump { seconds: seconds? },
            "ask-abort" => Self::AskAbort,
            "second-rehull" => Self::SecondRehull,
            _ => return None,
        })
    }

    /// The slot it is about, if it is about one.
    #[must_use]
    pub const fn slot(&self) -> Option<&SlotName> {
        match self {
            Self::Terminate { slot }
            | Self::PowerCut { slot }
            | Self::KillProcess { slot }
            | Self::Freeze { slot }
            | Self::Alarm { slot, .. }
            | Self::RemoveMember { slot }
            | Self::NoCapacity { slot }
            | Self::ZoneLoss { slot }
            | Self::StuckVolume { slot } => Some(slot),
            Self::LeaderFlip
            | Self::WrongArtefact
            | Self::NeverBoots
            | Self::Throttle
            | Self::StoreDown
            | Self::ExpiredCredentials
            | Self::ClockJump { .. }
            | Self::AskAbort
            | Self::SecondRehull => None,
        }
    }

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
