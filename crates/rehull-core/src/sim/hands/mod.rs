//! rehull's hands in the laboratory: every port, over the models, with whatever goes wrong on the way.

mod aws;
mod etcd;
mod groups;
mod kept;
mod kube;
mod parts;
mod read;
mod store;
mod terraform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

pub(super) use aws::content_of;
pub(super) use kept::Views;
use terraform::Runs;

use super::chronicle::Happened;
use super::fault::{Faults, RequestTrouble};
use super::lab::Lab;
use super::oracle::standing;
use super::time::{ProcessClock, ProcessNumber, VirtualTime, wait};
use super::troubles::{Struck, Troubles};
use crate::ports::{Clock, PortError};

/// A request's way to the other side.
const LATENCY: Duration = Duration::from_millis(30);
/// An answer that does not come is waited for so long: the bound of every call.
const NO_ANSWER: Duration = Duration::from_secs(18);

/// What the laboratory and all processes share.
pub(crate) struct Stage {
    /// Virtual time.
    pub(crate) time: Arc<VirtualTime>,
    /// Everything that is not rehull.
    pub(crate) lab: Mutex<Lab>,
    gates: Mutex<Gates>,
}

/// What happens to requests, and to those who send them.
#[derive(Default)]
struct Gates {
    troubles: Troubles,
    killed: BTreeSet<ProcessNumber>,
    paused: BTreeMap<ProcessNumber, Duration>,
    /// What each request was, for coverage and for stories.
    passed: Vec<Passed>,
    /// How often somebody has looked at the machines, and when last.
    looks: u64,
    looked_at: Duration,
}

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Instant.
    pub at: Timestamp,
    /// Who sent it.
    pub process: u32,
    /// Kind of request.
    pub what: &'static str,
    /// What happened to it.
    pub trouble: Option<RequestTrouble>,
}

impl Stage {
    pub(super) fn new(lab: Lab, faults: &Faults) -> Arc<Self> {
        let gates = Gates {
            troubles: Troubles::of(faults),
            ..Gates::default()
        };
        Arc::new(Self {
            time: Arc::default(),
            lab: Mutex::new(lab),
            gates: Mutex::new(gates),
        })
    }

    pub(super) fn lab(&self) -> MutexGuard<'_, Lab> {
        self.lab.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_killed(&self, process: ProcessNumber) -> bool {
        self.gates().killed.contains(&process)
    }

    /// Until when a process is stopped.
    pub(super) fn paused_until(&self, process: ProcessNumber) -> Option<Duration> {
        self.gates().paused.get(&process).copied()
    }

    pub(super) fn wake(&self, process: ProcessNumber) {
        self.gates().paused.remove(&process);
    }

    /// How often somebody has looked at the world so far.
    pub(super) fn looks(&self) -> u64 {
        self.gates().looks
    }

    /// When somebody has looked at the world the last time, since the beginning of time.
    pub(super) fn looked_at(&self) -> Duration {
        self.gates().looked_at
    }

    /// All requests since the last call.
    pub(super) fn take_passed(&self) -> Vec<Passed> {
        std::mem::take(&mut self.gates().passed)
    }
}

/// The hands of one process.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(super) stage: Arc<Stage>,
    pub(super) process: ProcessNumber,
    pub(super) clock: Arc<ProcessClock>,
    /// When this process looked at the machines last: its decisions rest on nothing older.
    looked_at: Arc<Mutex<Timestamp>>,
    /// Changes of the laboratory that this look has seen.
    saw: Arc<AtomicU64>,
    pause: Duration,
    /// Where this process runs: what it leaves alive lives there.
    computer: u32,
    terraform: Runs,
}

/// What became of a request on its way.
enum Way {
    Arrives(Option<RequestTrouble>),
    Lost,
    TurnedAway,
}

impl Hands {
    pub(super) fn new(
        stage: Arc<Stage>,
        process: ProcessNumber,
        clock: Arc<ProcessClock>,
        pause: Duration,
        computer: u32,
    ) -> Self {
        let now = stage.time.now();
        Self {
            stage,
            process,
            clock,
            looked_at: Arc::new(Mutex::new(now)),
            saw: Arc::default(),
            pause,
            computer,
            terraform: Runs::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stage.time.now()
    }

    pub(super) fn lab(&self) -> MutexGuard<'_, Lab> {
        self.stage.lab()
    }

    /// Nothing has changed since the last look, and nothing is changing that no event tells of.
    pub(super) fn has_seen_all(&self) -> bool {
        let lab = self.lab();
        lab.changes() == self.saw.load(Ordering::Relaxed) && !lab.etcd.is_catching_up()
    }

