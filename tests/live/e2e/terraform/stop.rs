//! A signal while Terraform works: one interrupt, a process that ends in time, and a run that is waited for afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rehull_core::domain::action::Action;
use rehull_core::domain::terraform::{TerraformProgress, TerraformStage};
use rehull_core::domain::waiting::WaitingOn;
use rehull_core::event::What;
use rustix::process::Signal;

use super::{cluster, nothing_is_left, render};
use crate::e2e::rig::{LIMIT, Sandbox};
use crate::support::eventually;
use crate::terraform::rig::terraform_or_say;

/// Real Terraform that takes its time, as one that waits for AWS: `show` three seconds more, `apply` ten, in which it does not
/// hurry when it is interrupted. It notes every interrupt and every apply.
const SLOW: &str = r#"#!/bin/sh
if [ "$1" = show ]; then sleep 3; fi
if [ "$1" = apply ]; then
  echo begun >> "$HOME/applies"
  trap 'echo once >> "$HOME/interrupts"' INT
  n=0
  while [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  trap - INT
fi
exec terraform "$@"
"#;

/// A home with that program in it, which the cluster file names; and the environment to run rehull in.
struct Slow {
    home: PathBuf,
    path: String,
}

impl Slow {
    fn of(sandbox: &Sandbox) -> Self {
        let home = sandbox.info.dir.join("home");
        fs::create_dir(&home).unwrap();
        let slow = home.join("slow-terraform");
        fs::write(&slow, SLOW).unwrap();
        fs::set_permissions(&slow, fs::Permissions::from_mode(0o700)).unwrap();
        sandbox.edit("standIn: true", "standIn: true, program: slow-terraform");
        let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
        Self { home, path }
    }

    fn environment(&self) -> [(&str, &str); 2] {
        [
            ("PATH", self.path.as_str()),
            ("HOME", self.home.to_str().unwrap()),
        ]
    }

    fn noted(&self, what: &str) -> String {
        fs::read_to_string(self.home.join(what)).unwrap_or_default()
    }
}

const APPLY: [&str; 5] = ["apply", "cluster.yaml", "--yes", "--output", "json"];

/// A cluster of yesterday, the pin of today, and a Terraform that takes its time.
async fn before_an_upgrade(name: &str) -> Option<(Sandbox, Slow)> {
    let sandbox = cluster(name, &["3.5.33", "3.6.14"]).await?;
    sandbox.is_settled_at("3.5.33").await;
    let slow = Slow::of(&sandbox);
    sandbox.pin("3.6.14");
    render(&sandbox).await;
    Some((sandbox, slow))
}

fn is_at(what: &What, wanted: TerraformStage) -> bool {
    let What::Waiting { waiting, .. } = what else {
        return false;
    };
    let at = |on: &WaitingOn| matches!(on, WaitingOn::Terraform { progress: Some(TerraformProgress { stage, .. }) } if *stage == wanted);
    waiting.iter().any(|waiting| at(&waiting.on))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_interrupts_terraform_once_and_whoever_resumes_waits_for_what_goes_on() {
    let Some((sandbox, slow)) = before_an_upgrade("tf-stop").await else {
        return;
    };
    let environment = slow.environment();
    let mut run = sandbox.start_with(&environment, &APPLY);
    run.until_event("an apply of terraform", |what| is_at(what, TerraformStage::Apply))
        .await;
    run.signal(Signal::TERM);
    let asked = Instant::now();
    let stopped = run.end(LIMIT).await.exits(75);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    let rollout = sandbox.newest_rollout();
    stopped.says(&[
        "terraform was asked to wind up and is still at it",
        &format!("rehull resume {rollout} waits for it"),
    ]);

    let resumed = sandbox
        .run_with(&environment, &["resume", &rollout, "--output", "json"])
        .await
        .exits(0);
    assert_eq!(slow.noted("interrupts"), "once\n", "{resumed}");
    assert_eq!(slow.noted("applies"), "begun\n", "{resumed}");
    sandbox.edit(", program: slow-terraform", "");
    sandbox.is_settled_at("3.6.14").await;
    nothing_is_left(&sandbox);
    sandbox.down().await;
}

/// In the middle of an apply, not before it: the run goes on without anybody, and it is the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rehull_killed_in_an_apply_leaves_it_alone_and_whoever_resumes_waits_for_its_end() {
    let Some((sandbox, slow)) = before_an_upgrade("tf-apply-kill").await else {
        return;
    };
    let environment = slow.environment();
    let mut run = sandbox.start_with(&environment, &APPLY);
    run.until_event("an apply of terraform", |what| is_at(what, TerraformStage::Apply))
        .await;
    eventually("an apply that has begun", LIMIT, async || {
        (!slow.noted("applies").is_empty()).then_some(())
    })
    .await;
    run.signal(Signal::KILL);
    run.end(LIMIT).await;
    let rollout = sandbox.newest_rollout();
    // The dead one's lease has to run out first: by then that apply may have come to its end, or may not.
    let resumed = sandbox
        .run_with(&environment, &["resume", &rollout, "--output", "json"])
        .await
        .exits(0);
    // Neither interrupted nor begun anew, and no version was made beside it.
    assert_eq!(slow.noted("interrupts"), "", "{resumed}");
    assert_eq!(slow.noted("applies"), "begun\n", "{resumed}");
    let by_api = |action: &Action| matches!(action, Action::CreateTemplateVersion { .. });
    assert!(!resumed.actions().iter().any(by_api), "{resumed}");
    sandbox.edit(", program: slow-terraform", "");
    sandbox.is_settled_at("3.6.14").await;
    nothing_is_left(&sandbox);
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_a_plan_is_compared_begins_no_apply() {
    let Some((sandbox, slow)) = before_an_upgrade("tf-held").await else {
        return;
    };
    let mut run = sandbox.start_with(&slow.environment(), &APPLY);
    run.until_event("a comparison", |what| is_at(what, TerraformStage::Compare))
        .await;
    run.signal(Signal::TERM);
    run.end(LIMIT).await.exits(75);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(slow.noted("applies"), "");
    // It can start programs and has values in clear, and so has what was shown of it.
    let tries = sandbox
        .info
        .dir
        .join(".rehull/rollouts")
        .join(sandbox.newest_rollout())
        .join("terraform");
    assert!(tries.join("1/plan/run.json").exists());
    for left in ["1/plan/plan", "1/show/stream.jsonl"] {
        assert!(!tries.join(left).exists(), "{left}");
    }
    sandbox.run(&["abort", &sandbox.newest_rollout()]).await.exits(0);
    sandbox.down().await;
}

/// Its computer sleeps between the plan and the apply; meanwhile a person ends the rollout from another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_wakes_behind_its_plan_begins_no_apply_once_the_rollout_was_ended() {
    let Some((sandbox, slow)) = before_an_upgrade("tf-woken").await else {
        return;
    };
    let mut run = sandbox.start_with(&slow.environment(), &APPLY);
    run.until_event("a comparison", |what| is_at(what, TerraformStage::Compare))
        .await;
    run.signal(Signal::STOP);
    let rollout = sandbox.newest_rollout();
    sandbox.run(&["abort", &rollout]).await.exits(0);
    run.signal(Signal::CONT);
    let woken = run.end(LIMIT).await;
    assert_ne!(woken.code, Some(0), "{woken}");
    assert_eq!(slow.noted("applies"), "", "{woken}");
    sandbox.runs("3.5.33").await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_in_an_apply_of_infrastructure_is_passed_on_once_and_its_end_is_told() {
    if terraform_or_say().is_none() {
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-infra-stop", &["3.5.33"], 3, true).await else {
        return;
    };
    let slow = Slow::of(&sandbox);
    let base = sandbox.info.dir.join("base");
    fs::create_dir(&base).unwrap();
    fs::write(
        base.join("main.tf"),
        "resource \"terraform_data\" \"network\" {}\n",
    )
    .unwrap();
    let apply = ["apply", "cluster.yaml", "--infrastructure", "base", "--yes"];
    let mut run = sandbox.start_with(&slow.environment(), &apply);
    eventually("an apply", LIMIT, async || {
        (!slow.noted("applies").is_empty()).then_some(())
    })
    .await;
    // It has to hear what it has begun before it can pass anything on.
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.signal(Signal::TERM);
    let ended = run.end(LIMIT).await.exits(0);
    ended.says(&["terraform is asked to wind up", "a second plan is empty"]);
    assert_eq!(slow.noted("interrupts"), "once\n");
    assert_eq!(slow.noted("applies"), "begun\n");
    sandbox.down().await;
}
