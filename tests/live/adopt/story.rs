//! From Terraform's state to a finished patch upgrade: clusters that rehull did not build, of two layouts.

use std::fs;
use std::path::Path;
use std::process::Command;

use rehull_core::config;
use rehull_core::domain::desired::{Desired, EtcdRole};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::groups::Groups;
use super::legacy::{self, Member, Written};
use super::page::{self, Done};
use super::root::{Ground, Known};
use super::{adopt, forget, import, mapping, rehull};
use crate::e2e::cloud::Cloud;
use crate::e2e::load::Load;
use crate::e2e::rig::Sandbox;
use crate::support::toolbox;

/// What somebody has built, and a patch of it: the first rollout may be one, as the hand-over says.
const FROM: &str = "3.5.21";
const TO: &str = "3.5.33";

/// A sandbox in which somebody has built a cluster without rehull: no tag, no record, no journal, no published binary.
async fn somebody_elses(name: &str) -> Option<(Sandbox, Cloud, Vec<Member>)> {
    let sandbox = Sandbox::up(name, &[FROM, TO], 3).await?;
    fs::write(sandbox.info.dir.join("legacy.yaml.hbs"), legacy::user_data()).unwrap();
    sandbox.edit("template: { builtIn: 2 }", "template: { file: legacy.yaml.hbs }");
    sandbox
        .run(&["apply", "cluster.yaml", "--bootstrap", "--yes"])
        .await
        .exits(0);
    sandbox.edit("template: { file: legacy.yaml.hbs }", "template: { builtIn: 2 }");
    let cloud = Cloud::of(&sandbox.info).await;
    let desired = desired(&sandbox.info.cluster_file());
    let mut members = Vec::new();
    for slot in &desired.etcd.slots {
        members.push(Member {
            name: slot.name.to_string(),
            machine: sandbox.machine(slot.name.as_str()).await,
            zone: slot.zone.to_string(),
            subnet: slot.subnet.to_string(),
            address_subnet: cloud.subnet_of(slot.interface.as_str()).await,
            interface: slot.interface.to_string(),
            volume: slot.volume.to_string(),
            address: slot.address,
            group: desired.etcd.machine.security_groups[0].clone(),
        });
    }
    for member in &members {
        cloud
            .untag(&[&member.machine, &member.interface, &member.volume])
            .await;
    }
    cloud.forget_everything().await;
    fs::remove_dir_all(sandbox.info.dir.join(".rehull")).unwrap();
    Some((sandbox, cloud, members))
}

fn desired(path: &Path) -> Desired {
    config::parse("cluster.yaml", &fs::read_to_string(path).unwrap()).unwrap()
}

/// The sandbox's own cluster file without what a state tells.
fn without_what_is_seen(text: &str, written_as: Written) -> String {
    let (before, after) = text.split_once("  slots:\n").unwrap();
    let rollout = after.lines().find(|line| line.starts_with("rollout:")).unwrap();
    let seen: &[&str] = match written_as {
        Written::Counted | Written::ByKey => &["format:", "instanceType:", "securityGroups:", "#"],
        // Both are told of machines, and the state has none.
        Written::Grouped => &["format:", "#"],
    };
    let told = |line: &&str| !seen.iter().any(|key| line.trim_start().starts_with(key));
    let before: Vec<&str> = before.lines().filter(told).collect();
    let before = format!("{}\n", before.join("\n"));
    // Old machines do not listen, so every second of this is waited for.
    format!(
        "{before}{}\n",
        rollout.replace("stopDeadline: 60s", "stopDeadline: 15s")
    )
}

/// While a group has a machine it would replace what rehull takes away; nobody tells of it in a state, and so it is asked for.
async fn groups_let_go(sandbox: &Sandbox, members: &[Member], (dir, state): (&Path, &[u8])) -> Groups {
    let groups = Groups::around(sandbox, members).await;
    let laid = fs::read_to_string(sandbox.info.cluster_file()).unwrap();
    let text = mapping(
        members,
        Written::ByKey,
        &without_what_is_seen(&laid, Written::Grouped),
    );
    fs::write(dir.join("mapping.yaml"), text).unwrap();
    fs::write(dir.join("state.json"), state).unwrap();
    let asked = ["adopt", "mapping.yaml", "--state", "state.json", "--out", "none"];
    let refused = rehull(dir, &asked);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for words in ["adopt::no_machine", "aws autoscaling detach-instances"] {
        assert!(said.contains(words), "{said}");
    }
    groups.let_go().await;
    groups
}

