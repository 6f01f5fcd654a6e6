//! Terraform or OpenTofu as a program: started with what it needs and nothing else, listened to, interrupted once, and never
//! taken at its exit code alone (`rehull_core::tfrun`).
//!
//! A run is a *job*: it lives in its own folder and its own process group, writes its stream to a file, and goes on when this
//! process dies. Whoever opens the folder later reads how it ended. So nothing breaks a pipe (a reader that goes away kills
//! Terraform in the middle of a change, and its state lock stays: seen with 1.11.4), and a killed rehull leaves no half run.

mod asked;
mod attempt;
mod backend;
mod begins;
mod called;
mod covered;
mod error;
mod files;
mod hidden;
mod job;
mod keys;
mod leads;
mod listed;
mod locked;
mod looks;
mod modules;
mod reads;
#[cfg(test)]
mod rig;
mod runs;
mod scan;
mod sources;
mod turn;
mod unfit;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub use attempt::{Attempt, Judge, Proposal, Tell, refused};
pub use error::TerraformError;
pub use files::PlanFile;
pub use job::{Heard, Job};

use rehull_core::tfrun::Command;
pub use runs::{TerraformRuns, interrupt};
pub use turn::apply;
pub use unfit::Unfit;

/// One root module, and the program that works on it.
#[derive(Clone, Debug)]
pub struct Terraform {
    /// `terraform`, `tofu` or a path.
    pub binary: PathBuf,
    /// Folder of the root module.
    pub module: PathBuf,
    /// File of that folder for `init -backend-config`.
    pub backend_config: Option<PathBuf>,
    /// The environment of this process; what may reach Terraform is chosen from it.
    pub environment: Vec<(OsString, OsString)>,
    /// How long the lock of the state is waited for, in seconds: by a plan itself, for an apply by whoever wants one.
    pub lock_timeout: u32,
}

impl Terraform {
    /// Begins `init`. The lock file is not touched: what providers run is decided in a pull request.
    pub fn init(&self, run: &Path) -> Result<Job, TerraformError> {
        let run = files::create(run)?;
        let mut words = ["init", "-lockfile=readonly", JSON, NO_INPUT]
            .map(OsString::from)
            .to_vec();
        let backend = self.backend_config.iter();
        words.extend(backend.map(|file| flag("-backend-config=", file.as_os_str())));
        Job::start(self, Command::Init, &run, &words)
    }

    /// Begins `plan`. Its file lies in the folder of the run; it holds secrets and can start programs, so nobody else may
    /// read or write it.
    pub fn plan(&self, run: &Path, variables: &[PathBuf]) -> Result<Job, TerraformError> {
        let run = files::create(run)?;
        let mut words = ["plan", "-detailed-exitcode", JSON, NO_INPUT]
            .map(OsString::from)
            .to_vec();
        words.push(self.lock());
        words.push(flag("-out=", files::plan_in(&run).as_os_str()));
        words.extend(variables.iter().map(|file| flag("-var-file=", file.as_os_str())));
        Job::start(self, Command::Plan, &run, &words)
    }

    /// Begins `apply` of exactly this plan. No variables beside it: Terraform refuses them in clear text, also sensitive ones.
    /// It does not wait for the lock of the state: what was asked before it began would be long ago.
    ///
    /// # Errors
    /// [`TerraformError::PlanChanged`] if the file is not the one that was planned.
    pub fn apply(&self, run: &Path, plan: &PlanFile) -> Result<Job, TerraformError> {
        plan.verify()?;
        let run = files::create(run)?;
        let mut words = ["apply", JSON, NO_INPUT, "-lock-timeout=0s"]
            .map(OsString::from)
            .to_vec();
        words.push(plan.path().into());
        Job::start(self, Command::Apply, &run, &words)
    }

    /// What is in a plan, as JSON (`show -json`), for the gate. It goes to a file, because it has the secrets, too.
    ///
    /// # Errors
    /// [`TerraformError::PlanChanged`] if the file is not the one that was planned; [`TerraformError::Failed`] if it cannot be
    /// shown.
    pub async fn show(&self, run: &Path, plan: &PlanFile) -> Result<PathBuf, TerraformError> {
        plan.verify()?;
        let run = files::create(run)?;
        let mut words = ["show", JSON, "-no-color"].map(OsString::from).to_vec();
        words.push(plan.path().into());
        job::to_its_end(self, &run, &words).await
    }

    /// The same, waiting for a lock for so many seconds.
    #[must_use]
    pub fn with_patience(&self, lock_timeout: u32) -> Self {
        Self {
            lock_timeout,
            ..self.clone()
        }
    }

    /// Frees the lock with this id.
    ///
    /// # Errors
    /// [`TerraformError::Failed`]: there is none, or another one.
    pub async fn force_unlock(&self, run: &Path, id: &str) -> Result<PathBuf, TerraformError> {
        let run = files::create(run)?;
        let words = ["force-unlock", "-force", "-no-color", id].map(OsString::from);
        job::to_its_end(self, &run, &words).await
    }

    /// `version -json`, with the providers that `init` has chosen; returns the file with the answer.
    async fn version(&self, run: &Path) -> Result<PathBuf, TerraformError> {
        let run = files::create(run)?;
        job::to_its_end(self, &run, &["version", JSON].map(OsString::from)).await
    }

    fn lock(&self) -> OsString {
        format!("-lock-timeout={}s", self.lock_timeout).into()
    }
}

const JSON: &str = "-json";
/// Without it a missing variable is asked for, and nobody is there to answer.
const NO_INPUT: &str = "-input=false";

fn flag(name: &str, value: &OsStr) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(value);
    flag
}
