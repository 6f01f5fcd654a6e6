//! No value of a plan, and no key, comes out anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{eventually_bootstraps, module, render, terraform};
use crate::e2e::rig::Sandbox;
use crate::terraform::rig::terraform_or_say;

const CANARY: &str = "canary-5b1c0e7d9a24";
const KEY: &str = "key-canary-93f1c4a07be2-and-long-enough";

/// A sensitive value in the module, in user data, in what Terraform writes, and in the errors of a plan and of an apply; and
/// the key for fingerprints.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_in_the_module_and_the_key_come_out_nowhere_in_a_whole_upgrade() {
    if terraform_or_say().is_none() {
        return;
    }
    let Some(sandbox) = Sandbox::up_with("tf-canary", &["3.5.33", "3.6.14"], 3, true).await else {
        return;
    };
    let watch = Watch::begin();
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
    fs::write(&main, in_user_data(&tagged)).unwrap();
    let refused = sandbox.run_with(&key, &plan).await.exits(1);
    refused.says(&["gate::content", "user data with sha256:"]);
    said.push_str(&refused.to_string());
    said.push_str(&fails_and_is_resumed(&sandbox, &main, &tagged, &key).await);
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
    watch.has_seen_no_secret();
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

/// An apply that fails behind its last change, with an error that says the value; then the rollout goes on.
async fn fails_and_is_resumed(sandbox: &Sandbox, main: &Path, tagged: &str, key: &[(&str, &str)]) -> String {
    let end = "\n  }\n}\n\noutput";
    assert!(tagged.contains(end), "{tagged}");
    // What is known only after the apply is asked then.
    let asks = format!(
        "\n  }}\n  lifecycle {{\n    postcondition {{\n      condition     = self.output.name == \"\"\n      error_message = \"it is {CANARY}\"\n    }}\n  }}\n}}\n\noutput"
    );
    fs::write(main, tagged.replace(end, &asks)).unwrap();
    let apply = ["apply", "cluster.yaml", "--yes", "--output", "json"];
    let failed = sandbox.run_with(key, &apply).await;
    assert_ne!(failed.code, Some(0), "{failed}");
    failed.says(&["Resource postcondition failed", "applied in part"]);
    let stream = sandbox
        .info
        .dir
        .join(".rehull/rollouts")
        .join(sandbox.newest_rollout())
        .join("terraform/1/apply/stream.jsonl");
    let stream_said = fs::read_to_string(&stream).unwrap();
    assert!(stream_said.contains(CANARY), "{stream_said}");
    fs::write(main, tagged).unwrap();
    // All launch templates were made, and only the output is left: it says of them what they are.
    let rollout = sandbox.newest_rollout();
    let resume = ["resume", &rollout, "--output", "json"];
    let resumed = sandbox.run_with(key, &resume).await.exits(0);
    format!("{failed}{resumed}")
}

/// The boot script with the value in it.
fn in_user_data(module: &str) -> String {
    let script = "base64encode(each.value.user_data)";
    assert!(module.contains(script), "{module}");
    module.replace(
        script,
        &format!("base64encode(\"${{each.value.user_data}}# {CANARY}\\n\")"),
    )
}

/// Everybody's arguments on this machine, as long as it lasts: those of rehull, of Terraform, and of whatever they start. They
/// are open to every user.
struct Watch {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Whose arguments, or whose environment beside rehull's own, had a secret in them.
    leaks: BTreeSet<String>,
    /// Program and first word: who was there to be seen at all.
    verbs: BTreeSet<String>,
}

impl Watch {
    fn begin() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            while !until.load(Ordering::Relaxed) {
                seen.look();
                thread::sleep(Duration::from_millis(20));
            }
            seen
        });
        Self { ends, thread }
    }

    fn has_seen_no_secret(self) {
        self.ends.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap();
        assert_eq!(seen.leaks, BTreeSet::new());
        for verb in [
            "rehull plan",
            "rehull apply",
            "rehull resume",
            "terraform plan",
            "terraform apply",
        ] {
            assert!(seen.verbs.contains(verb), "{verb}: {:?}", seen.verbs);
        }
    }
}

impl Seen {
    fn look(&mut self) {
        for process in fs::read_dir("/proc").unwrap().flatten() {
            // One that has ended has none.
            let read = |file: &str| {
                let bytes = fs::read(process.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let line = read("cmdline");
            let mut words = line.split('\0');
            let program = words.next().and_then(|path| path.rsplit('/').next());
            let program = program.unwrap_or_default();
            // The key is given to rehull in its environment, and is no business of what it starts.
            let environment = if ["sh", "terraform"].contains(&program) {
                read("environ")
            } else {
                String::new()
            };
            if let Some(verb) = words
                .next()
                .filter(|_| ["rehull", "terraform"].contains(&program))
            {
                self.verbs.insert(format!("{program} {verb}"));
            }
            for secret in [CANARY, KEY] {
                if line.contains(secret) {
                    self.leaks
                        .insert(format!("arguments: {}", line.replace('\0', " ")));
                }
                if environment.contains(secret) {
                    self.leaks.insert(format!("environment of {program}"));
                }
            }
        }
    }
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
    let tagged = text.replace("    tags = {\n", "    tags = {\n      \"note\" = var.secret\n");
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
