//! What stands against a way before it is looked for: pins and releases that no way leads to or from.

use std::collections::BTreeSet;

use super::{KubeletRule, Pins, Seen};
use crate::catalog::etcd::{self, check_hop, check_release};
use crate::catalog::kubernetes::{release, skew};
use crate::domain::version::{EtcdMinor, KubernetesMinor};
use crate::plan::Refusal;

const ETCD: &str = "/etcd/version";
const SERVERS: &str = "/controlPlane/version";

/// All of it at once.
pub(super) fn pins(seen: &Seen, pins: &Pins, rule: KubeletRule) -> Result<(), Vec<Refusal>> {
    let mut refusals = of_etcd(seen, pins);
    refusals.extend(unknown(seen, pins));
    if refusals.is_empty() {
        // These compare minors with each other, which only known ones can be.
        refusals.extend(of_servers(seen, pins));
        refusals.extend(of_groups(seen, pins, rule));
        refusals.extend(of_the_pair(seen, pins));
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(refusals)
    }
}

fn of_etcd(seen: &Seen, pins: &Pins) -> Vec<Refusal> {
    let Some(highest) = seen.etcd.keys().next_back() else {
        let message = "no member of etcd tells which release it runs: nobody knows where the way begins";
        return vec![Refusal::new("path::unseen", message, "look at etcd first").at(ETCD, "pinned here")];
    };
    let unknown = seen
        .etcd
        .keys()
        .filter(|version| etcd::release(EtcdMinor::of(**version)).is_none());
    let unknown: BTreeSet<EtcdMinor> = unknown.map(|version| EtcdMinor::of(*version)).collect();
    let known = etcd::known_minors();
    let ends = known
        .first()
        .zip(known.last())
        .map_or_else(String::new, |(first, last)| {
            format!("what is known begins with {first} and ends with {last}: ")
        });
    let mut refusals: Vec<Refusal> = unknown
        .into_iter()
        .map(|minor| {
            let message = format!(
                "members run etcd {minor}: nothing is known about it, so nothing about it is assumed"
            );
            let help = format!("{ends}bring etcd there as its own guide says, or update rehull");
            Refusal::new("path::unknown", message, help).at(ETCD, format!("pinned here; members run {minor}"))
        })
        .collect();
    let downgrade = (pins.etcd.line() < highest.line())
        .then(|| check_hop(*highest, pins.etcd).err())
        .flatten();
    let stays = seen.etcd.len() == 1 && *highest == pins.etcd;
    let refused = check_release(pins.etcd)
        .err()
        .filter(|_| !stays)
        .or(downgrade)
        .filter(|_| refusals.is_empty());
    refusals.extend(refused.map(|refused| {
        let label = format!("pinned here; the members run {highest}");
        Refusal::new("path::etcd_hop", refused.text, refused.help).at(ETCD, label)
    }));
    refusals
}

