//! What was approved is what is carried out.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rehull_core::domain::ids::MemberId;
use rehull_core::ports::{EtcdMembership as _, EtcdView as _};

use tempfile::TempDir;

use super::load::{pool, slots};
use super::rig::Sandbox;

async fn digest(sandbox: &Sandbox) -> String {
    let plan = sandbox
        .run(&["plan", "cluster.yaml", "--output", "json"])
        .await
        .exits(0);
    plan.json()["digest"].as_str().unwrap().to_owned()
}

/// The same program, which calls itself by another version wherever it says one.
fn of_another_version(folder: &TempDir) -> PathBuf {
    let (old, new) = (env!("CARGO_PKG_VERSION"), "0.9.9");
    assert_eq!(old.len(), new.len());
    let mut bytes = fs::read(env!("CARGO_BIN_EXE_rehull")).unwrap();
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, found)| *found == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    let path = folder.path().join("rehull");
    // Written by another process: a descriptor of ours that is open for writing could be inherited by a child of another
    // test, and then the file cannot be run ("text file busy").
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(writer.wait().unwrap().success());
    path
}

/// Moves the lead to any other member; returns both names.
async fn move_leader(sandbox: &Sandbox) -> (String, String) {
    let (pool, slots) = (pool(sandbox), slots(sandbox));
    let seen = pool.observe(&slots).await;
    let id = |index: usize| -> MemberId { seen.endpoints[&slots[index].name].answer().unwrap().id };
    let lead = seen.endpoints[&slots[0].name].answer().unwrap().leader.unwrap();
    let from = (0..slots.len()).find(|&index| id(index) == lead).unwrap();
    let to = (from + 1) % slots.len();
    pool.move_leader(&slots[from], id(to)).await.unwrap();
    (slots[from].name.to_string(), slots[to].name.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_outlives_a_change_of_leader_and_machine_but_not_one_of_the_pins() {
    let Some(sandbox) = Sandbox::cluster("approval", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.edit("strategy: remove-then-add", "strategy: reattach");
    sandbox.pin("3.6.14");
    let approved = digest(&sandbox).await;
    let (_, leader) = move_leader(&sandbox).await;
    assert_eq!(digest(&sandbox).await, approved);

    sandbox.edit("bake: 2s", "bake: 3s");
    let other = digest(&sandbox).await;
    assert_ne!(other, approved);
    let refused = sandbox
        .run(&["apply", "cluster.yaml", "--plan-digest", &approved])
        .await
        .exits(1);
    refused.says(&[&approved, &other, "plan again"]);

    sandbox.edit("bake: 3s", "bake: 2s");
    let run = sandbox
        .run(&["apply", "cluster.yaml", "--plan-digest", &approved])
        .await
        .exits(0);
    run.says(&[&format!("move the leader from {leader}")]);
    sandbox.is_settled_at("3.6.14").await;

    // Upgrading rehull alone replaces no machine.
    let folder = TempDir::new().unwrap();
    let newer = of_another_version(&folder);
    let version = sandbox.run_by(&newer, &["--version"]).await.exits(0);
    assert!(version.out.contains("0.9.9"), "{version}");
    let plan = sandbox.run_by(&newer, &["plan", "cluster.yaml"]).await.exits(0);
    assert!(plan.out.contains("nothing to do"), "{plan}");
    sandbox.down().await;
}
