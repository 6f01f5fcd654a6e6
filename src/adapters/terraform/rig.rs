//! In place of Terraform: a program that notes how it is called, and finds the lock of the state taken as often as it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rehull_core::tfplan::Templates;
use tempfile::TempDir;

use super::{Judge, PlanFile, Terraform, TerraformRuns};

const BUSY: &str = include_str!("../../../crates/rehull-core/src/tfrun/fixtures/1.11.4/plan-lock-busy.jsonl");
const DONE: &str = include_str!("../../../crates/rehull-core/src/tfrun/fixtures/1.11.4/apply-done.jsonl");

const PROGRAM: &str = r#"#!/bin/sh
echo "$*" >> calls
echo "$1 ${SSH_AUTH_SOCK-} ${TF_TOKEN_example_com-} ${TF_VAR_x-}" >> keys
busy=$(cat busy)
if [ "$busy" -gt 0 ]; then
  echo $((busy-1)) > busy
  cat busy.jsonl
  exit 1
fi
cat done.jsonl
"#;

/// The program and its module, in a folder of their own.
pub(super) struct Rig {
    pub(super) dir: TempDir,
    pub(super) terraform: Terraform,
}

impl Rig {
    pub(super) fn new(busy: u32, lock_timeout: u32) -> Self {
        let dir = TempDir::new().unwrap();
        let binary = dir.path().join("program");
        fs::write(&binary, PROGRAM).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(dir.path().join("busy"), busy.to_string()).unwrap();
        fs::write(dir.path().join("busy.jsonl"), stream(BUSY)).unwrap();
        fs::write(dir.path().join("done.jsonl"), stream(DONE)).unwrap();
        let terraform = Terraform {
            binary,
            module: dir.path().to_owned(),
            backend_config: None,
            environment: std::env::vars_os().collect(),
            lock_timeout,
        };
        Self { dir, terraform }
    }

    /// A plan, as far as this program reads one.
    pub(super) fn plan(&self) -> PlanFile {
        let run = self.dir.path().join("planned");
        fs::create_dir(&run).unwrap();
        fs::write(run.join("plan"), "a plan").unwrap();
        PlanFile::of_run(&run).unwrap()
    }

    pub(super) fn runs(&self) -> TerraformRuns {
        let judge = Judge {
            templates: Templates::StandIn,
            key: None,
        };
        TerraformRuns::new(self.terraform.clone(), judge, self.dir.path().join("rollouts"))
    }

    pub(super) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

/// The last line of a recorded stream is the exit code of its run.
fn stream(recorded: &str) -> String {
    let lines = recorded.split_inclusive('\n');
    lines.filter(|line| !line.starts_with("{\"exit\"")).collect()
}
