//! Losses on purpose.

use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;
use rehull::sandbox::{Harm, SandboxError, down, harm, status, up};

use super::rig::Rig;
use crate::support::eventually;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_s_machine_is_frozen_thawed_cut_off_and_terminated() {
    let rig = Rig::new("harm");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-b", "#cloud-config\n").await;
    let other = cloud.launch("etcd-c", "#cloud-config\n").await;
    let pid = eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    eventually("a process", LIMIT, async || rig.agent(&other)).await;
    let seen = status("harm", rig.dir()).await.unwrap();
    let stands = || {
        let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        line.contains(") T ")
    };

    assert_eq!(
        harm(&seen, "etcd-b", Harm::Freeze).await.unwrap(),
        [machine.as_str()]
    );
    eventually("a standstill", LIMIT, async || stands().then_some(())).await;
    harm(&seen, "etcd-b", Harm::Thaw).await.unwrap();
    eventually("its end", LIMIT, async || (!stands()).then_some(())).await;
    assert_eq!(rig.agent(&machine), Some(pid));

    harm(&seen, "etcd-b", Harm::PowerCut).await.unwrap();
    eventually("darkness", LIMIT, async || {
        rig.agent(&machine).is_none().then_some(())
    })
    .await;
    cloud.until_state(&machine, &InstanceStateName::Running).await;

    harm(&seen, "etcd-c", Harm::Terminate).await.unwrap();
    cloud.until_state(&other, &InstanceStateName::Terminated).await;
    let none = harm(&seen, "etcd-a", Harm::Freeze).await.unwrap_err();
    assert!(matches!(none, SandboxError::NoMachine { .. }), "{none}");
    down("harm", rig.dir()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_sandbox_goes_down_like_any_other() {
    let rig = Rig::new("ice");
    let info = up(&rig.options()).await.unwrap();
    let cloud = rig.cloud(&info).await;
    let machine = cloud.launch("etcd-a", "#cloud-config\n").await;
    eventually("a process", LIMIT, async || rig.agent(&machine)).await;
    let seen = status("ice", rig.dir()).await.unwrap();
    harm(&seen, "etcd-a", Harm::Freeze).await.unwrap();
    rig.freeze_daemon();
    down("ice", rig.dir()).await.unwrap();
    assert_eq!(rig.processes(), Vec::<String>::new());
    assert!(!rig.state().exists());
}
