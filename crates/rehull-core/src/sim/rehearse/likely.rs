//! What is likely to go wrong while a member is replaced, or a group is rolled, and when.

use serde::Serialize;

use super::as_it_is::Part;
use crate::domain::action::Action;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{GroupName, SlotName};
use crate::domain::node_action::NodeAction;
use crate::event::What;
use crate::sim::chronicle::{Happened, Moment};
use crate::sim::fault::{Cue, Faults, Happening, RequestTrouble, Then, WorldFault};

/// Parts of a member's replacement, and of a group's, each begun by a request of rehull's.
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
    /// A group is told to have one machine more.
    Surge,
    /// A load balancer is told to let go of an old machine.
    LetGo,
    /// Nothing new is scheduled on an old node, and it is emptied.
    Drain,
    /// An old machine is ended through its group.
    End,
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
            Self::Surge => "surge",
            Self::LetGo => "deregister",
            Self::Drain => "drain",
            Self::End => "end",
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
            | Action::RecordIdentity { .. } => None,
            Action::Group(action) => match action {
                GroupAction::SetGroup { .. } => Some(Self::Surge),
                GroupAction::Deregister { .. } => Some(Self::LetGo),
                GroupAction::TerminateMember { .. } => Some(Self::End),
                GroupAction::HoldGroup { .. }
                | GroupAction::CreateVersion { .. }
                | GroupAction::ReleaseGroup { .. } => None,
            },
            Action::Node(action) => match action {
                NodeAction::Cordon(_) => Some(Self::Drain),
                NodeAction::Uncordon(_)
                | NodeAction::Taint(_)
                | NodeAction::Untaint(_)
                | NodeAction::Drain { .. }
                | NodeAction::Evict { .. } => None,
            },
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
            Self::Surge => "UpdateAutoScalingGroup",
            Self::LetGo => "DeregisterTargets",
            Self::Drain => "Cordon",
            Self::End => "TerminateInstanceInAutoScalingGroup",
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
    let mut acts = moments.iter().filter_map(acting);
    let first = acts.find(|action| Phase::of(action) == Some(Phase::Stop))?;
    let slot = first.slot()?.clone();
    let begun = begun(moments, |action| action.slot() == Some(&slot));
    Some((slot, begun))
}

/// The phases in which a group was rolled, in order.
pub(super) fn of_group(moments: &[Moment], group: &GroupName) -> Vec<Begun> {
    begun(moments, |action| {
        if let Action::Group(action) = action {
            action.group() == group
        } else if let Action::Node(action) = action {
            action.of().group == *group
        } else {
            false
        }
    })
}

