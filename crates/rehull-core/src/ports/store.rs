//! The store (journal, lease, mailbox, identity) and the clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Version of a stored object (ETag on S3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub String);

/// An object and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub bytes: Vec<u8>,
    /// Version.
    pub tag: Tag,
}

/// What can go wrong in the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition of a conditional write does not hold: somebody else was faster, or our own lost write worked.
    #[error("`{key}` was changed by somebody else")]
    Conflict {
        /// Key.
        key: String,
    },
    /// It may or may not have been written.
    #[error("no definite answer for `{key}`: {why}")]
    OutcomeUnknown {
        /// Key.
        key: String,
        /// Why.
        why: String,
    },
    /// Certainly not written or read.
    #[error("cannot reach the store for `{key}`: {why}")]
    Unavailable {
        /// Key.
        key: String,
        /// Why.
        why: String,
    },
    /// The identity may not do this.
    #[error("denied: {action} on `{key}`")]
    Denied {
        /// Key.
        key: String,
        /// What it tried.
        action: String,
    },
}

/// Small objects with conditional writes. Keys use `/`; no leading slash.
#[async_trait]
pub trait Store: Send + Sync {
    /// Where it is, for people: a folder, or a bucket and its address.
    fn place(&self) -> String;
    /// Reads one object.
    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError>;
    /// Writes only if the key does not exist (`If-None-Match: *`).
    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError>;
    /// Writes only over this version (`If-Match`).
    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError>;
    /// Keys under a prefix, sorted.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
    /// Deletes; an absent key is success. Used for answered mailbox requests and released leases only.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// Wall clock, monotonic clock and sleeping: the only clock the core ever sees.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall clock.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start; never goes back, does not count suspended time differently from waiting.
    fn monotonic(&self) -> Duration;
    /// Waits, or returns early when somebody wants attention (a signal, a changed mailbox).
    async fn sleep(&self, how_long: Duration);
}

/// What the store says of our lease when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseNow {
    /// Our own version of it lies there: nobody has had it since it became ours.
    Ours,
    /// It is not ours any more.
    Lost {
        /// Who holds it now, if known.
        to: String,
    },
    /// The store does not say.
    Unread(StoreError),
}

/// A store that has stopped to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Which store, for people.
    pub store: String,
    /// Since when, by our wall clock.
    pub since: Timestamp,
    /// Its last error.
    pub why: String,
}

/// What the driver must know of the lease before every call. Kept fresh beside the loop.
#[async_trait]
pub trait LeaseState: Send + Sync {
    /// How long the lease is certain to be ours from now on; zero when lost.
    fn remaining(&self) -> Duration;
    /// Who took it, once it is lost.
    fn lost_to(&self) -> Option<String>;
    /// Set while renewals get no answer.
    fn silence(&self) -> Option<Silence>;
    /// Reads it again. Time that this process did not notice (it was stopped, the computer slept) shows here first.
    async fn confirm(&self) -> LeaseNow;
}
