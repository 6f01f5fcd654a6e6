//! A state of the checked world, small and canonical: what [`Model`] knows, without names, instants and histories.
//!
//! Machines are counted per slot in the order of their launch, so ids return; instants are words ("over", "before us").

#![allow(
    clippy::struct_excessive_bools,
    reason = "they are facts that combine freely; every combination is a state"
)]

use super::super::model::INDEX;
use super::faults::Faults;
use crate::domain::fleet::{BootPhase, Join, MachineState};

/// All of it. Two states that are equal have the same future.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) world: World,
    /// Actions of the tick that are on their way, in no order.
    pub(super) pending: Vec<Act>,
    /// A request of a process that has lost its lease, and that may still come true.
    pub(super) stray: Option<Act>,
    pub(super) left: Faults,
}

/// What decides the next decision, and what happens by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) slots: Vec<Slot>,
    /// Slot of the leader.
    pub(super) leader: Option<u8>,
    /// The cluster version has risen.
    pub(super) risen: bool,
    /// The holder attached less than any patience ago.
    pub(super) fresh: bool,
    /// On the way to rest: a person asked for it.
    pub(super) rest: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    /// In the order of their launch.
    pub(super) machines: Vec<Box_>,
    /// Machine that has the volume.
    pub(super) volume: Option<u8>,
    pub(super) interface: Option<u8>,
    /// Generation tag of the volume; 0: none.
    pub(super) tagged: u8,
    /// Generation of the data that lies on it; 0: none.
    pub(super) data: u8,
    /// The data is that of the member that is listed now.
    pub(super) data_is_listed: bool,
    pub(super) member: Option<Member>,
    /// Its etcd runs.
    pub(super) runs: bool,
    /// It runs and answers nothing.
    pub(super) frozen: bool,
    /// Verified since it has joined, by the journal.
    pub(super) verified: bool,
    /// A machine was given up here by the process that works now.
    pub(super) gave_up: bool,
    /// Its member was taken out by us and is not back.
    pub(super) ours: bool,
    /// Its machine was lost behind our back and its member is not back.
    pub(super) lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) started: bool,
    pub(super) learner: bool,
    pub(super) behind: bool,
}

impl Member {
    pub(super) fn applied(self) -> u64 {
        if self.behind { 0 } else { INDEX }
    }
}

/// A machine. (`Machine` is the observed one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Box_ {
    pub(super) new: bool,
    pub(super) join: Way,
    pub(super) generation: u8,
    pub(super) power: Power,
    pub(super) phase: Phase,
    pub(super) go: bool,
    pub(super) stop_asked: bool,
    /// Its go said that the spare is a member.
    pub(super) with_spare: bool,
    /// The journal's word of it.
    pub(super) noted: Noted,
}

/// What the journal says about a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Noted {
    /// Launched by this rollout, and known to be.
    pub(super) launched: bool,
    pub(super) go: Word,
    pub(super) stop: Word,
    /// Its member was marked as joined.
    pub(super) joined: bool,
    /// Launched before the process that works now attached.
    pub(super) launched_before_us: bool,
    /// The patience with what it does now began before that.
    pub(super) began_before_us: bool,
    /// ... and has ended before that.
    pub(super) over_before_us: bool,
    /// It has ended.
    pub(super) over: bool,
}

/// How far an action is in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Word {
    #[default]
    Nothing,
    /// In doubt.
    Intended,
    Done,
}

/// [`Join`], hashed and ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Way {
    Bootstrap,
    Existing,
    Reattach,
}

/// [`MachineState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Power {
    Pending,
    Running,
    Off,
    ShuttingDown,
    Terminated,
}

/// [`BootPhase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Silent,
    Warm,
    Running,
    Stopped,
    Refused,
}

/// [`crate::domain::action::Action`] without what follows from the plan. Slots and machines are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Act {
    Launch {
        slot: u8,
        new: bool,
        join: Way,
        generation: u8,
    },
    MoveLeader {
        from: u8,
        to: u8,
    },
    AskStop {
        slot: u8,
        machine: u8,
    },
    /// `listed`: the member that is listed there now, not a former one.
    Remove {
        slot: u8,
        listed: bool,
    },
    DetachInterface {
        slot: u8,
        machine: u8,
    },
    DetachVolume {
        slot: u8,
        machine: u8,
    },
    AttachInterface {
        slot: u8,
        machine: u8,
    },
    AttachVolume {
        slot: u8,
        machine: u8,
        generation: u8,
    },
    Add {
        slot: u8,
        learner: bool,
    },
    Promote {
        slot: u8,
        listed: bool,
    },
    Go {
        slot: u8,
        machine: u8,
        with_spare: bool,
    },
    Verify {
        slot: u8,
    },
    Terminate {
        slot: u8,
        machine: u8,
        did_not_boot: bool,
    },
}

impl Act {
    pub(super) fn slot(self) -> u8 {
        match self {
            Self::Launch { slot, .. }
            | Self::MoveLeader { from: slot, .. }
            | Self::AskStop { slot, .. }
            | Self::Remove { slot, .. }
            | Self::DetachInterface { slot, .. }
            | Self::DetachVolume { slot, .. }
            | Self::AttachInterface { slot, .. }
            | Self::AttachVolume { slot, .. }
            | Self::Add { slot, .. }
            | Self::Promote { slot, .. }
            | Self::Go { slot, .. }
            | Self::Verify { slot }
            | Self::Terminate { slot, .. } => slot,
        }
    }

