//! Existing clusters, from Terraform's state to a finished upgrade: real Terraform judges the hand-over, real etcd is rolled.

mod groups;
mod legacy;
mod page;
mod rest;
mod root;
mod story;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rehull_core::adopt::LAYOUTS;
use serde_json::json;
use tempfile::TempDir;

use legacy::{Member, Written};
use root::{Ground, Known, Root};

/// Members that exist nowhere but in Terraform's eyes.
fn on_paper() -> Vec<Member> {
    let one = |(nth, zone): (u8, &str)| {
        let id = |kind: &str| format!("{kind}-0e00000000000000{nth}");
        Member {
            name: format!("etcd-{nth}"),
            machine: id("i"),
            zone: format!("ap-northeast-1{zone}"),
            subnet: id("subnet"),
            address_subnet: format!("subnet-0f00000000000000{nth}"),
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
        text.push_str(&format!("  - {{ {} }}\n", written.mapped(nth, member)));
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

/// What is written of a cluster of this row of docs/adopt.md.
fn adopt(dir: &Path, row: &str, (mapping, state): (&str, &[u8])) -> PathBuf {
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
    let said = String::from_utf8(made.stdout).unwrap();
    let layout = LAYOUTS.iter().find(|layout| layout.id == row).unwrap();
    assert!(said.contains(layout.looks), "{said}");
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
        let (known, rest) = (written_as.known(&members), written_as.rest(&members));
        let forgets = known.len();
        let known: Vec<Known> = known.into_iter().chain(rest.known).collect();
        let Some(ground) = Ground::new(dir.path(), &known) else {
            return;
        };
        let old = ground.old(&known, &rest.files);
        let (_, cluster_file) = CLUSTER_FILE.split_once("clusterFile:\n").unwrap();
        let lines: Vec<&str> = cluster_file
            .lines()
            .map(|line| line.get(2..).unwrap_or_default())
            .collect();
        let cluster_file = format!("{}\n", lines.join("\n"));
        let state = old.state(written_as);
        let text = mapping(&members, written_as, &cluster_file);
        let written = adopt(dir.path(), written_as.layout(), (&text, &state));

        // Without the written file Terraform would destroy everything, and the proof says so.
        ends(&old, "old", &written, (REFUSED, "handover::destroy"));
        forget(&old, written_as, (&written, forgets));
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
fn forget(old: &Root<'_>, written_as: Written, (written, objects): (&Path, usize)) {
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
    let settled = match written_as {
        Written::Counted | Written::Grouped => (PROVEN, "keeps the rest"),
        // This module had the members alone, so an empty plan of it is that of any folder.
        Written::ByKey => (UNCLEAR, "cannot tell"),
    };
    ends(old, "old", written, settled);
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