/// The first request of each phase.
fn begun(moments: &[Moment], is_its_own: impl Fn(&Action) -> bool) -> Vec<Begun> {
    let acts = || moments.iter().filter_map(acting);
    let mut begun: Vec<Begun> = Vec::new();
    for (place, action) in acts().enumerate() {
        let Some(phase) = Phase::of(action).filter(|_| is_its_own(action)) else {
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
    begun
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
pub(super) enum Who {
    Member {
        /// The member that is replaced.
        member: SlotName,
        /// One that stays meanwhile, if there is one.
        other: Option<SlotName>,
    },
    Group {
        /// The group that is rolled.
        group: GroupName,
        part: Part,
        /// A slot in each of its zones.
        zones: Vec<SlotName>,
        /// How long a node may take to be empty.
        drain_s: u64,
    },
}

impl Who {
    pub(super) const fn part(&self) -> Part {
        match self {
            Self::Member { .. } => Part::Etcd,
            Self::Group { part, .. } => *part,
        }
    }
}

/// Likely faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likely {
    /// No capacity in the member's zone, or in any zone of the group.
    NoCapacity,
    /// What is launched meanwhile never says a word.
    NeverBoots,
    /// The machine that carries the member is terminated.
    MemberDies,
    /// The machine of another member is terminated.
    OtherDies,
    /// A control-plane machine is terminated.
    ServerDies,
    /// A worker is terminated: one that is being drained, if there is one.
    NodeDies,
    /// A budget lets nobody go for longer than a node may take to be empty.
    BudgetBlocks,
    /// The member's zone is lost, or one of the group's.
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
    pub const ALL: [Self; 14] = [
        Self::NoCapacity,
        Self::NeverBoots,
        Self::MemberDies,
        Self::OtherDies,
        Self::ServerDies,
        Self::NodeDies,
        Self::BudgetBlocks,
        Self::ZoneLost,
        Self::LeaderFlip,
        Self::Throttling,
        Self::StoreDown,
        Self::CredentialsExpire,
        Self::RehullKilled,
        Self::Abort,
    ];

    /// It can happen while this part is rolled.
    #[must_use]
    pub fn is_of(self, part: Part) -> bool {
        match self {
            Self::MemberDies | Self::OtherDies | Self::LeaderFlip => part == Part::Etcd,
            Self::ServerDies => part == Part::ControlPlane,
            Self::NodeDies | Self::BudgetBlocks => part == Part::Workers,
            Self::NoCapacity
            | Self::NeverBoots
            | Self::ZoneLost
            | Self::Throttling
            | Self::StoreDown
            | Self::CredentialsExpire
            | Self::RehullKilled
            | Self::Abort => true,
        }
    }

    /// For how many seconds, where it can end.
    pub(super) const fn lasts_s(self, who: &Who) -> u64 {
        match self {
            Self::NoCapacity | Self::ZoneLost | Self::CredentialsExpire => 10 * MINUTE_S,
            Self::NeverBoots => 5 * MINUTE_S,
            Self::Throttling | Self::StoreDown => MINUTE_S,
            Self::BudgetBlocks => match who {
                Who::Group { drain_s, .. } => drain_s.saturating_add(10 * MINUTE_S),
                Who::Member { .. } => 0,
            },
            Self::MemberDies
            | Self::OtherDies
            | Self::ServerDies
            | Self::NodeDies
            | Self::LeaderFlip
            | Self::RehullKilled
            | Self::Abort => 0,
        }
    }

    /// As data, when that phase begins; `None`: it cannot happen to this cluster.
    pub(super) fn faults(self, begun: &Begun, who: &Who) -> Option<Faults> {
        if !self.is_of(who.part()) {
            return None;
        }
        if self == Self::RehullKilled {
            return Some(on(begun, [Then::Trouble(RequestTrouble::KillAfter)]));
        }
        let all = self.happenings(who);
        let faults = all.into_iter().map(|what| {
            Then::World(WorldFault {
                at_s: 0,
                for_s: self.lasts_s(who),
                what,
            })
        });
        let faults = on(begun, faults);
        (!faults.is_empty()).then_some(faults)
    }

    fn happenings(self, who: &Who) -> Vec<Happening> {
        let (slots, other) = match who {
            Who::Member { member, other } => (vec![member.clone()], other.clone()),
            Who::Group { zones, .. } => (zones.clone(), None),
        };
        let first = || slots.first().cloned();
        let one = match self {
            Self::NoCapacity => {
                let slots = slots.into_iter();
                return slots.map(|slot| Happening::NoCapacity { slot }).collect();
            }
            Self::NeverBoots => Some(Happening::NeverBoots),
            Self::MemberDies => first().map(|slot| Happening::Terminate { slot }),
            Self::OtherDies => other.map(|slot| Happening::Terminate { slot }),
            // The first zone is where the first machine leaves.
            Self::ServerDies => slots.last().cloned().map(|slot| Happening::ServerLost { slot }),
            Self::NodeDies => Some(Happening::NodeLost),
            Self::BudgetBlocks => Some(Happening::BudgetBlocks),
            Self::ZoneLost => first().map(|slot| Happening::ZoneLoss { slot }),
            Self::LeaderFlip => Some(Happening::LeaderFlip),
            Self::Throttling => Some(Happening::Throttle),
            Self::StoreDown => Some(Happening::StoreDown),
            Self::CredentialsExpire => Some(Happening::ExpiredCredentials),
            Self::RehullKilled => None,
            Self::Abort => Some(Happening::AskAbort),
        };
        one.into_iter().collect()
    }
}

/// All of it when that request is sent.
fn on(begun: &Begun, all: impl IntoIterator<Item = Then>) -> Faults {
    let cues = all.into_iter().map(|then| Cue {
        request: begun.phase.request().to_owned(),
        nth: begun.nth,
        then,
    });
    Faults {
        cues: cues.collect(),
        ..Faults::default()
    }
}
