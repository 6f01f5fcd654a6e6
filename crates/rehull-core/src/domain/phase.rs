//! Which part of the dance an action or a wait belongs to. No `_` arm: a new one must be thought about.

use super::action::Action;
use super::group_action::GroupAction;
use super::node_action::NodeAction;
use super::waiting::WaitingOn;

/// What a step is doing, in the order of the dance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The replacement is launched, fetches, verifies.
    Boot,
    /// Held by something outside the step: gates of the others, bake, snapshot.
    Held,
    /// The leader moves away.
    Leader,
    /// The old etcd stops.
    Stop,
    /// The old member leaves the list.
    Remove,
    /// Interface and volume move.
    Slot,
    /// The new member enters the list.
    Add,
    /// It starts, joins, catches up.
    Join,
    /// The learner becomes a voter.
    Promote,
    /// Peer links age, data is compared.
    Settle,
    /// The old machine goes.
    Terminate,
}

impl Phase {
    /// All of them, in the order of the dance.
    pub const ALL: [Self; 11] = [
        Self::Boot,
        Self::Held,
        Self::Leader,
        Self::Stop,
        Self::Remove,
        Self::Slot,
        Self::Add,
        Self::Join,
        Self::Promote,
        Self::Settle,
        Self::Terminate,
    ];

    /// Heading of its column.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Held => "held",
            Self::Leader => "leader",
            Self::Stop => "stop",
            Self::Remove => "remove",
            Self::Slot => "slot",
            Self::Add => "add",
            Self::Join => "join",
            Self::Promote => "promote",
            Self::Settle => "settle",
            Self::Terminate => "terminate",
        }
    }

    /// The phase an action belongs to; `None`: it is no part of the dance (template, snapshot, identity, a group's: see
    /// [`GroupPhase`]).
    #[must_use]
    pub fn of_action(action: &Action) -> Option<Self> {
        match action {
            Action::StartSnapshot
            | Action::CreateTemplateVersion { .. }
            | Action::ApplyTerraform { .. }
            | Action::RecordIdentity { .. }
            | Action::Group(_)
            | Action::Node(_) => None,
            Action::Preflight { .. } => Some(Self::Held),
            Action::LaunchMachine { .. } => Some(Self::Boot),
            Action::MoveLeader { .. } => Some(Self::Leader),
            Action::AskStop { .. } => Some(Self::Stop),
            Action::RemoveMember { .. } => Some(Self::Remove),
            Action::DetachInterface { .. }
            | Action::DetachVolume { .. }
            | Action::AttachInterface { .. }
            | Action::AttachVolume { .. } => Some(Self::Slot),
            Action::AddMember { .. } => Some(Self::Add),
            Action::Go { .. } => Some(Self::Join),
            Action::PromoteMember { .. } => Some(Self::Promote),
            Action::VerifyData { .. } => Some(Self::Settle),
            Action::TerminateMachine { .. } => Some(Self::Terminate),
        }
    }

    /// The phase a wait belongs to; `None`: it says nothing about the phase.
    #[must_use]
    pub fn of_wait(on: &WaitingOn) -> Option<Self> {
        match on {
            WaitingOn::Unreadable { .. }
            | WaitingOn::Terraform { .. }
            | WaitingOn::Launch { .. }
            | WaitingOn::Serving { .. }
            | WaitingOn::Canary { .. }
            | WaitingOn::LetGo { .. }
            | WaitingOn::Floor { .. }
            | WaitingOn::NodeReady { .. }
            | WaitingOn::Drain { .. }
            | WaitingOn::DrainTurn { .. }
            | WaitingOn::Retry { .. } => None,
            WaitingOn::Snapshot { .. }
            | WaitingOn::Gate { .. }
            | WaitingOn::Bake { .. }
            | WaitingOn::OtherMemberOut { .. } => Some(Self::Held),
            WaitingOn::Boot { .. } => Some(Self::Boot),
            WaitingOn::Settle { .. } => Some(Self::Settle),
            WaitingOn::Leader { .. } => Some(Self::Leader),
            WaitingOn::Stop { .. } => Some(Self::Stop),
            WaitingOn::Slot { .. } => Some(Self::Slot),
            WaitingOn::Join { .. } => Some(Self::Join),
            WaitingOn::Termination { .. } => Some(Self::Terminate),
        }
    }
}

/// What the step of a group is doing, machine by machine, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupPhase {
    /// What would interfere is suspended.
    Suspend,
    /// The group is told what it launches and how many, and launches it.
    Launch,
    /// The new machine does not serve through its load balancer yet, or its node is not ready.
    Serve,
    /// The first new machine is watched.
    Canary,
    /// A node is cordoned, and empties by evictions.
    Drain,
    /// A machine was taken out, or may not be yet, and goes on serving.
    LetGo,
    /// It ends.
    End,
    /// What was suspended is resumed.
    Resume,
}

impl GroupPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Suspend,
        Self::Launch,
        Self::Serve,
        Self::Canary,
        Self::Drain,
        Self::LetGo,
        Self::End,
        Self::Resume,
    ];

    /// Heading of its column.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Launch => "launch",
            Self::Serve => "serve",
            Self::Canary => "canary",
            Self::Drain => "drain",
            Self::LetGo => "let-go",
            Self::End => "end",
            Self::Resume => "resume",
        }
    }

    /// The phase an action on a group belongs to.
    #[must_use]
    pub const fn of_action(action: &GroupAction) -> Self {
        match action {
            GroupAction::HoldGroup { .. } | GroupAction::CreateVersion { .. } => Self::Suspend,
            GroupAction::SetGroup { .. } => Self::Launch,
            GroupAction::Deregister { .. } => Self::LetGo,
            GroupAction::TerminateMember { .. } => Self::End,
            GroupAction::ReleaseGroup { .. } => Self::Resume,
        }
    }

    /// The phase an action on a node of a group belongs to; `None`: taints come and go beside all of them.
    #[must_use]
    pub const fn of_node(action: &NodeAction) -> Option<Self> {
        match action {
            NodeAction::Cordon(_)
            | NodeAction::Uncordon(_)
            | NodeAction::Drain { .. }
            | NodeAction::Evict { .. } => Some(Self::Drain),
            NodeAction::Taint(_) | NodeAction::Untaint(_) => None,
        }
    }

    /// The phase a wait of a group's step belongs to; `None`: it says nothing about it, or is none of a group.
    #[must_use]
    pub const fn of_wait(on: &WaitingOn) -> Option<Self> {
        match on {
            WaitingOn::Launch { .. } => Some(Self::Launch),
            WaitingOn::Serving { .. } | WaitingOn::NodeReady { .. } => Some(Self::Serve),
            WaitingOn::Canary { .. } => Some(Self::Canary),
            WaitingOn::LetGo { .. } | WaitingOn::Floor { .. } => Some(Self::LetGo),
            WaitingOn::Termination { .. } => Some(Self::End),
            WaitingOn::Drain { .. } | WaitingOn::DrainTurn { .. } => Some(Self::Drain),
            WaitingOn::Unreadable { .. }
            | WaitingOn::Terraform { .. }
            | WaitingOn::Retry { .. }
            | WaitingOn::Snapshot { .. }
            | WaitingOn::Gate { .. }
            | WaitingOn::Bake { .. }
            | WaitingOn::OtherMemberOut { .. }
            | WaitingOn::Boot { .. }
            | WaitingOn::Settle { .. }
            | WaitingOn::Leader { .. }
            | WaitingOn::Stop { .. }
            | WaitingOn::Slot { .. }
            | WaitingOn::Join { .. } => None,
        }
    }
}
