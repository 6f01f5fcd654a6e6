//! What is worth knowing of a way before it begins.

use jiff::civil::Date;

use super::line::Line;
use super::servers::Place;
use super::workers::{self, Group};
use super::{Hop, KubeletRule, Move, Pins, Saving, Seen};
use crate::catalog::etcd::{self, HopRule, check_hop, hop_notes};
use crate::catalog::kubernetes::{self, as_of};
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor, KubernetesVersion};

pub(super) fn of(seen: &Seen, pins: &Pins, hops: &[Hop], places: &[Place], today: Date) -> Vec<String> {
    let mut notes = Vec::new();
    if places.len() > 1 {
        notes.extend(passed(places, today));
    }
    for pin in pins
        .servers
        .into_iter()
        .chain(pins.groups.iter().map(|(_, version)| *version))
    {
        for note in of_kubernetes(pin, today) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let members = hops.iter().filter_map(|hop| match hop.to {
        Move::Etcd(to) => Some(to),
        Move::Servers(_) | Move::Workers(..) => None,
    });
    let members: Vec<EtcdVersion> = seen.etcd.keys().take(1).copied().chain(members).collect();
    notes.extend(members.windows(3).filter_map(too_old));
    for pair in members.windows(2) {
        if let [from, to] = pair {
            notes.extend(hop_notes(*from, *to).into_iter().map(|note| note.text));
        }
    }
    notes.extend(of_etcd(pins.etcd, today));
    notes
}

/// Why a patch of etcd comes between.
fn too_old(hops: &[EtcdVersion]) -> Option<String> {
    let [from, between, to] = hops else { return None };
    let refused = check_hop(*from, *to)
        .err()
        .filter(|_| from.line() == between.line())?;
    Some(refused.text)
}

/// Minors that the control plane leaves behind or passes, and of which nothing is mended any more.
fn passed(places: &[Place], today: Date) -> Option<String> {
    let before = places.split_last().map(|(_, before)| before).unwrap_or_default();
    let mut minors: Vec<KubernetesMinor> = before
        .iter()
        .flat_map(|place| [place.low, place.high])
        .flatten()
        .collect();
    minors.dedup();
    let over = |minor: &KubernetesMinor| kubernetes::release(*minor).is_ok_and(|known| known.is_over(today));
    minors.retain(over);
    let (first, last) = (minors.first()?, minors.last()?);
    let which = if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    };
    Some(format!(
        "nothing of {which} is mended any more: do not rest there for long"
    ))
}

fn of_kubernetes(pin: KubernetesVersion, today: Date) -> Vec<String> {
    let Ok(known) = kubernetes::release(KubernetesMinor::of(pin)) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    if known.is_over(today) {
        notes.push(format!(
            "{pin} is pinned, and nothing of {} is mended since {}",
            known.minor, known.end_of_life
        ));
    }
    if pin < known.newest {
        notes.push(format!(
            "{pin} is pinned, and {} is out (known on {})",
            known.newest,
            as_of()
        ));
    } else if pin > known.newest {
        notes.push(format!(
            "{pin} is newer than what was known on {}: it is taken for a patch like {}",
            as_of(),
            known.newest
        ));
    }
    notes
}

fn of_etcd(pin: EtcdVersion, today: Date) -> Vec<String> {
    let Some(known) = etcd::release(EtcdMinor::of(pin)) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    if let Some(end) = known.end_of_life.filter(|end| *end < today) {
        notes.push(format!(
            "etcd {pin} is pinned, and nothing of {} is mended since {end}",
            known.minor
        ));
    }
    if let Some(least) = known.production_min.filter(|least| pin < *least) {
        notes.push(format!(
            "etcd {pin} is below what its project asks for in production: {least}"
        ));
    }
    if pin < known.newest {
        notes.push(format!(
            "etcd {pin} is pinned, and {} is out (known on {})",
            known.newest,
            as_of()
        ));
    }
    // A pin from which the next minor cannot be reached costs one more roll of all members later.
    let next = etcd::release(known.minor.next()).map(|next| next.newest);
    let refused = next.and_then(|next| check_hop(pin, next).err());
    notes.extend(
        refused
            .filter(|refused| refused.rule == HopRule::SourceTooOld)
            .map(|refused| refused.text),
    );
    notes
}

pub(super) fn savings(groups: &[(Group<'_>, Line)], places: &[Place], rule: KubeletRule) -> Vec<Saving> {
    let mut savings: Vec<Saving> = Vec::new();
    if rule != KubeletRule::Supported {
        return savings;
    }
    for (wider, text) in [
        (
            KubeletRule::AsTheNewest,
            "every kubelet might be as far behind as the newest ones may",
        ),
        (
            KubeletRule::Unsupported,
            "kubelets might be any number of minors behind",
        ),
    ] {
        let mut machines: u64 = 0;
        for (group, way) in groups {
            let other = workers::way(group, places, wider).map_or(way.cost, |other| other.cost);
            machines = machines.saturating_add(way.cost.machines.saturating_sub(other.machines));
        }
        if savings.last().map_or(0, |narrower| narrower.machines) < machines {
            savings.push(Saving { rule: text, machines });
        }
    }
    savings
}
