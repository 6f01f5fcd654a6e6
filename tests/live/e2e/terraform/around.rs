//! Around an upgrade: infrastructure, and a lock that nobody holds any more.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{cluster, digest_of, keys, module, nothing_is_left, render, terraform};
use crate::e2e::answer::Answer;
use crate::e2e::rig::{LIMIT, Sandbox};
use crate::support::eventually;
use crate::terraform::rig::terraform_or_say;

/// Another provider, and a state that a plan would read.
const REFUSED: &str =
    "provider \"null\" {}\ndata \"terraform_remote_state\" \"x\" {\n  backend = \"local\"\n}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn infrastructure_is_planned_approved_by_digest_and_applied_and_takes_no_machine_along() {
    if terraform_or_say().is_none() {
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-infra", &["3.5.33"], 3, true).await else {
        return;
    };
    let base = sandbox.info.dir.join("base");
    fs::create_dir(&base).unwrap();
    fs::write(
        base.join("main.tf"),
        "resource \"terraform_data\" \"network\" {\n  input = \"10.0.0.0/16\"\n}\n",
    )
    .unwrap();
    let plan = ["plan", "cluster.yaml", "--infrastructure", "base"];
    let shown = sandbox.run(&plan).await.exits(0);
    shown.says(&[
        "terraform_data.network: create",
        "input: (none) → (not shown)",
        "rehull apply cluster.yaml --infrastructure base --plan-digest sha256:",
    ]);
    let digest = digest_of(
        &sandbox
            .run(&[&plan[..], &["--output", "json"]].concat())
            .await
            .exits(0),
    );
    let apply = [
        "apply",
        "cluster.yaml",
        "--infrastructure",
        "base",
        "--plan-digest",
        &digest,
    ];
    fs::write(base.join("more.tf"), "resource \"terraform_data\" \"more\" {}\n").unwrap();
    sandbox.run(&apply).await.exits(1).says(&["plan::other_digest"]);
    fs::remove_file(base.join("more.tf")).unwrap();
    let done = sandbox.run(&apply).await.exits(0);
    done.says(&["a second plan is empty"]);
    sandbox
        .run(&plan)
        .await
        .exits(0)
        .says(&["nothing to do: base is as it is written"]);

    a_provisioner_that_no_plan_tells_of_is_refused(&sandbox, &base, &plan).await;
    another_text_around_something_new_is_another_digest(&sandbox, &base).await;

    // Somebody else is at work in it: that is said at once, and it goes on when they are gone.
    let mut other = hanging_apply(&sandbox, &base);
    until_it_hangs(&sandbox, &base).await;
    let mut waiting = sandbox.start(&plan);
    waiting
        .until_it_says("waits for the lock of its state, at most 60 s")
        .await;
    kill_process_group(Pid::from_child(&other), Signal::KILL).unwrap();
    other.wait().unwrap();
    waiting.end(LIMIT).await.exits(0);

    fs::write(base.join("main.tf"), REFUSED).unwrap();
    sandbox.run(&plan).await.exits(1);
    sandbox.down().await;
}

/// Both show only that it is known after the apply.
async fn another_text_around_something_new_is_another_digest(sandbox: &Sandbox, base: &Path) {
    let plan = [
        "plan",
        "cluster.yaml",
        "--infrastructure",
        "base",
        "--output",
        "json",
    ];
    let mut digests = Vec::new();
    for action in ["s3:PutObject", "*", "*"] {
        let text = format!(
            "resource \"terraform_data\" \"bucket\" {{}}\nresource \"terraform_data\" \"policy\" {{\n  input = \"{action} ${{terraform_data.bucket.id}}\"\n}}\n"
        );
        fs::write(base.join("policy.tf"), text).unwrap();
        digests.push(digest_of(&sandbox.run(&plan).await.exits(0)));
    }
    fs::remove_file(base.join("policy.tf")).unwrap();
    assert_ne!(digests[0], digests[1]);
    assert_eq!(digests[1], digests[2]);
}

