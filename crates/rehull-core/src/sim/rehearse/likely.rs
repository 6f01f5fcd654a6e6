//! What is likely to go wrong while a member is replaced, and when.

use serde::Serialize;

use crate::domain::action::Action;
use crate::domain::ids::SlotName;
use crate::event::What;
use crate::sim::chronicle::{Happened, Moment};
use crate::sim::fault::{Cue, Faults, Happening, RequestTrouble, Then, WorldFault};

/// Parts of a member's replacement, each begun by a request of rehull's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The replacement is launched; the old member serves.
    Launch,
    /// The old etcd is asked to stop.
    Stop,
    /// The old member is removed from the list.
    Remove,
    /// The volume moves to the new machine.
    Move,
    /// The new member is added to the list.
    Add,
    /// The new machine is told to go: its etcd starts and joins.
    Join,
    /// The learner becomes a voter.
    Promote,
    /// The old machine is terminated.
    Terminate,
}

impl Phase {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Stop => "stop",
            Self::Remove => "remove",
            Self::Move => "move",
            Self::Add => "add",
            Self::Join => "join",
            Self::Promote => "promote",
            Self::Terminate => "terminate",
        }
    }

    fn of(action: &Action) -> Option<Self> {
        match action {
            Action::LaunchMachine { .. } => Some(Self::Launch),
            Action::AskStop { .. } => Some(Self::Stop),
            Action::RemoveMember { .. } => Some(Self::Remove),
            Action::AttachVolume { .. } => Some(Self::Move),
            Action::AddMember { .. } => Some(Self::Add),
            Action::Go { .. } => Some(Self::Join),
            Action::PromoteMember { .. } => Some(Self::Promote),
            Action::TerminateMachine { .. } => Some(Self::Terminate),
            Action::StartSnapshot
            | Action::CreateTemplateVersion { .. }
            | Action::ApplyTerraform { .. }
            | Action::MoveLeader { .. }
            | Action::DetachInterface { .. }
            | Action::DetachVolume { .. }
            | Action::AttachInterface { .. }
            | Action::Preflight { .. }
            | Action::VerifyData { .. }
            | Action::RecordIdentity { .. }
            | Action::Group(_)
            | Action::Node(_) => None,
        }
    }

    /// The kind of request that begins it.
    const fn request(self) -> &'static str {
        match self {
            Self::Launch => "RunInstances",
            Self::Stop => "tag stop",
            Self::Remove => "MemberRemove",
            Self::Move => "AttachVolume",
            Self::Add => "MemberAdd",
            Self::Join => "tag go",
            Self::Promote => "MemberPromote",
            Self::Terminate => "TerminateInstances",
        }
    }
}

/// A phase of one run, found again by its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) phase: Phase,
    /// Which request of its kind, from 1.
    nth: u64,
}

/// The member that was replaced first, and the phases of its replacement in order; `None`: nobody was.
pub(super) fn first_replaced(moments: &[Moment]) -> Option<(SlotName, Vec<Begun>)> {
    let acts = || moments.iter().filter_map(acting);
    let first = acts().find(|action| Phase::of(action) == Some(Phase::Stop))?;
    let slot = first.slot()?.clone();
    let mut begun: Vec<Begun> = Vec::new();
    for (place, action) in acts().enumerate() {
        let Some(phase) = Phase::of(action).filter(|_| action.slot() == Some(&slot)) else {
            continue;
        };
        if begun.iter().any(|known| known.phase == phase) {
            continue;
        }
        // Every attempt of an action is one request of its kind, sent in the order in which it is told.
        let earlier = acts().take(place);
        let same = earlier.filter(|earlier| Phase::of(earlier) == Some(phase));
        let nth = u64::try_from(same.count()).unwrap_or(u64::MAX).saturating_add(1);
        begun.push(Begun { phase, nth });
    }
    Some((slot, begun))
}

fn acting(moment: &Moment) -> Option<&Action> {
    let Happened::Told(event) = &moment.what else {
        return None;
    };
    if let What::Acting { action, .. } = &event.what {
        Some(action)
    } else {
        None
    }
}

/// Who is struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    /// The member that is replaced.
    pub(super) member: SlotName,
    /// One that stays meanwhile, if there is one.
    pub(super) other: Option<SlotName>,
}

/// Likely faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likely {
    /// No capacity in the member's zone.
    NoCapacity,
    /// What is launched meanwhile never says a word.
    NeverBoots,
    /// The machine that carries the member is terminated.
    MemberDies,
    /// The machine of another member is terminated.
    OtherDies,
    /// The member's zone is lost.
    ZoneLost,
    /// The leader changes.
    LeaderFlip,
    /// EC2 throttles.
    Throttling,
    /// The store does not answer.
    StoreDown,
    /// rehull's credentials expire.
    CredentialsExpire,
    /// rehull is killed and started again.
    RehullKilled,
    /// A person asks for an abort.
    Abort,
}

const MINUTE_S: u64 = 60;

impl Likely {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NoCapacity,
        Self::NeverBoots,
        Self::MemberDies,
        Self::OtherDies,
        Self::ZoneLost,
        Self::LeaderFlip,
        Self::Throttling,
        Self::StoreDown,
        Self::CredentialsExpire,
        Self::RehullKilled,
        Self::Abort,
    ];

    /// For how many seconds, where it can end.
    #[must_use]
    pub const fn lasts_s(self) -> u64 {
        match self {
            Self::NoCapacity | Self::ZoneLost | Self::CredentialsExpire => 10 * MINUTE_S,
            Self::NeverBoots => 5 * MINUTE_S,
            Self::Throttling | Self::StoreDown => MINUTE_S,
            Self::MemberDies | Self::OtherDies | Self::LeaderFlip | Self::RehullKilled | Self::Abort => 0,
        }
    }

    /// As data, when that phase begins; `None`: it cannot happen to this cluster.
    pub(super) fn faults(self, begun: &Begun, who: &Who) -> Option<Faults> {
        let slot = who.member.clone();
        let what = match self {
            Self::NoCapacity => Happening::NoCapacity { slot },
            Self::NeverBoots => Happening::NeverBoots,
            Self::MemberDies => Happening::Terminate { slot },
            Self::OtherDies => Happening::Terminate {
                slot: who.other.clone()?,
            },
            Self::ZoneLost => Happening::ZoneLoss { slot },
            Self::LeaderFlip => Happening::LeaderFlip,
            Self::Throttling => Happening::Throttle,
            Self::StoreDown => Happening::StoreDown,
            Self::CredentialsExpire => Happening::ExpiredCredentials,
            Self::RehullKilled => return Some(on(begun, Then::Trouble(RequestTrouble::KillAfter))),
            Self::Abort => Happening::AskAbort,
        };
        let fault = WorldFault {
            at_s: 0,
            for_s: self.lasts_s(),
            what,
        };
        Some(on(begun, Then::World(fault)))
    }
}

fn on(begun: &Begun, then: Then) -> Faults {
    let cue = Cue {
        request: begun.phase.request().to_owned(),
        nth: begun.nth,
        then,
    };
    Faults {
        cues: vec![cue],
        ..Faults::default()
    }
}
