//! Runs that break off, are broken off, or are in each other's way.

use std::fs;
use std::time::Duration;

use rehull::adapters::terraform::Job;
use rehull_core::tfrun::{Outcome, Verdict, what_it_is};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use super::rig::{LIMIT, Module, begins, end};
use crate::support::eventually;

/// What takes as long as one likes, and what fails.
const COMMANDS: &str = r#"
variable "hang" { type = string }
variable "fail" { type = string }
resource "terraform_data" "hang" {
  triggers_replace = [var.hang]
  provisioner "local-exec" { command = var.hang }
}
resource "terraform_data" "fail" {
  triggers_replace = [var.fail]
  provisioner "local-exec" { command = var.fail }
}
resource "terraform_data" "after" { input = terraform_data.fail.id }
"#;

/// A run that has begun a change and stays in it.
async fn hanging(module: &Module) -> Job {
    hanging_for(module, 600).await
}

/// Returns when the command itself runs: a replacement begins with a deletion, which ends.
async fn hanging_for(module: &Module, seconds: u32) -> Job {
    let begun = module.terraform.module.join(format!("begun-{seconds}"));
    let command = format!("touch begun-{seconds}; exec sleep {seconds}");
    let plan = module.planned(&json!({"hang": command, "fail": "true"})).await;
    let mut job = module.terraform.apply(&module.run(), &plan).unwrap();
    begins(&mut job, "terraform_data.hang").await;
    eventually("the command runs", LIMIT, async || begun.exists().then_some(())).await;
    job
}

#[tokio::test]
async fn a_change_that_fails_leaves_a_partial_apply_and_the_next_plan_shows_what_is_left() {
    let Some(module) = Module::ready(COMMANDS).await else {
        return;
    };
    let plan = module.planned(&json!({"hang": "true", "fail": "false"})).await;
    let outcome = module.apply(&plan).await;
    assert_eq!(outcome.verdict, Verdict::PartialApply, "{}", what_it_is(&outcome));
    assert_eq!(outcome.tally.done, ["terraform_data.hang"]);
    assert_eq!(outcome.tally.failed, ["terraform_data.fail"]);
    assert_eq!(outcome.tally.untouched, ["terraform_data.after"]);
    let plan = module.planned(&json!({"hang": "true", "fail": "true"})).await;
    assert_eq!(module.apply(&plan).await.verdict, Verdict::Applied);
}

#[tokio::test]
async fn an_interrupt_is_passed_on_once_and_leaves_a_saved_state_and_no_lock() {
    let Some(module) = Module::ready(COMMANDS).await else {
        return;
    };
    let mut job = hanging(&module).await;
    assert!(module.lock_file().exists());
    assert!(job.interrupt().unwrap());
    // A second one would make it drop its state; neither this process nor the next sends it.
    assert!(!job.interrupt().unwrap());
    let outcome = end(&mut job).await;
    assert_eq!(outcome.verdict, Verdict::Interrupted, "{}", what_it_is(&outcome));
    assert!(!module.lock_file().exists());
    assert!(!job.interrupt().unwrap(), "it has ended");
    let plan = module.planned(&json!({"hang": "true", "fail": "true"})).await;
    assert_eq!(module.apply(&plan).await.verdict, Verdict::Applied);
}

#[tokio::test]
async fn who_holds_the_lock_is_told_and_a_run_that_waits_for_it_can_be_interrupted() {
    let Some(mut module) = Module::ready(COMMANDS).await else {
        return;
    };
    let mut holder = hanging(&module).await;
    let variables = json!({"hang": "true", "fail": "true"});
    let (outcome, _) = module.plan(&variables).await;
    let Verdict::LockBusy(Some(info)) = &outcome.verdict else {
        panic!("{outcome:?}");
    };
    let held: serde_json::Value = serde_json::from_slice(&fs::read(module.lock_file()).unwrap()).unwrap();
    assert_eq!(held["ID"], info.id);
    assert_eq!(held["Who"], info.who);

    module.terraform.lock_timeout = 600;
    let file = module.dir.path().join("values.tfvars.json");
    let mut waiter = module.terraform.plan(&module.run(), &[file]).unwrap();
    eventually("a wait for the lock", Duration::from_secs(60), async || {
        let said = waiter.hear().unwrap().said;
        said.contains(&rehull_core::tfrun::Said::WaitsForLock)
            .then_some(())
    })
    .await;
    waiter.interrupt().unwrap();
    assert_eq!(end(&mut waiter).await.verdict, Verdict::LockInterrupted);
    holder.interrupt().unwrap();
    assert_eq!(end(&mut holder).await.verdict, Verdict::Interrupted);
}

