//! All states of a whole cluster at once, and what leads from one to another: the rules of a way written down a second time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::super::{Cost, Move};
use super::*;
use crate::catalog::etcd::{self, check_hop};
use crate::catalog::kubernetes;
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor};

type Census<T> = Vec<(T, u64)>;

/// Everything that a part may be: as it is, or all of one release.
pub(super) struct World {
    etcd: Vec<Census<EtcdVersion>>,
    servers: Vec<Census<KubernetesVersion>>,
    groups: Vec<Vec<Census<KubernetesVersion>>>,
    names: Vec<GroupName>,
    goal: State,
}

/// Which of them each part is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    etcd: usize,
    servers: usize,
    groups: Vec<usize>,
}

fn options<T: Copy + Ord>(seen: Census<T>, releases: &BTreeSet<T>) -> Vec<Census<T>> {
    let total = seen.iter().map(|(_, count)| count).sum();
    let uniform = |release: &T| seen.iter().all(|(version, _)| version == release);
    let others: Vec<Census<T>> = releases
        .iter()
        .filter(|release| !uniform(release))
        .map(|release| vec![(*release, total)])
        .collect();
    [seen].into_iter().chain(others).collect()
}

fn goal<T: PartialEq>(options: &[Census<T>], pin: &T) -> Option<usize> {
    options
        .iter()
        .position(|census| census.iter().all(|(version, _)| version == pin))
}

/// How many are not of that release yet.
fn others<T: PartialEq>(census: &Census<T>, release: &T) -> u64 {
    census
        .iter()
        .filter(|(version, _)| version != release)
        .map(|(_, count)| count)
        .sum()
}

pub(super) fn minor(version: KubernetesVersion) -> i64 {
    i64::from(version.minor)
}

/// The policy once more, by heart: three minors from kubelet 1.25 on, two before.
pub(super) fn may_be_behind(kubelet: KubernetesVersion) -> i64 {
    if kubelet.minor >= 25 { 3 } else { 2 }
}

pub(super) fn works(server: KubernetesVersion, etcd: EtcdVersion) -> bool {
    let known = kubernetes::release(KubernetesMinor::of(server)).unwrap();
    known.etcd.works.contains(&EtcdMinor::of(etcd))
}

/// Whatever runs or is pinned, and the newest patch of every minor up to the pin.
fn releases(
    servers: &Census<KubernetesVersion>,
    groups: &[(GroupName, Census<KubernetesVersion>)],
    pins: &Pins,
) -> BTreeSet<KubernetesVersion> {
    let pin = pins.servers.unwrap();
    let mut releases: BTreeSet<KubernetesVersion> = [pin].into();
    releases.extend(pins.groups.iter().map(|(_, version)| *version));
    releases.extend(servers.iter().map(|(version, _)| *version));
    releases.extend(
        groups
            .iter()
            .flat_map(|(_, nodes)| nodes.iter().map(|(version, _)| *version)),
    );
    let first = releases.first().unwrap().minor;
    let known = kubernetes::releases().iter();
    let known = known.filter(|known| (first..=pin.minor).contains(&known.minor.minor));
    releases.extend(known.map(|known| known.newest).collect::<Vec<_>>());
    releases
}

impl World {
    pub(super) fn new(seen: &Seen, pins: &Pins) -> Option<Self> {
        let servers_pin = pins.servers.unwrap();
        let servers: Census<KubernetesVersion> = seen
            .servers
            .iter()
            .map(|(server, count)| (server.apiserver, u64::from(*count)))
            .collect();
        let mut groups: Vec<(GroupName, Census<KubernetesVersion>)> = Vec::new();
        for (name, nodes) in &seen.groups {
            groups.push((
                name.clone(),
                nodes
                    .iter()
                    .map(|(node, count)| (node.kubelet, u64::from(*count)))
                    .collect(),
            ));
        }
        let releases = releases(&servers, &groups, pins);
        let members: Census<EtcdVersion> = seen
            .etcd
            .iter()
            .map(|(version, count)| (*version, u64::from(*count)))
            .collect();
        let mut of_etcd: BTreeSet<EtcdVersion> = members
            .iter()
            .map(|(version, _)| *version)
            .chain([pins.etcd])
            .collect();
        of_etcd.extend(
            etcd::releases()
                .iter()
                .filter(|known| known.minor < EtcdMinor::of(pins.etcd))
                .map(|known| known.newest),
        );
        let mut world = Self {
            etcd: options(members, &of_etcd),
            servers: options(servers, &releases),
            groups: groups
                .iter()
                .map(|(_, nodes)| options(nodes.clone(), &releases))
                .collect(),
            names: groups.into_iter().map(|(name, _)| name).collect(),
            goal: State {
                etcd: 0,
                servers: 0,
                groups: Vec::new(),
            },
        };
        let pin = |name: &GroupName| pins.groups.iter().find(|(pinned, _)| pinned == name).unwrap().1;
        let of_groups = world
            .names
            .iter()
            .zip(&world.groups)
            .map(|(name, options)| goal(options, &pin(name)));
        world.goal = State {
            etcd: goal(&world.etcd, &pins.etcd)?,
            servers: goal(&world.servers, &servers_pin)?,
            groups: of_groups.collect::<Option<_>>()?,
        };
        Some(world)
    }

    fn start(&self) -> State {
        State {
            etcd: 0,
            servers: 0,
            groups: vec![0; self.groups.len()],
        }
    }

    fn change_etcd(&self, state: &State, to: usize) -> Option<Cost> {
        let (from, to) = (&self.etcd[state.etcd], self.etcd[to][0].0);
        let legal = from.iter().all(|(member, _)| check_hop(*member, to).is_ok());
        let pairs = self.servers[state.servers]
            .iter()
            .all(|(server, _)| works(*server, to));
        (legal && pairs).then(|| Cost {
            machines: others(from, &to),
            hops: 1,
            risk: 0,
        })
    }

