//! Every refusal that decisions know, asked of the real thing: the texts are the contract, the codes drift.

use std::time::Duration;

use rehull_core::domain::ids::MemberId;
use rehull_core::ports::{EtcdMembership, PortError, Rule};

use crate::support::{Cluster, Setup, eventually};

/// Links younger than this count as down inside etcd (HealthInterval), with a margin.
const SETTLED: Duration = Duration::from_secs(6);
const NOBODY: MemberId = MemberId(0xbad);

#[tokio::test]
async fn etcd_3_4_refuses_in_the_words_we_know() {
    story("3.4.23").await;
}

#[tokio::test]
async fn etcd_3_5_refuses_in_the_words_we_know() {
    story("3.5.33").await;
}

#[tokio::test]
async fn etcd_3_6_refuses_in_the_words_we_know() {
    story("3.6.14").await;
}

#[tokio::test]
async fn etcd_3_7_refuses_in_the_words_we_know() {
    story("3.7.1").await;
}

async fn story(version: &'static str) {
    let Some(mut cluster) = Cluster::up(Setup::new(version, 3)).await else {
        return;
    };
    young_links(&cluster).await;
    tokio::time::sleep(SETTLED).await;
    a_learner_that_never_starts(&cluster).await;
    a_learner_that_runs(&mut cluster).await;
    a_member_that_is_down(&mut cluster, version).await;
    a_voter_that_never_starts(&cluster).await;
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, PortError>, expected: Rule, words: &str) {
    match answer {
        Err(PortError::Refused { rule, text }) if rule == expected => {
            assert!(text.contains(words), "{text}");
        }
        other => panic!("expected {expected:?} `{words}`, got {other:?}"),
    }
}

async fn id_of(cluster: &Cluster, index: usize) -> MemberId {
    cluster.answer(cluster.slot(index)).await.unwrap().id
}

async fn young_links(cluster: &Cluster) {
    let third = id_of(cluster, 2).await;
    let answer = cluster.pool.remove(cluster.slot(0), third).await;
    refused(answer, Rule::UnhealthyCluster, "etcdserver: unhealthy cluster");
}

async fn a_learner_that_never_starts(cluster: &Cluster) {
    let (via, url) = (cluster.slot(0), cluster.spare().peer_url());
    let learner = cluster.pool.add(via, &url, true).await.unwrap();
    let again = cluster.pool.add(via, &url, true).await;
    assert_eq!(again, Ok(learner), "adding twice is adding once");
    let second = cluster.pool.add(via, "https://127.0.0.9:2380", true).await;
    refused(
        second,
        Rule::TooManyLearners,
        "too many learner members in cluster",
    );

    let early = cluster.pool.promote(via, learner).await;
    refused(
        early,
        Rule::LearnerNotReady,
        "can only promote a learner member which is in sync with leader",
    );
    let leader = cluster.leader().await;
    let transfer = cluster.pool.move_leader(cluster.slot(leader), learner).await;
    refused(transfer, Rule::NotLeader, "bad leader transferee");
    let nobody = cluster.pool.promote(via, NOBODY).await;
    assert!(matches!(nobody, Err(PortError::Gone { .. })), "{nobody:?}");
    assert_eq!(
        cluster.pool.remove(via, NOBODY).await,
        Ok(()),
        "removing nobody is done already"
    );
    let voter = id_of(cluster, 1).await;
    assert_eq!(
        cluster.pool.promote(via, voter).await,
        Ok(()),
        "a voter is promoted already"
    );
    // The words behind the two answers above, which our look before the call hides.
    let mut raw = cluster.pool.connect(&via.client_url()).await.unwrap();
    let words = raw.member_promote(voter.0).await.unwrap_err().to_string();
    assert!(words.contains("can only promote a learner member"), "{words}");
    let words = raw.member_remove(NOBODY.0).await.unwrap_err().to_string();
    assert!(words.contains("member not found"), "{words}");
    let words = raw
        .member_add([cluster.slot(1).peer_url()], None)
        .await
        .unwrap_err()
        .to_string();
    assert!(words.contains("already exist"), "{words}");
    let taken = cluster.pool.add(via, &cluster.slot(1).peer_url(), false).await;
    refused(taken, Rule::MemberExists, "is taken by the voter");
}

