//! What is done to an etcd cluster and asked of it, as data: the same list is run on the model and on real processes.

use std::time::Duration;

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;

/// A slot: the address of a member, its name, and whoever is its member now.
pub(crate) type Slot = &'static str;

/// Somebody who was never a member.
pub(crate) const NOBODY: Slot = "nobody";

/// What a process finds in its data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nothing.
    Empty,
    /// What it left there.
    Kept,
    /// What it had when [`Step::Save`] was done.
    Saved,
}

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) slot: Slot,
    pub(crate) version: EtcdVersion,
    pub(crate) disk: Disk,
    pub(crate) state: InitialState,
    /// Slots in `--initial-cluster`.
    pub(crate) initial: &'static [Slot],
}

/// One thing that is done or asked. Its answer is a line of text.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These slots start together on empty disks and form the cluster `initial`; answered when they follow a leader.
    Boot {
        slots: &'static [Slot],
        initial: &'static [Slot],
        version: EtcdVersion,
    },
    /// Nothing happens for so many seconds.
    Pass(u64),
    /// Answered when the process follows a leader, or has ended.
    Start(Start),
    /// Answered when the process has ended, or has followed nobody for a while.
    Lose(Start),
    /// SIGKILL, and the end of it.
    Kill(Slot),
    /// SIGSTOP.
    Freeze(Slot),
    /// SIGCONT.
    Thaw(Slot),
    /// The network between it and its peers swallows everything; clients reach it.
    Cut(Slot),
    /// It passes everything on again.
    Mend(Slot),
    /// Keeps a copy of the disk of a slot whose process does not run.
    Save(Slot),
    /// Waits for the process to end by itself.
    Ends(Slot),
    /// Peer URL of `slot`.
    Add {
        via: Slot,
        slot: Slot,
        learner: bool,
    },
    Remove {
        via: Slot,
        who: Slot,
    },
    Promote {
        via: Slot,
        who: Slot,
    },
    MoveLeader {
        via: Slot,
        to: Slot,
    },
    /// Makes this member lead, whoever leads now.
    Lead(Slot),
    Put(Slot),
    /// Many small writes, one after the other.
    Write(Slot, u64),
    /// A linearizable read.
    Read(Slot),
    /// A serializable read: of the member's own copy.
    ReadOwn(Slot),
    /// The members as this one tells them: names, `+` for a learner, `?` for one that has never started.
    List(Slot),
    /// Raises an alarm of the first slot's member, or clears it.
    Alarm {
        of: Slot,
        alarm: &'static str,
        on: bool,
    },
    /// Who leads, as this member tells it.
    Leader(Slot),
    /// Cluster version, as this member tells it.
    Line(Slot),
    /// Its own account of itself: learner or voter, and every alarm of the cluster.
    Status(Slot),
    /// Just after a full second: what follows is done within one.
    NextSecond,
    /// All at once; one answer, if all are the same.
    Together(Vec<Step>),
    /// Asks again and again until this is the answer.
    Until(Box<Step>, &'static str, Band),
}

/// When an answer may come, counted from the step before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    pub(crate) earliest: Duration,
    pub(crate) latest: Duration,
}

/// Where steps are done: the model, or real processes.
pub(crate) trait Cluster {
    /// Does it, and says what came back.
    fn act(&mut self, step: &Step) -> String;

    /// What its processes complained of last, for whoever has to find out.
    fn last_words(&self) -> String;
}

/// Every step with its answer. `Until` has said what it waits for, or how it was answered last and when.
pub(crate) fn transcript(cluster: &mut dyn Cluster, steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map(|step| format!("{step} -> {}", cluster.act(step)))
        .collect()
}

pub(crate) const fn seconds(earliest: u64, latest: u64) -> Band {
    Band {
        earliest: Duration::from_millis(earliest * 1_000),
        latest: Duration::from_millis(latest * 1_000),
    }
}

pub(crate) fn until(step: Step, answer: &'static str, band: Band) -> Step {
    Step::Until(Box::new(step), answer, band)
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Until(step, answer, band) => {
                let (from, to) = (band.earliest.as_secs(), band.latest.as_secs());
                write!(f, "{step}, until `{answer}` after {from} to {to} s")
            }
            Self::Boot {
                slots,
                initial,
                version,
            } => {
                write!(f, "boot {} of {} on {version}", slots.join(""), initial.join(""))
            }
            Self::Together(steps) => steps.iter().try_for_each(|step| write!(f, "{step}; ")),
            Self::Start(start) | Self::Lose(start) => write!(
                f,
                "start {} of {} on a disk that is {:?}, {:?}, {}",
                start.slot,
                start.version,
                start.disk,
                start.state,
                start.initial.join("")
            ),
            other => write!(f, "{other:?}"),
        }
    }
}
