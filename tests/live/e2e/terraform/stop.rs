//! A signal while Terraform works: one interrupt, a process that ends in time, and a run that is waited for afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rehull_core::domain::terraform::{TerraformProgress, TerraformStage};
use rehull_core::domain::waiting::WaitingOn;
use rehull_core::event::What;
use rustix::process::Signal;

use super::{cluster, nothing_is_left, render};
use crate::e2e::rig::LIMIT;

/// Real Terraform, whose apply takes ten seconds more and does not hurry when it is interrupted, as one that waits for AWS.
const SLOW: &str = r#"#!/bin/sh
if [ "$1" = apply ]; then
  trap 'echo once >> "$HOME/interrupts"' INT
  n=0
  while [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  trap - INT
fi
exec terraform "$@"
"#;

fn applies(what: &What) -> bool {
    let What::Waiting { waiting, .. } = what else {
        return false;
    };
    let apply = |on: &WaitingOn| {
        matches!(
            on,
            WaitingOn::Terraform {
                progress: Some(TerraformProgress {
                    stage: TerraformStage::Apply,
                    ..
                })
            }
        )
    };
    waiting.iter().any(|waiting| apply(&waiting.on))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_interrupts_terraform_once_and_whoever_resumes_waits_for_what_goes_on() {
    let Some(sandbox) = cluster("tf-stop", &["3.5.33", "3.6.14"]).await else {
        return;
    };
    sandbox.is_settled_at("3.5.33").await;
    let home = sandbox.info.dir.join("home");
    fs::create_dir(&home).unwrap();
    let slow = home.join("slow-terraform");
    fs::write(&slow, SLOW).unwrap();
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o700)).unwrap();
    sandbox.edit("standIn: true", "standIn: true, program: slow-terraform");
    sandbox.pin("3.6.14");
    render(&sandbox).await;
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    let environment = [("PATH", path.as_str()), ("HOME", home.to_str().unwrap())];

    let apply = ["apply", "cluster.yaml", "--yes", "--output", "json"];
    let mut run = sandbox.start_with(&environment, &apply);
    run.until_event("an apply of terraform", applies).await;
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
    assert_eq!(
        fs::read_to_string(home.join("interrupts")).unwrap(),
        "once\n",
        "{resumed}"
    );
    sandbox.is_settled_at("3.6.14").await;
    nothing_is_left(&sandbox);
    sandbox.down().await;
}
