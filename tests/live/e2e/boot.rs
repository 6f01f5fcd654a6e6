//! Machines that refuse to boot, and what rehull makes of it: the refusal by name, and nothing removed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::cloud::Cloud;
use super::load::slots;
use super::rig::{LIMIT, Sandbox};
use crate::support::eventually;

/// The file system of a slot's volume, as this computer sees it.
fn volume(sandbox: &Sandbox, slot: &str) -> PathBuf {
    let slots = slots(sandbox);
    let id = &slots
        .iter()
        .find(|found| found.name.as_str() == slot)
        .unwrap()
        .volume;
    sandbox.info.dir.join("volumes").join(id.as_str()).join("fs")
}

/// A cluster that has lost one machine for good.
async fn without_one(name: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::cluster(name, &["3.5.33"], 3).await?;
    Cloud::of(&sandbox.info)
        .await
        .terminate(&sandbox.machine("etcd-b").await)
        .await;
    eventually("the end of the machine", Duration::from_secs(30), async || {
        (sandbox.machines().await.len() == 2).then_some(())
    })
    .await;
    Some(sandbox)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blank_volume_where_data_is_expected_is_refused_by_name_and_resumed_when_the_data_is_back() {
    let Some(sandbox) = without_one("blank").await else {
        return;
    };
    let (volume, elsewhere) = (volume(&sandbox, "etcd-b"), sandbox.info.dir.join("elsewhere"));
    fs::rename(&volume, &elsewhere).unwrap();
    let run = sandbox
        .run(&["etcd", "heal", "etcd-b", "cluster.yaml", "--yes"])
        .await
        .exits(3);
    run.says(&["refused to boot (blank-volume)", "etcd-b", "rehull resume"]);
    assert!(!volume.exists(), "it was formatted");
    let rollout = sandbox.newest_rollout();
    // Another machine has the same to say while the cause is there.
    let refused = sandbox.machine("etcd-b").await;
    let again = sandbox.run(&["resume", &rollout]).await.exits(3);
    again.says(&["it did not boot", &refused, "refused to boot (blank-volume)"]);
    assert_ne!(sandbox.machine("etcd-b").await, refused);
    fs::rename(&elsewhere, &volume).unwrap();
    sandbox.run(&["resume", &rollout]).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_volume_is_refused_by_name_and_left_as_it_is() {
    let Some(sandbox) = without_one("foreign").await else {
        return;
    };
    let marker = volume(&sandbox, "etcd-b").join(".rehull");
    fs::write(&marker, "cluster=prod slot=etcd-b\n").unwrap();
    let run = sandbox
        .run(&["etcd", "heal", "etcd-b", "cluster.yaml", "--yes"])
        .await
        .exits(3);
    run.says(&[
        "refused to boot (foreign-volume)",
        "cluster=prod",
        "rehull resume",
    ]);
    assert_eq!(fs::read_to_string(&marker).unwrap(), "cluster=prod slot=etcd-b\n");
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_tags_are_named_and_refused_before_anything_was_stopped() {
    let Some(sandbox) = Sandbox::cluster("tags", &["3.5.33"], 3).await else {
        return;
    };
    let cloud = Cloud::of(&sandbox.info).await;
    let before = cloud.all_machines().await;
    let mut run = sandbox.start(&["etcd", "replace", "etcd-b", "cluster.yaml", "--yes"]);
    // The machine reads its tags when it has booted.
    let new = eventually("the new machine", Duration::from_secs(60), async || {
        cloud
            .all_machines()
            .await
            .into_iter()
            .find(|id| !before.contains(id))
    })
    .await;
    cloud.tag(&new, "rehull:join", "later").await;
    run.until_it_says("the tag `rehull:join`").await;
    eventually("the machine's refusal", Duration::from_secs(60), async || {
        let report = cloud.boot_report("etcd-b", &new).await?;
        report.contains("bad-tags").then_some(())
    })
    .await;
    // What rehull can read again, it judges: the machine has refused, so it is not waited for.
    cloud.tag(&new, "rehull:join", "existing").await;
    let run = run.end(LIMIT).await.exits(3);
    run.says(&["refused to boot (bad-tags)", "rehull:join", &new]);
    for slot in ["etcd-a", "etcd-b", "etcd-c"] {
        assert!(sandbox.etcd(slot).is_some(), "{slot} was stopped: {run}");
    }
    let rollout = sandbox.newest_rollout();
    // Nothing was touched, so leaving it needs no other machine, and going on does not meet the same refusal again.
    run.says(&["rehull abort"]);
    let resumed = sandbox.run(&["resume", &rollout]).await.exits(0);
    resumed.says(&["it did not boot", &new]);
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}