/// What was asked before it began would be long ago: whoever wants it waits, and asks again.
#[tokio::test]
async fn an_apply_never_waits_for_the_lock_and_a_plan_that_is_stale_behind_it_is_refused() {
    let Some(mut module) = Module::ready(COMMANDS).await else {
        return;
    };
    module.terraform.lock_timeout = 600;
    let variables = json!({"hang": "exec sleep 600", "fail": "true"});
    let plan = module.planned(&variables).await;
    let mut holder = hanging(&module).await;
    let busy = module.apply(&plan).await;
    assert!(matches!(busy.verdict, Verdict::LockBusy(Some(_))), "{busy:?}");
    assert!(!busy.tally.has_begun());
    holder.interrupt().unwrap();
    assert_eq!(end(&mut holder).await.verdict, Verdict::Interrupted);
    // The holder has changed the state, so this plan is none any more: Terraform says so, and nothing is begun.
    let stale = module.apply(&plan).await;
    assert_eq!(stale.verdict, Verdict::Stale, "{}", what_it_is(&stale));
}

/// The process that has begun it is gone, as after a SIGKILL: the run goes on, and its end is told to whoever asks.
#[tokio::test]
async fn a_run_outlives_whoever_began_it_and_is_taken_up_from_its_folder() {
    let Some(module) = Module::ready(COMMANDS).await else {
        return;
    };
    let plan = module.planned(&json!({"hang": "sleep 1", "fail": "true"})).await;
    let run = module.run();
    drop(module.terraform.apply(&run, &plan).unwrap());
    let mut job = Job::attach(&run).unwrap();
    let outcome = end(&mut job).await;
    assert_eq!(outcome.verdict, Verdict::Applied, "{}", what_it_is(&outcome));
    assert_eq!(outcome.tally.done.len(), 3);
    assert_eq!(
        end(&mut Job::attach(&run).unwrap()).await,
        outcome,
        "and once more"
    );
}

#[tokio::test]
async fn a_killed_run_says_what_may_have_happened_and_that_its_lock_stays() {
    let Some(module) = Module::ready(COMMANDS).await else {
        return;
    };
    // Terraform alone: the shell around it still writes down how it ended.
    let mut job = hanging(&module).await;
    let pid = terraform_of(&module);
    let group = rustix::process::getpgid(Some(pid)).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    let outcome = end(&mut job).await;
    // What a provisioner has started goes on without it.
    kill_process_group(group, Signal::KILL).unwrap();
    assert_eq!(
        outcome.verdict,
        Verdict::KilledBySignal(9),
        "{}",
        what_it_is(&outcome)
    );
    is_unknown(&outcome, "terraform_data.hang");
    assert!(module.lock_file().exists());
    // A file's lock ends with its process, and only the note stays; an object in S3 would go on locking.

    // All of it together, as when a runner is destroyed. Another command, so that there is a change whatever the killed
    // one has left: Terraform writes a resource down before its provisioners run and taints it only when they have
    // failed, so to the next plan the one it was killed in may look whole.
    let mut job = hanging_for(&module, 601).await;
    let group = rustix::process::getpgid(Some(terraform_of(&module))).unwrap();
    kill_process_group(group, Signal::KILL).unwrap();
    let outcome = end(&mut job).await;
    assert_eq!(outcome.verdict, Verdict::Unseen, "{}", what_it_is(&outcome));
    is_unknown(&outcome, "terraform_data.hang");
}

/// Others may have been in flight beside it.
fn is_unknown(outcome: &Outcome, address: &str) {
    assert!(
        outcome.tally.unknown.iter().any(|found| found == address),
        "{outcome:?}"
    );
}

/// The one whose folder is this module.
fn terraform_of(module: &Module) -> Pid {
    let mut processes = fs::read_dir("/proc").unwrap().flatten();
    let found = processes.find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let is_terraform = line.split(|byte| *byte == 0).next()? == b"terraform";
        let folder = fs::read_link(process.path().join("cwd")).ok()?;
        (is_terraform && folder == module.terraform.module.canonicalize().unwrap())
            .then(|| Pid::from_raw(pid))
            .flatten()
    });
    found.expect("it runs")
}
