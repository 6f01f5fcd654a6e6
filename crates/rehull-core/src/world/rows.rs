//! Resources of one kind, by id, with a number that grows whenever one of them may have changed: an answer about them of the
//! same number is still true.
//!
//! A copy shares every resource with what it was copied from until one of both writes to it: a world is copied before each
//! request that could be refused halfway.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map of which whoever takes something to write is counted.
#[derive(Clone, Debug)]
pub(super) struct Rows<T> {
    by_id: BTreeMap<Arc<str>, Row<T>>,
    revision: u64,
}

/// A resource, and the number at which it may have changed last.
#[derive(Clone, Debug)]
struct Row<T> {
    it: Arc<T>,
    revision: u64,
}

impl<T: Clone> Row<T> {
    fn written(&mut self, revision: u64) -> &mut T {
        self.revision = revision;
        Arc::make_mut(&mut self.it)
    }
}

impl<T> Rows<T> {
    /// Grows with every change, and with looks that could have made one.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The same of one of them; 0: there is none.
    pub(super) fn revision_of(&self, id: &str) -> u64 {
        self.by_id.get(id).map_or(0, |row| row.revision)
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.by_id.get(id).map(|row| &*row.it)
    }

    pub(super) fn contains_key(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// In the order of their ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, row)| row)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.by_id.iter().map(|(id, row)| (&**id, &*row.it))
    }

    pub(super) fn insert(&mut self, id: String, row: T) {
        let revision = self.next();
        let it = Arc::new(row);
        self.by_id.insert(Arc::from(id), Row { it, revision });
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.next();
        self.by_id.remove(id);
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.next();
        self.by_id.retain(|_, row| stays(&row.it));
    }

    fn next(&mut self) -> u64 {
        self.revision = self.revision.saturating_add(1);
        self.revision
    }
}

impl<T: Clone> Rows<T> {
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let revision = self.next();
        self.by_id.get_mut(id).map(|row| row.written(revision))
    }

    /// Changes all of which something is true.
    pub(super) fn change(&mut self, which: impl Fn(&T) -> bool, change: impl Fn(&mut T)) {
        let revision = self.next();
        for row in self.by_id.values_mut().filter(|row| which(&row.it)) {
            change(row.written(revision));
        }
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
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Rows<T> {}

/// As the map that it is.
impl<T: Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_id: BTreeMap<String, T> = BTreeMap::deserialize(deserializer)?;
        let mut rows = Self::default();
        for (id, row) in by_id {
            rows.insert(id, row);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn two() -> Rows<u8> {
        let mut rows = Rows::default();
        rows.insert("a".to_owned(), 1);
        rows.insert("b".to_owned(), 2);
        rows
    }

    #[test]
    fn who_only_reads_is_not_counted_and_who_may_write_is() {
        let mut rows = two();
        let before = rows.revision();
        assert_eq!(rows.get("a"), Some(&1));
        assert_eq!(rows.values().count(), 2);
        assert_eq!(rows.revision(), before);
        let before_b = rows.revision_of("b");
        rows.get_mut("a");
        assert!(rows.revision() > before);
        assert_eq!(rows.revision_of("a"), rows.revision());
        assert_eq!(rows.revision_of("b"), before_b);
        rows.remove("b");
        assert_eq!(rows.revision_of("b"), 0);
    }

    #[test]
    fn a_copy_shares_what_neither_has_written_to_and_sees_nothing_of_what_the_other_writes() {
        let mut rows = two();
        let copy = rows.clone();
        rows.change(|row| *row == 1, |row| *row = 3);
        assert_eq!((rows.get("a"), copy.get("a")), (Some(&3), Some(&1)));
        let shared = |id: &str| Arc::ptr_eq(&rows.by_id.get(id).unwrap().it, &copy.by_id.get(id).unwrap().it);
        assert!(!shared("a"));
        assert!(shared("b"));
    }

    #[test]
    fn rows_are_written_as_the_map_that_they_are() {
        let text = serde_json::to_string(&two()).unwrap();
        assert_eq!(text, r#"{"a":1,"b":2}"#);
        assert_eq!(serde_json::from_str::<Rows<u8>>(&text).unwrap(), two());
    }
}
