//! The probe under the dance of one member, and under the sudden death of a leader.

use std::sync::Arc;
use std::time::Duration;

use rehull::adapters::clock::SystemClock;
use rehull::adapters::etcd::load::{Class, Finished, Probe, ProbeReport, ProbeSpec};
use rehull_core::ports::{EtcdMembership, EtcdView};

use crate::support::{Cluster, Setup, eventually};

/// Links younger than 5 s count as down inside etcd.
const SETTLED: Duration = Duration::from_secs(6);

async fn probe(cluster: &Cluster) -> Probe {
    let spec = ProbeSpec::for_slots("live", cluster.members());
    let clock = Arc::new(SystemClock::new());
    let probe = Probe::start(Arc::clone(&cluster.pool), clock, spec)
        .await
        .unwrap();
    eventually("acknowledged writes", Duration::from_secs(10), async || {
        (probe.progress().acknowledged > 100).then_some(())
    })
    .await;
    probe
}

fn show(report: &ProbeReport) {
    eprintln!("{}", serde_json::to_string_pretty(report).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_a_leader_is_replaced_by_a_newer_member_behind_the_same_address() {
    let Some(mut cluster) = Cluster::up(Setup::new("3.5.33", 3)).await else {
        return;
    };
    let probe = probe(&cluster).await;
    tokio::time::sleep(SETTLED).await;

    let leader = cluster.leader().await;
    let (next, via) = ((leader + 1) % 3, cluster.slot((leader + 2) % 3).clone());
    let leaving = cluster.answer(cluster.slot(leader)).await.unwrap().id;
    let successor = cluster.answer(cluster.slot(next)).await.unwrap().id;
    cluster
        .pool
        .move_leader(cluster.slot(leader), successor)
        .await
        .unwrap();
    cluster.stop(leader).await;
    cluster.pool.remove(&via, leaving).await.unwrap();
    cluster
        .pool
        .add(&via, &cluster.slot(leader).peer_url(), false)
        .await
        .unwrap();
    let everybody = cluster.members().to_vec();
    cluster.start(leader, "3.6.14", "existing", &everybody);
    cluster.all_serve().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    cluster.pool.compare_hashes(cluster.members()).await.unwrap();

    let Finished { report, records } = probe.finish().await.unwrap();
    show(&report);
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(
        report.acknowledged + report.open,
        u64::try_from(records.len()).unwrap()
    );
    assert_eq!(report.watches.len(), 3);
    let moved = report
        .watches
        .iter()
        .find(|watch| watch.via == cluster.slot(leader).name)
        .unwrap();
    assert!(
        moved.resumed >= 1 && moved.events >= report.acknowledged,
        "{moved:?}"
    );
    // One dropped request costs a try of 200 ms; the rest is room for a loaded machine. The bound itself is held by
    // the benchmark.
    assert!(
        report.longest_stall_ms(Class::Retrying) < 1_000,
        "{:?}",
        report.classes
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_leader_is_measured_and_loses_nothing() {
    let Some(mut cluster) = Cluster::up(Setup::new("3.6.14", 3)).await else {
        return;
    };
    let probe = probe(&cluster).await;
    let leader = cluster.leader().await;
    cluster.kill(leader);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let everybody = cluster.members().to_vec();
    cluster.restart(leader, &everybody);
    cluster.all_serve().await;

    let report = probe.finish().await.unwrap().report;
    show(&report);
    assert!(report.is_clean(), "{:?}", report.problems);
    // Nobody could write until the others had waited an election time-out (1 s).
    assert!(report.longest_outage_ms() >= 500, "{:?}", report.stalls);
    let pinned = report
        .classes
        .iter()
        .find(|class| class.pinned_to.as_ref() == Some(&cluster.slot(leader).name));
    assert!(
        pinned.unwrap().longest_stall.as_ref().unwrap().length_ms >= 4_000,
        "{pinned:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_probe_of_the_same_name_is_not_judged_by_the_keys_of_the_first() {
    let Some(cluster) = Cluster::up(Setup::new("3.6.14", 1)).await else {
        return;
    };
    for _ in 0..2 {
        let report = probe(&cluster).await.finish().await.unwrap().report;
        assert!(report.is_clean(), "{:?}", report.problems);
    }
}
