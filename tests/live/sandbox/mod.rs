//! A whole sandbox: its daemon, its APIs, real machines behind them; and nothing left when it is down.

mod ends;
mod etcd;
mod harm;
mod rig;

use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;
use rehull::sandbox::{Down, SandboxError, down, status, switch, up};
use rehull_core::domain::fleet::{Attachment, BootPhase, tag};
use rehull_core::world::Switch;

use self::etcd::Hand;
use self::rig::Rig;
use crate::support::eventually;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_comes_up_once_and_leaves_nothing_when_it_is_down() {
    let rig = Rig::new("updown");
    let info = up(&rig.options()).await.unwrap();
    let text = std::fs::read_to_string(info.cluster_file()).unwrap();
    assert!(
        rehull_core::config::parse("cluster.yaml", &text).is_ok(),
        "{text}"
    );
    assert!(info.pki_dir().join("client.key").is_file());
    let again = up(&rig.options()).await.unwrap_err();
    assert!(matches!(again, SandboxError::Running { .. }), "{again}");
    assert_eq!(
        status(&info.name, rig.dir())
            .await
            .unwrap()
            .status
            .unwrap()
            .machines,
        []
    );

    assert_eq!(down(&info.name, rig.dir()).await.unwrap(), Down::Removed);
    assert_eq!(rig.processes(), Vec::<String>::new());
    assert!(!info.dir.exists());
    assert_eq!(down(&info.name, rig.dir()).await.unwrap(), Down::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_live_side_by_side() {
    let (one, two) = (Rig::new("first"), Rig::new("second"));
    let (left, right) = (
        up(&one.options()).await.unwrap(),
        up(&two.options()).await.unwrap(),
    );
    assert_ne!(left.endpoint, right.endpoint);
    down(&left.name, one.dir()).await.unwrap();
    assert!(status(&right.name, two.dir()).await.unwrap().status.is_some());
    down(&right.name, two.dir()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_reads_its_own_things_only_and_writes_its_own_report_only() {
    let rig = Rig::new("policy");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    cloud.put("rehull-policy-snapshots", "etcd/r1/snapshot.db").await;
    cloud.put("rehull-policy", "artefacts/sha256/aa").await;
    let machine = cloud.launch("etcd-a", rig::PROBE).await;
    let key = format!("artefacts/boot/policy/etcd-a/{machine}.json");
    let report = eventually("the machine's report", LIMIT, async || {
        cloud.get("rehull-policy", &key).await
    })
    .await;
    assert_eq!(
        report.lines().collect::<Vec<_>>(),
        [
            "zone ap-northeast-1a",
            "slot etcd-a",
            "without token 401",
            "artefact 200",
            "own key 200",
            "key of another slot 403",
            "snapshot 403",
            "journal 403",
            "list 403",
            "report of another machine 403",
            "write an artefact 403",
        ]
    );
    down(&info.name, rig.dir()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_outlive_a_killed_daemon_and_are_found_again() {
    let rig = Rig::new("adopt");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-a", "#cloud-config\n").await;
    let other = cloud.launch("etcd-b", "#cloud-config\n").await;
    let before = eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    eventually("a process", LIMIT, async || rig.agent(&other)).await;
    // A daemon that dies before it has noted a start starts that machine again: not what this test is about.
    eventually("noted starts", LIMIT, async || rig.has_noted_all().then_some(())).await;

    rig.kill_daemon();
    assert!(status(&info.name, rig.dir()).await.unwrap().status.is_none());
    rig.kill_machine(&other);
    let revived = up(&rig.options()).await.unwrap();
    assert_eq!(revived, info);
    assert_eq!(rig.agent(&machine).as_ref(), Some(&before));
    cloud.until_state(&machine, &InstanceStateName::Running).await;
    cloud.until_state(&other, &InstanceStateName::Stopped).await;

    // The adopted machine still obeys.
    cloud.terminate(&machine).await;
    cloud.until_state(&machine, &InstanceStateName::Terminated).await;
    assert_eq!(rig.agent(&machine), None);

    // Down after a crash, with a machine alive.
    let third = cloud.launch("etcd-c", "#cloud-config\n").await;
    eventually("a process", LIMIT, async || rig.agent(&third)).await;
    rig.kill_daemon();
    assert_eq!(down(&info.name, rig.dir()).await.unwrap(), Down::Removed);
    assert_eq!(rig.processes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_is_not_seen_by_the_api_and_a_lost_zone_comes_back() {
    let rig = Rig::new("power");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-a", "#cloud-config\n").await;
    eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    switch(
        &info,
        &Switch::PowerCut {
            instance: machine.clone(),
        },
    )
    .await
    .unwrap();
    eventually("its end", LIMIT, async || {
        rig.agent(&machine).is_none().then_some(())
    })
    .await;
    cloud.until_state(&machine, &InstanceStateName::Running).await;

    let zone = |on| Switch::ZoneLoss {
        zone: "ap-northeast-1a".to_owned(),
        on,
    };
    switch(&info, &zone(true)).await.unwrap();
    switch(&info, &zone(false)).await.unwrap();
    eventually("the second boot", LIMIT, async || rig.agent(&machine)).await;
    let unknown = Switch::PowerCut {
        instance: "i-none".to_owned(),
    };
    assert!(switch(&info, &unknown).await.is_err());
    down(&info.name, rig.dir()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rendered_user_data_makes_an_etcd_cluster_and_a_member_moves_to_another_machine() {
    let Some(rig) = Rig::with_etcd("moves", "3.5.33") else {
        return;
    };
    let info = up(&rig.options()).await.unwrap();
    let mut hand = Hand::new(&info).await;
    let slots = [hand.slot(0), hand.slot(1), hand.slot(2)];
    let mut machines = Vec::new();
    for slot in &slots {
        let machine = hand.launch(slot, "bootstrap", 1).await;
        hand.attach(slot, &machine, 1).await;
        hand.set(&machine, tag::GO).await;
        machines.push(machine);
    }
    let before = hand.until_all_serve().await;

    // While etcd runs, the guest does not let go of the volume.
    hand.detach(&slots[1], &machines[1]).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (interface, volume) = hand.where_are(&slots[1]).await.unwrap();
    assert_eq!(interface, Attachment::Available);
    assert_eq!(volume, Attachment::Detaching(machines[1].clone()));

    // Stopped gracefully it does, and the same member comes back on another machine with its data.
    let next = hand.launch(&slots[1], "reattach", 1).await;
    hand.set(&machines[1], tag::STOP).await;
    hand.until_phase(&slots[1], &machines[1], &BootPhase::Stopped)
        .await;
    hand.until_free(&slots[1]).await;
    hand.attach(&slots[1], &next, 1).await;
    hand.set(&next, tag::GO).await;
    let after = hand.until_all_serve().await;
    let ids = |answers: &[rehull_core::domain::etcd::MemberAnswer]| {
        answers
            .iter()
            .map(|one| (one.id, one.cluster))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&after), ids(&before));
    down(&info.name, rig.dir()).await.unwrap();
    assert_eq!(rig.processes(), Vec::<String>::new());
}
