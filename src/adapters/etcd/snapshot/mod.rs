//! The snapshot of a rollout: streamed from a follower, verified, test-restored, uploaded, and then stated as a fact.
//!
//! ```text
//! follower ─stream─▶ private file ─trailing SHA-256─▶ restore with the real tool ─▶ sink ─▶ rollouts/<id>/snapshot.json
//! ```
//! It runs beside the loop. `Done` is only ever said of the fact in the store, so a process that dies anywhere before
//! it leaves nothing behind that could be taken for a snapshot.

mod source;
mod stream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::{RolloutId, SlotName};
use rehull_core::domain::observed::{JobState, SnapshotFact};
use rehull_core::ports::{PortError, SnapshotJobs, Store, StoreError};
use tokio::task::{AbortHandle, JoinSet};

use super::pool::EtcdPool;
use super::restore_check::RestoreTool;
use crate::adapters::clock::pause;
use crate::adapters::scratch::Scratch;

const FACT_FORMAT: u32 = 1;
/// Of scratch directories.
const PREFIX: &str = "snapshot-";
/// Writing the fact is the last step of minutes of work, so a store that hiccups is given a few chances.
const FACT_TRIES: u32 = 5;
const FACT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where snapshots go: a prefix that no machine may read.
#[async_trait]
pub trait SnapshotSink: Send + Sync {
    /// Uploads a file with server-side encryption; returns when it is durable. An existing object of this key has the
    /// same content (the key names it) and may be kept or overwritten.
    async fn put_file(&self, key: &str, path: &Path) -> Result<(), PortError>;
}

/// What a snapshot job needs besides etcd.
pub struct SnapshotParts {
    /// Clients of the members.
    pub pool: Arc<EtcdPool>,
    /// Where the fact is written.
    pub store: Arc<dyn Store>,
    /// Where the snapshot is uploaded.
    pub sink: Arc<dyn SnapshotSink>,
    /// The real program that must be able to restore it.
    pub tool: RestoreTool,
    /// Directory for the stream and the test restore: needs room for twice the database.
    pub scratch: PathBuf,
}

/// Snapshot jobs of this process. Dropping it ends them and removes their files.
pub struct EtcdSnapshots {
    parts: Arc<SnapshotParts>,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    tasks: JoinSet<()>,
    states: BTreeMap<RolloutId, (Arc<Job>, AbortHandle)>,
}

/// What the task and the port share.
#[derive(Default)]
struct Job {
    bytes: AtomicU64,
    /// `None` while it runs.
    ended: Mutex<Option<Result<(), String>>>,
}

impl Job {
    fn ended(&self) -> MutexGuard<'_, Option<Result<(), String>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Own {
    Never,
    Running(u64),
    Ended(Result<(), String>),
}

