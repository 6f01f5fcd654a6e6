//! One sequence on the model and on real etcd.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex};

use rehull_core::domain::version::EtcdVersion;

use crate::model::Model;
use crate::real::{Real, binary};
use crate::steps::{Cluster, Step, transcript};

/// Clusters of up to four processes that run side by side. They mostly wait, but they start on the same cores, and a
/// sequence that starts too slowly has left the first seconds of its links behind before it asks for them.
const AT_ONCE: usize = 8;

/// Steps, and the releases that they need.
pub(crate) struct Run {
    releases: Vec<EtcdVersion>,
    pub(crate) steps: Vec<Step>,
}

impl Run {
    pub(crate) fn new(releases: &[EtcdVersion], steps: Vec<Step>) -> Self {
        Self {
            releases: releases.to_vec(),
            steps,
        }
    }

    fn name(&self) -> String {
        let names: Vec<String> = self.releases.iter().map(EtcdVersion::to_string).collect();
        names.join(" to ")
    }

    /// With `REHULL_REQUIRE_TOOLBOX` set (CI does) a missing binary is a failure.
    fn has_binaries(&self) -> bool {
        let missing = self
            .releases
            .iter()
            .map(|release| binary(&toolbox(), *release))
            .find(|path| !path.is_file());
        let Some(missing) = missing else { return true };
        let why = format!("{} is missing; run tools/toolbox.sh", missing.display());
        assert!(std::env::var_os("REHULL_REQUIRE_TOOLBOX").is_none(), "{why}");
        eprintln!("skipped: {why}");
        false
    }

    /// Both columns where they differ.
    fn differences(&self) -> Option<String> {
        let modelled = transcript(&mut Model::new(7), &self.steps);
        if !self.has_binaries() {
            return None;
        }
        let place = Place::take();
        let mut real = Real::new(&toolbox(), &self.steps);
        let answers = transcript(&mut real, &self.steps);
        let mut text = String::new();
        for (model, etcd) in modelled.iter().zip(&answers) {
            if model == etcd {
                text += &format!("      {model}\n");
            } else {
                text += &format!("model {model}\netcd  {etcd}\n");
            }
        }
        let differ = modelled != answers;
        let words = if differ { real.last_words() } else { String::new() };
        drop((real, place));
        differ.then(|| format!("on {}:\n{text}{words}", self.name()))
    }
}

pub(crate) fn compare(runs: &[Run]) {
    let differences: Vec<String> = std::thread::scope(|scope| {
        // Each in a thread of its own: the kernel ends its processes with it.
        let threads: Vec<_> = runs.iter().map(|run| scope.spawn(|| run.differences())).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.flatten().collect()
    });
    assert!(
        differences.is_empty(),
        "the model and etcd differ {}",
        differences.join("\n")
    );
}

fn toolbox() -> PathBuf {
    if let Some(root) = std::env::var_os("REHULL_TOOLBOX") {
        return PathBuf::from(root);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or(home).expect("HOME is set").join("rehull/toolbox")
}

static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static LEFT: Condvar = Condvar::new();

/// The right to run a cluster.
struct Place;

impl Place {
    fn take() -> Self {
        let mut free = LEFT.wait_while(FREE.lock().unwrap(), |free| *free == 0).unwrap();
        *free -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *FREE.lock().unwrap() += 1;
        LEFT.notify_one();
    }
}
