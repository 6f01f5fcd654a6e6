//! What every test of this target needs: scenarios from files, prepared clusters, runs on all cores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use rehull_core::executor::Rules;
use rehull_core::sim::{Faults, Prepared, Scenario, Verdict, prepare, read_scenario};

/// A folder of this target.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim").join(name)
}

/// Every scenario of a folder, by the name of its file.
pub(crate) fn scenarios(of: &str) -> BTreeMap<String, Scenario> {
    let files = std::fs::read_dir(folder(of)).unwrap();
    let yaml = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = read_scenario(&name, &text).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}"));
        (name, scenario)
    })
    .collect()
}

/// Clusters that were created once and are upgraded again and again.
static PREPARED: LazyLock<Mutex<BTreeMap<String, Arc<Prepared>>>> = LazyLock::new(Mutex::default);

fn prepared(scenario: &Scenario) -> Arc<Prepared> {
    // The cluster that is found must not depend on who asked first.
    let calm = Scenario {
        about: String::new(),
        seed: 0,
        faults: Faults::default(),
        ..scenario.clone()
    };
    let mut all = PREPARED.lock().unwrap();
    let found = all.entry(format!("{calm:?}"));
    Arc::clone(found.or_insert_with(|| Arc::new(prepare(&calm).unwrap())))
}

/// Plays a scenario.
pub(crate) fn play(scenario: &Scenario) -> Verdict {
    prepared(scenario).upgrade(scenario, Rules::default()).unwrap()
}

/// Does `work` for every number below `jobs`, on all cores.
pub(crate) fn everywhere(jobs: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    work(job);
                }
            });
        }
    });
}

/// A number from the environment of whoever runs the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a campaign lasts is said by whoever starts it; no production code reads this"
)]
pub(crate) fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// The part of a scenario's name that a campaign is about; empty: all of them.
#[expect(
    clippy::disallowed_methods,
    reason = "which scenarios a campaign is about is said by whoever starts it; no production code reads this"
)]
pub(crate) fn chosen() -> String {
    std::env::var("REHULL_SIM_SCENARIO").unwrap_or_default()
}

/// A scenario that was played.
pub(crate) struct Played {
    pub(crate) scenario: Scenario,
    pub(crate) verdict: Verdict,
}

/// Every committed scenario, played once for all tests.
pub(crate) static PLAYED: LazyLock<BTreeMap<String, Played>> = LazyLock::new(|| {
    let scenarios: Vec<(String, Scenario)> = scenarios("scenarios").into_iter().collect();
    let played = Mutex::new(BTreeMap::new());
    everywhere(u64::try_from(scenarios.len()).unwrap(), |job| {
        let (name, scenario) = scenarios[usize::try_from(job).unwrap()].clone();
        let verdict = play(&scenario);
        played.lock().unwrap().insert(name, Played { scenario, verdict });
    });
    played.into_inner().unwrap()
});