    /// The machine that it is about.
    pub(super) fn machine(self) -> Option<u8> {
        match self {
            Self::AskStop { machine, .. }
            | Self::DetachInterface { machine, .. }
            | Self::DetachVolume { machine, .. }
            | Self::AttachInterface { machine, .. }
            | Self::AttachVolume { machine, .. }
            | Self::Go { machine, .. }
            | Self::Terminate { machine, .. } => Some(machine),
            _ => None,
        }
    }

    pub(super) fn machine_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::AskStop { machine, .. }
            | Self::DetachInterface { machine, .. }
            | Self::DetachVolume { machine, .. }
            | Self::AttachInterface { machine, .. }
            | Self::AttachVolume { machine, .. }
            | Self::Go { machine, .. }
            | Self::Terminate { machine, .. } => Some(machine),
            _ => None,
        }
    }
}

impl Box_ {
    pub(super) fn is_live(self) -> bool {
        !matches!(self.power, Power::ShuttingDown | Power::Terminated)
    }

    /// Something is waited for with a deadline.
    pub(super) fn is_timed(self) -> bool {
        let boots = !self.go && matches!(self.phase, Phase::Silent);
        let starts = self.go && !self.stop_asked && !self.noted.joined;
        let stops = self.stop_asked && self.phase != Phase::Stopped;
        self.is_live() && (boots || starts || stops)
    }
}

impl World {
    pub(super) fn slot(&self, slot: u8) -> &Slot {
        &self.slots[usize::from(slot)]
    }

    pub(super) fn slot_mut(&mut self, slot: u8) -> &mut Slot {
        &mut self.slots[usize::from(slot)]
    }

    pub(super) fn machine(&self, slot: u8, machine: u8) -> &Box_ {
        &self.slot(slot).machines[usize::from(machine)]
    }

    pub(super) fn machine_mut(&mut self, slot: u8, machine: u8) -> &mut Box_ {
        &mut self.slot_mut(slot).machines[usize::from(machine)]
    }

    /// Slot and number of every machine.
    pub(super) fn machines(&self) -> impl Iterator<Item = (u8, u8, &Box_)> {
        (0_u8..).zip(&self.slots).flat_map(|(slot, held)| {
            (0_u8..)
                .zip(&held.machines)
                .map(move |(number, machine)| (slot, number, machine))
        })
    }

    pub(super) fn voters(&self) -> usize {
        let listed = self.slots.iter().filter_map(|slot| slot.member);
        listed.filter(|member| !member.learner).count()
    }

    pub(super) fn healthy(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_healthy()).count()
    }

    pub(super) fn has_quorum(&self) -> bool {
        self.healthy() > self.voters() / 2
    }

    pub(super) fn harmed(&self) -> usize {
        self.slots.iter().filter(|slot| slot.frozen || slot.lost).count()
    }
}

impl Slot {
    /// Its process runs the member that is listed.
    pub(super) fn serves(&self) -> bool {
        self.runs && self.member.is_some_and(|member| member.started)
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.serves() && !self.frozen && self.member.is_some_and(|member| !member.learner)
    }
}

impl From<Join> for Way {
    fn from(join: Join) -> Self {
        match join {
            Join::Bootstrap => Self::Bootstrap,
            Join::Existing => Self::Existing,
            Join::Reattach => Self::Reattach,
        }
    }
}

impl From<Way> for Join {
    fn from(way: Way) -> Self {
        match way {
            Way::Bootstrap => Self::Bootstrap,
            Way::Existing => Self::Existing,
            Way::Reattach => Self::Reattach,
        }
    }
}

impl Power {
    pub(super) fn real(self) -> MachineState {
        match self {
            Self::Pending => MachineState::Pending,
            Self::Running => MachineState::Running,
            Self::Off => MachineState::Stopped,
            Self::ShuttingDown => MachineState::ShuttingDown,
            Self::Terminated => MachineState::Terminated,
        }
    }

    pub(super) fn of(state: &MachineState) -> Self {
        match state {
            MachineState::Pending => Self::Pending,
            MachineState::Running => Self::Running,
            MachineState::Stopped => Self::Off,
            MachineState::ShuttingDown => Self::ShuttingDown,
            MachineState::Terminated => Self::Terminated,
            other => panic!("not modelled: {other:?}"),
        }
    }
}

impl Phase {
    pub(super) fn real(self) -> Option<BootPhase> {
        match self {
            Self::Silent => None,
            Self::Warm => Some(BootPhase::Warm),
            Self::Running => Some(BootPhase::Running),
            Self::Stopped => Some(BootPhase::Stopped),
            Self::Refused => Some(BootPhase::Refused),
        }
    }

    pub(super) fn of(phase: Option<&BootPhase>) -> Self {
        match phase {
            None => Self::Silent,
            Some(BootPhase::Warm) => Self::Warm,
            Some(BootPhase::Running) => Self::Running,
            Some(BootPhase::Stopped) => Self::Stopped,
            Some(BootPhase::Refused) => Self::Refused,
            Some(other) => panic!("not modelled: {other:?}"),
        }
    }
}
