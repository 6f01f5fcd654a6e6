//! How many complete rollouts, with faults, one core simulates per second: of three members by each strategy, and of three
//! members, three machines of a control plane and a hundred workers.
//!
//! `cargo bench -p rehull-core --bench simulate`. `REHULL_BENCH_SEEDS` (default 100) says how many seeds each strategy is
//! given; the large cluster gets one for ten of them. Time is that of the processor where the system tells it (Linux), so
//! that a busy machine does not matter. The table is on stdout, the numbers in `target/bench/simulate.json`; `stories` is a
//! digest of everything that was told, so that a change that only makes it faster can be seen to tell the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a benchmark fails by panicking, reads a clock and shows a table"
)]

/// The one that the campaigns run with as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::executor::Rules;
use rehull_core::sim::{End, Faults, Scenario, Verdict, Workers, drawn, drawn_for_workers, prepare};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

/// Groups of workers, and machines of each: a hundred.
const GROUPS: u8 = 4;
const MACHINES: u8 = 25;
/// The large cluster takes so many times as long.
const LARGE: u64 = 10;

/// What was measured of one kind of cluster.
struct Measured {
    name: String,
    rollouts: u32,
    finished: u32,
    took: Duration,
    looks: u64,
    requests: u64,
    events: u64,
    virtual_s: u64,
    stories: Sha256,
}

fn main() {
    let seeds = std::env::var("REHULL_BENCH_SEEDS").map_or(100, |seeds| seeds.parse().unwrap());
    let small: Vec<Measured> = ALL
        .into_iter()
        .map(|strategy| {
            let plain = Scenario::plain(strategy, 3, 5);
            measure(strategy.as_str(), &plain, seeds, drawn)
        })
        .collect();
    let large = measure("3 + 3 + 100", &large(), (seeds / LARGE).max(1), drawn_for_workers);
    println!("with faults, one core, {} profile", profile());
    println!("  cluster           rollouts/s   ms each    ticks/s    ticks   requests   events   virtual s");
    for one in small.iter().chain([&large]) {
        println!(
            "  {:<16} {:>11.2} {:>9.2} {:>10.0} {:>8} {:>10} {:>8} {:>11}",
            one.name,
            one.per_s(),
            1_000.0 / one.per_s(),
            one.ticks_per_s(),
            one.each(one.looks),
            one.each(one.requests),
            one.each(one.events),
            one.each(one.virtual_s),
        );
    }
    let rollouts: u32 = small.iter().map(|one| one.rollouts).sum();
    let took: Duration = small.iter().map(|one| one.took).sum();
    let per_s = f64::from(rollouts) / took.as_secs_f64();
    let finished: u32 = small.iter().map(|one| one.finished).sum();
    println!("  3 members, all  {per_s:>12.1}   {finished} of {rollouts} finished");
    println!("  3 + 3 + 100: {} of {} finished", large.finished, large.rollouts);
    let results = json!({
        "format": 1,
        "profile": profile(),
        "rolloutsPerSecond": per_s,
        "strategies": small.into_iter().map(Measured::json).collect::<Vec<_>>(),
        "large": large.json(),
    });
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("simulate.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&results).unwrap()).unwrap();
    println!("numbers: {}", path.display());
}

/// Everything is upgraded in one rollout: etcd, the control plane, the workers, of which ten may be drained at once.
fn large() -> Scenario {
    let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 5).with_control_plane();
    let workers = Workers {
        surge: 5,
        budget: 10,
        ..Workers::new(GROUPS, MACHINES)
    };
    Scenario {
        workers: Some(workers),
        ..plain
    }
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) { "dev" } else { "release" }
}

/// Time of this thread on a processor; the clock on the wall where nobody tells.
fn used() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = told.and_then(|text| text.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| BEGIN.elapsed(), Duration::from_nanos)
}

fn measure(name: &str, plain: &Scenario, seeds: u64, drawn: fn(u64, u8) -> Faults) -> Measured {
    let prepared = prepare(plain).unwrap();
    let mut measured = Measured {
        name: name.to_owned(),
        rollouts: 0,
        finished: 0,
        took: Duration::ZERO,
        looks: 0,
        requests: 0,
        events: 0,
        virtual_s: 0,
        stories: Sha256::new(),
    };
    for seed in 0..seeds {
        let faults = drawn(seed, plain.members);
        let scenario = Scenario {
            seed,
            ..plain.clone()
        }
        .with(faults);
        let begun = used();
        let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
        measured.took += used().saturating_sub(begun);
        measured.count(&verdict);
        if verdict.end != End::Finished {
            println!("  {name} seed {seed}: {:?}", verdict.end);
            println!("    after {:?}, {:?}", verdict.took, scenario.faults);
        }
    }
    measured
}

impl Measured {
    fn count(&mut self, verdict: &Verdict) {
        assert!(verdict.breaches.is_empty(), "{:?}", verdict.breaches);
        self.rollouts += 1;
        self.finished += u32::from(verdict.end == End::Finished);
        self.looks += verdict.looks;
        self.requests += verdict.requests.len() as u64;
        self.events += verdict.events.len() as u64;
        self.virtual_s += verdict.took.as_secs();
        let story = format!(
            "{:?} {:?} {:?} {:?}",
            verdict.end, verdict.took, verdict.requests, verdict.events
        );
        self.stories.update(story.as_bytes());
    }

    fn per_s(&self) -> f64 {
        f64::from(self.rollouts) / self.took.as_secs_f64()
    }

    fn ticks_per_s(&self) -> f64 {
        self.looks as f64 / self.took.as_secs_f64()
    }

    fn each(&self, sum: u64) -> u64 {
        sum / u64::from(self.rollouts.max(1))
    }

    fn json(self) -> Value {
        json!({
            "cluster": self.name,
            "rollouts": self.rollouts,
            "finished": self.finished,
            "rolloutsPerSecond": self.per_s(),
            "ticksPerSecond": self.ticks_per_s(),
            "looksEach": self.each(self.looks),
            "requestsEach": self.each(self.requests),
            "eventsEach": self.each(self.events),
            "virtualSecondsEach": self.each(self.virtual_s),
            "stories": hex::encode(self.stories.finalize()),
        })
    }
}
