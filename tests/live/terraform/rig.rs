//! A root module in a folder of its own, and runs beside it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehull::adapters::terraform::{Job, PlanFile, Terraform};
use rehull_core::tfrun::{Outcome, Said, Verdict, what_it_is};
use tempfile::TempDir;

use crate::support::eventually;

/// Nothing here takes long but what is told to.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// `None`, after saying so: Terraform is not installed. The set-up of this project does not install it.
pub(crate) fn terraform_or_say() -> Option<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join("terraform").is_file()) {
        return Some(());
    }
    let why = "terraform is not on the PATH";
    assert!(std::env::var_os("REHULL_REQUIRE_TERRAFORM").is_none(), "{why}");
    eprintln!("skipped: {why}");
    None
}

pub(super) struct Module {
    pub(super) dir: TempDir,
    pub(super) terraform: Terraform,
    runs: Cell<u32>,
}

impl Module {
    /// `None` without Terraform.
    pub(super) fn new(text: &str) -> Option<Self> {
        terraform_or_say()?;
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("module")).unwrap();
        let module = Self {
            terraform: Terraform {
                binary: PathBuf::from("terraform"),
                module: dir.path().join("module"),
                backend_config: None,
                environment: std::env::vars_os().collect(),
                lock_timeout: 0,
            },
            dir,
            runs: Cell::new(0),
        };
        module.write("main.tf", text);
        Some(module)
    }

    /// As [`Self::new`], and initialised.
    pub(super) async fn ready(text: &str) -> Option<Self> {
        let module = Self::new(text)?;
        let init = end(&mut module.terraform.init(&module.run()).unwrap()).await;
        assert_eq!(init.verdict, Verdict::Initialised, "{init:?}");
        Some(module)
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.terraform.module.join(file), text).unwrap();
    }

    /// A folder that is not there yet.
    pub(super) fn run(&self) -> PathBuf {
        self.runs.set(self.runs.get() + 1);
        self.dir.path().join(format!("run-{}", self.runs.get()))
    }

    /// Plans, with these values for variables.
    pub(super) async fn plan(&self, variables: &serde_json::Value) -> (Outcome, PathBuf) {
        let run = self.run();
        let file = self.dir.path().join("values.tfvars.json");
        fs::write(&file, variables.to_string()).unwrap();
        let mut job = self.terraform.plan(&run, &[file]).unwrap();
        (end(&mut job).await, run)
    }

    /// Plans something that has changes.
    pub(super) async fn planned(&self, variables: &serde_json::Value) -> PlanFile {
        let (outcome, run) = self.plan(variables).await;
        assert_eq!(outcome.verdict, Verdict::Changes, "{}", what_it_is(&outcome));
        PlanFile::of_run(&run).unwrap()
    }

    pub(super) async fn apply(&self, plan: &PlanFile) -> Outcome {
        end(&mut self.terraform.apply(&self.run(), plan).unwrap()).await
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.terraform.module.join(".terraform.tfstate.lock.info")
    }
}

pub(super) async fn end(job: &mut Job) -> Outcome {
    eventually("the end of the run", LIMIT, async || job.hear().unwrap().outcome).await
}

/// Waits for a change that has begun.
pub(super) async fn begins(job: &mut Job, address: &str) {
    let is_it = |said: &Said| matches!(said, Said::Started { address: found, .. } if found == address);
    eventually("a change that has begun", LIMIT, async || {
        job.hear().unwrap().said.iter().any(is_it).then_some(())
    })
    .await;
}

/// Every file of a run is for its owner alone.
pub(super) fn is_private(run: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(run), 0o700);
    for entry in fs::read_dir(run).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
