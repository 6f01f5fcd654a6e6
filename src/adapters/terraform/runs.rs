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
use rehull_core::ports::{ApprovedRun, PortError, TerraformJobs};
use rehull_core::tfrun::Said;
use tokio::task::JoinHandle;

use super::attempt::{APPLY, Attempt, Judge, Proposal, Tell, Unfit, refused};
use super::error::TerraformError;
use super::{Job, Terraform};
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

    /// Passes one interrupt on to what still goes on, and gives it some time to wind up. True: it still lives afterwards.
    pub async fn wind_up(&self, patience: Duration) -> bool {
        let folders: Vec<PathBuf> = own(&self.own)
            .values()
            .filter(|own| !own.task.is_finished())
            .filter_map(|own| shared(&own.shared).job.clone())
            .collect();
        let mut left = patience;
        let mut lives = false;
        for folder in folders {
            let Ok(mut job) = Job::attach(&folder) else {
                continue;
            };
            if let Err(error) = job.interrupt() {
                tracing::info!(%error, "terraform could not be interrupted");
            }
            loop {
                match job.hear() {
                    Ok(heard) if heard.outcome.is_none() => {}
                    Ok(_) | Err(_) => break,
                }
                if left.is_zero() {
                    lives = true;
                    break;
                }
                pause(LOOK_EVERY).await;
                left = left.saturating_sub(LOOK_EVERY);
            }
        }
        lives
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
        tries.flat_map(|one| folders(&one)).find(|run| {
            let heard = Job::attach(run).and_then(|mut job| job.hear());
            heard.is_ok_and(|heard| heard.outcome.is_none())
        })
    }

    /// An `apply` of an earlier process that goes on.
    fn left_alive(&self, rollout: &RolloutId) -> Option<TerraformProgress> {
        let attempts = fs::read_dir(self.folder(rollout)).ok()?;
        attempts.flatten().find_map(|attempt| {
            let mut job = Job::attach(&attempt.path().join(APPLY)).ok()?;
            let heard = job.hear().ok()?;
            let (done, of) = counted(&heard.said);
            heard.outcome.is_none().then_some(TerraformProgress {
                stage: TerraformStage::Apply,
                done,
                of,
            })
        })
    }

    /// A new folder; its number is the attempt of this machine.
    fn attempt(&self, rollout: &RolloutId) -> Result<PathBuf, TerraformError> {
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

fn own(own: &Mutex<BTreeMap<RolloutId, Own>>) -> MutexGuard<'_, BTreeMap<RolloutId, Own>> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shared(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TerraformJobs for TerraformRuns {
    async fn start(&self, rollout: &RolloutId, approved: ApprovedRun<'_>) -> Result<(), PortError> {
        if self.left_alive(rollout).is_some() {
            return Ok(());
        }
        let mut runs = own(&self.own);
        if runs.get(rollout).is_some_and(|own| !own.task.is_finished()) {
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
        };
        let state = Arc::new(Mutex::new(Shared {
            run: TerraformRun::Running(TerraformProgress {
                stage: TerraformStage::Init,
                done: 0,
                of: 0,
            }),
            ..Shared::default()
        }));
        let told = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let ended = work.run(&told).await;
            shared(&told).run = match ended {
                Ok(()) => TerraformRun::Applied,
                Err(Unfit { why, help }) => TerraformRun::Failed { why, help },
            };
        });
        runs.insert(rollout.clone(), Own { shared: state, task });
        Ok(())
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<TerraformRun, PortError> {
        let known = own(&self.own)
            .get(rollout)
            .map(|own| (shared(&own.shared).run.clone(), own.task.is_finished()));
        Ok(match known {
            Some((TerraformRun::Running(_), true)) => TerraformRun::Failed {
                why: "the task that listened to it broke off".to_owned(),
                help: String::new(),
            },
            Some((run, _)) => run,
            None => self
                .left_alive(rollout)
                .map_or(TerraformRun::Absent, TerraformRun::Running),
        })
    }
}

/// One attempt.
struct Work {
    parts: Arc<Parts>,
    folder: PathBuf,
    change: TerraformChange,
    manifest: Manifest,
    envelope: ContentDigest,
}

impl Work {
    async fn run(&self, state: &Mutex<Shared>) -> Result<(), Unfit> {
        let tell = |stage: TerraformStage, said: &[Said], job: Option<&Path>| {
            let mut shared = shared(state);
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
                | TerraformStage::Verify => (0, 0),
            };
            shared.run = TerraformRun::Running(TerraformProgress { stage, done, of });
            shared.job = job.map(Path::to_owned);
        };
        let ended = self.apply(&tell).await;
        // What is left is a plan that can start programs, and streams; of a run that went well nobody reads them.
        let plan = self.folder.join("plan").join("plan");
        let removed = match &ended {
            Ok(()) => fs::remove_dir_all(&self.folder),
            Err(_) if plan.exists() => fs::remove_file(plan),
            Err(_) => Ok(()),
        };
        if let Err(error) = removed {
            tracing::info!(%error, "files of terraform's run could not be removed");
        }
        ended
    }

    async fn apply(&self, tell: Tell<'_>) -> Result<(), Unfit> {
        let Parts { terraform, judge } = self.parts.as_ref();
        let attempt = Attempt::begin(terraform, &self.folder, Some(&self.change.variables), tell)?;
        let mode = judge.upgrade(&self.change);
        let proposal = attempt
            .propose(mode, Some(&self.envelope), judge.key.as_ref())
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
        attempt.apply(&file).await?;
        if attempt.verify().await? {
            return Ok(());
        }
        Err(Unfit::new(
            "it was applied, and a second plan is not empty: something does not stay as it was written",
            "look at `terraform plan` of the module; what keeps changing wants `ignore_changes` or the value that the provider reads back",
        ))
    }
}

/// Changes that are done, and that were announced.
fn counted(said: &[Said]) -> (usize, usize) {
    let done = said.iter().filter(|said| matches!(said, Said::Completed { .. }));
    let announced = said.iter().filter(|said| matches!(said, Said::Planned { .. }));
    (done.count(), announced.count())
}
