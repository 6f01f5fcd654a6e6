//! The store: journal, lease, mailbox.

use async_trait::async_trait;

use super::{Hands, RequestTrouble, Way};
use crate::ports::{Store, StoreError, Stored, Tag};
use crate::sim::store::Write;

impl Hands {
    async fn write(&self, what: &'static str, key: &str, write: Write<'_>) -> Result<Tag, StoreError> {
        let unknown = || StoreError::OutcomeUnknown {
            key: key.to_owned(),
            why: "no answer in time".to_owned(),
        };
        let trouble = match self.way(what).await {
            Way::Lost => return Err(unknown()),
            Way::TurnedAway => {
                return Err(StoreError::Unavailable {
                    key: key.to_owned(),
                    why: "503 SlowDown".to_owned(),
                });
            }
            Way::Arrives(trouble) => trouble,
        };
        let mut answer = self.lab().store.write(key, &write);
        if trouble == Some(RequestTrouble::Twice) {
            // The second one meets the first one's version: 412 to our own write.
            answer = self.lab().store.write(key, &write);
        }
        if self.comes_back(trouble).await {
            answer
        } else {
            Err(unknown())
        }
    }
}

#[async_trait]
impl Store for Hands {
    fn place(&self) -> String {
        "the simulated store".to_owned()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let lab = self.lab();
        lab.store.check(key)?;
        Ok(lab.store.get(key))
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        self.write(kind(key), key, Write::Create(bytes)).await
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        self.write(kind(key), key, Write::Replace(bytes, over)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let lab = self.lab();
        lab.store.check(prefix)?;
        Ok(lab.store.list(prefix))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.write(kind(key), key, Write::Delete).await.map(drop)
    }
}

/// What a key is, for coverage.
fn kind(key: &str) -> &'static str {
    if key == crate::journal::keys::LEASE {
        "write lease"
    } else if key.contains("/journal/") {
        "append segment"
    } else if key.starts_with(crate::journal::keys::REQUESTS) {
        "write request"
    } else if key.ends_with("plan.json") {
        "write plan"
    } else {
        "write object"
    }
}
