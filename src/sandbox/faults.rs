//! Faults that a test asks of its own rehull: to be killed around a journal record, or to be stopped between its lease
//! check and its call. Only for clusters on loopback; production never builds these.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::ports::{LeaseState, Store, StoreError, Stored, Tag};
use rustix::process::{Signal, getpid, kill_process};

/// `kill-before:N`, `kill-after:N` (journal segment N of this process) or `stop-before-call:N` (its Nth lease check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to itself instead of writing the Nth segment.
    KillBefore(u32),
    /// SIGKILL to itself when the Nth segment is durable.
    KillAfter(u32),
    /// SIGSTOP to itself after the Nth lease check has passed, before the call is sent.
    StopBeforeCall(u32),
}

/// The text names no fault.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is none of kill-before:N, kill-after:N, stop-before-call:N")]
pub struct NoFault(String);

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NoFault(text.to_owned());
        let (word, number) = text.split_once(':').ok_or_else(bad)?;
        let number = number.parse().map_err(|_| bad())?;
        match word {
            "kill-before" => Ok(Self::KillBefore(number)),
            "kill-after" => Ok(Self::KillAfter(number)),
            "stop-before-call" => Ok(Self::StopBeforeCall(number)),
            _ => Err(bad()),
        }
    }
}

fn signal_self(signal: Signal) {
    // Signalling oneself cannot fail for lack of rights; if it does, the test that asked for it sees no fault.
    let _ = kill_process(getpid(), signal);
}

/// A store that kills its process around one journal segment.
pub struct KillingStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    written: AtomicU32,
}

impl KillingStore {
    /// Counts segments of this process from 1.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            written: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl Store for KillingStore {
    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.inner.get(key).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        if !key.contains("/journal/") {
            return self.inner.create(key, bytes).await;
        }
        let number = self.written.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        if self.fault == Fault::KillBefore(number) {
            signal_self(Signal::KILL);
        }
        let tag = self.inner.create(key, bytes).await;
        if self.fault == Fault::KillAfter(number) {
            signal_self(Signal::KILL);
        }
        tag
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        self.inner.replace(key, bytes, over).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}

/// A lease that answers truthfully and then stops the process before anybody can use the answer.
pub struct StoppingLease {
    inner: Arc<dyn LeaseState>,
    fault: Fault,
    checks: AtomicU32,
}

impl StoppingLease {
    /// Counts lease checks of this process from 1.
    #[must_use]
    pub fn new(inner: Arc<dyn LeaseState>, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            checks: AtomicU32::new(0),
        }
    }
}

impl LeaseState for StoppingLease {
    fn remaining(&self) -> Duration {
        let remaining = self.inner.remaining();
        let number = self.checks.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        if self.fault == Fault::StopBeforeCall(number) {
            signal_self(Signal::STOP);
        }
        remaining
    }

    fn lost_to(&self) -> Option<String> {
        self.inner.lost_to()
    }
}
