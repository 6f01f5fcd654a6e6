//! The load probe: continuous writes and watches through every member, and the proof afterwards that nothing was lost.
//!
//! Used by the demo, the live tests and the benchmarks. It writes below `/rehull/probe/` and nowhere else, follows
//! addresses rather than members (a slot's new member is written to as soon as it serves), and judges itself from
//! the store's own history, not from what it remembers of having seen.

mod history;
mod keys;
mod report;
mod stalls;
mod verify;
mod watcher;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::SlotName;
use rehull_core::ports::{Clock, PortError};
use tokio::task::JoinSet;

pub use report::{Class, ClassReport, ProbeReport, Stall, WatchReport, WriteRecord};

use super::lists::linearizable_read;
use super::pool::{EtcdPool, READ_LIMIT};
use crate::adapters::clock::{pause, within};
use history::History;
use watcher::WatchLog;
use writer::WriterPlan;

/// Writers stop after their current try; a try without a time-out of its own is given up after this long.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// A watch through a member that has just come back may still have everything to catch up on.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
const CATCH_UP_EVERY: Duration = Duration::from_millis(20);

/// Who writes and watches, where, and how fast.
#[derive(Clone, Debug)]
pub struct ProbeSpec {
    /// Names this run's keys: `/rehull/probe/<run>-<revision of the store at the start>/…`, so that two runs of one name
    /// never share a key.
    pub run: String,
    /// Members by address. Each is watched.
    pub targets: Vec<Target>,
    /// Writers that stay with one address, per target.
    pub pinned_per_target: u32,
    /// Writers with a time-out per try that go on to the next address after a failed one, as real clients should.
    pub retrying: u32,
    /// Writers without a time-out of their own that go on to the next address after an error.
    pub patient: u32,
    /// Between the end of one write and the beginning of the next of the same writer.
    pub pause: Duration,
    /// Time-out of one try of pinned and retrying writers.
    pub try_limit: Duration,
}

impl ProbeSpec {
    /// One pinned and one retrying writer per slot, one patient writer, 2 ms between writes, 200 ms per try.
    #[must_use]
    pub fn for_slots(run: impl Into<String>, slots: &[Slot]) -> Self {
        Self {
            run: run.into(),
            targets: slots.iter().map(Target::of).collect(),
            pinned_per_target: 1,
            retrying: u32::try_from(slots.len()).unwrap_or(u32::MAX),
            patient: 1,
            pause: Duration::from_millis(2),
            try_limit: Duration::from_millis(200),
        }
    }
}

/// An address behind which some member answers, now this one, later its successor.
#[derive(Clone, Debug)]
pub struct Target {
    /// Slot it belongs to.
    pub slot: SlotName,
    /// `https://address:2379`.
    pub url: String,
}

impl Target {
    /// The slot's client address.
    #[must_use]
    pub fn of(slot: &Slot) -> Self {
        Self {
            slot: slot.name.clone(),
            url: slot.client_url(),
        }
    }
}

/// What a progress line shows while the probe runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Writes acknowledged so far.
    pub acknowledged: u64,
    /// Longest time without any acknowledged write so far, the running one included.
    pub longest_stall: Duration,
}

/// What is left of a probe.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The judgement.
    pub report: ProbeReport,
    /// Every write, by writer and number.
    pub records: Vec<WriteRecord>,
}

/// What all tasks of one probe share.
struct Shared {
    pool: Arc<EtcdPool>,
    clock: Arc<dyn Clock>,
    spec: ProbeSpec,
    /// Monotonic instant that all times count from.
    origin: Duration,
    stopping: AtomicBool,
    acknowledged: AtomicU64,
    /// Microseconds after `origin`.
    last_acknowledged: AtomicU64,
    longest_stall: AtomicU64,
    records: Mutex<Vec<WriteRecord>>,
}

