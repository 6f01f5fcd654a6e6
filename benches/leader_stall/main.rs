//! How long clients of the survivors stall when the leader is replaced: rehull against removing the leader directly, in
//! one run, on the same real cluster; and what a start of rehull costs.
//!
//! `make bench`. `REHULL_BENCH_RUNS` (default 10) says how often each way is gone. The table is on stdout, the numbers in
//! `target/bench/leader-stall.json`. The exit code is 1 if a promise is not kept.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, shows a table, starts processes, and shares its rig with the live tests"
)]

#[path = "../../tests/live/e2e/answer.rs"]
mod answer;
#[path = "../../tests/live/e2e/cloud.rs"]
mod cloud;
#[path = "../../tests/live/e2e/load.rs"]
mod load;
#[path = "../../tests/live/e2e/rig.rs"]
mod rig;
mod start;
#[path = "../../tests/live/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rehull::adapters::clock::SystemClock;
use rehull::adapters::etcd::EtcdPool;
use rehull::adapters::etcd::load::{Class, Probe, ProbeReport, ProbeSpec};
use rehull_core::domain::desired::Slot;
use rehull_core::ports::{EtcdMembership as _, EtcdView as _};
use serde::Serialize;

use rig::Sandbox;

/// The promise to clients with a time-out of 200 ms per try, in milliseconds.
const STALL_MAX: u64 = 250;
/// The promise against the naive way.
const TIMES_BETTER: u64 = 5;
/// Elections are over and hung requests have ended after this: etcd drops them after 5 s + 2 election time-outs.
const AFTERMATH: Duration = Duration::from_secs(9);
/// etcd counts links younger than 5 s as down.
const SETTLED: Duration = Duration::from_secs(6);

/// One replacement of a leader, as the clients of the other members saw it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    /// Longest time that a writer with a time-out per try went without an acknowledged write.
    stall_ms: u64,
    /// Requests of patient writers that hung for a second or longer.
    hung: u64,
    lost: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    format: u32,
    profile: &'static str,
    rehull: Vec<Seen>,
    naive: Vec<Seen>,
    start: start::Start,
    apply_resident_kib: u64,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(measure()) {
        Some(results) => conclude(&results),
        None => ExitCode::FAILURE,
    }
}

async fn measure() -> Option<Results> {
    let runs = std::env::var("REHULL_BENCH_RUNS").map_or(10, |runs| runs.parse().unwrap());
    let sandbox = Sandbox::cluster("stall", &["3.5.33"], 3).await?;
    let mut results = Results {
        format: 1,
        profile: if cfg!(debug_assertions) { "dev" } else { "release" },
        rehull: Vec::new(),
        naive: Vec::new(),
        start: start::measure(&sandbox.info.cluster_file()),
        apply_resident_kib: 0,
    };
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        let (seen, resident) = by_rehull(&sandbox).await;
        results.rehull.push(seen);
        results.apply_resident_kib = results.apply_resident_kib.max(resident);
        results.naive.push(naively(&sandbox).await);
    }
    sandbox.down().await;
    Some(results)
}

/// Who leads, and its clients' servers: the others.
async fn leader(pool: &EtcdPool, slots: &[Slot]) -> (Slot, Vec<Slot>) {
    support::eventually("a leader", Duration::from_secs(30), async || {
        let seen = pool.observe(slots).await;
        let leads = |slot: &&Slot| {
            let answer = seen
                .endpoints
                .get(&slot.name)
                .and_then(|endpoint| endpoint.answer());
            answer.is_some_and(|answer| answer.serves && answer.leader == Some(answer.id))
        };
        let leader = slots.iter().find(leads)?.clone();
        let survivors = slots.iter().filter(|slot| slot.name != leader.name);
        let survivors = survivors.cloned().collect();
        Some((leader, survivors))
    })
    .await
}

async fn clients(pool: &Arc<EtcdPool>, survivors: &[Slot]) -> Probe {
    let spec = ProbeSpec::for_slots("bench", survivors);
    let probe = Probe::start(Arc::clone(pool), Arc::new(SystemClock::new()), spec)
        .await
        .unwrap();
    support::eventually("clients at work", Duration::from_secs(20), async || {
        (probe.progress().acknowledged > 200).then_some(())
    })
    .await;
    probe
}