/// From Terraform's state to a finished rollout.
async fn from_state_to_upgrade(name: &str, written_as: Written) {
    let Some((sandbox, cloud, members)) = somebody_elses(name).await else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let (known, rest) = (written_as.known(&members), written_as.rest(&members));
    let forgets = known.len();
    let known: Vec<Known> = known.into_iter().chain(rest.known).collect();
    let Some(ground) = Ground::new(dir.path(), &known) else {
        return sandbox.down().await;
    };
    let old = ground.old(&known, &rest.files);
    let state = old.state(written_as);
    let groups = match written_as {
        Written::Counted | Written::ByKey => None,
        Written::Grouped => Some(groups_let_go(&sandbox, &members, (dir.path(), &state)).await),
    };
    let laid = fs::read_to_string(sandbox.info.cluster_file()).unwrap();
    let text = mapping(&members, written_as, &without_what_is_seen(&laid, written_as));
    let text = text.replace("cdf818194e3a8c32", &etcd_cluster(&sandbox, &members[0]));
    let written = adopt(dir.path(), written_as.layout(), (&text, &state));

    let file = written.join("clusters").join(format!("{name}.yaml"));
    // A spare is no member, so no state of this cluster has one.
    let expected = EtcdRole {
        spare: None,
        ..desired(&sandbox.info.cluster_file()).etcd
    };
    assert_eq!(desired(&file).etcd, expected);
    fs::copy(&file, sandbox.info.cluster_file()).unwrap();
    // Before the hand-over rehull knows nothing of this cluster, and touches nothing.
    sandbox
        .run(&["plan", "cluster.yaml"])
        .await
        .exits(1)
        .says(&["no identity record"]);

    forget(&old, written_as, (&written, forgets));
    let parts = ground.parts(&written);
    import(&ground, &parts, &written);
    carry_over(&ground.objects(), &cloud).await;
    let done = page::follow(&written, &members, &cloud, &sandbox.info.dir).await;
    let expected = Done {
        // Three answers for each member whose machine no state knows.
        looked: if groups.is_some() { 9 } else { 0 },
        marked: 3,
        tagged: 3,
        recorded: 1,
    };
    assert_eq!(done, expected);

    upgrade(&sandbox, &members).await;
    bring_back(&ground, &members, &cloud).await;
    assert!(
        old.is_settled() && parts.is_settled(),
        "second plans after the upgrade"
    );
    if let Some(groups) = groups {
        assert!(groups.have_launched_nothing().await);
    }
    sandbox.down().await;
}

/// The first rollout that rehull does, and the last one of the machines that it did not make.
async fn upgrade(sandbox: &Sandbox, members: &[Member]) {
    let load = Load::on(sandbox).await;
    sandbox.pin(TO);
    let plan = sandbox.run(&["plan", "cluster.yaml"]).await.exits(0);
    plan.says(&[&format!("etcd {FROM} → {TO} on 3 machines")]);
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    load.ends_unharmed().await;
    sandbox.is_settled_at(TO).await;
    let rollout = sandbox.newest_rollout();
    let report = sandbox.run(&["report", &rollout]).await.exits(0);
    report.says(&["3 of 3 machines replaced"]);
    for member in members {
        assert_ne!(sandbox.machine(&member.name).await, member.machine);
        // The old data is where it was: nobody but a person deletes it.
        let disk = sandbox.info.dir.join("volumes").join(&member.volume).join("fs");
        assert!(disk.join("member/wal").is_dir() && disk.join("gen-1/member/wal").is_dir());
    }
}

/// As the mapping says how to ask for it.
fn etcd_cluster(sandbox: &Sandbox, member: &Member) -> String {
    let pki = sandbox.info.pki_dir();
    let file = |name: &str| pki.join(name).to_str().unwrap().to_owned();
    let asked = Command::new(toolbox::binary(FROM, "etcdctl").unwrap())
        .args([
            "member",
            "list",
            "--hex",
            "-w",
            "json",
            "--cacert",
            &file("ca.crt"),
            "--cert",
            &file("client.crt"),
        ])
        .args([
            "--key",
            &file("client.key"),
            "--endpoints",
            &format!("https://{}:2379", member.address),
        ])
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&asked.stdout).unwrap();
    said["header"]["cluster_id"].as_str().unwrap().to_owned()
}

/// Tags that Terraform has set in the stand-in's cloud, set in the sandbox's.
async fn carry_over(objects: &Value, cloud: &Cloud) {
    for kind in ["aws_network_interface", "aws_ebs_volume"] {
        for (id, object) in objects[kind].as_object().unwrap() {
            for (key, value) in object["tags"].as_object().unwrap() {
                if key != "rehull:generation" {
                    cloud.tag(id, key, value.as_str().unwrap()).await;
                }
            }
        }
    }
}

/// What the rollout has made of them, for Terraform's eyes.
async fn bring_back(ground: &Ground, members: &[Member], cloud: &Cloud) {
    let mut tags = Vec::new();
    for member in members {
        tags.push((&member.volume, cloud.volume_tags(&member.volume).await));
    }
    ground.change(|objects| {
        for (volume, tags) in tags {
            for name in ["tags", "tags_all"] {
                objects["aws_ebs_volume"][volume][name] = json!(tags);
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counted_instances_of_somebody_else_go_from_their_state_to_a_finished_patch_upgrade_under_load() {
    from_state_to_upgrade("adopt-a", Written::Counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_in_groups_of_one_of_somebody_else_go_from_their_state_to_a_finished_patch_upgrade_under_load()
 {
    from_state_to_upgrade("adopt-b", Written::Grouped).await;
}
