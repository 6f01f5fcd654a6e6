//! In which version an apiserver writes a kind to etcd, and since when others can read it: what a way back meets.

use serde::Deserialize;

use super::data;
use super::releases::{UnknownMinor, release};
use crate::domain::version::KubernetesMinor;

/// From one minor on, a kind is written in another version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageChange {
    /// As in its address, for example `ingresses`.
    pub resource: String,
    /// For example `Ingress`.
    pub kind: String,
    /// Group and version before.
    pub before: String,
    /// Group and version from then on.
    pub now: String,
    /// The first minor that writes so.
    pub since: KubernetesMinor,
    /// The first minor that can read it.
    pub readable_from: KubernetesMinor,
}

impl StorageChange {
    /// Where the minors come from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        &data::storage().source
    }
}

/// Kinds that `from` writes to etcd in a version that the older `to` cannot read: objects that were written since are lost to
/// it until they are deleted.
///
/// # Errors
/// Nobody described one of the two minors.
pub fn unreadable(
    from: KubernetesMinor,
    to: KubernetesMinor,
) -> Result<impl Iterator<Item = &'static StorageChange>, UnknownMinor> {
    release(from)?;
    release(to)?;
    let changes = data::storage().changes.iter();
    Ok(changes.filter(move |change| to < change.readable_from && change.since <= from))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_was_written_in_a_version_that_the_older_minor_knows_is_read_and_nothing_else() {
        let minor = |number| KubernetesMinor::new(1, number);
        let lost = |from, to| {
            let lost = unreadable(minor(from), minor(to)).unwrap();
            lost.map(|change| change.resource.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(lost(22, 21), Vec::<&str>::new(), "batch/v1 is known to 1.21");
        assert_eq!(lost(22, 20), ["cronjobs"]);
        assert_eq!(lost(33, 32), ["clustertrustbundles", "leasecandidates"]);
        assert_eq!(lost(20, 20), Vec::<&str>::new());
        assert!(unreadable(minor(38), minor(37)).is_err());
    }
}
