//! The sequences.

mod disks;
mod membership;
mod quorum;
mod releases;

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;

use crate::steps::{Disk, Slot, Start, Step};

pub(crate) use disks::{lost_and_stale_disks, removed_for_good, wrong_membership};
pub(crate) use membership::{down, learner_catches_up, learners, same_second};
pub(crate) use quorum::{alarms, cut_off, frozen, half_a_bootstrap, no_quorum};
pub(crate) use releases::{hop, skip};

/// Links younger than this count as down (`HealthInterval`, 5 s), and one second.
const SETTLED: Step = Step::Pass(6);

fn boot(version: EtcdVersion) -> Step {
    const ALL: &[Slot] = &["a", "b", "c"];
    Step::Boot {
        slots: ALL,
        initial: ALL,
        version,
    }
}

fn start(slot: Slot, version: EtcdVersion, disk: Disk, with: (InitialState, &'static [Slot])) -> Step {
    Step::Start(Start {
        slot,
        version,
        disk,
        state: with.0,
        initial: with.1,
    })
}

/// Started, and not expected to serve.
fn lose(slot: Slot, version: EtcdVersion, disk: Disk, with: (InitialState, &'static [Slot])) -> Step {
    Step::Lose(Start {
        slot,
        version,
        disk,
        state: with.0,
        initial: with.1,
    })
}

/// On the disk that it has.
fn restart(slot: Slot, version: EtcdVersion) -> Step {
    start(slot, version, Disk::Kept, (InitialState::New, &["a", "b", "c"]))
}

/// On an empty disk, into a cluster that lists it.
fn join(slot: Slot, version: EtcdVersion, initial: &'static [Slot]) -> Step {
    start(slot, version, Disk::Empty, (InitialState::Existing, initial))
}

const fn add(via: Slot, slot: Slot) -> Step {
    Step::Add {
        via,
        slot,
        learner: false,
    }
}

const fn add_learner(via: Slot, slot: Slot) -> Step {
    Step::Add {
        via,
        slot,
        learner: true,
    }
}

const fn remove(via: Slot, who: Slot) -> Step {
    Step::Remove { via, who }
}

const fn promote(via: Slot, who: Slot) -> Step {
    Step::Promote { via, who }
}

const fn move_leader(via: Slot, to: Slot) -> Step {
    Step::MoveLeader { via, to }
}

/// Name of a minor, as the cluster version tells it.
fn line(version: EtcdVersion) -> &'static str {
    match version.line() {
        (3, 4) => "3.4",
        (3, 5) => "3.5",
        (3, 6) => "3.6",
        _ => "3.7",
    }
}