async fn a_learner_that_runs(cluster: &mut Cluster) {
    let version = cluster.version();
    let everybody: Vec<_> = (0..=3).map(|index| cluster.slot(index).clone()).collect();
    cluster.start(3, version, "existing", &everybody);
    let spare = cluster.spare().clone();
    let answer = eventually("the learner answers", Duration::from_secs(10), async || {
        cluster
            .answer(&spare)
            .await
            .filter(|answer| answer.learner && answer.leader.is_some())
    })
    .await;
    assert!(!answer.serves && answer.members.is_none(), "{answer:?}");
    let asked = cluster.pool.add(&spare, "https://127.0.0.9:2380", false).await;
    refused(asked, Rule::Other, "rpc not supported for learner");

    let via = cluster.slot(0);
    let learner = answer.id;
    eventually(
        "the learner can be promoted",
        Duration::from_secs(10),
        async || cluster.pool.promote(via, learner).await.ok(),
    )
    .await;
    assert_eq!(
        cluster.pool.promote(via, learner).await,
        Ok(()),
        "promoting twice is promoting once"
    );
    eventually("the new voter serves", Duration::from_secs(10), async || {
        cluster
            .answer(&spare)
            .await
            .filter(|answer| answer.serves && !answer.learner)
    })
    .await;
    cluster.pool.remove(via, learner).await.unwrap();
    assert_eq!(
        cluster.pool.remove(via, learner).await,
        Ok(()),
        "removing twice is removing once"
    );
}

/// Two voters are left; the third is added and never started.
async fn a_voter_that_never_starts(cluster: &Cluster) {
    let (via, url) = (cluster.slot(0), cluster.spare().peer_url());
    let added = cluster.pool.add(via, &url, false).await.unwrap();
    assert_eq!(
        cluster.pool.add(via, &url, false).await,
        Ok(added),
        "adding twice is adding once"
    );
    let kind = cluster.pool.add(via, &url, true).await;
    refused(kind, Rule::MemberExists, "is taken by the voter");
    let words = "re-configuration failed due to not enough started members";
    let another = cluster.pool.add(via, "https://127.0.0.9:2380", false).await;
    refused(another, Rule::NotEnoughStarted, words);
    let healthy = id_of(cluster, 1).await;
    refused(
        cluster.pool.remove(via, healthy).await,
        Rule::NotEnoughStarted,
        words,
    );
    cluster.pool.remove(via, added).await.unwrap();
    // Within the same second: the same id, which etcd never takes again.
    let other = cluster.pool.add(via, &url, false).await.unwrap();
    assert_ne!(other, added);
    cluster.pool.remove(via, other).await.unwrap();
}

async fn a_member_that_is_down(cluster: &mut Cluster, version: &str) {
    let (first, healthy, dead) = (
        id_of(cluster, 0).await,
        id_of(cluster, 1).await,
        id_of(cluster, 2).await,
    );
    let leader = cluster.leader().await;
    cluster
        .pool
        .move_leader(cluster.slot(leader), first)
        .await
        .unwrap();
    cluster.kill(2);
    // Broken streams are noticed within milliseconds.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let via = cluster.slot(0);
    let answer = cluster.pool.remove(via, healthy).await;
    refused(answer, Rule::UnhealthyCluster, "etcdserver: unhealthy cluster");
    if version.starts_with("3.4") {
        let answer = cluster.pool.add(via, "https://127.0.0.9:2380", true).await;
        refused(answer, Rule::UnhealthyCluster, "etcdserver: unhealthy cluster");
    }
    eventually(
        "the dead member can be removed",
        Duration::from_secs(10),
        async || cluster.pool.remove(via, dead).await.ok(),
    )
    .await;
}
