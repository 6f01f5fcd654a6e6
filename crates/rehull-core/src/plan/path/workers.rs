//! A group of workers: as few rolls as the skew of its kubelets allows.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Line, Part, cheapest};
use super::servers::{Place, newest};
use super::{Hop, KubeletRule, Move, NodeVersions, Pins};
use crate::catalog::kubernetes::{releases, skew};
use crate::domain::ids::GroupName;
use crate::domain::version::{KubernetesMinor, KubernetesVersion};
use crate::plan::Refusal;

/// One group and what it may be taken to.
pub(super) struct Group<'a> {
    name: &'a GroupName,
    nodes: &'a BTreeMap<NodeVersions, u32>,
    /// Where in the cluster file, and what is pinned there.
    pin: Option<(usize, KubernetesVersion)>,
    /// Option 0 is how it is; these are the options from 1 on.
    releases: Vec<KubernetesVersion>,
}

impl<'a> Group<'a> {
    pub(super) fn new(name: &'a GroupName, nodes: &'a BTreeMap<NodeVersions, u32>, pins: &Pins) -> Self {
        let mut pinned = pins.groups.iter().enumerate();
        let pin = pinned
            .find(|(_, (group, _))| group == name)
            .map(|(index, (_, version))| (index, *version));
        let mut group = Self {
            name,
            nodes,
            pin,
            releases: Vec::new(),
        };
        if let Some((_, pin)) = pin.filter(|(_, pin)| !group.is_at(*pin)) {
            let kubelets = nodes.keys().map(|node| node.kubelet);
            let mut minor = group.newest().unwrap_or(KubernetesMinor::of(pin));
            let mut releases: BTreeSet<KubernetesVersion> = kubelets
                .filter(|version| KubernetesMinor::of(*version) >= minor && !group.is_at(*version))
                .collect();
            while minor < KubernetesMinor::of(pin) {
                // A minor that nobody described was refused before.
                releases.extend(newest(minor).ok().filter(|version| !group.is_at(*version)));
                minor = minor.next();
            }
            releases.retain(|version| KubernetesMinor::of(*version) <= minor && *version != pin);
            group.releases = releases.into_iter().chain([pin]).collect();
        }
        group
    }

    /// In the cluster file; groups that it does not name come last.
    pub(super) fn index(&self) -> usize {
        self.pin.map_or(usize::MAX, |(index, _)| index)
    }

    fn is_at(&self, version: KubernetesVersion) -> bool {
        self.nodes.keys().all(|node| *node == NodeVersions::all(version))
    }

    fn newest(&self) -> Option<KubernetesMinor> {
        self.minors(0).max()
    }

    /// Of kubelets and kube-proxies.
    fn minors(&self, option: usize) -> impl Iterator<Item = KubernetesMinor> {
        let release = option.checked_sub(1).and_then(|index| self.releases.get(index));
        let seen = self.nodes.keys().flat_map(|node| [node.kubelet, node.kube_proxy]);
        let seen = seen.filter(move |_| option == 0);
        release.copied().into_iter().chain(seen).map(KubernetesMinor::of)
    }

    fn goal(&self) -> usize {
        self.releases.len()
    }
}

/// How many minors a kubelet may be behind.
fn behind(rule: KubeletRule, kubelet: KubernetesMinor) -> u32 {
    match rule {
        KubeletRule::Supported => skew().kubelet_behind(kubelet),
        KubeletRule::AsTheNewest => {
            let newest = releases()
                .last()
                .map(|release| skew().kubelet_behind(release.minor));
            newest.unwrap_or_default()
        }
        KubeletRule::Unsupported => u32::MAX,
    }
}

/// A group on the way of the control plane.
struct OnTheWay<'a> {
    group: &'a Group<'a>,
    places: &'a [Place],
    rule: KubeletRule,
}

impl OnTheWay<'_> {
    fn newest_server(&self, at: usize) -> Option<KubernetesMinor> {
        self.places.get(at)?.high
    }
}

