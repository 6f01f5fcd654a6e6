//! Health gates that are asked of real etcd, one test each.

use std::time::Duration;

use etcd_client::{AlarmAction, AlarmType, GetOptions};
use jiff::Timestamp;
use rehull_core::ports::{EtcdProbe, EtcdView, PortError};
use rustix::process::Signal;

use crate::support::{Cluster, Setup, eventually};

#[tokio::test]
async fn data_is_not_called_the_same_while_a_voter_is_late() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 3)).await else {
        return;
    };
    let late = (cluster.leader().await + 1) % 3;
    cluster.signal(late, Signal::STOP);
    let compared = cluster.pool.compare_hashes(cluster.members()).await;
    cluster.signal(late, Signal::CONT);
    let url = cluster.slot(late).client_url();
    assert!(
        matches!(&compared, Err(PortError::NotSent { why }) if why.contains(&url)),
        "{compared:?}"
    );
    cluster.pool.compare_hashes(cluster.members()).await.unwrap();
}

#[tokio::test]
async fn a_member_says_itself_which_of_its_checks_fail_where_its_release_can() {
    for (version, failing) in [
        ("3.4.23", &[][..]),
        ("3.5.33", &["data_corruption"]),
        ("3.6.14", &["data_corruption"]),
        ("3.7.1", &["data_corruption"]),
    ] {
        let Some(cluster) = Cluster::up(Setup::new(version, 1)).await else {
            return;
        };
        let member = cluster.slot(0);
        let answer = cluster.answer(member).await.unwrap();
        assert!(answer.unready.is_empty(), "{version}: {answer:?}");

        let mut client = cluster.pool.connect(&member.client_url()).await.unwrap();
        client
            .alarm(AlarmAction::Activate, AlarmType::Corrupt, None)
            .await
            .unwrap();
        let answer = cluster.answer(member).await.unwrap();
        assert_eq!(answer.unready, failing, "{version}: {answer:?}");
    }
}

#[tokio::test]
async fn without_a_quorum_a_member_is_not_ready() {
    let Some(mut cluster) = Cluster::up(Setup::new("3.5.33", 3)).await else {
        return;
    };
    cluster.kill(1);
    cluster.kill(2);
    eventually(
        "the last member is not ready",
        Duration::from_secs(10),
        async || {
            let answer = cluster.answer(cluster.slot(0)).await?;
            eprintln!("{:?}", answer.unready);
            (!answer.unready.is_empty()).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn a_write_goes_through_every_member_and_the_one_that_takes_none_is_named() {
    for version in ["3.4.23", "3.7.1"] {
        let Some(cluster) = Cluster::up(Setup::new(version, 3)).await else {
            return;
        };
        cluster.pool.write_through(cluster.members()).await.unwrap();
        let mut client = cluster.pool.connect(&cluster.slot(0).client_url()).await.unwrap();
        let everything = GetOptions::new().with_all_keys();
        let left = client.get("", Some(everything)).await.unwrap();
        assert!(left.kvs().is_empty(), "{version}: {left:?}");
        assert_eq!(
            left.header().unwrap().revision(),
            5,
            "{version}: a put by each of three and one delete"
        );

        let late = (cluster.leader().await + 1) % 3;
        cluster.signal(late, Signal::STOP);
        let written = cluster.pool.write_through(cluster.members()).await;
        cluster.signal(late, Signal::CONT);
        let words = format!("{} takes no write", cluster.slot(late).name);
        assert!(
            matches!(&written, Err(PortError::OutcomeUnknown { why }) if why.starts_with(&words)),
            "{version}: {written:?}"
        );
    }
}

#[tokio::test]
async fn it_is_seen_when_the_certificates_of_members_and_our_own_end() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    let view = cluster.observe().await;
    let end_of_2099: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    let shown = cluster.answer(cluster.slot(0)).await.unwrap().cert_until;
    assert_eq!(
        (view.client_cert_until, shown),
        (Some(end_of_2099), Some(end_of_2099))
    );
}
