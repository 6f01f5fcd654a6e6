//! Objects with conditional writes: strongly consistent, as S3 is.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::journal::keys::LEASE;
use crate::ports::{StoreError, Stored, Tag};

/// What lies in the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    by_key: BTreeMap<String, (Arc<[u8]>, u64)>,
    versions: u64,
    changes: u64,
    /// Nothing comes back.
    pub(crate) silent: bool,
}

/// A change.
#[derive(Clone, Debug)]
pub(super) enum Write<'a> {
    /// `If-None-Match: *`.
    Create(&'a [u8]),
    /// `If-Match`.
    Replace(&'a [u8], &'a Tag),
    Delete,
}

impl Objects {
    /// One object.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<Stored> {
        self.by_key.get(key).map(|(bytes, version)| Stored {
            bytes: bytes.to_vec(),
            tag: Tag(version.to_string()),
        })
    }

    /// What one object holds.
    #[must_use]
    pub(crate) fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.by_key.get(key).map(|(bytes, _)| &**bytes)
    }

    /// Keys under a prefix, sorted.
    #[must_use]
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        self.below(prefix).cloned().collect()
    }

    /// Keys that begin like this.
    pub(super) fn below(&self, prefix: &str) -> impl Iterator<Item = &String> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let keys = self.by_key.range::<str, _>(from).map(|(key, _)| key);
        keys.take_while(move |key| key.starts_with(prefix))
    }

    /// Grows with every change but those of the lease, which nobody waits for.
    #[must_use]
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Somebody else writes, without any condition.
    pub(super) fn put(&mut self, key: &str, bytes: &[u8]) {
        self.changes = self.changes.saturating_add(1);
        self.versions = self.versions.saturating_add(1);
        self.by_key.insert(key.to_owned(), (bytes.into(), self.versions));
    }

    pub(super) fn check(&self, key: &str) -> Result<(), StoreError> {
        if self.silent {
            return Err(StoreError::Unavailable {
                key: key.to_owned(),
                why: "no answer".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn write(&mut self, key: &str, write: &Write<'_>) -> Result<Tag, StoreError> {
        self.check(key)?;
        let present = self.by_key.get(key).map(|(_, version)| *version);
        let allowed = match write {
            Write::Create(_) => present.is_none(),
            Write::Replace(_, over) => present.is_some_and(|version| version.to_string() == over.0),
            Write::Delete => true,
        };
        if !allowed {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        if key != LEASE {
            self.changes = self.changes.saturating_add(1);
        }
        match write {
            Write::Create(bytes) | Write::Replace(bytes, _) => {
                self.versions = self.versions.saturating_add(1);
                self.by_key
                    .insert(key.to_owned(), (Arc::from(*bytes), self.versions));
            }
            Write::Delete => {
                self.by_key.remove(key);
            }
        }
        Ok(Tag(self.versions.to_string()))
    }
}
