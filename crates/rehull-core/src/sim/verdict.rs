//! What came of a simulated rollout.

use std::time::Duration;

use super::chronicle::Moment;
use super::control_plane::Ended as ControlPlaneEnded;
use super::hands::Passed;
use super::oracle::Breach;
use super::process::Ended;
use super::workers::WorkersEnded;
use crate::domain::version::EtcdVersion;
use crate::event::Event;

/// What came of a rollout.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The last word of the last process.
    pub end: End,
    /// Promises that were broken; none is what a simulation is for.
    pub breaches: Vec<Breach>,
    /// How long it took.
    pub took: Duration,
    /// Processes that were needed.
    pub processes: u32,
    /// How often rehull has looked at the world.
    pub looks: u64,
    /// When it has looked the last time, since the rollout began: of what happened later it knows nothing.
    pub looked_at: Duration,
    /// Every request that changes something.
    pub requests: Vec<Passed>,
    /// Everything that was told.
    pub events: Vec<Event>,
    /// Everything that happened, in true time; [`super::story`] tells it.
    pub moments: Vec<Moment>,
    /// Releases of the members at the end, in order of slots; `None`: no member serves there.
    pub members: Vec<Option<EtcdVersion>>,
    /// The control plane at the end, if there is one.
    pub control_plane: Option<ControlPlaneEnded>,
    /// The workers at the end, if there are any.
    pub workers: Option<WorkersEnded>,
    /// Machines that live at the end.
    pub machines: usize,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Done.
    Finished,
    /// Given up on request, at rest.
    Aborted,
    /// Reverted, and everything that had been changed was taken back.
    WentBack,
    /// Reverted, and what stands against going back is for a person.
    NoWayBack(Vec<String>),
    /// Left to a person, with this reason.
    Stopped(Box<Ended>),
    /// Nobody could ever go on, or the bound of time has passed.
    Endless(String),
}
