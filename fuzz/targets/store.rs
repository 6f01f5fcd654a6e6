//! Objects in the store: lease, identity record, plan, requests. And a store to keep them in.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use rehull_core::domain::ids::{ClusterName, RolloutId};
use rehull_core::executor::lease::{self, Acquired, Claim};
use rehull_core::executor::{identity, mailbox, open};
use rehull_core::journal::{Scope, keys};
use rehull_core::ports::{Clock, Store, StoreError, Stored, Tag};

use super::{Answer, limits};

/// Objects that are there, and a time that stands still: everything is answered at once.
#[derive(Default)]
pub(super) struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf {
    pub(super) fn put(&self, key: &str, bytes: &[u8]) {
        self.objects().insert(key.to_owned(), bytes.to_vec());
    }

    fn objects(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn tag() -> Tag {
    Tag("1".to_owned())
}

#[async_trait]
impl Store for Shelf {
    fn place(&self) -> String {
        "shelf".to_owned()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let found = self.objects().get(key).cloned();
        Ok(found.map(|bytes| Stored { bytes, tag: tag() }))
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        if self.objects().contains_key(key) {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        self.put(key, bytes);
        Ok(tag())
    }

    async fn replace(&self, key: &str, bytes: &[u8], _over: &Tag) -> Result<Tag, StoreError> {
        self.put(key, bytes);
        Ok(tag())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let objects = self.objects();
        let keys = objects.keys().filter(|key| key.starts_with(prefix));
        Ok(keys.cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }
}

#[async_trait]
impl Clock for Shelf {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _how_long: Duration) {}
}

/// Whose journal and plan it is.
pub(super) fn scope() -> Scope {
    Scope {
        cluster: ClusterName::new("sim"),
        rollout: RolloutId::new("upgrade"),
    }
}

/// What a future answers that never has to wait.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future
        .now_or_never()
        .unwrap_or_else(|| panic!("it waits for something"))
}

/// Everything that is said of an error, cause by cause.
pub(super) fn refused(error: &dyn std::error::Error) -> Answer {
    let mut next = Some(error);
    while let Some(cause) = next {
        limits::reason(&cause.to_string());
        next = cause.source();
    }
    Answer::Refused
}

/// The same bytes as lease, as identity record, as plan and as request: whoever understands them.
pub(super) fn store(input: &[u8]) -> Answer {
    let shelf = Shelf::default();
    let scope = scope();
    for key in [
        keys::LEASE,
        keys::IDENTITY,
        &keys::plan(&scope.rollout),
        &keys::request("1"),
    ] {
        shelf.put(key, input);
    }
    let read = [
        lease(&shelf),
        match at_once(identity::read(&shelf)) {
            Ok(found) => found.map_or(Answer::Refused, |_| Answer::Taken),
            Err(error) => refused(&error),
        },
        match at_once(open::read_plan(&shelf, &scope)) {
            Ok(found) => found.map_or(Answer::Refused, |plan| {
                let (once, again) = (plan.envelope.digest(), plan.envelope.digest());
                assert_eq!(once, again);
                Answer::Taken
            }),
            Err(error) => refused(&error),
        },
        match at_once(mailbox::list(&shelf, &scope.rollout)) {
            Ok(inbox) => {
                inbox.unreadable.iter().for_each(|why| limits::reason(why));
                inbox.requests.first().map_or(Answer::Refused, |_| Answer::Taken)
            }
            Err(error) => refused(&error),
        },
    ];
    read.into_iter().min().unwrap_or(Answer::Refused)
}

/// The lease is asked for: whoever holds it is told, and how long it would have to be silent can be said.
fn lease(shelf: &Shelf) -> Answer {
    let claim = Claim {
        holder: "ann@desk 1".to_owned(),
        rollout: scope().rollout,
        nonce: "ours".to_owned(),
        ttl: Duration::from_secs(60),
    };
    match at_once(lease::acquire(shelf, shelf, &claim)) {
        Ok(Acquired::Held(holding)) => {
            let quiet = lease::LeaseTimes::of(holding.ttl).quiet();
            assert!(quiet >= holding.ttl);
            Answer::Taken
        }
        Ok(Acquired::Ours(_)) => Answer::Taken,
        Err(error) => refused(&error),
    }
}
