//! Faults that a test asks of its own rehull: to die around a journal record, or to be stopped between its last look at
//! the lease and its call. Only for clusters on loopback; nothing else ever builds these.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::journal::keys;
use rehull_core::ports::{LeaseNow, LeaseState, Silence, Store, StoreError, Stored, Tag};
use rustix::process::{Signal, getpid, kill_process};

/// `kill-before:N`, `kill-after:N` (Nth journal segment of this process), `stop-before-call:N` (its Nth call),
/// `stop-before-lease:N` or `stop-after-lease:N` (its Nth write of the lease).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to itself instead of writing the Nth segment.
    KillBefore(u32),
    /// SIGKILL to itself when the Nth segment is durable.
    KillAfter(u32),
    /// SIGSTOP to itself when the intent of the Nth call is durable and the lease was found long enough, just before
    /// the call is sent.
    StopBeforeCall(u32),
    /// SIGSTOP to itself instead of writing the lease for the Nth time; woken, it goes on.
    StopBeforeLease(u32),
    /// SIGSTOP to itself when the lease is written for the Nth time.
    StopAfterLease(u32),
}

/// The text names no fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is none of kill-before:N, kill-after:N, stop-before-call:N, stop-before-lease:N, stop-after-lease:N"
)]
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
            "stop-before-lease" => Ok(Self::StopBeforeLease(number)),
            "stop-after-lease" => Ok(Self::StopAfterLease(number)),
            _ => Err(bad()),
        }
    }
}

/// One fault of one process, and how far the process has come towards it.
#[derive(Debug)]
pub struct Trap {
    fault: Fault,
    segments: AtomicU32,
    calls: AtomicU32,
    leases: AtomicU32,
    /// The newest segment holds intents: looks at the lease are now looks before calls.
    calling: AtomicBool,
}

impl Trap {
    /// Counts from 1.
    #[must_use]
    pub fn set(fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            fault,
            segments: AtomicU32::new(0),
            calls: AtomicU32::new(0),
            leases: AtomicU32::new(0),
            calling: AtomicBool::new(false),
        })
    }

    /// Signalling oneself cannot fail for lack of rights; if it does, the test that asked for it sees no fault.
    fn spring(&self, fault: Fault) {
        if self.fault == fault {
            let signal = match fault {
                Fault::KillBefore(_) | Fault::KillAfter(_) => Signal::KILL,
                Fault::StopBeforeCall(_) | Fault::StopBeforeLease(_) | Fault::StopAfterLease(_) => {
                    Signal::STOP
                }
            };
            let _ = kill_process(getpid(), signal);
        }
    }
}

fn next(counter: &AtomicU32) -> u32 {
    counter.fetch_add(1, Ordering::SeqCst).saturating_add(1)
}

/// A store that kills its process around one journal segment.
pub struct TrappedStore {
    inner: Arc<dyn Store>,
    trap: Arc<Trap>,
}

impl TrappedStore {
    /// Passes everything on.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, trap: Arc<Trap>) -> Self {
        Self { inner, trap }
    }

    async fn around_the_lease(
        &self,
        write: impl Future<Output = Result<Tag, StoreError>> + Send,
    ) -> Result<Tag, StoreError> {
        let number = next(&self.trap.leases);
        self.trap.spring(Fault::StopBeforeLease(number));
        let written = write.await;
        self.trap.spring(Fault::StopAfterLease(number));
        written
    }
}

#[async_trait]
impl Store for TrappedStore {
    fn place(&self) -> String {
        self.inner.place()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.inner.get(key).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        if key == keys::LEASE {
            return self.around_the_lease(self.inner.create(key, bytes)).await;
        }
        if !key.contains("/journal/") {
            return self.inner.create(key, bytes).await;
        }
        let number = next(&self.trap.segments);
        self.trap.spring(Fault::KillBefore(number));
        let tag = self.inner.create(key, bytes).await;
        let intended = String::from_utf8_lossy(bytes).contains("\"record\":\"intended\"");
        self.trap.calling.store(intended, Ordering::SeqCst);
        self.trap.spring(Fault::KillAfter(number));
        tag
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        if key == keys::LEASE {
            return self.around_the_lease(self.inner.replace(key, bytes, over)).await;
        }
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
pub struct TrappedLease {
    inner: Arc<dyn LeaseState>,
    trap: Arc<Trap>,
}

impl TrappedLease {
    /// Passes everything on.
    #[must_use]
    pub fn new(inner: Arc<dyn LeaseState>, trap: Arc<Trap>) -> Self {
        Self { inner, trap }
    }
}

#[async_trait]
impl LeaseState for TrappedLease {
    fn remaining(&self) -> Duration {
        let remaining = self.inner.remaining();
        if self.trap.calling.load(Ordering::SeqCst) {
            self.trap.spring(Fault::StopBeforeCall(next(&self.trap.calls)));
        }
        remaining
    }

    fn lost_to(&self) -> Option<String> {
        self.inner.lost_to()
    }

    fn silence(&self) -> Option<Silence> {
        self.inner.silence()
    }

    async fn confirm(&self) -> LeaseNow {
        self.inner.confirm().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_fault_is_a_word_and_a_number() {
        assert_eq!("kill-after:3".parse::<Fault>().unwrap(), Fault::KillAfter(3));
        for bad in ["kill-after", "kill-after:", "kill-after:x", "kill:3", ""] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