    fn looks(&self, lab: &Lab) {
        let mut gates = self.stage.gates();
        gates.looks = gates.looks.saturating_add(1);
        gates.looked_at = self.stage.time.elapsed();
        drop(gates);
        self.saw.store(lab.changes(), Ordering::Relaxed);
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = self.now();
    }

    /// When its process looked at the world the last time.
    pub(super) fn looked_at(&self) -> Timestamp {
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request that changes something in AWS or etcd.
    async fn request<T>(
        &self,
        what: &'static str,
        mut effect: impl FnMut(&mut Lab, Timestamp) -> Result<T, PortError> + Send,
    ) -> Result<T, PortError> {
        let lost = || PortError::OutcomeUnknown {
            why: format!("{what}: no answer in time"),
        };
        let looked_at = self.looked_at();
        let trouble = match self.way(what).await {
            Way::Lost => return Err(lost()),
            Way::TurnedAway => {
                return Err(PortError::Throttled {
                    after: Duration::from_secs(2),
                });
            }
            Way::Arrives(trouble) => trouble,
        };
        let mut answer = self.carry_out(what, looked_at, &mut effect);
        if trouble == Some(RequestTrouble::Twice) {
            answer = self.carry_out(what, looked_at, &mut effect);
        }
        if self.comes_back(trouble).await {
            answer
        } else {
            Err(lost())
        }
    }

    fn carry_out<T>(
        &self,
        what: &'static str,
        looked_at: Timestamp,
        effect: &mut impl FnMut(&mut Lab, Timestamp) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let now = self.now();
        let mut lab = self.lab();
        lab.advance(now);
        let before = standing(&lab.etcd);
        let answer = effect(&mut lab, now);
        lab.advance(now);
        let lab = &mut *lab;
        lab.oracle.judge((now, looked_at), &before, &lab.etcd, what);
        answer
    }

    /// From rehull's hand to the other side.
    async fn way(&self, what: &'static str) -> Way {
        let trouble = self.strike(what);
        match trouble {
            Some(RequestTrouble::KillBefore) => self.die().await,
            Some(RequestTrouble::Pause) => self.be_stopped().await,
            Some(RequestTrouble::Throttle) => return Way::TurnedAway,
            Some(RequestTrouble::LoseRequest) => {
                wait(&self.stage.time, NO_ANSWER).await;
                return Way::Lost;
            }
            Some(RequestTrouble::Delay) => wait(&self.stage.time, RequestTrouble::DELAY).await,
            Some(
                RequestTrouble::KillAfter
                | RequestTrouble::LoseAnswer
                | RequestTrouble::LateAnswer
                | RequestTrouble::Twice,
            )
            | None => {}
        }
        wait(&self.stage.time, LATENCY).await;
        Way::Arrives(trouble)
    }

    /// Counts a request; says what happens to it, and lets the world do what waits for it.
    fn strike(&self, what: &'static str) -> Option<RequestTrouble> {
        let now = self.now();
        let Struck { trouble, world } = {
            let mut gates = self.stage.gates();
            let struck = gates.troubles.strike(what);
            gates.passed.push(Passed {
                at: now,
                process: self.process,
                what,
                trouble: struck.trouble,
            });
            struck
        };
        if trouble.is_some() || !world.is_empty() {
            let mut lab = self.lab();
            for fault in &world {
                lab.plan_fault(now, fault);
            }
            if let Some(how) = trouble {
                lab.note(now, self.process, Happened::Trouble { request: what, how });
            }
        }
        trouble
    }

    /// False: the answer is lost.
    async fn comes_back(&self, trouble: Option<RequestTrouble>) -> bool {
        match trouble {
            Some(RequestTrouble::KillAfter) => self.die().await,
            Some(RequestTrouble::LoseAnswer) => {
                wait(&self.stage.time, NO_ANSWER).await;
                return false;
            }
            Some(RequestTrouble::LateAnswer) => wait(&self.stage.time, RequestTrouble::DELAY).await,
            Some(
                RequestTrouble::KillBefore
                | RequestTrouble::LoseRequest
                | RequestTrouble::Delay
                | RequestTrouble::Twice
                | RequestTrouble::Pause
                | RequestTrouble::Throttle,
            )
            | None => {}
        }
        true
    }

    /// SIGKILL: whoever runs this process drops it and never polls it again.
    async fn die(&self) {
        self.stage.gates().killed.insert(self.process);
        std::future::pending::<()>().await;
    }

    /// SIGSTOP: nothing of this process goes on until somebody wakes it.
    async fn be_stopped(&self) {
        let until = self.clock.monotonic().saturating_add(self.pause);
        self.stage.gates().paused.insert(self.process, until);
        // The runner does not poll before; this only gives it the chance to see that.
        wait(&self.stage.time, Duration::from_millis(1)).await;
    }
}
