//! How long it takes to find the way of 150 clusters of 1,000 machines each.
//!
//! `cargo bench -p rehull-core --bench path`. Every cluster has ten groups whose nodes run four releases of two minors, and goes as far as the
//! catalogue reaches. The goal is 1 s for all of them on one core; missing it fails the benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads a clock and shows a table"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::civil::date;
use rehull_core::catalog::kubernetes::{Release, releases};
use rehull_core::domain::ids::GroupName;
use rehull_core::domain::version::KubernetesVersion;
use rehull_core::plan::path::{KubeletRule, NodeVersions, Pins, Seen, ServerVersions, find};

const CLUSTERS: usize = 150;
const GROUPS: usize = 10;
const MACHINES: u32 = 1_000;
const TIME_MAX: Duration = Duration::from_secs(1);

fn main() {
    let today = date(2026, 12, 1);
    let clusters: Vec<(Seen, Pins)> = (0..CLUSTERS).map(cluster).collect();
    let begin = Instant::now();
    let mut hops = 0;
    let mut machines = 0;
    for (seen, pins) in &clusters {
        let path = find(seen, pins, KubeletRule::Supported, today).unwrap();
        hops += path.hops.len();
        machines += path.cost.machines;
    }
    let took = begin.elapsed();
    println!(
        "{CLUSTERS} clusters of {MACHINES} machines: {hops} hops, {machines} machines replaced, found in {took:?}"
    );
    assert!(took <= TIME_MAX, "{took:?}");
}

/// They begin at different minors, from the second on, so that a quarter of the nodes may be one behind.
fn cluster(number: usize) -> (Seen, Pins) {
    let known = releases();
    let start = 1 + number % (known.len() / 2);
    let (before, from, to) = (&known[start - 1], &known[start], known.last().unwrap());
    let older = |release: &Release| KubernetesVersion {
        patch: release.newest.patch - 1,
        ..release.newest
    };
    let share = MACHINES / u32::try_from(GROUPS).unwrap() / 4;
    let nodes: BTreeMap<NodeVersions, u32> = [before.newest, older(before), from.newest, older(from)]
        .into_iter()
        .map(|version| (NodeVersions::all(version), share))
        .collect();
    let names = (0..GROUPS).map(|group| GroupName::new(format!("group-{group}")));
    let names: Vec<GroupName> = names.collect();
    let etcd = from
        .etcd
        .works
        .first()
        .map(|minor| format!("{minor}.40"))
        .unwrap();
    let seen = Seen {
        etcd: BTreeMap::from([(etcd.parse().unwrap(), 3)]),
        servers: BTreeMap::from([(ServerVersions::all(from.newest), 3)]),
        groups: names.iter().map(|name| (name.clone(), nodes.clone())).collect(),
    };
    let groups = names.into_iter().map(|name| (name, to.newest)).collect();
    (
        seen,
        Pins {
            etcd: "3.7.3".parse().unwrap(),
            servers: Some(to.newest),
            groups,
        },
    )
}
