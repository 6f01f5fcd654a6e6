//! What a machine learns from its user data: the variables of `machine.env`.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use crate::domain::ids::SlotName;
use crate::domain::version::EtcdVersion;

/// SHA-256 of the `etcd` binary → release: what lies in the artefact store.
pub(crate) type Releases = BTreeMap<String, EtcdVersion>;

/// The values that the boot script reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserData {
    /// `REHULL_CLUSTER`.
    pub(crate) cluster: String,
    /// `REHULL_SLOT`.
    pub(crate) slot: SlotName,
    /// `REHULL_VOLUME`.
    pub(crate) volume: String,
    /// `REHULL_ADDRESS`.
    pub(crate) address: Ipv4Addr,
    /// Its own peer URL.
    pub(crate) url: String,
    /// `REHULL_INITIAL_CLUSTER`, or `--initial-cluster` where that is written out.
    pub(crate) initial: Vec<(SlotName, String)>,
    /// `REHULL_SPARE`.
    pub(crate) spare: Option<(SlotName, String)>,
    /// What the artefact of this digest is; `None`: there is no such artefact.
    pub(crate) version: Option<EtcdVersion>,
}

impl UserData {
    /// Reads the text; `None`: it is no user data of ours, and the machine never says a word.
    #[must_use]
    pub(crate) fn read(text: &str, releases: &Releases) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = text.lines().map(str::trim_start);
            lines
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(|value| value.trim_matches('"'))
        };
        let slot = SlotName::new(value("REHULL_SLOT")?);
        // The first built-in set knows no spare: its membership stands in the service alone.
        let flag = || value("--initial-cluster").map(|text| text.trim_end_matches(" \\"));
        let initial = members(value("REHULL_INITIAL_CLUSTER").or_else(flag)?);
        let spare = members(value("REHULL_SPARE").unwrap_or_default())
            .into_iter()
            .next();
        let mut known = initial.iter().chain(&spare);
        let url = known
            .find(|(name, _)| *name == slot)
            .map(|(_, url)| url.clone())?;
        let binaries = value("REHULL_BINARIES")?;
        let etcd = binaries.split(' ').find_map(|pair| pair.strip_prefix("etcd="))?;
        Some(Self {
            cluster: value("REHULL_CLUSTER")?.to_owned(),
            volume: value("REHULL_VOLUME")?.to_owned(),
            address: value("REHULL_ADDRESS")?.parse().ok()?,
            version: releases.get(etcd).copied(),
            slot,
            url,
            initial,
            spare,
        })
    }
}

fn members(text: &str) -> Vec<(SlotName, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, url)| (SlotName::new(name), url.to_owned()))
        .collect()
}
