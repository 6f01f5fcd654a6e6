//! The run of Terraform of a rollout, beside the loop: plan again, compare with what was approved, apply, plan once more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::domain::ids::{ContentDigest, RolloutId};
use rehull_core::domain::terraform::{
    Manifest, TerraformChange, TerraformProgress, TerraformRun, TerraformStage,
};
use rehull_core::ports::{ApprovedRun, LeaseState, PortError, TerraformJobs};
use rehull_core::tfplan::Belongs;
use rehull_core::tfrun::Said;
use tokio::task::JoinHandle;

use super::attempt::{APPLY, Attempt, Judge, Proposal, Tell, refused};
use super::error::TerraformError;
use super::unfit::Unfit;
use super::{Job, Terraform, files, turn};
use crate::adapters::clock::pause;

const FOLDER: &str = "terraform";
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The runs of this process, and those of earlier ones that still live on this machine.
pub struct TerraformRuns {
    parts: Arc<Parts>,
    /// Folder of the rollouts of this machine.
    rollouts: PathBuf,
    own: Mutex<BTreeMap<RolloutId, Own>>,
}

struct Parts {
    terraform: Terraform,
    judge: Judge,
}

struct Own {
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

/// What the task and the port share.
#[derive(Default)]
struct Shared {
    run: TerraformRun,
    /// The run of the program that goes on now.
    job: Option<PathBuf>,
    announced: usize,
    done: usize,
}

impl TerraformRuns {
    /// None runs yet.
    #[must_use]
    pub fn new(terraform: Terraform, judge: Judge, rollouts: PathBuf) -> Self {
        Self {
            parts: Arc::new(Parts { terraform, judge }),
            rollouts,
            own: Mutex::new(BTreeMap::new()),
        }
    }

    /// The program and its module.
    #[must_use]
    pub fn terraform(&self) -> &Terraform {
        &self.parts.terraform
    }

    /// How plans are judged.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        &self.parts.judge
    }

    /// Nothing new is begun from here on; what goes on gets one interrupt and some time to wind up. True: it still lives
    /// afterwards. No plan of the rollout stays, whoever has made it: it can start programs, and has values in clear.
    pub async fn wind_up(&self, rollout: &RolloutId, patience: Duration) -> bool {
        let mut folders = Vec::new();
        let owned = std::mem::take(&mut *own(&self.own));
        for mut one in owned.into_values() {
            // Whoever listens also begins what comes next: it has to be gone before anybody looks what goes on.
            one.task.abort();
            let _ = (&mut one.task).await;
            folders.extend(shared(&one.shared).job.clone());
        }
        let mut left = patience;
        let mut lives = false;
        for folder in folders {
            lives |= interrupt(&folder, &mut left).await;
        }
        self.forget_plans(rollout);
        lives
    }

    /// Of every try that no apply works on.
    fn forget_plans(&self, rollout: &RolloutId) {
        let tries = fs::read_dir(self.folder(rollout)).into_iter().flatten().flatten();
        let ended = tries
            .map(|one| one.path())
            .filter(|one| !is_alive(&one.join(APPLY)));
        for one in ended {
            if let Err(error) = files::forget_plan(&one) {
                tracing::info!(%error, "the plan of an earlier run of terraform could not be removed");
            }
        }
    }

    fn folder(&self, rollout: &RolloutId) -> PathBuf {
        self.rollouts.join(rollout.as_str()).join(FOLDER)
    }