impl Part for OnTheWay<'_> {
    fn options(&self) -> usize {
        self.group.releases.len().saturating_add(1)
    }

    fn change(&self, at: usize, from: usize, to: usize) -> Option<u64> {
        let place = self.places.get(at)?;
        let release = *self.group.releases.get(to.checked_sub(1)?)?;
        let minor = KubernetesMinor::of(release);
        let not_back = self.group.minors(from).all(|before| before <= minor);
        let fits = place.low.is_some_and(|low| minor <= low)
            && place
                .high
                .is_some_and(|high| high.ahead_of(minor) <= behind(self.rule, minor));
        if !not_back || !fits {
            return None;
        }
        let nodes = self.group.nodes.iter();
        let replaced = nodes.filter(|(node, _)| from != 0 || **node != NodeVersions::all(release));
        Some(
            replaced
                .map(|(_, count)| u64::from(*count))
                .fold(0, u64::saturating_add),
        )
    }

    fn pass(&self, at: usize, with: usize) -> Option<u64> {
        let server = self.newest_server(at.checked_add(1)?)?;
        let lag = |minor: KubernetesMinor| server.ahead_of(minor);
        let fits = self
            .group
            .minors(with)
            .all(|minor| lag(minor) <= behind(self.rule, minor));
        let oldest = u64::from(self.group.minors(with).map(lag).max().unwrap_or_default());
        fits.then(|| oldest.saturating_mul(oldest))
    }

    fn hurries(&self) -> bool {
        false
    }
}

pub(super) fn way(group: &Group<'_>, places: &[Place], rule: KubeletRule) -> Result<Line, Refusal> {
    let part = OnTheWay { group, places, rule };
    cheapest(&part, places.len(), group.goal()).ok_or_else(|| stranded(&part))
}

fn stranded(part: &OnTheWay<'_>) -> Refusal {
    let name = part.group.name;
    let oldest = part
        .group
        .minors(0)
        .min()
        .map_or_else(String::new, |minor| minor.to_string());
    let servers = part.places.last().and_then(|place| place.high);
    let servers = servers.map_or_else(String::new, |minor| minor.to_string());
    let message =
        format!("nodes of {name} run {oldest}, and no legal way takes them along to apiservers of {servers}");
    if let Some((index, _)) = part.group.pin {
        let help = "pin a release between theirs and the one of the control plane";
        Refusal::new("path::kubelet_skew", message, help)
            .at(format!("/workers/groups/{index}/version"), "pinned here")
    } else {
        let help = "nobody rolls this group: bring its nodes up first, or name it in the cluster file";
        Refusal::new("path::kubelet_skew", message, help)
    }
}

pub(super) fn hops(
    group: &Group<'_>,
    way: &Line,
    places: &[Place],
    at: usize,
    rule: KubeletRule,
) -> Vec<Hop> {
    let part = OnTheWay { group, places, rule };
    let changes = way.changes.iter().filter(|change| change.at == at);
    let hops = changes.filter_map(|change| {
        let release = *group.releases.get(change.to.checked_sub(1)?)?;
        let why = why(&part, at, change.from, change.to == group.goal());
        let machines = u32::try_from(change.machines).unwrap_or(u32::MAX);
        Some(Hop {
            to: Move::Workers(group.name.clone(), release),
            machines,
            why,
        })
    });
    hops.collect()
}

fn why(part: &OnTheWay<'_>, at: usize, from: usize, last: bool) -> String {
    let oldest = part.group.minors(from).min();
    let servers = at.checked_add(1).and_then(|next| part.newest_server(next));
    match (oldest, servers) {
        (Some(kubelet), Some(server)) if part.pass(at, from).is_none() => {
            let minors = behind(part.rule, kubelet);
            let pinned = if last { "pinned; " } else { "" };
            format!(
                "{pinned}a kubelet of {kubelet} may be {minors} minors behind: apiservers of {server} do not take it"
            )
        }
        _ => "pinned".to_owned(),
    }
}

/// Where a node of this group is further from an apiserver than Kubernetes supports; `None`: nowhere.
pub(super) fn outside(group: &Group<'_>, way: &Line, places: &[Place]) -> Option<String> {
    let mut option = 0;
    let mut worst: Option<(u32, KubernetesMinor, KubernetesMinor)> = None;
    for (at, place) in places.iter().enumerate() {
        let (low, high) = (place.low?, place.high?);
        for minor in group.minors(option) {
            let too_old = high.ahead_of(minor).saturating_sub(skew().kubelet_behind(minor));
            let (far, server) = if minor > low {
                (minor.ahead_of(low), low)
            } else {
                (too_old, high)
            };
            worst = worst.max((far > 0).then_some((far, minor, server)));
        }
        let changed = way.changes.iter().rfind(|change| change.at == at);
        option = changed.map_or(option, |change| change.to);
    }
    let (_, kubelet, server) = worst?;
    let name = group.name;
    let minors = skew().kubelet_behind(kubelet);
    Some(format!(
        "outside of what Kubernetes supports: nodes of {name} run {kubelet} under apiservers of {server}; supported are none newer, and \
         at most {minors} minors older"
    ))
}
