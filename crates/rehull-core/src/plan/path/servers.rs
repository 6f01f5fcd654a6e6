//! The control plane: one minor after the other. Nothing is chosen here but the patch of a minor on the way.

use std::collections::BTreeMap;

use super::{Cost, Hop, Move, Pins, Seen, ServerVersions};
use crate::catalog::kubernetes::release;
use crate::domain::version::{KubernetesMinor, KubernetesVersion};
use crate::plan::Refusal;

/// A place where the control plane rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The oldest apiserver; `None`: there is no control plane.
    pub(super) low: Option<KubernetesMinor>,
    /// The newest apiserver.
    pub(super) high: Option<KubernetesMinor>,
    /// The release that it was brought to; `None`: where it begins.
    version: Option<KubernetesVersion>,
    machines: u32,
}

/// Where it is, and then one place for every hop.
pub(super) fn places(seen: &Seen, pins: &Pins) -> Result<Vec<Place>, Vec<Refusal>> {
    let minors = || {
        seen.servers
            .keys()
            .map(|server| KubernetesMinor::of(server.apiserver))
    };
    let (low, high) = (minors().min(), minors().max());
    let mut places = vec![Place {
        low,
        high,
        version: None,
        machines: 0,
    }];
    if let (Some(pin), Some(low), Some(high)) = (pins.servers, low, high) {
        let to = KubernetesMinor::of(pin);
        let mut versions = Vec::new();
        if low < high && high < to {
            versions.push(nearest(&seen.servers, high).map_err(|refusal| vec![refusal])?);
        }
        let mut minor = high.next();
        while minor < to {
            versions.push(newest(minor).map_err(|refusal| vec![refusal])?);
            minor = minor.next();
        }
        versions.push(pin);
        for (index, version) in versions.into_iter().enumerate() {
            let stays = if index == 0 { at(&seen.servers, version) } else { 0 };
            let total = seen.servers.values().copied().fold(0, u32::saturating_add);
            let machines = total.saturating_sub(stays);
            let minor = Some(KubernetesMinor::of(version));
            if machines > 0 {
                places.push(Place {
                    low: minor,
                    high: minor,
                    version: Some(version),
                    machines,
                });
            }
        }
    }
    Ok(places)
}

/// The newest patch that is known of a minor.
pub(super) fn newest(minor: KubernetesMinor) -> Result<KubernetesVersion, Refusal> {
    let known = release(minor)
        .map_err(|unknown| Refusal::new("path::unknown", unknown.to_string(), unknown.help()))?;
    Ok(known.newest)
}

fn at(servers: &BTreeMap<ServerVersions, u32>, version: KubernetesVersion) -> u32 {
    servers
        .get(&ServerVersions::all(version))
        .copied()
        .unwrap_or_default()
}

/// The patch of a minor that the most machines run already; none does: the newest.
fn nearest(
    servers: &BTreeMap<ServerVersions, u32>,
    minor: KubernetesMinor,
) -> Result<KubernetesVersion, Refusal> {
    let newest = newest(minor)?;
    let seen = servers.keys().map(|server| server.apiserver);
    let candidates = seen
        .filter(|version| KubernetesMinor::of(*version) == minor)
        .chain([newest]);
    Ok(candidates
        .max_by_key(|version| (at(servers, *version), *version))
        .unwrap_or(newest))
}

pub(super) fn hop(places: &[Place], at: usize, pins: &Pins) -> Option<Hop> {
    let place = places.get(at)?;
    let version = place.version?;
    let before = at.checked_sub(1).and_then(|before| places.get(before))?;
    let (low, high, to) = (before.low?, before.high?, place.high?);
    let why = if low < high && high == to {
        format!("{low} and {high} serve side by side, which no third minor may join")
    } else if high == to {
        "pinned".to_owned()
    } else if pins.servers == Some(version) {
        format!("pinned; meanwhile kubectl {low} or {to}")
    } else {
        format!("one minor at a time; meanwhile kubectl {low} or {to}")
    };
    Some(Hop {
        to: Move::Servers(version),
        machines: place.machines,
        why,
    })
}

pub(super) fn cost(places: &[Place]) -> Cost {
    let machines = places
        .iter()
        .map(|place| u64::from(place.machines))
        .fold(0, u64::saturating_add);
    let hops = u64::try_from(places.len().saturating_sub(1)).unwrap_or(u64::MAX);
    Cost {
        machines,
        hops,
        risk: 0,
    }
}
