//! Machines of the sandbox boot the real rendered user data: the boot protocol, step by step and refusal by refusal.

mod doubles;
mod lab;

use std::fs;
use std::path::Path;
use std::time::Duration;

use lab::Lab;
use rehull::sandbox::machine::{MachineProcess, Withdrawn, withdraw_volume};
use rehull_core::domain::fleet::BootPhase;

use crate::support::toolbox::binary;

const VOLUME: &str = "vol-0123456789abcdef0";

const FIRST: &str = "i-0aaaaaaaaaaaaaaaa";
const SECOND: &str = "i-0bbbbbbbbbbbbbbbb";
const SLEEPER: Duration = Duration::from_millis(1_500); // longer than one look at the tags

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_boots_the_rendered_user_data_and_lives_through_its_protocol() {
    let (Some(etcd), Some(etcdctl)) = (binary("3.5.33", "etcd"), binary("3.5.33", "etcdctl")) else {
        return;
    };
    let binaries =
        [("etcd", &etcd), ("etcdctl", &etcdctl)].map(|(name, path)| (name, fs::read(path).unwrap()));
    let lab = Lab::new(&binaries).await;
    let machine = warm_then_go(&lab, &etcdctl).await;
    let machine = power_cut_then_reboot(&lab, &etcdctl, machine).await;
    stopped_for_good(&lab, machine).await;
    reattached(&lab, &etcdctl).await;
    assert_eq!(lab.aws.complaints(), Vec::<String>::new());
}

async fn warm_then_go(lab: &Lab, etcdctl: &Path) -> MachineProcess {
    let machine = lab.launch(FIRST, "bootstrap", "1").await;
    lab.until(FIRST, BootPhase::Warm).await;
    tokio::time::sleep(SLEEPER).await;
    assert!(!lab.port_is_open(), "etcd started before its go");
    assert!(
        !lab.volume().join("fs").exists(),
        "the volume was formatted before the go"
    );
    let adopted = MachineProcess::adopt(machine.handle()).unwrap();
    assert_eq!(adopted.handle(), machine.handle());

    lab.aws.tag("go", "1");
    lab.until(FIRST, BootPhase::Running).await;
    let put = lab.etcdctl(etcdctl, &["put", "k", "before the power cut"]);
    assert!(put.status.success(), "{put:?}\n{}", lab.evidence(FIRST));
    assert_eq!(
        withdraw_volume(&lab.machine_dir(FIRST), VOLUME).unwrap(),
        Withdrawn::StillMounted
    );
    machine
}

/// Everything in the machine dies, nothing is left, and the next boot just starts.
async fn power_cut_then_reboot(lab: &Lab, etcdctl: &Path, machine: MachineProcess) -> MachineProcess {
    machine.power_cut().unwrap();
    lab.until_gone(FIRST, &machine).await;
    assert!(!lab.port_is_open());
    assert!(MachineProcess::adopt(machine.handle()).is_none());
    let machine = lab.power_on(FIRST).await;
    let got = got_key(lab, etcdctl, FIRST).await;
    assert!(got.contains("before the power cut"), "{got}");
    machine
}

/// Graceful, unmounted, reported, and not undone by a reboot.
async fn stopped_for_good(lab: &Lab, machine: MachineProcess) {
    lab.aws.tag("stop", "1");
    lab.until(FIRST, BootPhase::Stopped).await;
    assert!(!lab.port_is_open());
    assert!(stopped_gracefully(lab, FIRST), "{}", lab.evidence(FIRST));
    machine.ask_shutdown().unwrap();
    lab.until_gone(FIRST, &machine).await;
    let machine = lab.power_on(FIRST).await;
    tokio::time::sleep(SLEEPER).await;
    assert!(
        !lab.port_is_open(),
        "a stopped machine started etcd after a reboot"
    );
    assert_eq!(
        withdraw_volume(&lab.machine_dir(FIRST), VOLUME).unwrap(),
        Withdrawn::Done
    );
    machine.power_cut().unwrap();
    lab.until_gone(FIRST, &machine).await;
}

/// Another machine, the same member on its own data; a shutdown without the stop tag is graceful too.
async fn reattached(lab: &Lab, etcdctl: &Path) {
    lab.aws.untag("stop");
    let machine = lab.launch(SECOND, "reattach", "1").await;
    let got = got_key(lab, etcdctl, SECOND).await;
    assert!(got.contains("before the power cut"), "{got}");
    assert_eq!(
        fs::read_to_string(lab.on_volume("gen-1/.rehull")).unwrap().trim(),
        SECOND
    );
    machine.ask_shutdown().unwrap();
    lab.until_gone(SECOND, &machine).await;
    assert!(stopped_gracefully(lab, SECOND), "{}", lab.evidence(SECOND));
}

fn stopped_gracefully(lab: &Lab, instance: &str) -> bool {
    let log = lab.machine_dir(instance).join("root/var/log/etcd.service.log");
    fs::read_to_string(log)
        .unwrap()
        .contains("received signal; shutting down")
}

