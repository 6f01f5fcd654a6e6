//! What it costs to start rehull.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;

const RUNS: usize = 31;

/// Medians in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    pub(crate) version_ms: f64,
    pub(crate) check_ms: f64,
}

pub(crate) fn measure(cluster_file: &Path) -> Start {
    let file = cluster_file.to_str().unwrap();
    Start {
        version_ms: median_ms(&["--version"]),
        check_ms: median_ms(&["check", file]),
    }
}

fn median_ms(arguments: &[&str]) -> f64 {
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let since = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_rehull"))
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.unwrap().success(), "{arguments:?}");
            since.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2].as_secs_f64() * 1000.0
}
