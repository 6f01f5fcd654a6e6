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

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rehull::adapters::clock::SystemClock;
use rehull::adapters::etcd::EtcdPool;
use rehull::adapters::etcd::load::{Class, Finished, Probe, ProbeSpec};
use rehull_core::domain::desired::Slot;
use rehull_core::ports::{EtcdMembership as _, EtcdView as _};
use serde::Serialize;

use rig::Sandbox;

/// The promise to clients with a time-out of 200 ms per try, in milliseconds.
const STALL_MAX: u64 = 250;
/// The promise against the naive way.
const TIMES_BETTER: u64 = 5;
/// Requests without a time-out that hang, per connection: a replacement moves the leader once.
const HUNG_MAX: u64 = 1;
/// The promise of `check` and `--version`, in milliseconds.
const START_MAX: f64 = 30.0;
/// The promise of a rollout, in KiB.
const RESIDENT_MAX: u64 = 100 * 1000 * 1000 / 1024;
/// Writers without a time-out, each with a connection of its own.
const PATIENT: u32 = 2;
/// A try this long is one that hung: etcd answers in milliseconds or, at an election, in about a second.
const HUNG: Duration = Duration::from_secs(1);
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
    /// Requests of the patient writer to which it happened most that hung for a second or longer.
    hung_per_connection: u64,
    /// Longest of these.
    hung_longest_ms: u64,
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
    let sandbox = Sandbox::cluster("stall", &["3.5.33", "3.6.14"], 3).await?;
    let mut results = Results {
        format: 1,
        profile: if cfg!(debug_assertions) { "dev" } else { "release" },
        rehull: Vec::new(),
        naive: Vec::new(),
        start: start::measure(&sandbox.info.cluster_file()),
        apply_resident_kib: 0,
    };
    let begun = std::time::Instant::now();
    for run in 1..=runs {
        eprintln!("run {run} of {runs}, {} s", begun.elapsed().as_secs());
        results.rehull.push(by_rehull(&sandbox).await);
        results.naive.push(naively(&sandbox).await);
    }
    eprintln!("an upgrade, {} s", begun.elapsed().as_secs());
    results.apply_resident_kib = memory_of_an_upgrade(&sandbox).await;
    sandbox.down().await;
    Some(results)
}

/// Most that was resident while all three machines were replaced, in KiB.
async fn memory_of_an_upgrade(sandbox: &Sandbox) -> u64 {
    sandbox.pin("3.6.14");
    let run = sandbox.start(&["apply", "cluster.yaml", "--yes"]);
    let (run, resident) = run.end_with_memory(rig::LIMIT).await;
    run.exits(0);
    resident
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
    let spec = ProbeSpec {
        patient: PATIENT,
        pause: Duration::from_millis(5),
        ..ProbeSpec::for_slots("bench", survivors)
    };
    let probe = Probe::start(Arc::clone(pool), Arc::new(SystemClock::new()), spec)
        .await
        .unwrap();
    support::eventually("clients at work", Duration::from_secs(20), async || {
        (probe.progress().acknowledged > 200).then_some(())
    })
    .await;
    probe
}

fn seen(finished: &Finished) -> Seen {
    let Finished { report, records } = finished;
    assert!(report.is_clean(), "{:?}", report.problems);
    let mut hung: BTreeMap<u32, u64> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    for record in records.iter().filter(|record| record.class == Class::Patient) {
        if record.try_longest >= HUNG {
            *hung.entry(record.writer).or_default() += 1;
            longest = longest.max(record.try_longest);
        }
    }
    Seen {
        stall_ms: report.longest_stall_ms(Class::Retrying),
        hung_per_connection: hung.into_values().max().unwrap_or(0),
        hung_longest_ms: longest.as_millis().try_into().unwrap(),
        lost: report.lost,
    }
}

async fn by_rehull(sandbox: &Sandbox) -> Seen {
    let (pool, slots) = (load::pool(sandbox), load::slots(sandbox));
    let (leader, survivors) = leader(&pool, &slots).await;
    let probe = clients(&pool, &survivors).await;
    let run = sandbox.start(&["etcd", "replace", leader.name.as_str(), "cluster.yaml", "--yes"]);
    run.end(rig::LIMIT).await.exits(0);
    seen(&probe.finish().await.unwrap())
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
    let seen = seen(&probe.finish().await.unwrap());

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
    println!(
        "  way             runs   stall, median   stall, longest   hung per connection, most (ms)   lost"
    );
    for (way, all) in [("rehull", &results.rehull), ("member remove", &results.naive)] {
        let (runs, median, longest, lost) = (
            all.len(),
            median(all),
            most(all, |seen| seen.stall_ms),
            most(all, |seen| seen.lost),
        );
        let hung = most(all, |seen| seen.hung_per_connection);
        let hung_ms = most(all, |seen| seen.hung_longest_ms);
        let hung = format!("{hung} ({hung_ms})");
        println!("  {way:<14} {runs:>5} {median:>12} ms {longest:>13} ms {hung:>32} {lost:>6}");
    }
    let start::Start { version_ms, check_ms } = results.start;
    println!(
        "start ({} profile), median: --version {version_ms:.1} ms, check {check_ms:.1} ms",
        results.profile
    );
    println!(
        "resident memory of `apply`, 3 machines, most: {} MB",
        results.apply_resident_kib * 1024 / 1_000_000
    );
    println!("numbers: {}", path.display());
    judge(results)
}

/// Every promise with what was measured.
fn judge(results: &Results) -> ExitCode {
    let ours = most(&results.rehull, |seen| seen.stall_ms);
    let naive = median(&results.naive);
    let hung = most(&results.rehull, |seen| seen.hung_per_connection);
    let lost = most(&results.rehull, |seen| seen.lost);
    let start = results.start;
    let promises = [
        (
            format!("longest stall {ours} ms, at most {STALL_MAX} ms"),
            ours <= STALL_MAX,
        ),
        (
            format!("{TIMES_BETTER} times better than the median of the naive way, {naive} ms"),
            ours.saturating_mul(TIMES_BETTER) <= naive,
        ),
        (
            format!("{hung} hung requests per connection and leader move, at most {HUNG_MAX}"),
            hung <= HUNG_MAX,
        ),
        (format!("{lost} acknowledged writes lost"), lost == 0),
        (
            format!("start within {START_MAX} ms"),
            start.version_ms <= START_MAX && start.check_ms <= START_MAX,
        ),
        (
            "`apply` in at most 100 MB".to_owned(),
            results.apply_resident_kib <= RESIDENT_MAX,
        ),
    ];
    for (promise, kept) in &promises {
        println!("{} {promise}", if *kept { "kept    " } else { "NOT KEPT" });
    }
    if promises.iter().all(|(_, kept)| *kept) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn most(all: &[Seen], number: impl Fn(&Seen) -> u64) -> u64 {
    all.iter().map(number).max().unwrap_or(0)
}

fn median(all: &[Seen]) -> u64 {
    let mut stalls: Vec<u64> = all.iter().map(|seen| seen.stall_ms).collect();
    stalls.sort_unstable();
    stalls.get(stalls.len() / 2).copied().unwrap_or(0)
}
