//! No value of a plan, and no key, comes out anywhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{eventually_bootstraps, module, render, terraform};
use crate::e2e::rig::Sandbox;
use crate::terraform::rig::terraform_or_say;

const CANARY: &str = "canary-5b1c0e7d9a24";
const KEY: &str = "key-canary-93f1c4a07be2-and-long-enough";

/// A sensitive value in the module, in what Terraform writes, and in an error; and the key for fingerprints.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_in_the_module_and_the_key_come_out_nowhere_in_a_whole_upgrade() {
    if terraform_or_say().is_none() {
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-canary", &["3.5.33", "3.6.14"], 3, true).await else {
        return;
    };
    let tagged = with_canary(&sandbox);
    render(&sandbox).await;
    terraform(&sandbox, &["init", "-backend-config=state.s3.tfbackend"]);
    terraform(&sandbox, &["apply", "-auto-approve"]);
    eventually_bootstraps(&sandbox).await;
    sandbox.is_settled_at("3.5.33").await;
    sandbox.pin("3.6.14");
    render(&sandbox).await;

    let mut said = String::new();
    let plan = ["plan", "cluster.yaml"];
    let without = sandbox.run(&plan).await.exits(1);
    without.says(&["digest::no_key"]);
    said.push_str(&without.to_string());
    sandbox.edit("standIn: true", "standIn: true, digestKey: REHULL_DIGEST_KEY");
    said.push_str(&sandbox.run(&plan).await.exits(2).to_string());
    let key = [("REHULL_DIGEST_KEY", KEY)];
    let main = module(&sandbox).join("main.tf");
    fs::write(&main, format!("{tagged}\ncheck \"leaks\" {{\n  assert {{\n    condition = var.secret == \"\"\n    error_message = \"it is {CANARY}\"\n  }}\n}}\n")).unwrap();
    said.push_str(&sandbox.run_with(&key, &plan).await.to_string());
    fs::write(
        &main,
        format!("{tagged}\noutput \"leaks\" {{\n  value = file(\"/{CANARY}\")\n}}\n"),
    )
    .unwrap();
    let broken = sandbox.run_with(&key, &plan).await.exits(1);
    broken.says(&["Invalid function argument"]);
    said.push_str(&broken.to_string());
    fs::write(&main, &tagged).unwrap();
    let applied = sandbox
        .run_with(&key, &["apply", "cluster.yaml", "--yes", "--output", "json"])
        .await
        .exits(0);
    said.push_str(&applied.to_string());
    let rollout = sandbox.newest_rollout();
    said.push_str(
        &sandbox
            .run(&["report", &rollout, "--output", "markdown"])
            .await
            .exits(0)
            .to_string(),
    );

    for secret in [CANARY, KEY] {
        assert!(!said.contains(secret), "{secret} was said: {said}");
        let kept = files_with(&sandbox.info.dir, secret, &module(&sandbox));
        assert_eq!(kept, Vec::<PathBuf>::new(), "{secret}");
    }
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

/// A sensitive variable, repeated in a tag of every launch template; returns the text of the module.
fn with_canary(sandbox: &Sandbox) -> String {
    let secret = module(sandbox).join("secret.tf");
    fs::write(
        &secret,
        format!(
            "variable \"secret\" {{\n  type = string\n  sensitive = true\n  default = \"{CANARY}\"\n}}\n"
        ),
    )
    .unwrap();
    let main = module(sandbox).join("main.tf");
    let text = fs::read_to_string(&main).unwrap();
    let tagged = text.replace(
        "\"rehull:slot\" = each.key",
        "\"rehull:slot\" = each.key, \"note\" = var.secret",
    );
    assert_ne!(text, tagged);
    let tagged = tagged.replace(
        ": slot => made.output }",
        ": slot => made.output }\n  sensitive = true",
    );
    fs::write(&main, &tagged).unwrap();
    tagged
}

/// Files below it that hold this text, and that others may see or nobody expects. Terraform's own do (the module, the state)
/// and are a person's; the sandbox's EC2 does, which was told the tag; and the streams of a run that failed do, which show
/// values and are for their owner alone.
fn files_with(folder: &Path, text: &str, module: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && path != module {
            found.extend(files_with(&path, text, module));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
            let is_ec2 = entry.file_name() == "world.json";
            // A plan as JSON tells the version, too, but no lineage.
            let is_state = has("\"terraform_version\"") && has("\"lineage\"");
            if has(text) && !is_ec2 && !is_state && !is_private_stream(&path) {
                found.push(path);
            }
        }
    }
    found
}

fn is_private_stream(path: &Path) -> bool {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    let is_below = |name: &str| path.components().any(|part| part.as_os_str() == name);
    let is_stream = path.extension().is_some_and(|end| end == "jsonl");
    is_stream && is_below(".rehull") && is_below("terraform") && mode & 0o777 == 0o600
}