    fn change_servers(&self, state: &State, to: usize) -> Option<Cost> {
        let (from, to) = (&self.servers[state.servers], self.servers[to][0].0);
        let steps = from
            .iter()
            .all(|(server, _)| (0..=1).contains(&(minor(to) - minor(*server))));
        let pairs = self.etcd[state.etcd].iter().all(|(member, _)| works(to, *member));
        let mut risk = 0;
        for (options, option) in self.groups.iter().zip(&state.groups) {
            let lags = options[*option]
                .iter()
                .map(|(kubelet, _)| (minor(to) - minor(*kubelet), may_be_behind(*kubelet)));
            let lags: Vec<(i64, i64)> = lags.collect();
            if lags.iter().any(|(lag, most)| lag > most) {
                return None;
            }
            risk += lags.iter().map(|(lag, _)| lag.max(&0).pow(2)).max().unwrap();
        }
        let usual = kubernetes::release(KubernetesMinor::of(to)).unwrap().etcd.usual;
        let away = |member: &EtcdVersion| (i64::from(member.minor) - i64::from(usual.minor)).pow(2);
        risk += self.etcd[state.etcd]
            .iter()
            .map(|(member, _)| away(member))
            .max()
            .unwrap();
        let machines = others(from, &to);
        let cost = Cost {
            machines,
            hops: 1,
            risk: risk.try_into().unwrap(),
        };
        (steps && pairs && machines > 0).then_some(cost)
    }

    fn change_group(&self, state: &State, group: usize, to: usize) -> Option<Cost> {
        let (from, to) = (
            &self.groups[group][state.groups[group]],
            self.groups[group][to][0].0,
        );
        let mut servers = self.servers[state.servers]
            .iter()
            .map(|(server, _)| minor(*server) - minor(to));
        let fits = servers.all(|ahead| (0..=may_be_behind(to)).contains(&ahead));
        let forward = from.iter().all(|(kubelet, _)| kubelet.minor <= to.minor);
        (fits && forward).then(|| Cost {
            machines: others(from, &to),
            hops: 1,
            risk: 0,
        })
    }

    fn next(&self, state: &State) -> Vec<(State, Cost)> {
        let mut next = Vec::new();
        for to in (1..self.etcd.len()).filter(|to| *to != state.etcd) {
            next.extend(self.change_etcd(state, to).map(|cost| {
                (
                    State {
                        etcd: to,
                        ..state.clone()
                    },
                    cost,
                )
            }));
        }
        for to in (1..self.servers.len()).filter(|to| *to != state.servers) {
            next.extend(self.change_servers(state, to).map(|cost| {
                (
                    State {
                        servers: to,
                        ..state.clone()
                    },
                    cost,
                )
            }));
        }
        for group in 0..self.groups.len() {
            for to in (1..self.groups[group].len()).filter(|to| *to != state.groups[group]) {
                let mut groups = state.groups.clone();
                groups[group] = to;
                next.extend(self.change_group(state, group, to).map(|cost| {
                    (
                        State {
                            groups,
                            ..state.clone()
                        },
                        cost,
                    )
                }));
            }
        }
        next
    }

    /// The cheapest of all ways; `None`: there is none.
    pub(super) fn search(&self) -> Option<Cost> {
        let mut best = BTreeMap::from([(self.start(), Cost::default())]);
        let mut open = BinaryHeap::from([Reverse((Cost::default(), self.start()))]);
        while let Some(Reverse((cost, state))) = open.pop() {
            if state == self.goal {
                return Some(cost);
            }
            if best.get(&state).is_some_and(|known| *known < cost) {
                continue;
            }
            for (next, step) in self.next(&state) {
                let cost = add(cost, step);
                if best.get(&next).is_none_or(|known| cost < *known) {
                    best.insert(next.clone(), cost);
                    open.push(Reverse((cost, next)));
                }
            }
        }
        None
    }

    /// Goes the way hop by hop under the rules of this file; what it costs.
    pub(super) fn walk(&self, path: &Path) -> Cost {
        let (mut state, mut cost) = (self.start(), Cost::default());
        for hop in &path.hops {
            let (next, step) = match &hop.to {
                Move::Etcd(to) => {
                    let to = goal(&self.etcd, to).unwrap();
                    (
                        State {
                            etcd: to,
                            ..state.clone()
                        },
                        self.change_etcd(&state, to),
                    )
                }
                Move::Servers(to) => {
                    let to = goal(&self.servers, to).unwrap();
                    (
                        State {
                            servers: to,
                            ..state.clone()
                        },
                        self.change_servers(&state, to),
                    )
                }
                Move::Workers(name, to) => {
                    let group = self.names.iter().position(|known| known == name).unwrap();
                    let to = goal(&self.groups[group], to).unwrap();
                    let mut groups = state.groups.clone();
                    groups[group] = to;
                    (
                        State {
                            groups,
                            ..state.clone()
                        },
                        self.change_group(&state, group, to),
                    )
                }
            };
            let step = step.unwrap_or_else(|| panic!("{} is not legal in {state:?}\n{path}", hop.to));
            assert_eq!(step.machines, u64::from(hop.machines), "{}", hop.to);
            (state, cost) = (next, add(cost, step));
        }
        assert_eq!(state, self.goal, "{path}");
        cost
    }
}

fn add(one: Cost, other: Cost) -> Cost {
    Cost {
        machines: one.machines + other.machines,
        hops: one.hops + other.hops,
        risk: one.risk + other.risk,
    }
}
