//! Keys of machines and clients stay where they belong: a whole upgrade is read for them, word for word.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::cloud::Cloud;
use super::rig::Sandbox;

/// Lines of a key or a credential that stand nowhere else.
struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// Every line of every private key, and the operator's secret.
    fn of(sandbox: &Sandbox) -> Self {
        let mut found = Vec::new();
        let mut folders = vec![sandbox.info.pki_dir()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "key") {
                    let text = fs::read_to_string(&path).unwrap();
                    let secret = text
                        .lines()
                        .filter(|line| line.len() > 40 && !line.starts_with('-'));
                    found.extend(secret.map(|line| (path.display().to_string(), line.to_owned())));
                }
            }
        }
        let credentials = fs::read_to_string(sandbox.info.credentials_file()).unwrap();
        let secret = credentials
            .lines()
            .find_map(|line| line.strip_prefix("AWS_SECRET_ACCESS_KEY="));
        found.push(("credentials.env".to_owned(), secret.unwrap().to_owned()));
        assert!(found.len() > 10, "{} lines of keys", found.len());
        Self(found)
    }

    /// Which of them stand in a text, plainly or as base64 of it.
    fn in_text(&self, text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
        let long = words.filter(|word| word.len() >= 40);
        let decoded = long.filter_map(|word| String::from_utf8(BASE64.decode(word).ok()?).ok());
        let texts: Vec<String> = decoded.chain([text.to_owned()]).collect();
        let stands = |secret: &str| texts.iter().any(|text| text.contains(secret));
        let found = self.0.iter().filter(|(_, secret)| stands(secret));
        found.map(|(whose, _)| whose.as_str()).collect()
    }

    #[track_caller]
    fn are_not_in(&self, what: &str, text: &str) {
        assert!(!text.is_empty(), "{what} is empty: nothing was looked at");
        assert_eq!(self.in_text(text), Vec::<&str>::new(), "in {what}");
    }
}

/// Every command line that is seen on this computer until it is stopped.
struct CommandLines {
    seen: Arc<Mutex<BTreeSet<String>>>,
    done: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl CommandLines {
    fn watch() -> Self {
        let (seen, done) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (into, over): (Arc<Mutex<BTreeSet<String>>>, _) = (Arc::clone(&seen), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let processes = fs::read_dir("/proc").unwrap().flatten();
                let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
                let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
                into.lock().unwrap().extend(lines);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { seen, done, thread }
    }

    fn end(self) -> String {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let seen = self.seen.lock().unwrap();
        seen.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// All text files below a folder, and consoles of machines.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path)
                && !text.is_empty()
            {
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

/// The words of a cluster's life: created, upgraded, looked at in every way, and one refusal.
async fn everything_commands_say(sandbox: &Sandbox) -> String {
    let mut said = String::new();
    let commands: [&[&str]; 4] = [
        &["apply", "cluster.yaml", "--bootstrap", "--yes"],
        &["plan", "cluster.yaml", "--output", "json"],
        &["render", "cluster.yaml", "--slot", "etcd-a"],
        &["render", "cluster.yaml", "--tfvars"],
    ];
    for command in commands {
        let run = sandbox.run(command).await.exits(0);
        said.push_str(&format!("{}\n{}\n", run.out, run.err));
    }
    sandbox.pin("3.6.14");
    let upgrade = ["apply", "cluster.yaml", "--yes", "--output", "json"];
    let run = sandbox.run(&upgrade).await.exits(0);
    said.push_str(&format!("{}\n{}\n", run.out, run.err));
    let rollout = sandbox.newest_rollout();
    let commands: [&[&str]; 6] = [
        &["status", "cluster.yaml"],
        &["status", &rollout, "--output", "json"],
        &["report", &rollout],
        &["report", &rollout, "--output", "markdown"],
        &["report", &rollout, "--output", "json"],
        &["etcd", "status", "cluster.yaml"],
    ];
    for command in commands {
        let run = sandbox.run(command).await.exits(0);
        said.push_str(&format!("{}\n{}\n", run.out, run.err));
    }
    // An error shows more than a success.
    let refused = sandbox.run(&["rollback", &rollout, "--yes"]).await.exits(1);
    said.push_str(&format!("{}\n{}\n", refused.out, refused.err));
    said
}

/// Files of rehull on the desk, and what machines say of their boot.
fn files_hold_none(sandbox: &Sandbox, canaries: &Canaries) {
    let own = texts(&sandbox.info.dir.join(".rehull"));
    assert!(own.iter().any(|(path, _)| path.ends_with("debug.log")), "{own:?}");
    for (path, text) in &own {
        canaries.are_not_in(path, text);
    }
    let machines = texts(&sandbox.info.dir.join("machines"));
    let logs = machines
        .iter()
        .filter(|(path, _)| [".log", "machine.json"].iter().any(|end| path.ends_with(end)));
    let logs: Vec<_> = logs.collect();
    assert!(logs.len() >= 6, "{} logs of machines", logs.len());
    for (path, text) in logs {
        canaries.are_not_in(path, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_of_a_machine_or_client_stands_anywhere_after_a_whole_upgrade() {
    let Some(sandbox) = Sandbox::up("secrets", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let canaries = Canaries::of(&sandbox);
    // Somebody who looks must be able to see one.
    let planted = &canaries.0[0].1;
    assert_eq!(canaries.in_text(&format!("a \"{planted}\\n\" b")).len(), 1);
    assert_eq!(
        canaries
            .in_text(&BASE64.encode(format!("#!/bin/sh\n{planted}\n")))
            .len(),
        1
    );

    let lines = CommandLines::watch();
    let said = everything_commands_say(&sandbox).await;
    let rollout = sandbox.newest_rollout();
    canaries.are_not_in("what commands said", &said);
    let seen = lines.end();
    assert!(
        seen.contains("--initial-advertise-peer-urls=") && seen.contains("apply cluster.yaml"),
        "{seen}"
    );
    canaries.are_not_in("a command line of a process", &seen);

    let cloud = Cloud::of(&sandbox.info).await;
    let journal = cloud.journal(&rollout).await.concat();
    assert!(journal.contains("launch-machine"), "{journal}");
    canaries.are_not_in("the journal", &journal);
    let everything = cloud.small_objects().await;
    assert!(
        everything.keys().any(|key| key.contains("plan")),
        "{everything:?}"
    );
    for (key, text) in &everything {
        canaries.are_not_in(&format!("the object {key}"), text);
    }
    // Templates with their user data, machines with their tags, as EC2 tells them.
    let told = cloud.everything_ec2_tells().await;
    assert!(
        told.contains("rehull:slot") && told.contains("user_data: Some"),
        "{told}"
    );
    canaries.are_not_in("what EC2 tells", &told);

    files_hold_none(&sandbox, &canaries);
    sandbox.down().await;
}
