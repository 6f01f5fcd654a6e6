//! The same question answered by trying everything: what a search through all states finds costs the same, and it goes every
//! hop of the planner's way.

use proptest::prelude::*;

use super::world::{World, may_be_behind, minor, works};
use super::*;
use crate::catalog::{etcd, kubernetes};
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor};

/// Whether there is a way at all.
fn compare(seen: &Seen, pins: &Pins) -> bool {
    let found = way(seen, pins);
    let best = World::new(seen, pins).and_then(|world| world.search().map(|cost| (world, cost)));
    match (found, best) {
        (Ok(path), Some((world, best))) => {
            assert_eq!(path.cost, best, "{seen:?}\n{pins:?}\n{path}");
            assert_eq!(world.walk(&path), best, "{path}");
            true
        }
        (Err(_), None) => false,
        (Ok(path), None) => panic!("no way is legal, and this was found\n{seen:?}\n{pins:?}\n{path}"),
        (Err(refusals), Some((_, cost))) => {
            panic!("{seen:?}\n{pins:?}\n{refusals:?}, and there is a way for {cost:?}")
        }
    }
}

fn newest(minor: u32) -> Option<KubernetesVersion> {
    kubernetes::release(KubernetesMinor::new(1, minor))
        .ok()
        .map(|known| known.newest)
}

#[test]
fn every_start_and_every_target_within_four_minors_is_as_good_as_the_best_of_all_ways() {
    let (mut ways, mut refused) = (0, 0);
    for (start, target) in (14..=37).flat_map(|start| (start..=start + 4).map(move |target| (start, target)))
    {
        let (Some(from), Some(to)) = (newest(start), newest(target)) else {
            continue;
        };
        for kubelet in (start - 3..=start).filter_map(newest) {
            for pin in (kubelet.minor..=target).filter_map(newest) {
                if minor(from) - minor(kubelet) > may_be_behind(kubelet) {
                    continue;
                }
                let works = &kubernetes::release(KubernetesMinor::of(from)).unwrap().etcd.works;
                let member = etcd::release(*works.last().unwrap()).unwrap().newest;
                let usual = EtcdMinor::of(kubernetes::release(KubernetesMinor::of(to)).unwrap().etcd.usual);
                let wanted = etcd::release(usual)
                    .map_or(member, |known| known.newest)
                    .max(member);
                let seen = Seen {
                    etcd: BTreeMap::from([(member, 3)]),
                    servers: BTreeMap::from([(ServerVersions::all(from), 3)]),
                    groups: BTreeMap::from([(
                        GroupName::new("a"),
                        BTreeMap::from([(NodeVersions::all(kubelet), 2)]),
                    )]),
                };
                let is_way = compare(
                    &seen,
                    &Pins {
                        etcd: wanted,
                        servers: Some(to),
                        groups: vec![(GroupName::new("a"), pin)],
                    },
                );
                if is_way { ways += 1 } else { refused += 1 }
            }
        }
    }
    assert!(ways > 700 && refused > 100, "{ways} ways, {refused} refused");
}

/// A release of a minor: the newest or an older patch.
fn patch(minor: u32, older: bool) -> KubernetesVersion {
    let newest = newest(minor.clamp(14, 37)).unwrap();
    if older {
        KubernetesVersion {
            patch: newest.patch - 1,
            ..newest
        }
    } else {
        newest
    }
}

type Counted = Vec<(u32, bool, u32)>;

fn groups() -> impl Strategy<Value = Vec<(Counted, u32, bool)>> {
    let nodes = proptest::collection::vec((0_u32..4, any::<bool>(), 0_u32..4), 1..3);
    proptest::collection::vec((nodes, 0_u32..4, any::<bool>()), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn mixed_clusters_are_taken_the_best_of_all_ways(
        start in 14_u32..37,
        servers in proptest::collection::vec((0_u32..2, any::<bool>(), 1_u32..4), 1..3),
        hops in 0_u32..5,
        older in any::<bool>(),
        groups in groups(),
        members in proptest::collection::vec((0_usize..3, 1_u32..3), 1..3),
        wanted in 0_usize..9,
    ) {
        let mut seen = Seen::default();
        for (ahead, older, count) in servers {
            *seen.servers.entry(ServerVersions::all(patch(start + ahead, older))).or_default() += count;
        }
        let low = seen.servers.keys().map(|server| server.apiserver).min().unwrap();
        let high = seen.servers.keys().map(|server| server.apiserver).max().unwrap();
        let target = patch(high.minor + hops, older);
        // What a start is not legal with is tolerated by the planner until it moves, and asked of it elsewhere.
        let legal = |kubelet: &KubernetesVersion| kubelet.minor <= low.minor && minor(high) - minor(*kubelet) <= may_be_behind(*kubelet);
        let mut pinned = Vec::new();
        for (index, (nodes, behind, older)) in groups.into_iter().enumerate() {
            let name = GroupName::new(format!("g{index}"));
            let nodes = nodes.into_iter().map(|(behind, older, count)| (patch(low.minor - behind.min(low.minor), older), count));
            let nodes: BTreeMap<NodeVersions, u32> =
                nodes.filter(|(kubelet, _)| legal(kubelet)).map(|(kubelet, count)| (NodeVersions::all(kubelet), count)).collect();
            if !nodes.is_empty() {
                let pin = patch(target.minor - behind, older);
                // A pin below what runs has no way; one that is too old for the target neither, and there are enough of these.
                let newest = nodes.keys().map(|node| node.kubelet).max().unwrap();
                pinned.push((name.clone(), if behind < 3 { pin.max(newest) } else { pin }));
                seen.groups.insert(name, nodes);
            }
        }
        let both = |known: &&etcd::Release| [low, high].iter().all(|server| works(*server, known.newest));
        let usable: Vec<EtcdVersion> = etcd::releases().iter().filter(both).map(|known| known.newest).collect();
        for (which, count) in members {
            let newest = usable[which % usable.len()];
            let version = if which == 2 { EtcdVersion { patch: newest.patch.saturating_sub(8), ..newest } } else { newest };
            *seen.etcd.entry(version).or_default() += count;
        }
        let fits = |known: &&etcd::Release| wanted == 0 || works(target, known.newest);
        let wished: Vec<EtcdVersion> = etcd::releases().iter().filter(fits).map(|known| known.newest).collect();
        let pins = Pins { etcd: wished[wanted % wished.len()], servers: Some(target), groups: pinned };
        compare(&seen, &pins);
    }
}
