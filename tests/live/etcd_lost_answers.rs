//! A change that worked, whose answer was lost: it is found by looking, not by trying again.

use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::ports::{EtcdMembership, PortError};

use crate::support::proxy::Proxy;
use crate::support::{Cluster, Setup, eventually};

/// Longer than a commit takes, so that the change is seen elsewhere before its answer arrives.
const DELAY: Duration = Duration::from_millis(200);

#[tokio::test]
async fn changes_whose_answers_are_lost_are_found_on_the_other_members() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 3)).await else {
        return;
    };
    tokio::time::sleep(Duration::from_secs(6)).await;
    let url = cluster.spare().peer_url();

    let (via, proxy) = behind_a_proxy(&cluster, 0).await;
    let (added, ()) = tokio::join!(cluster.pool.add(&via, &url, false), async {
        listed(&cluster, 4).await;
        proxy.lose_answers();
    });
    let added = added.unwrap();
    let answer = cluster.answer(cluster.slot(1)).await.unwrap();
    assert!(
        answer
            .members
            .unwrap()
            .iter()
            .any(|member| member.id == added && member.name.is_empty())
    );

    let (via, proxy) = behind_a_proxy(&cluster, 1).await;
    let (removed, ()) = tokio::join!(cluster.pool.remove(&via, added), async {
        listed(&cluster, 3).await;
        proxy.lose_answers();
    });
    removed.unwrap();

    // The proxy is dead by now: nothing can be sent, and that is certain.
    let nothing = cluster.pool.add(&via, &url, false).await;
    assert!(matches!(nothing, Err(PortError::NotSent { .. })), "{nothing:?}");
}

async fn behind_a_proxy(cluster: &Cluster, number: usize) -> (Slot, Proxy) {
    let mut via = cluster.slot(0).clone();
    let behind = via.address;
    via.address = cluster.stand_in(number);
    let proxy = Proxy::start(via.address, behind, DELAY).await;
    (via, proxy)
}

async fn listed(cluster: &Cluster, count: usize) {
    eventually(
        "the change on another member",
        Duration::from_secs(10),
        async || {
            let answer = cluster.answer(cluster.slot(2)).await?;
            answer.members.filter(|members| members.len() == count)
        },
    )
    .await;
}