    /// A run of any rollout that lives on this machine.
    #[must_use]
    pub fn any_alive(&self) -> Option<PathBuf> {
        let folders = |path: &Path| {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let rollouts = folders(&self.rollouts).into_iter();
        let tries = rollouts.flat_map(|rollout| folders(&rollout.join(FOLDER)));
        tries.flat_map(|one| folders(&one)).find(|run| is_alive(run))
    }

    /// The try of an earlier process whose `apply` goes on.
    fn left_alive(&self, rollout: &RolloutId) -> Option<PathBuf> {
        let tries = fs::read_dir(self.folder(rollout)).ok()?;
        tries
            .flatten()
            .map(|one| one.path())
            .find(|one| is_alive(&one.join(APPLY)))
    }

    /// Begins a task, and remembers it.
    fn begin<F>(&self, rollout: &RolloutId, stage: TerraformStage, work: impl FnOnce(Arc<Mutex<Shared>>) -> F)
    where
        F: Future<Output = Result<(), Unfit>> + Send + 'static,
    {
        let told = Arc::new(Mutex::new(Shared {
            run: TerraformRun::Running(TerraformProgress {
                stage,
                done: 0,
                of: 0,
            }),
            ..Shared::default()
        }));
        let work = work(Arc::clone(&told));
        let kept = Arc::clone(&told);
        let task = tokio::spawn(async move {
            let ended = work.await;
            shared(&told).run = match ended {
                Ok(()) => TerraformRun::Applied,
                Err(Unfit { why, help }) => TerraformRun::Failed { why, help },
            };
        });
        own(&self.own).insert(rollout.clone(), Own { shared: kept, task });
    }

    /// Takes up what an earlier process has left alive: its end counts as if it had been begun here.
    fn take_up(&self, rollout: &RolloutId) -> bool {
        let Some(folder) = self.left_alive(rollout) else {
            return false;
        };
        let parts = Arc::clone(&self.parts);
        self.begin(rollout, TerraformStage::Apply, |state| async move {
            follow(&parts.terraform, &folder, &state).await
        });
        true
    }

    /// A new folder; its number is the attempt of this machine.
    fn attempt(&self, rollout: &RolloutId) -> Result<PathBuf, TerraformError> {
        self.forget_plans(rollout);
        let folder = self.folder(rollout);
        fs::create_dir_all(&folder).map_err(TerraformError::file(&folder))?;
        let last = fs::read_dir(&folder)
            .map_err(TerraformError::file(&folder))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .max();
        Ok(folder.join(last.map_or(1, |last| last.saturating_add(1)).to_string()))
    }
}

fn is_alive(run: &Path) -> bool {
    let heard = Job::attach(run).and_then(|mut job| job.hear());
    heard.is_ok_and(|heard| heard.outcome.is_none())
}

fn own(own: &Mutex<BTreeMap<RolloutId, Own>>) -> MutexGuard<'_, BTreeMap<RolloutId, Own>> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shared(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes one interrupt on to a run, and waits for its end as long as there is time. True: it still lives.
pub async fn interrupt(folder: &Path, left: &mut Duration) -> bool {
    let Ok(mut job) = Job::attach(folder) else {
        return false;
    };
    if let Err(error) = job.interrupt() {
        tracing::info!(%error, "terraform could not be interrupted");
    }
    loop {
        match job.hear() {
            Ok(heard) if heard.outcome.is_none() => {}
            Ok(_) | Err(_) => return false,
        }
        if left.is_zero() {
            return true;
        }
        pause(LOOK_EVERY).await;
        *left = left.saturating_sub(LOOK_EVERY);
    }
}

#[async_trait]
impl TerraformJobs for TerraformRuns {
    async fn start(&self, rollout: &RolloutId, approved: ApprovedRun<'_>) -> Result<(), PortError> {
        let runs = own(&self.own)
            .get(rollout)
            .is_some_and(|own| !own.task.is_finished());
        if runs || self.take_up(rollout) {
            return Ok(());
        }
        let folder = self.attempt(rollout).map_err(|error| PortError::NotSent {
            why: error.to_string(),
        })?;
        let work = Work {
            parts: Arc::clone(&self.parts),
            folder,
            change: approved.change.clone(),
            manifest: approved.manifest.clone(),
            envelope: approved.envelope.clone(),
            lease: Arc::clone(approved.lease),
        };
        self.begin(rollout, TerraformStage::Init, |state| async move {
            work.run(&state).await
        });
        Ok(())
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<TerraformRun, PortError> {
        if !own(&self.own).contains_key(rollout) && !self.take_up(rollout) {
            return Ok(TerraformRun::Absent);
        }
        let runs = own(&self.own);
        let Some(known) = runs.get(rollout) else {
            return Ok(TerraformRun::Absent);
        };
        let run = shared(&known.shared).run.clone();
        // Asked after the state was read: one that ends between the two looks is finished in the next.
        if matches!(run, TerraformRun::Running(_)) && known.task.is_finished() {
            let now = shared(&known.shared).run.clone();
            if matches!(now, TerraformRun::Running(_)) {
                return Ok(TerraformRun::Failed {
                    why: "the task that listened to it broke off".to_owned(),
                    help: String::new(),
                });
            }
            return Ok(now);
        }
        Ok(run)
    }
}

/// One attempt.
struct Work {
    parts: Arc<Parts>,
    folder: PathBuf,
    change: TerraformChange,
    manifest: Manifest,
    envelope: ContentDigest,
    lease: Arc<dyn LeaseState>,
}

impl Work {
    async fn run(&self, state: &Mutex<Shared>) -> Result<(), Unfit> {
        let tell = |stage: TerraformStage, said: &[Said], job: Option<&Path>| note(state, stage, said, job);
        let ended = self.apply(&tell).await;
        tidy_up(&self.folder, ended.is_ok());
        ended
    }

