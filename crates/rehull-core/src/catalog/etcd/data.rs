//! The data files, compiled in. Unreadable data reads as empty, and empty data knows no minor: fail closed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::version::{EtcdMinor, EtcdVersion};

#[derive(Debug, Default, Deserialize)]
pub(super) struct FlagData {
    pub(super) binaries: BTreeMap<String, EtcdVersion>,
    pub(super) flags: BTreeMap<String, Flag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Flag {
    pub(super) kind: Kind,
    pub(super) minors: Vec<String>,
}

/// What Go's flag parser takes for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Bool,
    Int,
    Uint,
    Duration,
    Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionData {
    pub(super) releases: Vec<Release>,
    pub(super) hops: Vec<Hop>,
    pub(super) bad_releases: Vec<BadReleases>,
    pub(super) replacements: BTreeMap<String, Replacement>,
}

/// What was released of one minor, and until when it is mended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Which minor.
    pub minor: EtcdMinor,
    /// When its first release came out.
    pub released: Date,
    /// The day after which nothing of it is mended; `None`: nobody has named one.
    pub end_of_life: Option<Date>,
    /// The newest patch when this catalogue was written.
    pub newest: EtcdVersion,
    /// etcd's own advice for production: nothing older.
    pub production_min: Option<EtcdVersion>,
    /// Where this comes from.
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) target_min: Option<EtcdVersion>,
    pub(super) target_why: String,
    pub(super) source_min: Option<EtcdVersion>,
    pub(super) source_why: String,
    pub(super) source_recommended: Option<EtcdVersion>,
    pub(super) recommended_why: String,
    pub(super) short_log: Option<ShortLog>,
    pub(super) source: String,
}

/// What a raft log with fewer entries than this may still hold.
#[derive(Debug, Deserialize)]
pub(super) struct ShortLog {
    pub(super) entries: u64,
    pub(super) why: String,
    pub(super) source: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct BadReleases {
    pub(super) first: EtcdVersion,
    pub(super) last: EtcdVersion,
    pub(super) why: String,
    #[serde(rename = "use")]
    pub(super) instead: String,
    pub(super) source: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Replacement {
    #[serde(rename = "use")]
    pub(super) instead: String,
    pub(super) source: String,
}

static FLAGS: LazyLock<FlagData> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/etcd-flags.json")).unwrap_or_default());
static VERSIONS: LazyLock<VersionData> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/etcd-versions.json")).unwrap_or_default());

pub(super) fn flags() -> &'static FlagData {
    &FLAGS
}

pub(super) fn versions() -> &'static VersionData {
    &VERSIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_data_files_are_readable_and_every_fact_has_a_source() {
        assert_eq!(flags().binaries.len(), 4);
        assert!(flags().flags.len() > 100);
        assert_eq!(versions().hops.len(), 3);
        assert!(versions().hops.iter().all(|hop| !hop.source.is_empty()));
        assert!(
            versions()
                .bad_releases
                .iter()
                .all(|bad| !bad.source.is_empty() && bad.first <= bad.last)
        );
        assert!(
            versions()
                .replacements
                .values()
                .all(|entry| !entry.source.is_empty())
        );
    }

    #[test]
    fn every_minor_with_flags_has_its_releases_in_order_and_the_hops_lead_to_releases_that_exist() {
        let minors: Vec<String> = versions()
            .releases
            .iter()
            .map(|release| release.minor.to_string())
            .collect();
        assert_eq!(minors, flags().binaries.keys().cloned().collect::<Vec<_>>());
        let newest = |minor: &str| {
            let of_minor = versions()
                .releases
                .iter()
                .find(|release| release.minor.to_string() == minor);
            of_minor.map(|release| release.newest)
        };
        for release in &versions().releases {
            assert_eq!(EtcdMinor::of(release.newest), release.minor);
            assert!(
                release
                    .production_min
                    .is_none_or(|least| least <= release.newest && EtcdMinor::of(least) == release.minor)
            );
            assert!(release.end_of_life.is_none_or(|end| release.released < end));
            assert!(!release.source.is_empty());
        }
        for hop in &versions().hops {
            let of_source = hop.source_min.max(hop.source_recommended);
            assert!(
                of_source <= newest(&hop.from) && hop.target_min <= newest(&hop.to),
                "{hop:?}"
            );
        }
    }

    #[test]
    fn a_flag_never_leaves_and_comes_back() {
        let order: Vec<&String> = flags().binaries.keys().collect();
        for (name, flag) in &flags().flags {
            let known: Vec<bool> = order.iter().map(|minor| flag.minors.contains(minor)).collect();
            let changes = known
                .windows(2)
                .filter(|pair| pair.first() != pair.last())
                .count();
            assert!(!flag.minors.is_empty() && changes <= 2, "{name}: {known:?}");
            assert!(
                flag.minors.iter().all(|minor| order.contains(&minor)),
                "{name} names a minor without a binary"
            );
        }
    }
}
