//! What the view says of healthy, stopped, frozen and outvoted members, per minor.

use std::time::{Duration, Instant};

use rehull_core::domain::etcd::{Endpoint, MemberAnswer};
use rehull_core::domain::ids::MemberId;
use rehull_core::ports::{EtcdMembership, EtcdView, PortError, Rule};
use rustix::process::Signal;

use crate::support::{Cluster, Setup, eventually};

#[tokio::test]
async fn sees_a_3_4_cluster_healthy_handed_over_frozen_and_without_quorum() {
    story("3.4.23").await;
}

#[tokio::test]
async fn sees_a_3_5_cluster_healthy_handed_over_frozen_and_without_quorum() {
    story("3.5.33").await;
}

#[tokio::test]
async fn sees_a_3_6_cluster_healthy_handed_over_frozen_and_without_quorum() {
    story("3.6.14").await;
}

#[tokio::test]
async fn sees_a_3_7_cluster_healthy_handed_over_frozen_and_without_quorum() {
    story("3.7.1").await;
}

async fn story(version: &'static str) {
    let Some(mut cluster) = Cluster::up(Setup::new(version, 3)).await else {
        return;
    };
    healthy(&cluster, version).await;
    cluster.pool.compare_hashes(cluster.members()).await.unwrap();
    let leader = hands_over_the_leader(&cluster).await;
    let others: Vec<usize> = (0..3).filter(|&index| index != leader).collect();
    frozen_is_silent(&cluster, others[0]).await;
    stopped_is_refused(&mut cluster, others[0]).await;
    without_quorum_nobody_serves(&mut cluster, leader, others[1]).await;
}

async fn healthy(cluster: &Cluster, version: &str) {
    let view = cluster.observe().await;
    let answers: Vec<&MemberAnswer> = view.endpoints.values().filter_map(Endpoint::answer).collect();
    assert_eq!(answers.len(), 3, "{view:?}");
    let first = answers[0];
    for answer in &answers {
        assert_eq!(answer.version.to_string(), version);
        assert_eq!(answer.cluster_version, Some(answer.version.line()));
        assert_eq!(
            (answer.cluster, answer.leader, answer.term),
            (first.cluster, first.leader, first.term)
        );
        assert!(
            answer.serves && !answer.learner && answer.alarms.is_empty(),
            "{answer:?}"
        );
        assert_eq!(answer.members, first.members);
        assert_eq!(answer.db_quota.is_some(), answer.version.minor >= 6, "{answer:?}");
        assert!(answer.db_size > 0 && answer.applied_index > 0 && answer.applied_index <= answer.raft_index);
    }
    let listed = first.members.as_ref().unwrap();
    let mut seen: Vec<(&str, &str, bool)> = listed
        .iter()
        .map(|m| (m.name.as_str(), m.peer_urls[0].as_str(), m.learner))
        .collect();
    seen.sort_unstable();
    let urls: Vec<String> = cluster
        .members()
        .iter()
        .map(rehull_core::domain::desired::Slot::peer_url)
        .collect();
    assert_eq!(
        seen,
        [
            ("etcd-a", urls[0].as_str(), false),
            ("etcd-b", &urls[1], false),
            ("etcd-c", &urls[2], false)
        ]
    );
}

/// Returns the index of the new leader.
async fn hands_over_the_leader(cluster: &Cluster) -> usize {
    let from = cluster.leader().await;
    let to = (from + 1) % 3;
    let to_id = cluster.answer(cluster.slot(to)).await.unwrap().id;
    let wrong = cluster.pool.move_leader(cluster.slot(to), to_id).await;
    assert!(
        matches!(
            wrong,
            Err(PortError::Refused {
                rule: Rule::NotLeader,
                ..
            })
        ),
        "{wrong:?}"
    );
    let nobody = cluster
        .pool
        .move_leader(cluster.slot(from), MemberId(0xbad))
        .await;
    assert!(
        matches!(
            nobody,
            Err(PortError::Refused {
                rule: Rule::NotLeader,
                ..
            })
        ),
        "{nobody:?}"
    );

    cluster.pool.move_leader(cluster.slot(from), to_id).await.unwrap();
    assert_eq!(cluster.leader().await, to);
    // A second time, as after a lost answer: it is so already.
    cluster.pool.move_leader(cluster.slot(from), to_id).await.unwrap();
    to
}

async fn frozen_is_silent(cluster: &Cluster, index: usize) {
    cluster.signal(index, Signal::STOP);
    let since = Instant::now();
    let view = cluster.observe().await;
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "observing took {:?}",
        since.elapsed()
    );
    let frozen = &view.endpoints[&cluster.slot(index).name];
    assert!(matches!(frozen, Endpoint::Silent(_)), "{frozen:?}");
    assert_eq!(
        view.endpoints
            .values()
            .filter(|endpoint| endpoint.answer().is_some())
            .count(),
        2
    );
    cluster.signal(index, Signal::CONT);
    eventually("the thawed member serves", Duration::from_secs(10), async || {
        cluster
            .answer(cluster.slot(index))
            .await
            .filter(|answer| answer.serves)
    })
    .await;
}

async fn stopped_is_refused(cluster: &mut Cluster, index: usize) {
    cluster.stop(index).await;
    assert_eq!(cluster.endpoint(cluster.slot(index)).await, Endpoint::Refused);
    let nobody = cluster
        .pool
        .add(cluster.slot(index), "https://127.0.0.1:2380", false)
        .await;
    assert!(matches!(nobody, Err(PortError::NotSent { .. })), "{nobody:?}");
}

async fn without_quorum_nobody_serves(cluster: &mut Cluster, left: usize, killed: usize) {
    cluster.kill(killed);
    let answer = eventually(
        "the last member knows no leader",
        Duration::from_secs(10),
        async || {
            cluster
                .answer(cluster.slot(left))
                .await
                .filter(|answer| answer.leader.is_none())
        },
    )
    .await;
    assert!(!answer.serves && answer.members.is_none(), "{answer:?}");
    let change = cluster.pool.remove(cluster.slot(left), MemberId(1)).await;
    assert!(
        matches!(change, Err(PortError::NotSent { .. })),
        "nothing is sent without a read: {change:?}"
    );
}

#[tokio::test]
async fn an_alarm_is_seen_without_asking_raft() {
    for version in ["3.4.23", "3.6.14"] {
        let setup = Setup {
            flags: &["--quota-backend-bytes=200000"],
            ..Setup::new(version, 1)
        };
        let Some(cluster) = Cluster::up(setup).await else {
            return;
        };
        let mut client = cluster.pool.connect(&cluster.slot(0).client_url()).await.unwrap();
        let mut refused = None;
        for n in 0..200 {
            if let Err(error) = client.put(format!("/fill/{n}"), vec![b'x'; 20_000], None).await {
                refused = Some(error.to_string());
                break;
            }
        }
        assert!(refused.unwrap().contains("database space exceeded"));
        let answer = cluster.answer(cluster.slot(0)).await.unwrap();
        assert_eq!(answer.alarms, ["NOSPACE"], "{version}");
    }
}

#[tokio::test]
async fn another_cluster_behind_the_address_shows_by_its_id() {
    let Some(ours) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    let Some(theirs) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    let (a, b) = (
        ours.answer(ours.slot(0)).await.unwrap(),
        theirs.answer(theirs.slot(0)).await.unwrap(),
    );
    assert_ne!(a.cluster, b.cluster);
}
