//! Every target: its seeds, and what becomes of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::change::{Change, change, changed};
use crate::targets::{Answer, TARGETS, Target};

/// Inputs of each target: a second or two on a slow machine.
const INPUTS: u32 = 600;
/// A reader that takes longer for one input hangs; the slowest of them takes a tenth of a second.
const HANGS: Duration = Duration::from_secs(60);
/// What this process may need in the end, in KiB: the inputs are below 300 KiB each.
const MEMORY_MAX_KIB: u64 = 1024 * 1024;

/// The seeds of a target, in the order of their names.
fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target.name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

/// Runs a target, and fails by its name and input if no answer comes.
fn watched<T: Send + 'static>(work: impl FnOnce(&Mutex<String>) -> T + Send + 'static) -> T {
    let doing = Arc::new(Mutex::new(String::new()));
    let (done, ended) = channel::<()>();
    let inner = Arc::clone(&doing);
    let worker = std::thread::spawn(move || {
        let _done = done;
        work(&inner)
    });
    let mut last = String::new();
    while ended.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
        let now = doing.lock().unwrap().clone();
        assert_ne!(now, last, "no answer for {HANGS:?}");
        last = now;
    }
    worker.join().unwrap_or_else(|why| std::panic::resume_unwind(why))
}

#[test]
fn every_target_takes_some_of_its_seeds_and_refuses_some() {
    watched(|doing| {
        for target in TARGETS {
            let mut answers = BTreeSet::new();
            for (name, input) in seeds(target) {
                *doing.lock().unwrap() = format!("{} {name}", target.name);
                answers.insert((target.run)(&input));
            }
            let both = BTreeSet::from([Answer::Taken, Answer::Refused]);
            assert_eq!(answers, both, "{}", target.name);
        }
    });
}

#[test]
fn no_reader_panics_hangs_or_swells_whatever_it_is_given() {
    let failures: Vec<String> = TARGETS
        .iter()
        .filter_map(|target| watched(|doing| fuzzed(target, doing).err()))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let used = peak_kib();
    assert!(used.is_none_or(|kib| kib <= MEMORY_MAX_KIB), "{used:?} KiB");
}

fn fuzzed(target: &Target, doing: &Mutex<String>) -> Result<(), String> {
    let seeds = seeds(target);
    let config = Config {
        cases: INPUTS,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    };
    let some = (
        any::<Index>(),
        any::<Index>(),
        prop::collection::vec(change(), 0..6),
    );
    let noise = prop::collection::vec(any::<u8>(), 0..64);
    let inputs = prop_oneof![
        1 => noise.prop_map(|noise| noise),
        19 => some.prop_map(move |(seed, other, changes)| of(&seeds, (&seed, &other), &changes)),
    ];
    let ran = TestRunner::new(config).run(&inputs, |input| {
        *doing.lock().unwrap() = format!("{} {}", target.name, shown(&input));
        (target.run)(&input);
        Ok(())
    });
    ran.map_err(|error| match error {
        TestError::Fail(why, input) => format!("{}: {why}\n{}", target.name, shown(&input)),
        TestError::Abort(why) => format!("{}: {why}", target.name),
    })
}

fn of(seeds: &[(String, Vec<u8>)], (seed, other): (&Index, &Index), changes: &[Change]) -> Vec<u8> {
    let (_, start) = seed.get(seeds);
    let (_, other) = other.get(seeds);
    changes
        .iter()
        .fold(start.clone(), |bytes, change| changed(&bytes, change, other))
}

/// The input for a person who has to write it into a file.
fn shown(input: &[u8]) -> String {
    const SHOWN_MAX_BYTES: usize = 2_000;
    let head = &input[..input.len().min(SHOWN_MAX_BYTES)];
    format!("{} bytes: b\"{}\"", input.len(), head.escape_ascii())
}

/// The most memory that this process has ever had, where the system says so.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
