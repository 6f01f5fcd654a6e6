//! What goes wrong at rehull's own requests, and what happens when it comes to one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::WorldFault;

/// Something happens when rehull makes a certain request: a scenario that says so means the same after every change of
/// rehull's timing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cue {
    /// Kind of request: one of [`REQUESTS`].
    pub request: String,
    /// Which of its kind, from 1, counted over all processes of the run. One before which rehull was killed by its number
    /// ([`RequestFault`]) was never sent and is not counted.
    pub nth: u64,
    /// What happens.
    pub then: Then,
}

/// What happens on a cue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// At this very request.
    Trouble(RequestTrouble),
    /// In the world, `at_s` seconds after the request was sent.
    World(WorldFault),
}

/// Every kind of request that changes something.
pub const REQUESTS: [&str; 31] = [
    "AttachNetworkInterface",
    "AttachVolume",
    "Cordon",
    "CreateLaunchTemplateVersion",
    "DeregisterTargets",
    "DetachNetworkInterface",
    "DetachVolume",
    "Evict",
    "HashKV",
    "MemberAdd",
    "MemberPromote",
    "MemberRemove",
    "MoveLeader",
    "ResumeProcesses",
    "RunInstances",
    "SuspendProcesses",
    "Taint",
    "TerminateInstanceInAutoScalingGroup",
    "TerminateInstances",
    "Uncordon",
    "Untaint",
    "UpdateAutoScalingGroup",
    "append segment",
    "start snapshot",
    "start terraform",
    "tag go",
    "tag stop",
    "write lease",
    "write object",
    "write plan",
    "write request",
];

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
    /// It takes effect at once; the answer comes 15 s late.
    LateAnswer,
}

impl RequestTrouble {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::LoseRequest,
        Self::LoseAnswer,
        Self::Delay,
        Self::Twice,
        Self::Pause,
        Self::Throttle,
        Self::LateAnswer,
    ];

    /// Those that a bad day brings.
    pub const DRAWN: usize = 8;

    /// Its word, in scenario files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KillBefore => "kill-before",
            Self::KillAfter => "kill-after",
            Self::LoseRequest => "lose-request",
            Self::LoseAnswer => "lose-answer",
            Self::Delay => "delay",
            Self::Twice => "twice",
            Self::Pause => "pause",
            Self::Throttle => "throttle",
            Self::LateAnswer => "late-answer",
        }
    }

    /// The process that sends it is gone afterwards.
    #[must_use]
    pub const fn kills(self) -> bool {
        match self {
            Self::KillBefore | Self::KillAfter => true,
            Self::LoseRequest
            | Self::LoseAnswer
            | Self::Delay
            | Self::Twice
            | Self::Pause
            | Self::Throttle
            | Self::LateAnswer => false,
        }
    }

    /// How late a delayed request arrives: inside every bound of a call.
    pub const DELAY: Duration = Duration::from_secs(15);
}
