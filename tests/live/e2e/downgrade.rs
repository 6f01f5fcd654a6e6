//! etcd's own downgrade: the way out after the point of no return.

use std::process::{Command, Output};
use std::time::Duration;

use super::load::Load;
use super::rig::Sandbox;
use super::runbooks::Book;
use crate::support::{eventually, toolbox};

const OLD: &str = "3.5.33";
const NEW: &str = "3.6.14";
const NEWER: &str = "3.7.1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_point_of_no_return_etcds_own_downgrade_leads_back_by_the_book() {
    let Some(sandbox) = Sandbox::cluster("downgrade", &[OLD, NEW, NEWER], 3).await else {
        return;
    };
    let mut book = Book::open("rollback-refused.md");
    sandbox.edit("strategy: remove-then-add", "strategy: reattach");
    sandbox.pin(NEW);
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    let upgrade = sandbox.newest_rollout();
    let refused = sandbox.run(&["rollback", &upgrade, "--yes"]).await.exits(1);
    refused.says(&["rollback-refused.md"]);
    book.run(&sandbox, "rehull report <rollout>")
        .await
        .exits(0)
        .says(&["snapshot"]);

    etcdctl(&sandbox, &["downgrade", "validate", "3.5"]);
    etcdctl(&sandbox, &["downgrade", "enable", "3.5"]);
    eventually("storage version 3.5", Duration::from_secs(60), async || {
        let seen = etcdctl(&sandbox, &["endpoint", "status", "--cluster", "--write-out=json"]);
        let members: serde_json::Value = serde_json::from_slice(&seen.stdout).unwrap();
        let followed = |member: &serde_json::Value| member["Status"]["storageVersion"] == "3.5.0";
        members.as_array().unwrap().iter().all(followed).then_some(())
    })
    .await;

    // Nothing newer while it is enabled, and nobody enters anew.
    sandbox.pin(NEWER);
    let newer = sandbox.run(&["plan", "cluster.yaml"]).await.exits(1);
    newer.says(&["plan::downgrade_enabled", "etcdctl downgrade cancel"]);
    sandbox.pin(OLD);
    sandbox.edit("strategy: reattach", "strategy: remove-then-add");
    let anew = sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(1);
    anew.says(&["plan::downgrade_in_place", "reattach"]);
    sandbox.edit("strategy: remove-then-add", "strategy: reattach");

    book.run(&sandbox, "rehull plan clusters/<env>.yaml")
        .await
        .exits(0)
        .says(&[&format!("etcd {NEW} → {OLD} on 3 machines, reattach")]);
    book.close();
    let load = Load::on(&sandbox).await;
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    load.ends_unharmed().await;
    sandbox.is_settled_at(OLD).await;
    sandbox.down().await;
}

/// As an operator types it, against one member.
fn etcdctl(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let pki = sandbox.info.pki_dir();
    let pem = |flag: &str, file: &str| format!("--{flag}={}", pki.join(file).display());
    let output = Command::new(toolbox::root().join("etcd").join(NEW).join("etcdctl"))
        .arg(format!("--endpoints=https://{}:2379", sandbox.address("etcd-a")))
        .args([
            pem("cacert", "ca.crt"),
            pem("cert", "client.crt"),
            pem("key", "client.key"),
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "etcdctl {arguments:?}: {output:?}");
    output
}
