//! Machines that refuse to boot, and what rehull makes of it: the refusal by name, and nothing removed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::cloud::Cloud;
use super::load::slots;
use super::rig::Sandbox;
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
async fn a_blank_volume_where_data_is_expected_is_refused_by_name() {
    let Some(sandbox) = without_one("blank").await else {
        return;
    };
    fs::remove_dir_all(volume(&sandbox, "etcd-b")).unwrap();
    let run = sandbox
        .run(&["etcd", "heal", "etcd-b", "cluster.yaml", "--yes"])
        .await
        .exits(3);
    run.says(&["refused to boot (blank-volume)", "etcd-b", "rehull resume"]);
    assert!(!volume(&sandbox, "etcd-b").exists(), "it was formatted");
    sandbox.down().await;
}
