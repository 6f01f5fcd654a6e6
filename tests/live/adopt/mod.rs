//! Existing clusters, from Terraform's state to a finished upgrade: real Terraform judges the hand-over, real etcd is rolled.

mod legacy;
mod page;
mod root;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rehull_core::config;
use rehull_core::domain::desired::{Desired, EtcdRole};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::e2e::cloud::Cloud;
use crate::e2e::load::Load;
use crate::e2e::rig::Sandbox;
use crate::support::toolbox;
use legacy::{Member, Written};
use page::Done;
use root::{Ground, Root};

/// Members that exist nowhere but in Terraform's eyes.
fn on_paper() -> Vec<Member> {
    let one = |(nth, zone): (u8, &str)| {
        let id = |kind: &str| format!("{kind}-0e00000000000000{nth}");
        Member {
            name: format!("etcd-{nth}"),
            machine: id("i"),
            zone: format!("ap-northeast-1{zone}"),
            subnet: id("subnet"),
            interface: id("eni"),
            volume: id("vol"),
            address: Ipv4Addr::new(10, 0, nth, 10),
            group: "sg-0e000000000000000".to_owned(),
        }
    };
    [(0, "a"), (1, "c"), (2, "d")].map(one).into()
}

fn mapping(members: &[Member], written: Written, cluster_file: &str) -> String {
    let mut text = "format: 1\netcdCluster: cdf818194e3a8c32\nmembers:\n".to_owned();
    for (nth, member) in members.iter().enumerate() {
        text.push_str(&format!(
            "  - {{ name: {}, machine: '{}' }}\n",
            member.name,
            written.machine(nth, member)
        ));
    }
    text.push_str("clusterFile:\n");
    text.extend(cluster_file.lines().map(|line| format!("  {line}\n")));
    text
}