impl EtcdSnapshots {
    /// No job runs yet.
    #[must_use]
    pub fn new(parts: SnapshotParts) -> Self {
        Self {
            parts: Arc::new(parts),
            jobs: Mutex::new(Jobs::default()),
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this process knows of the job.
    fn own(&self, rollout: &RolloutId) -> Own {
        let jobs = self.jobs();
        let Some((job, task)) = jobs.states.get(rollout) else {
            return Own::Never;
        };
        let ended = job.ended().clone();
        match ended {
            Some(outcome) => Own::Ended(outcome),
            None if task.is_finished() => Own::Ended(Err("the job broke off".to_owned())),
            None => Own::Running(job.bytes.load(Ordering::Relaxed)),
        }
    }
}

#[async_trait]
impl SnapshotJobs for EtcdSnapshots {
    async fn start(&self, rollout: &RolloutId, slots: &[Slot], running: &SlotName) -> Result<(), PortError> {
        if read_fact(self.parts.store.as_ref(), rollout).await?.is_some() {
            return Ok(());
        }
        if let Own::Running(_) = self.own(rollout) {
            return Ok(());
        }
        let job = Arc::new(Job::default());
        let work = Work {
            parts: Arc::clone(&self.parts),
            rollout: rollout.clone(),
            slots: slots.to_vec(),
            running: running.clone(),
        };
        let mut jobs = self.jobs();
        let shared = Arc::clone(&job);
        let task = jobs.tasks.spawn(async move {
            let outcome = work.run(&shared.bytes).await;
            *shared.ended() = Some(outcome);
        });
        jobs.states.insert(rollout.clone(), (job, task));
        Ok(())
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError> {
        let ended = match self.own(rollout) {
            Own::Running(bytes) => return Ok(JobState::Running { bytes }),
            Own::Never => None,
            Own::Ended(outcome) => Some(outcome),
        };
        if let Some(fact) = read_fact(self.parts.store.as_ref(), rollout).await? {
            return Ok(JobState::Done(fact));
        }
        Ok(match ended {
            None => JobState::Absent,
            Some(Err(why)) => JobState::Failed { why },
            Some(Ok(())) => JobState::Failed {
                why: "the snapshot was taken, but its record is gone from the store".to_owned(),
            },
        })
    }
}

/// One run of the job.
struct Work {
    parts: Arc<SnapshotParts>,
    rollout: RolloutId,
    slots: Vec<Slot>,
    running: SlotName,
}

impl Work {
    /// The error is a sentence for people: nobody decides by it.
    async fn run(&self, bytes: &AtomicU64) -> Result<(), String> {
        let scratch = Scratch::create(&self.parts.scratch, PREFIX).map_err(|error| {
            format!(
                "no scratch directory in {}: {error}",
                self.parts.scratch.display()
            )
        })?;
        let file = scratch.path().join("snapshot.db");
        let slot = source::pick(&self.parts.pool, &self.slots, &self.running)
            .await
            .ok_or_else(|| format!("{} is no slot", self.running))?;
        let streamed = stream::save(&self.parts.pool, &slot.client_url(), &file, bytes)
            .await
            .map_err(|why| format!("streaming from {}: {why}", slot.name))?;
        let revision = self
            .parts
            .tool
            .restore(&file, &scratch.path().join("restored"))
            .await?;
        let start = streamed.sha256.get(..16).unwrap_or_default();
        let fact = SnapshotFact {
            format: FACT_FORMAT,
            key: format!("{}/snapshot-{start}.db", self.rollout),
            bytes: streamed.bytes,
            sha256: streamed.sha256.clone(),
            revision,
            restored_by: self.parts.tool.restored_by(),
        };
        let upload = self.parts.sink.put_file(&fact.key, &file).await;
        upload.map_err(|error| format!("uploading {}: {error}", fact.key))?;
        write_fact(self.parts.store.as_ref(), &self.rollout, &fact).await
    }
}

fn fact_key(rollout: &RolloutId) -> String {
    format!("rollouts/{rollout}/snapshot.json")
}

async fn read_fact(store: &dyn Store, rollout: &RolloutId) -> Result<Option<SnapshotFact>, PortError> {
    let key = fact_key(rollout);
    let Some(stored) = store.get(&key).await.map_err(unread)? else {
        return Ok(None);
    };
    let unreadable = |why: String| PortError::Unreadable {
        text: format!("`{key}`: {why}"),
    };
    let fact: SnapshotFact =
        serde_json::from_slice(&stored.bytes).map_err(|error| unreadable(error.to_string()))?;
    if fact.format != FACT_FORMAT {
        return Err(unreadable(format!("format {} is not known here", fact.format)));
    }
    Ok(Some(fact))
}

fn unread(error: StoreError) -> PortError {
    match error {
        StoreError::Denied { key, action } => PortError::Denied {
            action: format!("{action} on `{key}`"),
        },
        StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. } | StoreError::Unavailable { .. } => {
            PortError::NotSent {
                why: error.to_string(),
            }
        }
    }
}

/// A fact that is there already is as good as ours: it was written after the same steps.
async fn write_fact(store: &dyn Store, rollout: &RolloutId, fact: &SnapshotFact) -> Result<(), String> {
    let bytes = serde_json::to_vec(fact).map_err(|error| error.to_string())?;
    let mut last = String::new();
    for _ in 0..FACT_TRIES {
        match store.create(&fact_key(rollout), &bytes).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error @ StoreError::Denied { .. }) => return Err(error.to_string()),
            Err(error @ (StoreError::OutcomeUnknown { .. } | StoreError::Unavailable { .. })) => {
                last = error.to_string();
            }
        }
        pause(FACT_AGAIN_AFTER).await;
    }
    Err(format!(
        "the snapshot is uploaded, but recording it failed: {last}"
    ))
}
