//! Ways that people have gone, ways that nobody may go, and the search through all ways.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

mod all_ways;
mod journeys;
mod refused;
mod world;

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::{KubeletRule, NodeVersions, Path, Pins, Seen, ServerVersions, find};
use crate::domain::ids::GroupName;
use crate::domain::version::KubernetesVersion;
use crate::plan::Refusal;

const TODAY: Date = date(2026, 12, 1);

fn v(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

/// Three members, three machines of the control plane, and groups of nodes: all of a part of one release.
fn seen(etcd: &str, servers: &str, groups: &[(&str, &str, u32)]) -> Seen {
    let groups = groups.iter().map(|(name, version, count)| {
        (
            GroupName::new(name),
            BTreeMap::from([(NodeVersions::all(v(version)), *count)]),
        )
    });
    Seen {
        etcd: BTreeMap::from([(etcd.parse().unwrap(), 3)]),
        servers: BTreeMap::from([(ServerVersions::all(v(servers)), 3)]),
        groups: groups.collect(),
    }
}

fn pins(etcd: &str, servers: &str, groups: &[(&str, &str)]) -> Pins {
    Pins {
        etcd: etcd.parse().unwrap(),
        servers: Some(v(servers)),
        groups: groups
            .iter()
            .map(|(name, version)| (GroupName::new(name), v(version)))
            .collect(),
    }
}

fn way(seen: &Seen, pins: &Pins) -> Result<Path, Vec<Refusal>> {
    find(seen, pins, KubeletRule::Supported, TODAY)
}

/// Hops as short text, for example `workers general 1.16.15`.
fn hops(path: &Path) -> Vec<String> {
    path.hops.iter().map(|hop| hop.to.to_string()).collect()
}
