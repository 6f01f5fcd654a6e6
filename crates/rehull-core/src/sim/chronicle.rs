//! Everything that happened in a run, in the true time and with the true standing of etcd beside it: what stories and
//! coverage are made of.

use std::time::Duration;

use jiff::Timestamp;

use super::etcd::Etcd;
use super::fault::{Happening, RequestTrouble};
use super::oracle::{Counts, Standing, standing};
use super::process::Ended;
use super::time::ProcessNumber;
use crate::event::Event;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the rollout began; no clock of rehull's, which may be wrong.
    pub at: Duration,
    /// Process of rehull, from 1; 0: the world.
    pub process: u32,
    /// How etcd stood, as the oracle counts and not as rehull believes.
    pub standing: Standing,
    /// What.
    pub what: Happened,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A process began.
    Began,
    /// It told something.
    Told(Box<Event>),
    /// Trouble struck one of its requests.
    Trouble {
        /// Kind of request.
        request: &'static str,
        /// What trouble.
        how: RequestTrouble,
    },
    /// It ended by itself.
    Ended(Ended),
    /// The world was disturbed, or a disturbance ended.
    World {
        /// What.
        what: Happening,
        /// False: it ended.
        begins: bool,
    },
    /// Voters came or went.
    Voters,
}

/// Who writes it down.
#[derive(Clone, Debug, Default)]
pub(super) struct Chronicle {
    begin: Option<Timestamp>,
    moments: Vec<Moment>,
    counts: Counts,
}

impl Chronicle {
    /// A new one: nothing before this instant is of interest.
    pub(super) fn beginning(begin: Timestamp) -> Self {
        Self {
            begin: Some(begin),
            ..Self::default()
        }
    }

    pub(super) fn note(&mut self, now: Timestamp, process: ProcessNumber, etcd: &Etcd, what: Happened) {
        let Some(begin) = self.begin else { return };
        let standing = standing(etcd);
        self.counts = Counts {
            voters: standing.voters,
            healthy: standing.healthy,
        };
        self.moments.push(Moment {
            at: Duration::try_from(now.duration_since(begin)).unwrap_or_default(),
            process,
            standing,
            what,
        });
    }

    /// Called at every instant: writes down only what has changed.
    pub(super) fn look(&mut self, now: Timestamp, etcd: &Etcd, counts: Counts) {
        let Some(begin) = self.begin else { return };
        if now >= begin && counts != self.counts {
            self.note(now, 0, etcd, Happened::Voters);
        }
    }

    pub(super) fn into_moments(self) -> Vec<Moment> {
        self.moments
    }
}
