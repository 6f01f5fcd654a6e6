//! The way from what runs to what is pinned: every hop of etcd, control plane and workers, in order, and why it is there.
//!
//! [`find`] knows no clock and no machine by name: releases are counted. Of all ways that keep etcd's hops, the skew of
//! Kubernetes and the pairs of both at every instant it takes the one that replaces the fewest machines, of those the one with
//! the fewest hops, of those the one with the least [risk](Cost::risk). A test compares it with a search through all ways. What
//! the data does not describe is refused.

mod etcd;
mod line;
mod notes;
mod refuse;
mod servers;
mod tell;
#[cfg(test)]
mod tests;
mod workers;

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Refusal;
use crate::domain::ids::GroupName;
use crate::domain::version::{EtcdVersion, KubernetesVersion};

/// What runs, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Members by release.
    pub etcd: BTreeMap<EtcdVersion, u32>,
    /// Machines of the control plane; empty: nobody knows one.
    pub servers: BTreeMap<ServerVersions, u32>,
    /// Nodes of every group, also of those that nobody pins. With 0 nodes: what the group would launch.
    pub groups: BTreeMap<GroupName, BTreeMap<NodeVersions, u32>>,
}

/// One machine of the control plane. Its controllers ask its own apiserver, never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersions {
    /// kube-apiserver.
    pub apiserver: KubernetesVersion,
    /// kube-controller-manager.
    pub controller_manager: KubernetesVersion,
    /// kube-scheduler.
    pub scheduler: KubernetesVersion,
}

impl ServerVersions {
    /// All of one release, as a machine that was rolled.
    #[must_use]
    pub const fn all(version: KubernetesVersion) -> Self {
        Self {
            apiserver: version,
            controller_manager: version,
            scheduler: version,
        }
    }
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeVersions {
    /// kubelet.
    pub kubelet: KubernetesVersion,
    /// kube-proxy; where it is replaced by something else, the release of the kubelet.
    pub kube_proxy: KubernetesVersion,
}

impl NodeVersions {
    /// Both of one release, as a node that was rolled.
    #[must_use]
    pub const fn all(version: KubernetesVersion) -> Self {
        Self {
            kubelet: version,
            kube_proxy: version,
        }
    }
}

/// What shall run in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// Every member.
    pub etcd: EtcdVersion,
    /// Every machine of the control plane; `None`: this cluster file has none.
    pub servers: Option<KubernetesVersion>,
    /// Every node of these groups, in the order of the cluster file. Groups that are seen and not named stay as they are.
    pub groups: Vec<(GroupName, KubernetesVersion)>,
}

/// How far kubelets may be behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KubeletRule {
    /// As Kubernetes supports it.
    #[default]
    Supported,
    /// Every kubelet as far as the newest ones may: what the policy would have to say for that.
    AsTheNewest,
    /// Any number of minors: outside of what Kubernetes supports, and the way says so.
    Unsupported,
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Whom it takes where.
    pub to: Move,
    /// So many machines are replaced.
    pub machines: u32,
    /// Why it is there.
    pub why: String,
}

/// Whom a hop takes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// All members.
    Etcd(EtcdVersion),
    /// All machines of the control plane.
    Servers(KubernetesVersion),
    /// All nodes of a group.
    Workers(GroupName, KubernetesVersion),
}

/// What a way costs, the dearest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Machines that are replaced, one as often as it happens.
    pub machines: u64,
    /// Hops. Those of the control plane are the same on every way: it skips no minor.
    pub hops: u64,
    /// For every hop of the control plane: the square of how many minors the oldest kubelet of each group is behind it, and the
    /// square of how many minors etcd is away from the one that the project pairs it with.
    pub risk: u64,
}

/// What another rule would save. Nobody supports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// The rule, to be read after "if".
    pub rule: &'static str,
    /// So many machines fewer.
    pub machines: u64,
}

/// The way. Its text is for people: one hop a line, what is worth knowing below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// In order: each begins when the one before has ended, and between any two one may rest for days.
    pub hops: Vec<Hop>,
    /// All of it.
    pub cost: Cost,
    /// What is worth knowing before it begins.
    pub notes: Vec<String>,
    /// What wider rules would save.
    pub savings: Vec<Saving>,
}

/// The best way from what is seen to the pins on this day.
///
/// # Errors
/// Everything that stands against it at once, each with its place in the cluster file.
pub fn find(seen: &Seen, pins: &Pins, rule: KubeletRule, today: Date) -> Result<Path, Vec<Refusal>> {
    refuse::pins(seen, pins, rule)?;
    let places = servers::places(seen, pins)?;
    let mut refusals = Vec::new();
    let members = etcd::way(seen, pins, &places);
    let members = members
        .map_err(|refusal| refusals.push(refusal))
        .unwrap_or_default();
    let mut groups = Vec::new();
    for (group, nodes) in &seen.groups {
        let group = workers::Group::new(group, nodes, pins);
        match workers::way(&group, &places, rule) {
            Ok(way) => groups.push((group, way)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    // In the order of the cluster file, which is the order in which the groups are rolled.
    groups.sort_by_key(|(group, _)| group.index());
    let mut hops = Vec::new();
    for at in 0..places.len() {
        hops.extend(servers::hop(&places, at, pins));
        for (group, way) in &groups {
            hops.extend(workers::hops(group, way, &places, at, rule));
        }
        hops.extend(etcd::hops(&members, pins, &places, at));
    }
    let costs = groups.iter().map(|(_, way)| way.cost).chain([members.line.cost]);
    let mut cost = servers::cost(&places);
    for of_part in costs {
        cost.machines = cost.machines.saturating_add(of_part.machines);
        cost.hops = cost.hops.saturating_add(of_part.changes);
        cost.risk = cost.risk.saturating_add(of_part.risk);
    }
    let mut notes = notes::of(seen, pins, &hops, &places, today);
    notes.extend(
        groups
            .iter()
            .filter_map(|(group, way)| workers::outside(group, way, &places)),
    );
    let savings = notes::savings(&groups, &places, rule);
    Ok(Path {
        hops,
        cost,
        notes,
        savings,
    })
}
