//! The words of happenings: in scenario files, in tables, and back.

use super::Happening;
use crate::domain::ids::SlotName;
use crate::domain::words::words;

words! {
    Happening, "Its word, for scenario files and coverage tables.":
    Terminate => "terminate",
    PowerCut => "power-cut",
    KillProcess => "kill-process",
    Freeze => "freeze",
    LeaderFlip => "leader-flip",
    Alarm => "alarm",
    RemoveMember => "remove-member",
    NoCapacity => "no-capacity",
    ZoneLoss => "zone-loss",
    ServerLost => "server-lost",
    ListenerGone => "listener-gone",
    NodeLost => "node-lost",
    KubeletHangs => "kubelet-hangs",
    BudgetBlocks => "budget-blocks",
    ScaleOut => "scale-out",
    ZoneAdded => "zone-added",
    VersionEdited => "version-edited",
    MaxLowered => "max-lowered",
    ProcessesResumed => "processes-resumed",
    ScaleIn => "scale-in",
    StuckVolume => "stuck-volume",
    WrongArtefact => "wrong-artefact",
    NeverBoots => "never-boots",
    StaleUserData => "stale-user-data",
    ForeignUserData => "foreign-user-data",
    StaleReads => "stale-reads",
    ReadsLost => "reads-lost",
    Throttle => "throttle",
    StoreDown => "store-down",
    ExpiredCredentials => "expired-credentials",
    ClockJump => "clock-jump",
    BootsLate => "boots-late",
    SlowJoin => "slow-join",
    Partition => "partition",
    ForeignVolume => "foreign-volume",
    SnapshotHangs => "snapshot-hangs",
    SnapshotFails => "snapshot-fails",
    AskAbort => "ask-abort",
    Revert => "revert",
    SecondRehull => "second-rehull",
    ComputerLost => "computer-lost",
    PlanDies => "plan-dies",
    ApplyDies => "apply-dies",
    PlanChanged => "plan-changed",
    StateLocked => "state-locked",
    TerraformSlow => "terraform-slow",
}

impl Happening {
    /// What it is about, by the keys of a scenario file.
    #[must_use]
    pub fn keys(name: &str) -> &'static [&'static str] {
        match name {
            "terminate" | "power-cut" | "kill-process" | "freeze" | "partition" | "remove-member"
            | "no-capacity" | "zone-loss" | "server-lost" | "stuck-volume" | "foreign-volume"
            | "foreign-user-data" | "apply-dies" => &["slot"],
            "alarm" => &["slot", "alarm"],
            "clock-jump" | "boots-late" | "slow-join" | "stale-reads" | "terraform-slow" => &["seconds"],
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
            "server-lost" => Self::ServerLost { slot: slot? },
            "listener-gone" => Self::ListenerGone,
            "node-lost" => Self::NodeLost,
            "kubelet-hangs" => Self::KubeletHangs,
            "budget-blocks" => Self::BudgetBlocks,
            "scale-out" => Self::ScaleOut,
            "zone-added" => Self::ZoneAdded,
            "version-edited" => Self::VersionEdited,
            "max-lowered" => Self::MaxLowered,
            "processes-resumed" => Self::ProcessesResumed,
            "scale-in" => Self::ScaleIn,
            "stuck-volume" => Self::StuckVolume { slot: slot? },
            "wrong-artefact" => Self::WrongArtefact,
            "never-boots" => Self::NeverBoots,
            "stale-user-data" => Self::StaleUserData,
            "foreign-user-data" => Self::ForeignUserData { slot: slot? },
            "stale-reads" => Self::StaleReads { seconds: seconds? },
            "reads-lost" => Self::ReadsLost,
            "throttle" => Self::Throttle,
            "store-down" => Self::StoreDown,
            "expired-credentials" => Self::ExpiredCredentials,
            "clock-jump" => Self::ClockJump { seconds: seconds? },
            "boots-late" => Self::BootsLate { seconds: seconds? },
            "slow-join" => Self::SlowJoin { seconds: seconds? },
            "partition" => Self::Partition { slot: slot? },
            "foreign-volume" => Self::ForeignVolume { slot: slot? },
            "snapshot-hangs" => Self::SnapshotHangs,
            "snapshot-fails" => Self::SnapshotFails,
            "ask-abort" => Self::AskAbort,
            "revert" => Self::Revert,
            "second-rehull" => Self::SecondRehull,
            "computer-lost" => Self::ComputerLost,
            "plan-dies" => Self::PlanDies,
            "apply-dies" => Self::ApplyDies { slot: slot? },
            "plan-changed" => Self::PlanChanged,
            "state-locked" => Self::StateLocked,
            "terraform-slow" => Self::TerraformSlow { seconds: seconds? },
            _ => return None,
        })
    }

    /// Seconds that it is about, if it is about some.
    #[must_use]
    pub const fn seconds(&self) -> Option<i64> {
        match self {
            Self::ClockJump { seconds }
            | Self::BootsLate { seconds }
            | Self::SlowJoin { seconds }
            | Self::StaleReads { seconds }
            | Self::TerraformSlow { seconds } => Some(*seconds),
            Self::Terminate { .. }
            | Self::PowerCut { .. }
            | Self::KillProcess { .. }
            | Self::Freeze { .. }
            | Self::Partition { .. }
            | Self::LeaderFlip
            | Self::Alarm { .. }
            | Self::RemoveMember { .. }
            | Self::NoCapacity { .. }
            | Self::ZoneLoss { .. }
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
            | Self::ForeignVolume { .. }
            | Self::WrongArtefact
            | Self::NeverBoots
            | Self::StaleUserData
            | Self::ForeignUserData { .. }
            | Self::ReadsLost
            | Self::Throttle
            | Self::StoreDown
            | Self::ExpiredCredentials
            | Self::SnapshotHangs
            | Self::SnapshotFails
            | Self::AskAbort
            | Self::Revert
            | Self::SecondRehull
            | Self::ComputerLost
            | Self::PlanDies
            | Self::ApplyDies { .. }
            | Self::PlanChanged
            | Self::StateLocked => None,
        }
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
            | Self::Partition { slot }
            | Self::ForeignVolume { slot }
            | Self::ForeignUserData { slot }
            | Self::ApplyDies { slot }
            | Self::ServerLost { slot }
            | Self::StuckVolume { slot } => Some(slot),
            Self::LeaderFlip
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
            | Self::WrongArtefact
            | Self::NeverBoots
            | Self::StaleUserData
            | Self::StaleReads { .. }
            | Self::ReadsLost
            | Self::Throttle
            | Self::StoreDown
            | Self::ExpiredCredentials
            | Self::ClockJump { .. }
            | Self::BootsLate { .. }
            | Self::SlowJoin { .. }
            | Self::SnapshotHangs
            | Self::SnapshotFails
            | Self::AskAbort
            | Self::Revert
            | Self::SecondRehull
            | Self::ComputerLost
            | Self::PlanDies
            | Self::PlanChanged
            | Self::StateLocked
            | Self::TerraformSlow { .. } => None,
        }
    }
}