fn seen(report: &ProbeReport) -> Seen {
    assert!(report.is_clean(), "{:?}", report.problems);
    Seen {
        stall_ms: report.longest_stall_ms(Class::Retrying),
        hung: report.hung_tries(Class::Patient),
        lost: report.lost,
    }
}

async fn by_rehull(sandbox: &Sandbox) -> (Seen, u64) {
    let (pool, slots) = (load::pool(sandbox), load::slots(sandbox));
    let (leader, survivors) = leader(&pool, &slots).await;
    let probe = clients(&pool, &survivors).await;
    let run = sandbox.start(&["etcd", "replace", leader.name.as_str(), "cluster.yaml", "--yes"]);
    let (run, resident) = run.end_with_memory(rig::LIMIT).await;
    run.exits(0);
    (seen(&probe.finish().await.unwrap().report), resident)
}

/// `member remove` of a leader that runs; then the slot is refilled, with nobody measuring.
async fn naively(sandbox: &Sandbox) -> Seen {
    let (pool, slots) = (load::pool(sandbox), load::slots(sandbox));
    tokio::time::sleep(SETTLED).await;
    let (leader, survivors) = leader(&pool, &slots).await;
    let view = pool.observe(&slots).await;
    let id = view.endpoints[&leader.name].answer().unwrap().id;
    let probe = clients(&pool, &survivors).await;
    pool.remove(&survivors[0], id).await.unwrap();
    tokio::time::sleep(AFTERMATH).await;
    let seen = seen(&probe.finish().await.unwrap().report);

    let machine = sandbox.machine(leader.name.as_str()).await;
    cloud::Cloud::of(&sandbox.info).await.terminate(&machine).await;
    support::eventually("the end of the machine", Duration::from_secs(30), async || {
        (sandbox.machines().await.len() + 1 == slots.len()).then_some(())
    })
    .await;
    let heal = ["etcd", "heal", leader.name.as_str(), "cluster.yaml", "--yes"];
    sandbox.run(&heal).await.exits(0);
    seen
}

fn conclude(results: &Results) -> ExitCode {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("leader-stall.json");
    std::fs::write(&path, serde_json::to_vec_pretty(results).unwrap()).unwrap();

    println!("replacing the leader, clients of the survivors, etcd 3.5.33, 3 members");
    println!("  way                   runs   stall, median   stall, longest   hung requests, most   lost");
    let worst = |all: &[Seen]| all.iter().map(|seen| seen.stall_ms).max().unwrap_or(0);
    for (way, all) in [("rehull", &results.rehull), ("member remove", &results.naive)] {
        let (hung, lost) = (
            all.iter().map(|s| s.hung).max().unwrap_or(0),
            all.iter().map(|s| s.lost).sum::<u64>(),
        );
        let (runs, median, longest) = (all.len(), median(all), worst(all));
        println!("  {way:<19} {runs:>6} {median:>12} ms {longest:>13} ms {hung:>21} {lost:>6}");
    }
    let start::Start { version_ms, check_ms } = results.start;
    println!(
        "start ({} profile): --version {version_ms} ms, check {check_ms} ms (median)",
        results.profile
    );
    println!(
        "resident memory of a rollout, most: {} MiB",
        results.apply_resident_kib / 1024
    );
    println!("numbers: {}", path.display());

    let (ours, naive) = (worst(&results.rehull), median(&results.naive));
    let kept = ours <= STALL_MAX && ours.saturating_mul(TIMES_BETTER) <= naive;
    println!(
        "promise {}: at most {STALL_MAX} ms ({ours} ms), {TIMES_BETTER} times better than {naive} ms",
        if kept { "kept" } else { "NOT kept" }
    );
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn median(all: &[Seen]) -> u64 {
    let mut stalls: Vec<u64> = all.iter().map(|seen| seen.stall_ms).collect();
    stalls.sort_unstable();
    stalls.get(stalls.len() / 2).copied().unwrap_or(0)
}