    async fn apply(&self, tell: Tell<'_>) -> Result<(), Unfit> {
        let Parts { terraform, judge } = self.parts.as_ref();
        let attempt = Attempt::begin(terraform, &self.folder, Some(&self.change.variables), tell)?;
        let mode = judge.upgrade(&self.change);
        let proposal = attempt
            .propose(mode, Belongs::Rollout(self.envelope.clone()), judge.key.as_ref())
            .await?;
        // Nothing left to change: an earlier process has applied it, and EC2 will list it.
        let Proposal::Plan(decision, file) = proposal else {
            return Ok(());
        };
        if let Some(unfit) = refused(&decision) {
            return Err(unfit);
        }
        let Some(now) = &decision.manifest else {
            return Ok(());
        };
        let beyond = self.manifest.beyond(now);
        if !beyond.is_empty() {
            let beyond: Vec<String> = beyond.iter().map(ToString::to_string).collect();
            return Err(Unfit::new(
                format!(
                    "what it would do now is not what was approved: {}",
                    beyond.join("; ")
                ),
                "end this rollout with rehull abort, look at the plan of now, and approve that",
            ));
        }
        turn::apply(&attempt, &file, self.lease.as_ref()).await?;
        verified(&attempt).await
    }
}

/// To the end of an apply that an earlier process has begun, and to a second plan that is empty.
async fn follow(terraform: &Terraform, folder: &Path, state: &Mutex<Shared>) -> Result<(), Unfit> {
    let tell = |stage: TerraformStage, said: &[Said], job: Option<&Path>| note(state, stage, said, job);
    let attempt = Attempt::again(terraform, folder, &tell)?;
    let ended = match attempt.follow().await {
        Ok(()) => verified(&attempt).await,
        Err(unfit) => Err(unfit),
    };
    tidy_up(folder, ended.is_ok());
    ended
}

async fn verified(attempt: &Attempt<'_>) -> Result<(), Unfit> {
    if attempt.verify().await? {
        return Ok(());
    }
    Err(Unfit::new(
        "it was applied, and a second plan is not empty: something does not stay as it was written",
        "look at `terraform plan` of the module; what keeps changing wants `ignore_changes` or the value that the provider reads back",
    ))
}

fn note(told: &Mutex<Shared>, stage: TerraformStage, said: &[Said], job: Option<&Path>) {
    let mut shared = shared(told);
    let (done, announced) = counted(said);
    if stage == TerraformStage::Apply {
        shared.done = shared.done.saturating_add(done);
        shared.announced = shared.announced.saturating_add(announced);
    }
    let (done, of) = match stage {
        TerraformStage::Apply => (shared.done, shared.announced),
        TerraformStage::Init
        | TerraformStage::Plan
        | TerraformStage::Compare
        | TerraformStage::Lock
        | TerraformStage::Verify => (0, 0),
    };
    shared.run = TerraformRun::Running(TerraformProgress { stage, done, of });
    shared.job = job.map(Path::to_owned);
}

/// What is left is a plan that can start programs, and streams; of a run that went well nobody reads them.
fn tidy_up(folder: &Path, went_well: bool) {
    let removed = if went_well {
        fs::remove_dir_all(folder)
    } else {
        files::forget_plan(folder)
    };
    if let Err(error) = removed {
        tracing::info!(%error, "files of terraform's run could not be removed");
    }
}

/// Changes that are done, and that were announced.
fn counted(said: &[Said]) -> (usize, usize) {
    let done = said.iter().filter(|said| matches!(said, Said::Completed { .. }));
    let announced = said.iter().filter(|said| matches!(said, Said::Planned { .. }));
    (done.count(), announced.count())
}

#[cfg(test)]
mod tests;
