//! etcd: one minor at a time from the least patch on that is safe, and always one that the apiservers work with.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Line, Part, cheapest};
use super::servers::Place;
use super::{Hop, Move, Pins, Seen};
use crate::catalog::etcd::{check_hop, release};
use crate::catalog::kubernetes;
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor};
use crate::plan::Refusal;

/// The line of etcd, and what its options are.
#[derive(Default)]
pub(super) struct Members {
    pub(super) line: Line,
    releases: Vec<EtcdVersion>,
    lowest: Option<EtcdVersion>,
}

struct OnTheWay<'a> {
    members: &'a BTreeMap<EtcdVersion, u32>,
    /// Option 0 is how it is; these are the options from 1 on.
    releases: Vec<EtcdVersion>,
    /// From each option to each of `releases`: asked once.
    legal: Vec<Vec<bool>>,
    /// For each place, and the hop that leads to it.
    servers: Vec<Servers>,
}

/// What apiservers of a place say about etcd.
struct Servers {
    works: Option<Vec<EtcdMinor>>,
    usual: Option<EtcdMinor>,
}

impl Servers {
    fn of(place: &Place) -> Self {
        let described =
            |minor: Option<KubernetesMinor>| minor.and_then(|minor| kubernetes::release(minor).ok());
        let (low, high) = (described(place.low), described(place.high));
        let works = low.zip(high).map(|(low, high)| {
            let both = high
                .etcd
                .works
                .iter()
                .filter(|minor| low.etcd.works.contains(minor));
            both.copied().collect()
        });
        Self {
            works,
            usual: high.map(|high| EtcdMinor::of(high.etcd.usual)),
        }
    }

    fn take(&self, minor: EtcdMinor) -> bool {
        self.works.as_ref().is_none_or(|works| works.contains(&minor))
    }

    fn risk(&self, minor: EtcdMinor) -> u64 {
        let away = self
            .usual
            .map_or(0, |usual| usual.ahead_of(minor).max(minor.ahead_of(usual)));
        u64::from(away).saturating_mul(u64::from(away))
    }
}

impl<'a> OnTheWay<'a> {
    fn new(seen: &'a Seen, pin: EtcdVersion, places: &[Place]) -> Self {
        let members = &seen.etcd;
        let mut releases = BTreeSet::new();
        let is_at = |version: EtcdVersion| members.keys().all(|seen| *seen == version);
        if !is_at(pin) {
            let mut minor = members
                .keys()
                .next()
                .map_or(EtcdMinor::of(pin), |lowest| EtcdMinor::of(*lowest));
            releases.extend(
                members
                    .keys()
                    .copied()
                    .filter(|version| EtcdMinor::of(*version) <= EtcdMinor::of(pin)),
            );
            while minor < EtcdMinor::of(pin) {
                releases.extend(release(minor).map(|known| known.newest));
                minor = minor.next();
            }
            releases.retain(|version| *version != pin && !is_at(*version));
        }
        let releases: Vec<EtcdVersion> = releases.into_iter().chain((!is_at(pin)).then_some(pin)).collect();
        let from_all = |from: &[EtcdVersion]| -> Vec<bool> {
            let legal = |to: &EtcdVersion| from.iter().all(|from| check_hop(*from, *to).is_ok());
            releases.iter().map(legal).collect()
        };
        let seen: Vec<EtcdVersion> = members.keys().copied().collect();
        let rest = releases.iter().map(|from| from_all(&[*from]));
        let legal = [from_all(&seen)].into_iter().chain(rest).collect();
        Self {
            members,
            legal,
            servers: places.iter().map(Servers::of).collect(),
            releases,
        }
    }

    fn minors(&self, option: usize) -> impl Iterator<Item = EtcdMinor> {
        let release = option.checked_sub(1).and_then(|index| self.releases.get(index));
        let seen = self.members.keys().filter(move |_| option == 0);
        release
            .into_iter()
            .chain(seen)
            .map(|version| EtcdMinor::of(*version))
    }
}

impl Part for OnTheWay<'_> {
    fn options(&self) -> usize {
        self.releases.len().saturating_add(1)
    }

    fn change(&self, at: usize, from: usize, to: usize) -> Option<u64> {
        let index = to.checked_sub(1)?;
        let release = self.releases.get(index)?;
        let legal = self.legal.get(from)?.get(index)?;
        if !legal || !self.servers.get(at)?.take(EtcdMinor::of(*release)) {
            return None;
        }
        let replaced = self
            .members
            .iter()
            .filter(|(version, _)| from != 0 || *version != release);
        Some(
            replaced
                .map(|(_, count)| u64::from(*count))
                .fold(0, u64::saturating_add),
        )
    }

    fn pass(&self, at: usize, with: usize) -> Option<u64> {
        let servers = self.servers.get(at.checked_add(1)?)?;
        let fits = self.minors(with).all(|minor| servers.take(minor));
        let risk = self.minors(with).map(|minor| servers.risk(minor)).max();
        fits.then(|| risk.unwrap_or_default())
    }

    fn hurries(&self) -> bool {
        true
    }
}