/// A plan does not tell of the provisioners of `removed` blocks, and its apply runs them.
async fn a_provisioner_that_no_plan_tells_of_is_refused(sandbox: &Sandbox, base: &Path, plan: &[&str]) {
    let main = fs::read_to_string(base.join("main.tf")).unwrap();
    let removed = "removed {\n  from = terraform_data.network\n  lifecycle {\n    destroy = true\n  }\n  provisioner \"local-exec\" {\n    when    = destroy\n    command = \"true\"\n  }\n}\n";
    fs::write(base.join("main.tf"), removed).unwrap();
    let refused = sandbox.run(plan).await.exits(1);
    refused.says(&["`provisioner` stands in ", "main.tf:6"]);
    fs::write(base.join("main.tf"), main).unwrap();
}

/// Somebody has applied a pin by hand and has taken it back before any machine was replaced: every version exists, and the
/// module says something else than the machines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_is_behind_the_cluster_is_brought_up_to_it_and_no_machine_is_touched() {
    let Some(sandbox) = cluster("tf-behind", &["3.5.33", "3.6.14"]).await else {
        return;
    };
    sandbox.is_settled_at("3.5.33").await;
    sandbox.pin("3.6.14");
    render(&sandbox).await;
    terraform(&sandbox, &["apply", "-auto-approve"]);
    sandbox.pin("3.5.33");
    let plan = ["plan", "cluster.yaml"];
    let stale = sandbox.run(&plan).await.exits(2);
    stale.says(&["terraform::stale_variables"]);
    render(&sandbox).await;
    let shown = sandbox.run(&plan).await.exits(0);
    shown.says(&[
        "no machine has to be replaced",
        "terraform_data.launch_template[\"etcd-a\"]: update of terraform_data",
    ]);
    let machine = sandbox.machine("etcd-a").await;
    let apply = ["apply", "cluster.yaml", "--yes"];
    sandbox.run(&apply).await.exits(0).says(&["Terraform alone"]);
    nothing_is_left(&sandbox);
    assert_eq!(sandbox.machine("etcd-a").await, machine);
    sandbox.run(&plan).await.exits(0).says(&["nothing to do"]);

    // Another state: everything there is would be made anew beside it, and that is said once.
    let backend = module(&sandbox).join("state.s3.tfbackend");
    let text = fs::read_to_string(&backend).unwrap();
    fs::write(&backend, text.replace(".tfstate", "-2.tfstate")).unwrap();
    fs::remove_dir_all(module(&sandbox).join(".terraform")).unwrap();
    let lost = sandbox.run(&plan).await.exits(3);
    lost.says(&["terraform::no_state", "state list", "nothing was changed"]);
    sandbox.down().await;
}

/// The lock that a killed run of a person leaves in S3, found and freed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_a_killed_run_has_left_in_s3_is_freed_by_its_exact_id_once_its_owner_is_gone() {
    if terraform_or_say().is_none() {
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-lock", &["3.5.33"], 3, true).await else {
        return;
    };
    render(&sandbox).await;
    terraform(&sandbox, &["init", "-backend-config=state.s3.tfbackend"]);
    let nobody = sandbox.run(&["unlock", "cluster.yaml", "an-id"]).await.exits(0);
    nobody.says(&["nobody has the lock"]);

    let mut apply = hanging_apply(&sandbox, &module(&sandbox));
    until_it_hangs(&sandbox, &module(&sandbox)).await;
    let lives = sandbox.run(&["unlock", "cluster.yaml", "an-id"]).await.exits(1);
    lives.says(&["the lock is another one: "]);
    let id = lock_in(&lives.err);
    let refused = sandbox.run(&["unlock", "cluster.yaml", &id]).await.exits(1);
    refused.says(&["a run of Terraform lives on this machine: process "]);
    kill_process_group(Pid::from_child(&apply), Signal::KILL).unwrap();
    apply.wait().unwrap();

    // Other tests run Terraform on this machine meanwhile, and none of them can be told from the owner.
    let unlock = [
        "unlock",
        "cluster.yaml",
        &id,
        "--destroyed",
        owner(&lives.err, &id),
    ];
    let freed = sandbox.run(&unlock).await.exits(0);
    freed.says(&[&format!("lock {id} of ")]);
    sandbox
        .run(&["unlock", "cluster.yaml", &id])
        .await
        .exits(0)
        .says(&["nobody has the lock"]);
    sandbox.down().await;
}

