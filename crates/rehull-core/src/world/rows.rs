//! Resources of one kind, by id, with a number that grows whenever one of them may have changed: an answer about them of the
//! same number is still true.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// Reads as the map that it is; whoever takes it to write is counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Rows<T> {
    by_id: BTreeMap<String, T>,
    #[serde(skip)]
    revision: u64,
}

impl<T> Rows<T> {
    /// Grows with every change, and with looks that could have made one.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            revision: 0,
        }
    }
}

/// How often they were taken to write is no part of what they are.
impl<T: PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}

impl<T: Eq> Eq for Rows<T> {}

impl<T> Deref for Rows<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.by_id
    }
}

impl<T> DerefMut for Rows<T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.revision = self.revision.saturating_add(1);
        &mut self.by_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_reads_is_not_counted_and_who_may_write_is() {
        let mut rows: Rows<u8> = Rows::default();
        rows.insert("a".to_owned(), 1);
        let before = rows.revision();
        assert_eq!(rows.get("a"), Some(&1));
        assert_eq!(rows.values().count(), 1);
        assert_eq!(rows.revision(), before);
        rows.get_mut("a");
        assert!(rows.revision() > before);
    }
}