impl Shared {
    fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.origin)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn count(&self, at: Duration) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        let now = micros(at);
        let before = self.last_acknowledged.fetch_max(now, Ordering::Relaxed);
        self.longest_stall
            .fetch_max(now.saturating_sub(before), Ordering::Relaxed);
    }

    fn keep(&self, record: WriteRecord) {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A running probe. Dropping it ends its tasks at once and proves nothing.
pub struct Probe {
    shared: Arc<Shared>,
    writers: JoinSet<()>,
    watchers: JoinSet<()>,
    logs: Vec<Arc<Mutex<WatchLog>>>,
    plans: Vec<WriterPlan>,
    /// Revision of the store before the first write.
    before: i64,
}

impl Probe {
    /// Starts watches, then writers. The clock must not be one that signals wake: every writer sleeps on it.
    ///
    /// # Errors
    /// No target serves a linearizable read.
    pub async fn start(
        pool: Arc<EtcdPool>,
        clock: Arc<dyn Clock>,
        mut spec: ProbeSpec,
    ) -> Result<Self, PortError> {
        let before = revision(&pool, &spec.targets).await?;
        spec.run = format!("{}-{before}", spec.run);
        let shared = Arc::new(Shared {
            origin: clock.monotonic(),
            pool,
            clock,
            spec,
            stopping: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            last_acknowledged: AtomicU64::new(0),
            longest_stall: AtomicU64::new(0),
            records: Mutex::new(Vec::new()),
        });
        let mut watchers = JoinSet::new();
        let mut logs = Vec::new();
        for target in &shared.spec.targets {
            let log = Arc::new(Mutex::new(WatchLog::behind(before)));
            logs.push(Arc::clone(&log));
            watchers.spawn(watcher::run(Arc::clone(&shared), target.clone(), log));
        }
        let mut writers = JoinSet::new();
        let plans = writer::plans(&shared.spec);
        for plan in &plans {
            writers.spawn(writer::run(Arc::clone(&shared), plan.clone()));
        }
        Ok(Self {
            shared,
            writers,
            watchers,
            logs,
            plans,
            before,
        })
    }

    /// How it goes.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let last = self.shared.last_acknowledged.load(Ordering::Relaxed);
        let running = micros(self.shared.elapsed()).saturating_sub(last);
        let longest = self.shared.longest_stall.load(Ordering::Relaxed);
        Progress {
            acknowledged: self.shared.acknowledged.load(Ordering::Relaxed),
            longest_stall: Duration::from_micros(longest.max(running)),
        }
    }

    /// Stops the writers, lets the watches catch up, and compares everything with the store's history.
    ///
    /// # Errors
    /// The history cannot be read through any target: nothing is proven then.
    pub async fn finish(mut self) -> Result<Finished, PortError> {
        let stopped = self.shared.elapsed();
        self.shared.stopping.store(true, Ordering::Relaxed);
        let _ = within(STOP_LIMIT, async {
            while self.writers.join_next().await.is_some() {}
        })
        .await;
        self.writers.shutdown().await;
        let history = History::read(&self.shared, self.before).await?;
        self.watches_reach(history.last_revision()).await;
        self.watchers.shutdown().await;
        let mut records =
            std::mem::take(&mut *self.shared.records.lock().unwrap_or_else(PoisonError::into_inner));
        records.sort_by_key(|record| (record.writer, record.number));
        let report = verify::judge(&verify::Evidence {
            spec: &self.shared.spec,
            plans: &self.plans,
            started_at: self.started_at(),
            length: stopped,
            records: &records,
            history: &history,
            watches: &self.watch_logs(),
        });
        Ok(Finished { report, records })
    }

    fn started_at(&self) -> jiff::Timestamp {
        let now = self.shared.clock.now();
        now.checked_sub(self.shared.elapsed()).unwrap_or(now)
    }

    async fn watches_reach(&self, revision: i64) {
        let reach = async {
            while self.logs.iter().any(|log| lock(log).last < revision) {
                pause(CATCH_UP_EVERY).await;
            }
        };
        // A watch that does not get there is judged as it is.
        let _ = within(CATCH_UP_LIMIT, reach).await;
    }

    fn watch_logs(&self) -> Vec<WatchLog> {
        self.logs.iter().map(|log| lock(log).clone()).collect()
    }
}

fn lock(log: &Mutex<WatchLog>) -> std::sync::MutexGuard<'_, WatchLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Revision of the store, from the first target that serves.
async fn revision(pool: &EtcdPool, targets: &[Target]) -> Result<i64, PortError> {
    let mut last = PortError::NotSent {
        why: "the probe has no targets".to_owned(),
    };
    for target in targets {
        match pool.read(&target.url, READ_LIMIT, linearizable_read).await {
            Ok(revision) => return Ok(revision),
            Err(error) => last = error,
        }
    }
    Err(last)
}
