//! However a sandbox came to be what it is, `up` goes on with it and `down` leaves nothing of it.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use rehull::sandbox::{Down, SandboxError, down, status, up};

use super::rig::Rig;
use crate::support::eventually;

const LIMIT: Duration = Duration::from_secs(30);

fn is_gone(rig: &Rig) {
    assert_eq!(rig.processes(), Vec::<String>::new());
    assert!(!rig.state().exists(), "{}", rig.state().display());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_that_is_killed_at_any_moment_leaves_nothing_that_down_does_not_remove() {
    let rig = Rig::new("halfway");
    for moment in 0..16_u64 {
        let mut raised = rig.up_command().spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(moment * 25)).await;
        raised.kill().unwrap();
        raised.wait().unwrap();
        down("halfway", rig.dir()).await.unwrap();
        is_gone(&rig);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_that_cannot_start_the_daemon_again_leaves_the_sandbox_as_it_was() {
    let rig = Rig::new("again");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    cloud.put("rehull-again", "artefacts/sha256/aa").await;
    rig.kill_daemon();
    let address = info.endpoint.trim_start_matches("http://");
    // A killed daemon listens until the kernel has ended it.
    let taken = eventually("the daemon's address free", LIMIT, async || {
        TcpListener::bind(address).ok()
    })
    .await;
    let refused = up(&rig.options()).await.unwrap_err();
    assert!(matches!(refused, SandboxError::NotUp { .. }), "{refused}");
    let seen = status("again", rig.dir()).await.unwrap();
    assert_eq!((&seen.info, seen.status), (&info, None));

    drop(taken);
    assert_eq!(up(&rig.options()).await.unwrap(), info);
    let object = cloud.get("rehull-again", "artefacts/sha256/aa").await;
    assert_eq!(object.as_deref(), Some("x"));
    down("again", rig.dir()).await.unwrap();
    is_gone(&rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_dies_before_anything_happened_comes_back_with_the_same_ids() {
    let rig = Rig::new("early");
    let info = up(&rig.options()).await.unwrap();
    let file = fs::read_to_string(info.cluster_file()).unwrap();
    rig.kill_daemon();
    fs::remove_file(info.cluster_file()).unwrap();
    assert_eq!(up(&rig.options()).await.unwrap(), info);
    assert_eq!(fs::read_to_string(info.cluster_file()).unwrap(), file);
    down("early", rig.dir()).await.unwrap();
    is_gone(&rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn daemon_and_machines_whose_folder_was_removed_are_found_and_ended() {
    let rig = Rig::new("bereft");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-a", "#cloud-config\n").await;
    eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    rig.freeze_daemon(); // or it would notice, and end by itself
    fs::remove_dir_all(rig.state()).unwrap();
    assert_eq!(down("bereft", rig.dir()).await.unwrap(), Down::Removed);
    is_gone(&rig);
    assert_eq!(down("bereft", rig.dir()).await.unwrap(), Down::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_its_handle_and_a_sandbox_without_its_info_are_ended_all_the_same() {
    let rig = Rig::new("nameless");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-a", "#cloud-config\n").await;
    eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    for lost in ["info.json", "daemon.pid", "world.json"] {
        fs::remove_file(rig.state().join(lost)).unwrap();
    }
    fs::remove_file(rig.state().join("machines").join(&machine).join("agent.json")).unwrap();
    assert_eq!(down("nameless", rig.dir()).await.unwrap(), Down::Removed);
    is_gone(&rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_this_moment_is_said_to_have_died() {
    let rig = Rig::new("moment");
    for delay in [0, 1, 2, 4, 8] {
        up(&rig.options()).await.unwrap();
        let pid = rig.daemon();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(delay));
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        });
        while status("moment", rig.dir()).await.unwrap().status.is_some() {}
        killer.join().unwrap();
    }
    down("moment", rig.dir()).await.unwrap();
    is_gone(&rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_take_it_down_at_once_both_succeed() {
    let rig = Rig::new("twice");
    for _ in 0..3 {
        let info = up(&rig.options()).await.unwrap();
        let cloud = rig.cloud(&info).await;
        cloud.launch("etcd-a", "#cloud-config\n").await;
        let (one, other) = tokio::join!(down("twice", rig.dir()), down("twice", rig.dir()));
        one.unwrap();
        other.unwrap();
        is_gone(&rig);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_no_sandbox_is_neither_used_nor_removed() {
    let rig = Rig::new("mine");
    let letter = rig.state().join("letter");
    fs::create_dir(rig.state()).unwrap();
    fs::write(&letter, "dear").unwrap();
    for outcome in [
        up(&rig.options()).await.map(drop),
        down("mine", rig.dir()).await.map(drop),
        down("../mine", rig.dir()).await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, SandboxError::Foreign { .. } | SandboxError::Name { .. }),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(&letter).unwrap(), "dear");
    fs::remove_dir_all(rig.state()).unwrap();
}