async fn got_key(lab: &Lab, etcdctl: &Path, instance: &str) -> String {
    for _ in 0..100 {
        if lab.port_is_open() {
            let got = lab.etcdctl(etcdctl, &["get", "k"]);
            if got.status.success() {
                return String::from_utf8_lossy(&got.stdout).into_owned();
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("etcd does not answer: {}", lab.evidence(instance));
}

/// A binary that would be seen if it were ever started.
fn never_started() -> Vec<(&'static str, Vec<u8>)> {
    vec![(
        "etcd",
        b"#!/bin/sh\ntouch /var/lib/etcd/started\nsleep 600\n".to_vec(),
    )]
}

async fn refusal(lab: &Lab, join: &str, generation: &str) -> (String, String) {
    // Every machine has an id of its own, or the report of the last one would be read.
    let instance = &format!("i-0refused-{join}-{generation}");
    lab.aws.tag("go", "1");
    let machine = lab.launch(instance, join, generation).await;
    let report = lab.until(instance, BootPhase::Refused).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        !lab.on_volume("started").exists(),
        "etcd was started all the same"
    );
    machine.power_cut().unwrap();
    lab.until_gone(instance, &machine).await;
    (report.code, report.text)
}

/// A volume that a machine of this slot has used: file system, marker, and data of one generation.
fn used(lab: &Lab, generation: &str, by: &str) {
    fs::create_dir_all(lab.on_volume(&format!("{generation}/member/wal"))).unwrap();
    fs::write(lab.on_volume(".rehull"), "cluster=dev slot=etcd-a\n").unwrap();
    fs::write(lab.on_volume(&format!("{generation}/.rehull")), format!("{by}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_volume_where_data_is_expected_is_refused() {
    let lab = Lab::new(&never_started()).await;
    let (code, text) = refusal(&lab, "existing", "2").await;
    assert_eq!(code, "blank-volume", "{text}");
    assert!(!lab.volume().join("fs").exists(), "it was formatted");
    assert_eq!(refusal(&lab, "reattach", "1").await.0, "blank-volume");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_another_slot_or_with_unknown_data_is_refused() {
    let lab = Lab::new(&never_started()).await;
    used(&lab, "gen-1", "i-0dddddddddddddddd");
    fs::write(lab.on_volume(".rehull"), "cluster=prod slot=etcd-a\n").unwrap();
    let (code, text) = refusal(&lab, "existing", "2").await;
    assert_eq!(
        (code.as_str(), text.contains("cluster=prod slot=etcd-a")),
        ("foreign-volume", true),
        "{text}"
    );
    fs::remove_file(lab.on_volume(".rehull")).unwrap();
    assert_eq!(refusal(&lab, "bootstrap", "2").await.0, "foreign-volume");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_generation_is_never_used_by_a_new_member() {
    let lab = Lab::new(&never_started()).await;
    used(&lab, "gen-2", "i-0dddddddddddddddd");
    let (code, text) = refusal(&lab, "existing", "2").await;
    assert_eq!(
        (code.as_str(), text.contains("i-0dddddddddddddddd")),
        ("generation-in-use", true),
        "{text}"
    );
    assert_eq!(
        refusal(&lab, "existing", "1").await.0,
        "generation-in-use",
        "older than what is there"
    );
    assert_eq!(refusal(&lab, "reattach", "3").await.0, "missing-data");
    assert!(
        lab.on_volume("gen-2/member/wal").exists(),
        "a refusal deleted data"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artefact_with_another_digest_is_refused_before_it_can_run() {
    let lab = Lab::new(&never_started()).await;
    let sum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&never_started()[0].1));
    lab.aws.put(
        &format!("rehull-dev/artefacts/sha256/{sum}"),
        b"#!/bin/sh\n# tampered with\n".to_vec(),
    );
    assert_eq!(refusal(&lab, "bootstrap", "1").await.0, "wrong-digest");
    assert!(!lab.volume().join("fs").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_are_missing_or_of_another_machine_are_refused() {
    let lab = Lab::new(&never_started()).await;
    assert_eq!(refusal(&lab, "join-us", "1").await.0, "bad-tags");
    let (code, text) = refusal(&lab, "bootstrap", "one").await;
    assert_eq!(
        (code.as_str(), text.as_str()),
        ("bad-tags", "rehull:generation is missing or is not a number")
    );
    lab.aws.tag("slot", "etcd-b");
    let (code, text) = refusal(&lab, "bootstrap", "2").await;
    assert_eq!(
        (code.as_str(), text.as_str()),
        ("bad-tags", "rehull:slot is missing or is not etcd-a")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn older_generations_go_and_the_last_one_stays() {
    let lab = Lab::new(&never_started()).await;
    for generation in ["gen-1", "gen-2", "gen-3"] {
        used(&lab, generation, "i-0dddddddddddddddd");
    }
    let instance = "i-0cccccccccccccccc";
    lab.aws.tag("go", "1");
    let machine = lab.launch(instance, "existing", "4").await;
    lab.until(instance, BootPhase::Running).await;
    let there = ["gen-1", "gen-2", "gen-3", "gen-4"].map(|generation| lab.on_volume(generation).exists());
    assert_eq!(there, [false, false, true, true]);
    machine.power_cut().unwrap();
    lab.until_gone(instance, &machine).await;
}
