//! A store in memory with conditional writes and scripted faults.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::yield_now;
use crate::ports::{Store, StoreError, Stored, Tag};

/// What goes wrong with one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Written; the answer is lost.
    LostAnswer,
    /// Not written; nobody knows.
    LostRequest,
    /// Written; the answer is lost, and a retry below us reports a conflict with ourselves.
    OwnConflict,
    /// Certainly not written.
    Unavailable,
    /// Not allowed.
    Denied,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    versions: u64,
    faults: Vec<(String, Fault)>,
    log: Vec<String>,
}

/// Objects by key.
#[derive(Default)]
pub(crate) struct FakeStore {
    state: Mutex<State>,
}

impl FakeStore {
    /// The next write to a key that contains this text fails so.
    pub(crate) fn fail_next(&self, key_part: &str, fault: Fault) {
        self.state
            .lock()
            .unwrap()
            .faults
            .push((key_part.to_owned(), fault));
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.state
            .lock()
            .unwrap()
            .objects
            .get(key)
            .map(|(bytes, _)| bytes.clone())
    }

    pub(crate) fn text(&self, key: &str) -> String {
        String::from_utf8(self.bytes(key).unwrap()).unwrap()
    }

    /// Somebody else writes, without any condition.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.state.lock().unwrap().write(key, bytes);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.state.lock().unwrap().objects.remove(key);
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// `create KEY`, `replace KEY`, `delete KEY`, in the order in which they took effect.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state.lock().unwrap().log.clone()
    }

    fn conditional(
        &self,
        verb: &str,
        key: &str,
        bytes: &[u8],
        over: Option<&Tag>,
    ) -> Result<Tag, StoreError> {
        let mut state = self.state.lock().unwrap();
        let position = state
            .faults
            .iter()
            .position(|(part, _)| key.contains(part.as_str()));
        let fault = position.map(|position| state.faults.remove(position).1);
        let unknown = || StoreError::OutcomeUnknown {
            key: key.to_owned(),
            why: "no answer".to_owned(),
        };
        match fault {
            Some(Fault::LostRequest) => return Err(unknown()),
            Some(Fault::Unavailable) => {
                return Err(StoreError::Unavailable {
                    key: key.to_owned(),
                    why: "refused".to_owned(),
                });
            }
            Some(Fault::Denied) => {
                return Err(StoreError::Denied {
                    key: key.to_owned(),
                    action: "PutObject".to_owned(),
                });
            }
            Some(Fault::LostAnswer | Fault::OwnConflict) | None => {}
        }
        let present = state
            .objects
            .get(key)
            .map(|(_, version)| Tag(version.to_string()));
        if present.as_ref() != over {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        state.log.push(format!("{verb} {key}"));
        let tag = state.write(key, bytes);
        match fault {
            Some(Fault::LostAnswer) => Err(unknown()),
            Some(Fault::OwnConflict) => Err(StoreError::Conflict { key: key.to_owned() }),
            _ => Ok(tag),
        }
    }
}

impl State {
    fn write(&mut self, key: &str, bytes: &[u8]) -> Tag {
        self.versions += 1;
        self.objects
            .insert(key.to_owned(), (bytes.to_vec(), self.versions));
        Tag(self.versions.to_string())
    }
}

#[async_trait]
impl Store for FakeStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        yield_now().await;
        let state = self.state.lock().unwrap();
        Ok(state.objects.get(key).map(|(bytes, version)| Stored {
            bytes: bytes.clone(),
            tag: Tag(version.to_string()),
        }))
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        yield_now().await;
        let answer = self.conditional("create", key, bytes, None);
        yield_now().await;
        answer
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        yield_now().await;
        let answer = self.conditional("replace", key, bytes, Some(over));
        yield_now().await;
        answer
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        yield_now().await;
        Ok(self
            .keys()
            .into_iter()
            .filter(|key| key.starts_with(prefix))
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        yield_now().await;
        let mut state = self.state.lock().unwrap();
        if state.objects.remove(key).is_some() {
            state.log.push(format!("delete {key}"));
        }
        Ok(())
    }
}
