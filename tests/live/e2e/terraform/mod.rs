//! The same job with Terraform in the middle: a pin changes, real Terraform plans and applies, the rollout goes on from there.

mod around;
mod canary;
mod provider;
mod stop;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rehull_core::domain::action::Action;
use rehull_core::event::What;
use rustix::process::Signal;

use super::answer::Answer;
use super::load::Load;
use super::rig::{LIMIT, Sandbox};
use crate::terraform::rig::terraform_or_say;

/// A cluster whose launch templates a person has made by hand once, as docs/terraform.md says.
async fn cluster(name: &str, versions: &[&str]) -> Option<Sandbox> {
    terraform_or_say()?;
    let sandbox = Sandbox::up_with(name, versions, 3, true).await?;
    render(&sandbox).await;
    terraform(&sandbox, &["init", "-backend-config=state.s3.tfbackend"]);
    terraform(&sandbox, &["apply", "-auto-approve"]);
    eventually_bootstraps(&sandbox).await;
    Some(sandbox)
}

/// EC2 lists what Terraform has made after a moment; until then rehull says that there is nothing it could go on from.
async fn eventually_bootstraps(sandbox: &Sandbox) {
    eventually_bootstraps_with(sandbox, &[]).await;
}

async fn eventually_bootstraps_with(sandbox: &Sandbox, environment: &[(&str, &str)]) {
    let bootstrap = ["apply", "cluster.yaml", "--bootstrap", "--yes"];
    for _ in 0..30 {
        let answer = sandbox.run_with(environment, &bootstrap).await;
        if answer.code == Some(0) {
            return;
        }
        answer.says(&["EC2 lists no version"]);
    }
    panic!("the launch templates are never listed");
}

fn module(sandbox: &Sandbox) -> PathBuf {
    sandbox.info.dir.join("terraform")
}

async fn render(sandbox: &Sandbox) {
    render_to(sandbox, &module(sandbox)).await;
}

async fn render_to(sandbox: &Sandbox, module: &Path) {
    let rendered = sandbox
        .run(&["render", "--tfvars", "cluster.yaml"])
        .await
        .exits(0);
    fs::write(module.join("rehull.auto.tfvars.json"), rendered.out).unwrap();
}

/// Terraform as a person runs it: not through rehull.
fn terraform(sandbox: &Sandbox, arguments: &[&str]) -> i32 {
    terraform_in(sandbox, &module(sandbox), &[], arguments)
}

fn terraform_in(sandbox: &Sandbox, module: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> i32 {
    let output = Command::new("terraform")
        .args(arguments)
        .args(["-input=false", "-no-color"])
        .current_dir(module)
        .env_remove("TF_CLI_CONFIG_FILE")
        .envs(keys(sandbox))
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    assert!(code != 1, "{}", String::from_utf8_lossy(&output.stderr));
    code
}

fn keys(sandbox: &Sandbox) -> Vec<(String, String)> {
    let text = fs::read_to_string(sandbox.info.credentials_file()).unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

/// What a person's plan says now: nothing.
fn nothing_is_left(sandbox: &Sandbox) {
    assert_eq!(terraform(sandbox, &["plan", "-detailed-exitcode"]), 0);
}

fn digest_of(plan: &Answer) -> String {
    plan.json()["digest"].as_str().unwrap().to_owned()
}

/// The pin, what it renders to, and what the plan of both says; returns the digest that an approval names.
async fn pull_request(sandbox: &Sandbox) -> String {
    sandbox.pin("3.6.14");
    sandbox.run(&["plan", "cluster.yaml"]).await.exits(2).says(&[
        "would take this change back",
        "rehull render --tfvars cluster.yaml >",
    ]);
    render(sandbox).await;
    let shown = sandbox.run(&["plan", "cluster.yaml"]).await.exits(0);
    shown.says(&[
        "etcd 3.5.33 → 3.6.14 on 3 machines",
        "terraform_data.launch_template[\"etcd-a\"]: update of terraform_data",
        "and nothing else; as approved: sha256:",
    ]);
    let digest = digest_of(
        &sandbox
            .run(&["plan", "cluster.yaml", "--output", "json"])
            .await
            .exits(0),
    );
    shown.says(&[&digest]);

    // Something else that waits in the same module is not carried along.
    let main = module(sandbox).join("main.tf");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(
        &main,
        format!("{text}\nresource \"terraform_data\" \"other\" {{ input = \"x\" }}\n"),
    )
    .unwrap();
    let refused = sandbox.run(&["plan", "cluster.yaml"]).await.exits(1);
    refused.says(&[
        "`terraform_data.other`: ",
        "terraform::refused",
        "nothing was changed",
    ]);
    fs::write(&main, text).unwrap();
    digest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_pin_becomes_a_plan_of_terraform_a_digest_an_apply_a_rollout_and_an_empty_plan() {
    let Some(sandbox) = cluster("tf-up", &["3.5.33", "3.6.14"]).await else {
        return;
    };
    sandbox.is_settled_at("3.5.33").await;
    nothing_is_left(&sandbox);
    let load = Load::on(&sandbox).await;

    let digest = pull_request(&sandbox).await;

    // After the merge: another digest than the approved one, and nothing happens.
    let other = format!("sha256:{}", "0".repeat(64));
    sandbox
        .run(&["apply", "cluster.yaml", "--plan-digest", &other])
        .await
        .exits(1);
    let run = sandbox
        .run(&[
            "apply",
            "cluster.yaml",
            "--plan-digest",
            &digest,
            "--output",
            "json",
        ])
        .await
        .exits(0);
    load.ends_unharmed().await;
    let actions = run.actions();
    let runs = actions
        .iter()
        .filter(|action| matches!(action, Action::ApplyTerraform { .. }));
    assert_eq!(runs.count(), 1, "{run}");
    let by_api = |action: &&Action| matches!(action, Action::CreateTemplateVersion { .. });
    assert_eq!(actions.iter().filter(by_api).count(), 0, "{run}");
    sandbox.is_settled_at("3.6.14").await;
    nothing_is_left(&sandbox);
    // A plan can start programs, and streams show values: of a run that went well nothing stays.
    let rollout = sandbox
        .info
        .dir
        .join(".rehull/rollouts")
        .join(sandbox.newest_rollout());
    let left = fs::read_dir(rollout.join("terraform")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rehull_killed_while_terraform_works_goes_on_from_whatever_terraform_has_done() {
    let Some(sandbox) = cluster("tf-kill", &["3.5.33", "3.6.14"]).await else {
        return;
    };
    sandbox.is_settled_at("3.5.33").await;
    sandbox.pin("3.6.14");
    render(&sandbox).await;
    let mut run = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
    let begun = |what: &What| {
        matches!(
            what,
            What::Acted {
                action: Action::ApplyTerraform { .. },
                ..
            }
        )
    };
    run.until_event("a run of terraform", begun).await;
    run.signal(Signal::KILL);
    run.end(LIMIT).await;
    let rollout = sandbox.newest_rollout();
    let resumed = sandbox
        .run(&["resume", &rollout, "--output", "json"])
        .await
        .exits(0);
    let by_api = |action: &Action| matches!(action, Action::CreateTemplateVersion { .. });
    assert!(!resumed.actions().iter().any(by_api), "{resumed}");
    sandbox.is_settled_at("3.6.14").await;
    nothing_is_left(&sandbox);
    sandbox.down().await;
}