/// Nobody has to give a word where it can be seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_owner_is_seen_to_be_gone_is_freed_without_a_persons_word() {
    if terraform_or_say().is_none() {
        return;
    }
    if fs::read_link("/proc/self/ns/pid").unwrap() != Path::new("pid:[4026531836]") {
        eprintln!("skipped: in a container nobody sees who else runs on the machine");
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-unlock", &["3.5.33"], 3, true).await else {
        return;
    };
    render(&sandbox).await;
    terraform(&sandbox, &["init", "-backend-config=state.s3.tfbackend"]);
    let mut apply = hanging_apply(&sandbox, &module(&sandbox));
    until_it_hangs(&sandbox, &module(&sandbox)).await;
    let lives = sandbox.run(&["unlock", "cluster.yaml", "an-id"]).await.exits(1);
    let id = lock_in(&lives.err);
    // While it lives nothing helps, whatever else runs here: the lock stays.
    let refused = sandbox.run(&["unlock", "cluster.yaml", &id]).await.exits(1);
    refused.says(&[
        "a run of Terraform lives on this machine: process ",
        "nothing was freed",
    ]);
    kill_process_group(Pid::from_child(&apply), Signal::KILL).unwrap();
    apply.wait().unwrap();

    let freed = freed_in_a_quiet_moment(&sandbox, (&id, owner(&lives.err, &id))).await;
    freed.says(&[&format!("lock {id} of "), " is free"]);
    // It was the lock of the state: the next run takes it.
    assert_eq!(
        terraform(&sandbox, &["plan", "-detailed-exitcode", "-lock-timeout=0s"]),
        2
    );
    sandbox.down().await;
}

/// How long a moment is waited for in which nobody else runs Terraform on this machine.
const QUIET: Duration = Duration::from_secs(120);

/// Another Terraform, of a test or of a person, cannot be told from the owner by anything that proves it: it may work on this
/// state from another checkout. While one lives the lock stays, its process is named, and this asks again. If it lives all the
/// while (`make test-terraform` beside this one does for twenty minutes), a word has to do.
async fn freed_in_a_quiet_moment(sandbox: &Sandbox, (id, who): (&str, &str)) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = sandbox.run(&["unlock", "cluster.yaml", id]).await;
        if answer.code == Some(0) {
            return answer;
        }
        answer.says(&["unlock::not_certain", " may be the one that has it"]);
        let other = process_in(&answer.err);
        // One that has ended meanwhile was no reason a moment later.
        if begun.elapsed() > QUIET && Path::new("/proc").join(&other).exists() {
            eprintln!("not seen: process {other} runs Terraform all the while; freed by a word instead");
            let unlock = ["unlock", "cluster.yaml", id, "--destroyed", who];
            return sandbox.run(&unlock).await.exits(0);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Number of the process that is named.
fn process_in(text: &str) -> String {
    let (_, rest) = text.split_once(": process ").expect("it names a process");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

/// `ID of USER@HOST since …`: who has the lock.
fn owner<'t>(text: &'t str, id: &str) -> &'t str {
    let (_, rest) = text
        .split_once(&format!("{id} of "))
        .expect("it names who has it");
    rest.split(' ').next().unwrap()
}

/// `rehull unlock cluster.yaml ID` stands in the help.
fn lock_in(text: &str) -> String {
    let (_, rest) = text.split_once("rehull unlock cluster.yaml ").unwrap();
    rest.split([';', '\n', ' ']).next().unwrap().to_owned()
}

/// In a change that goes on, in a process group of its own.
fn hanging_apply(sandbox: &Sandbox, module: &Path) -> Child {
    let main = module.join("hang.tf");
    let hang = "resource \"terraform_data\" \"hang\" {\n  provisioner \"local-exec\" { command = \"exec sleep 600\" }\n}\n";
    fs::write(&main, hang).unwrap();
    Command::new("terraform")
        .args(["apply", "-auto-approve", "-input=false", "-no-color"])
        .current_dir(module)
        .env_remove("TF_CLI_CONFIG_FILE")
        .envs(keys(sandbox))
        .stdout(fs::File::create(hang_log(sandbox)).unwrap())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn hang_log(sandbox: &Sandbox) -> PathBuf {
    sandbox.info.dir.join("hang.log")
}

/// What makes it hang is not there for anybody else.
async fn until_it_hangs(sandbox: &Sandbox, module: &Path) {
    eventually("a change that goes on", LIMIT, async || {
        let log = fs::read_to_string(hang_log(sandbox)).unwrap();
        log.contains("Provisioning").then_some(())
    })
    .await;
    fs::remove_file(module.join("hang.tf")).unwrap();
}