pub(super) fn way(seen: &Seen, pins: &Pins, places: &[Place]) -> Result<Members, Refusal> {
    let part = OnTheWay::new(seen, pins.etcd, places);
    let lowest = seen.etcd.keys().next().copied();
    let Some(line) = cheapest(&part, places.len(), part.releases.len()) else {
        return Err(no_way(lowest, pins, places));
    };
    Ok(Members {
        line,
        releases: part.releases,
        lowest,
    })
}

/// etcd's own rule says more than that there is no way; without one it is the pair with the apiservers.
fn no_way(lowest: Option<EtcdVersion>, pins: &Pins, places: &[Place]) -> Refusal {
    let pin = pins.etcd;
    let before = lowest
        .filter(|lowest| EtcdMinor::of(*lowest) < EtcdMinor::of(pin))
        .and_then(|_| {
            let below = EtcdMinor::new(pin.major, pin.minor.checked_sub(1)?);
            Some(release(below)?.newest)
        });
    let start = before.max(lowest);
    let told = start.and_then(|start| check_hop(start, pin).err());
    let (message, help) = told.map_or_else(
        || {
            let servers = places
                .iter()
                .filter_map(|place| place.high)
                .map(|minor| minor.to_string());
            let servers: Vec<String> = servers.collect();
            let message = format!(
                "no etcd on the way to {pin} works with apiservers of {}",
                servers.join(", ")
            );
            (
                message,
                "pin an etcd that the control plane of today works with first, and go on from there"
                    .to_owned(),
            )
        },
        |refusal| (refusal.text, refusal.help),
    );
    let label = lowest.map_or_else(
        || "pinned here".to_owned(),
        |lowest| format!("pinned here; the members run {lowest}"),
    );
    Refusal::new("path::etcd_hop", message, help).at("/etcd/version", label)
}

pub(super) fn hops(members: &Members, pins: &Pins, places: &[Place], at: usize) -> Vec<Hop> {
    let release = |option: usize| match option.checked_sub(1) {
        None => members.lowest,
        Some(index) => members.releases.get(index).copied(),
    };
    let mut hops = Vec::new();
    for (index, change) in members
        .line
        .changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.at == at)
    {
        let (Some(from), Some(to)) = (release(change.from), release(change.to)) else {
            continue;
        };
        let then = index
            .checked_add(1)
            .and_then(|next| members.line.changes.get(next));
        let then = then.and_then(|change| release(change.to));
        let why = why(from, to, then, pins, next_server(places, at));
        let machines = u32::try_from(change.machines).unwrap_or(u32::MAX);
        hops.push(Hop {
            to: Move::Etcd(to),
            machines,
            why,
        });
    }
    hops
}

fn next_server(places: &[Place], at: usize) -> Option<KubernetesMinor> {
    places.get(at.checked_add(1)?)?.high
}

fn why(
    from: EtcdVersion,
    to: EtcdVersion,
    then: Option<EtcdVersion>,
    pins: &Pins,
    server: Option<KubernetesMinor>,
) -> String {
    if to == pins.etcd && from.line() == to.line() {
        return "pinned".to_owned();
    }
    let minor = EtcdMinor::of(then.unwrap_or(to));
    if from.line() == to.line() {
        return format!("{from} is too old for the hop to {minor}");
    }
    let pinned = if to == pins.etcd {
        "pinned"
    } else {
        "one minor at a time"
    };
    let usual = server.and_then(|server| kubernetes::release(server).ok());
    let usual = usual.filter(|known| EtcdMinor::of(known.etcd.usual) == EtcdMinor::of(to));
    usual.map_or_else(
        || pinned.to_owned(),
        |known| {
            format!(
                "{pinned}; before {}, which the project pairs with {}",
                known.minor,
                EtcdMinor::of(to)
            )
        },
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::{ServerVersions, servers};
    use super::*;

    /// From 1.30 to 1.31, which takes no etcd 3.4.
    fn on_the_way<T>(look: impl Fn(&OnTheWay<'_>) -> T) -> T {
        let seen = Seen {
            etcd: BTreeMap::from([("3.4.45".parse().unwrap(), 3)]),
            servers: BTreeMap::from([(ServerVersions::all("1.30.14".parse().unwrap()), 3)]),
            groups: BTreeMap::new(),
        };
        let etcd = "3.6.16".parse().unwrap();
        let pins = Pins {
            etcd,
            servers: Some("1.31.14".parse().unwrap()),
            groups: Vec::new(),
        };
        look(&OnTheWay::new(
            &seen,
            etcd,
            &servers::places(&seen, &pins).unwrap(),
        ))
    }

    #[test]
    fn etcd_never_stands_under_apiservers_that_do_not_work_with_it() {
        on_the_way(|part| {
            let option = |text: &str| {
                1 + part
                    .releases
                    .iter()
                    .position(|known| *known == text.parse().unwrap())
                    .unwrap()
            };
            let (middle, newest) = (option("3.5.35"), option("3.6.16"));
            assert_eq!(part.pass(0, 0), None, "3.4 under 1.31");
            assert_eq!(part.pass(0, middle), Some(0), "3.5, which is the usual one");
            assert_eq!(part.change(0, 0, middle), Some(3));
            assert_eq!(part.change(0, middle, newest), None, "3.6 under 1.30");
            assert_eq!(part.change(1, middle, newest), Some(3));
            assert_eq!(part.change(1, 0, newest), None, "a minor skipped");
        });
    }
}