fn rehull(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rehull"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn adopt(dir: &Path, mapping: &str, state: &[u8]) -> PathBuf {
    fs::write(dir.join("mapping.yaml"), mapping).unwrap();
    fs::write(dir.join("state.json"), state).unwrap();
    let made = rehull(
        dir,
        &[
            "adopt",
            "mapping.yaml",
            "--state",
            "state.json",
            "--out",
            "handover",
        ],
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    dir.join("handover")
}

/// Ends of a proof.
const PROVEN: i32 = 0;
const REFUSED: i32 = 1;
const UNCLEAR: i32 = 3;

/// What rehull says of the plan that a module has now. `whose`: as `--root` has it.
#[track_caller]
fn ends(root: &Root<'_>, whose: &str, written: &Path, (code, words): (i32, &str)) {
    let plan = root.plan();
    let (plan, written) = (plan.to_str().unwrap(), written.to_str().unwrap());
    let asked = ["adopt", "--verify-plan", plan, "--root", whose, "--out", written];
    let ended = rehull(&root.dir, &asked);
    let said = String::from_utf8(ended.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(code), "{said}{stderr}");
    assert!(said.contains(words), "{said}");
}

const CLUSTER_FILE: &str = include_str!("../../../examples/adopt/mapping.yaml");

#[test]
fn the_written_hand_over_is_forgotten_and_imported_by_real_terraform_and_second_plans_are_empty() {
    for written_as in [Written::Counted, Written::ByKey] {
        let dir = TempDir::new().unwrap();
        let members = on_paper();
        let known = written_as.known(&members);
        let Some(ground) = Ground::new(dir.path(), &known) else {
            return;
        };
        let old = ground.old(&known);
        let (_, cluster_file) = CLUSTER_FILE.split_once("clusterFile:\n").unwrap();
        let lines: Vec<&str> = cluster_file
            .lines()
            .map(|line| line.get(2..).unwrap_or_default())
            .collect();
        let cluster_file = format!("{}\n", lines.join("\n"));
        let state = match written_as {
            Written::Counted => old.state(&["show", "-json"]),
            Written::ByKey => old.state(&["state", "pull"]),
        };
        let written = adopt(dir.path(), &mapping(&members, written_as, &cluster_file), &state);

        // Without the written file Terraform would destroy everything, and the proof says so.
        ends(&old, "old", &written, (REFUSED, "handover::destroy"));
        forget(&old, &written, known.len());
        let parts = ground.parts(&written);
        for (changes, rule) in [
            (
                [
                    ("size                 = 20", "size                 = 30"),
                    ("", ""),
                ],
                "handover::update",
            ),
            // What must not be destroyed ends the plan itself, so that is taken out to see what the proof says.
            (
                [
                    ("encrypted            = true", "encrypted            = false"),
                    ("prevent_destroy = true", "prevent_destroy = false"),
                ],
                "handover::destroy",
            ),
        ] {
            let main = parts.edit(&changes);
            ends(&parts, "new", &written, (REFUSED, rule));
            fs::write(parts.dir.join("main.tf"), main).unwrap();
        }
        import(&ground, &parts, &written);
    }
}

/// The old root module's half: nothing of the members is in its text any more, and the written file is.
fn forget(old: &Root<'_>, written: &Path, objects: usize) {
    fs::copy(
        written.join("terraform/old/removed.tf"),
        old.dir.join("removed.tf"),
    )
    .unwrap();
    let words = format!("{objects} objects forgotten");
    ends(old, "old", written, (PROVEN, &words));
    old.apply();
    fs::remove_file(old.dir.join("removed.tf")).unwrap();
    assert!(old.is_settled());
    // This module had the members alone, so an empty plan of it is that of any folder.
    ends(old, "old", written, (UNCLEAR, "cannot tell"));
    ends(old, "new", written, (REFUSED, "handover::missing"));
}

/// The new root module's half; what rehull does to the objects afterwards is nothing to Terraform.
fn import(ground: &Ground, parts: &Root<'_>, written: &Path) {
    let words = "6 objects imported, changed in nothing but tags";
    ends(parts, "new", written, (PROVEN, words));
    parts.apply();
    assert!(parts.is_settled());
    ends(parts, "new", written, (PROVEN, "nothing to do"));
    ground.change(|objects| {
        for volume in objects["aws_ebs_volume"].as_object_mut().unwrap().values_mut() {
            assert_eq!(volume["tags"]["rehull:slot"], volume["tags_all"]["rehull:slot"]);
            for tags in ["tags", "tags_all"] {
                volume[tags]["rehull:generation"] = json!("1");
            }
        }
        for interface in objects["aws_network_interface"]
            .as_object_mut()
            .unwrap()
            .values_mut()
        {
            interface["attachment"][0]["instance"] = json!("i-0f000000000000000");
        }
    });
    assert!(parts.is_settled());
}

/// A sandbox in which somebody has built a cluster without rehull: no tag, no record, no journal, no published binary.
async fn somebody_elses(name: &str, versions: &[&str]) -> Option<(Sandbox, Cloud, Vec<Member>)> {
    let sandbox = Sandbox::up(name, versions, 3).await?;
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
fn without_what_is_seen(text: &str) -> String {
    let (before, after) = text.split_once("  slots:\n").unwrap();
    let rollout = after.lines().find(|line| line.starts_with("rollout:")).unwrap();
    let told = |line: &&str| {
        let line = line.trim_start();
        !["format:", "instanceType:", "securityGroups:", "#"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let before: Vec<&str> = before.lines().filter(told).collect();
    let before = format!("{}\n", before.join("\n"));
    // Old machines do not listen, so every second of this is waited for.
    format!(
        "{before}{}\n",
        rollout.replace("stopDeadline: 60s", "stopDeadline: 15s")
    )
}

/// From Terraform's state to a finished rollout.
async fn from_state_to_upgrade(name: &str, written_as: Written, to: &str) {
    let Some((sandbox, cloud, members)) = somebody_elses(name, &["3.5.33", to]).await else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let known = written_as.known(&members);
    let Some(ground) = Ground::new(dir.path(), &known) else {
        return sandbox.down().await;
    };
    let laid = fs::read_to_string(sandbox.info.cluster_file()).unwrap();
    let old = ground.old(&known);
    let id = etcd_cluster(&sandbox, &members[0]);
    let text = mapping(&members, written_as, &without_what_is_seen(&laid)).replace("cdf818194e3a8c32", &id);
    let written = adopt(dir.path(), &text, &old.state(&["show", "-json"]));

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

    forget(&old, &written, known.len());
    let parts = ground.parts(&written);
    import(&ground, &parts, &written);
    carry_over(&ground.objects(), &cloud).await;
    let done = page::follow(&written, &members, &cloud, &sandbox.info.dir).await;
    assert_eq!(
        done,
        Done {
            marked: 3,
            tagged: 3,
            recorded: 1
        }
    );

    let load = Load::on(&sandbox).await;
    if to != "3.5.33" {
        sandbox.pin(to);
    }
    sandbox
        .run(&["plan", "cluster.yaml"])
        .await
        .exits(0)
        .says(&["on 3 machines"]);
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    load.ends_unharmed().await;
    sandbox.is_settled_at(to).await;
    // The old data is where it was: nobody but a person deletes it.
    for member in &members {
        let disk = sandbox.info.dir.join("volumes").join(&member.volume).join("fs");
        assert!(disk.join("member/wal").is_dir() && disk.join("gen-1/member/wal").is_dir());
    }
    sandbox.down().await;
}

/// As the mapping says how to ask for it.
fn etcd_cluster(sandbox: &Sandbox, member: &Member) -> String {
    let pki = sandbox.info.pki_dir();
    let file = |name: &str| pki.join(name).to_str().unwrap().to_owned();
    let asked = Command::new(toolbox::binary("3.5.33", "etcdctl").unwrap())
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counted_cluster_of_somebody_else_goes_from_its_state_to_a_finished_upgrade_under_load() {
    from_state_to_upgrade("adopt-a", Written::Counted, "3.6.14").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_somebody_else_written_by_key_goes_from_its_state_to_machines_of_rehull() {
    from_state_to_upgrade("adopt-b", Written::ByKey, "3.5.33").await;
}