/// Minors of Kubernetes that nobody described, of whatever is seen or pinned.
fn unknown(seen: &Seen, pins: &Pins) -> Vec<Refusal> {
    let mut places: Vec<(KubernetesMinor, String, &'static str)> = Vec::new();
    let pinned = pins
        .servers
        .map(|version| (KubernetesMinor::of(version), SERVERS.to_owned(), "pinned here"));
    places.extend(pinned);
    for (index, (_, version)) in pins.groups.iter().enumerate() {
        places.push((KubernetesMinor::of(*version), group_place(index), "pinned here"));
    }
    for server in seen.servers.keys() {
        for version in [server.apiserver, server.controller_manager, server.scheduler] {
            places.push((
                KubernetesMinor::of(version),
                SERVERS.to_owned(),
                "machines of the control plane run it",
            ));
        }
    }
    for (group, nodes) in &seen.groups {
        let index = pins.groups.iter().position(|(name, _)| name == group);
        let place = index.map_or_else(|| SERVERS.to_owned(), group_place);
        for node in nodes.keys() {
            for version in [node.kubelet, node.kube_proxy] {
                places.push((KubernetesMinor::of(version), place.clone(), "nodes run it"));
            }
        }
    }
    let mut told = BTreeSet::new();
    let refusals = places.into_iter().filter_map(|(minor, place, label)| {
        let unknown = release(minor).err()?;
        let refusal = Refusal::new("path::unknown", unknown.to_string(), unknown.help());
        told.insert((minor, place.clone()))
            .then(|| refusal.at(place, label))
    });
    refusals.collect()
}

fn group_place(index: usize) -> String {
    format!("/workers/groups/{index}/version")
}

fn of_servers(seen: &Seen, pins: &Pins) -> Vec<Refusal> {
    let minors = || {
        seen.servers
            .keys()
            .map(|server| KubernetesMinor::of(server.apiserver))
    };
    let (Some(low), Some(high)) = (minors().min(), minors().max()) else {
        let wanted = pins.servers.is_some() || !pins.groups.is_empty();
        let message = "no apiserver tells which release it serves: nobody knows where the way begins";
        let refusal = Refusal::new("path::unseen", message, "look at the control plane first")
            .at(SERVERS, "pinned here");
        return wanted.then_some(refusal).into_iter().collect();
    };
    let mut refusals = Vec::new();
    if high.ahead_of(low) > skew().apiservers_apart {
        let message =
            format!("apiservers of {low} and of {high} serve together, which Kubernetes does not support");
        let help = format!("bring those of {low} up, one minor after the other, before anything else");
        refusals.push(Refusal::new("path::server_skew", message, help).at(SERVERS, "pinned here"));
    }
    for server in seen.servers.keys() {
        let own = KubernetesMinor::of(server.apiserver);
        for (name, version) in [
            ("kube-controller-manager", server.controller_manager),
            ("kube-scheduler", server.scheduler),
        ] {
            let minor = KubernetesMinor::of(version);
            if minor > own || own.ahead_of(minor) > skew().controllers_behind {
                let message = format!("{name} {version} asks an apiserver of {}", server.apiserver);
                let help = "it may be one minor older and never newer: put that machine right first";
                refusals.push(Refusal::new("path::server_skew", message, help).at(SERVERS, "pinned here"));
            }
        }
    }
    let back = pins.servers.filter(|pin| KubernetesMinor::of(*pin) < high);
    refusals.extend(back.map(|pin| {
        let message = format!(
            "{pin} is pinned, and apiservers run {high} already: that is a way back, not a way there"
        );
        let help = format!("pin a release of {high} or newer; `rehull rollback` takes a rollout back");
        Refusal::new("path::way_back", message, help)
            .at(SERVERS, format!("pinned here; apiservers run {high}"))
    }));
    refusals
}

fn of_groups(seen: &Seen, pins: &Pins, rule: KubeletRule) -> Vec<Refusal> {
    let seen_servers = seen
        .servers
        .keys()
        .map(|server| KubernetesMinor::of(server.apiserver))
        .max();
    let Some(servers) = pins.servers.map(KubernetesMinor::of).or(seen_servers) else {
        return Vec::new();
    };
    let mut refusals = Vec::new();
    for (index, (group, version)) in pins.groups.iter().enumerate() {
        let minor = KubernetesMinor::of(*version);
        let behind = skew().kubelet_behind(minor);
        let nodes = seen.groups.get(group).into_iter().flat_map(|nodes| nodes.keys());
        let newest = nodes
            .flat_map(|node| [node.kubelet, node.kube_proxy])
            .map(KubernetesMinor::of)
            .max();
        let (code, message, help) = if minor > servers {
            let message = format!(
                "kubelet {version} of {group} is newer than the apiservers, which are to run {servers}"
            );
            let help =
                "a kubelet is never newer than an apiserver: pin the control plane there, too".to_owned();
            ("path::kubelet_skew", message, help)
        } else if rule == KubeletRule::Supported && servers.ahead_of(minor) > behind {
            let message = format!("kubelet {version} of {group} is too old for apiservers of {servers}");
            (
                "path::kubelet_skew",
                message,
                format!("a kubelet of {minor} may be {behind} minors behind: pin a newer one"),
            )
        } else if let Some(newest) = newest.filter(|newest| minor < *newest) {
            let message = format!(
                "{version} is pinned for {group}, and its nodes run {newest} already: that is a way back"
            );
            let help = format!("pin a release of {newest} or newer; `rehull rollback` takes a rollout back");
            ("path::way_back", message, help)
        } else {
            continue;
        };
        refusals.push(Refusal::new(code, message, help).at(group_place(index), "pinned here"));
    }
    refusals
}

fn of_the_pair(seen: &Seen, pins: &Pins) -> Option<Refusal> {
    let seen_servers = seen
        .servers
        .keys()
        .map(|server| KubernetesMinor::of(server.apiserver))
        .max();
    let known = release(pins.servers.map(KubernetesMinor::of).or(seen_servers)?).ok()?;
    let minor = EtcdMinor::of(pins.etcd);
    if known.etcd.works.contains(&minor) {
        return None;
    }
    let works: Vec<String> = known.etcd.works.iter().map(ToString::to_string).collect();
    let message = format!(
        "etcd {} is not known to work with apiservers of {}",
        pins.etcd, known.minor
    );
    let help = format!(
        "pin a release of etcd {}; the project itself uses {}",
        works.join(" or "),
        known.etcd.usual
    );
    Some(Refusal::new("path::pair", message, help).at(
        ETCD,
        format!("pinned here; the control plane is to run {}", known.minor),
    ))
}
