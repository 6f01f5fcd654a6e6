//! Keeps the lease fresh beside the loop. No progress of the rollout goes through here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::claim::{Grant, LeaseError, present, write};
use super::record::LeaseRecord;
use super::times::LeaseTimes;
use crate::journal::keys;
use crate::ports::{Clock, LeaseNow, LeaseState, Silence, Store, StoreError, Tag};

const RELEASE_ATTEMPTS_MAX: u32 = 3;
const CONFIRM_ATTEMPTS_MAX: u32 = 3;

/// The lease in our hands. `keep` runs in a task of its own; the loop only reads [`LeaseState`].
///
/// Its clock must be an instance of its own: one that a signal cuts short for the loop would make it renew early.
pub struct LeaseKeeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    times: LeaseTimes,
    held: Mutex<Held>,
    /// Monotonic microseconds at which it is no longer certain to be ours.
    expires_us: AtomicU64,
    released: AtomicBool,
    lost_to: OnceLock<String>,
    silence: Mutex<Option<Silence>>,
}

#[derive(Clone)]
struct Held {
    record: LeaseRecord,
    tag: Tag,
}

/// What came of one renewal.
#[derive(Debug, PartialEq, Eq)]
enum Renewal {
    Done,
    /// No definite answer, or none at all.
    Again,
    Over,
}

impl LeaseKeeper {
    /// From the outcome of [`super::acquire`] or [`super::take_over`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, grant: Grant) -> Self {
        let times = LeaseTimes::of(grant.record.ttl());
        let keeper = Self {
            store,
            clock,
            times,
            held: Mutex::new(Held {
                record: grant.record,
                tag: grant.tag,
            }),
            expires_us: AtomicU64::new(0),
            released: AtomicBool::new(false),
            lost_to: OnceLock::new(),
            silence: Mutex::new(None),
        };
        keeper.extend(grant.sent_at);
        keeper
    }

    /// The times that go with this lease.
    #[must_use]
    pub fn times(&self) -> LeaseTimes {
        self.times
    }

    /// Renews until the lease is released or lost.
    ///
    /// A lease that ran out while the computer slept is renewed like any other: the write succeeds only over our own
    /// version, so nobody has had it in between.
    pub async fn keep(&self) {
        let mut pause = self.times.renew_every;
        loop {
            self.clock.sleep(pause).await;
            pause = match self.renew().await {
                Renewal::Done => self.times.renew_every,
                Renewal::Again => self.times.retry_after,
                Renewal::Over => return,
            };
        }
    }

    /// Gives the lease back, so that the next one need not wait. Only for a holder with nothing in flight: a call that
    /// still travels must find the lease held until it has arrived. Stop the `keep` task first or afterwards.
    ///
    /// # Errors
    /// The store did not confirm it; then the lease runs out by itself.
    pub async fn release(&self) -> Result<(), LeaseError> {
        self.released.store(true, Ordering::SeqCst);
        self.expires_us.store(0, Ordering::SeqCst);
        let mut last = StoreError::Unavailable {
            key: keys::LEASE.to_owned(),
            why: "not tried".to_owned(),
        };
        for _ in 0..RELEASE_ATTEMPTS_MAX {
            let Held { mut record, tag } = self.held();
            record.released = true;
            record.beat = record.beat.saturating_add(1);
            match write(self.store.as_ref(), &record, Some(&tag)).await {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
            match present(self.store.as_ref()).await {
                Ok(Some(now)) if now.record.nonce == record.nonce && !now.record.released => {
                    self.hold(now.record, now.tag);
                }
                Ok(_) => return Ok(()),
                Err(_) => self.clock.sleep(self.times.retry_after).await,
            }
        }
        Err(LeaseError::Store(last))
    }

    async fn renew(&self) -> Renewal {
        if self.released.load(Ordering::SeqCst) {
            return Renewal::Over;
        }
        let Held { mut record, tag } = self.held();
        record.beat = record.beat.saturating_add(1);
        record.renewed_at = self.clock.now();
        let sent_at = self.clock.monotonic();
        match write(self.store.as_ref(), &record, Some(&tag)).await {
            Ok(tag) => {
                self.hold(record, tag);
                self.extend(sent_at);
                *self.silence.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Renewal::Done
            }
            Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => self.look(&record).await,
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Denied { .. })) => self.unheard(&error),
        }
    }

    /// Our own version, whichever of our writes it was, is renewed once more: only then is it known since when it
    /// has been standing there.
    async fn look(&self, sent: &LeaseRecord) -> Renewal {
        match present(self.store.as_ref()).await {
            Ok(Some(now)) if now.record.nonce == sent.nonce => {
                let over = now.record.released;
                self.hold(now.record, now.tag);
                if over { Renewal::Over } else { Renewal::Again }
            }
            Ok(Some(now)) => self.lose(now.record.holder),
            Ok(None) => self.lose("nobody: the lease object was deleted".to_owned()),
            Err(LeaseError::Store(error)) => self.unheard(&error),
            Err(error @ (LeaseError::NewerFormat { .. } | LeaseError::Unreadable { .. })) => {
                self.lose(format!("somebody unknown: {error}"))
            }
        }
    }

    /// The first renewal without an answer is since when the store is silent; the last one says why.
    fn unheard(&self, error: &StoreError) -> Renewal {
        let mut silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        let since = silence
            .as_ref()
            .map_or_else(|| self.clock.now(), |silence| silence.since);
        *silence = Some(Silence {
            store: self.store.place(),
            since,
            why: error.to_string(),
        });
        Renewal::Again
    }

    fn lose(&self, holder: String) -> Renewal {
        self.expires_us.store(0, Ordering::SeqCst);
        self.lost_to.get_or_init(|| holder);
        Renewal::Over
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, record: LeaseRecord, tag: Tag) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Held { record, tag };
    }

    fn extend(&self, sent_at: Duration) {
        if !self.released.load(Ordering::SeqCst) {
            let until = sent_at.saturating_add(self.times.ttl);
            self.expires_us.store(
                u64::try_from(until.as_micros()).unwrap_or(u64::MAX),
                Ordering::SeqCst,
            );
        }
    }
}

#[async_trait]
impl LeaseState for LeaseKeeper {
    fn remaining(&self) -> Duration {
        let until = Duration::from_micros(self.expires_us.load(Ordering::SeqCst));
        until.saturating_sub(self.clock.monotonic())
    }

    fn lost_to(&self) -> Option<String> {
        self.lost_to.get().cloned()
    }

    fn silence(&self) -> Option<Silence> {
        self.silence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn confirm(&self) -> LeaseNow {
        let Held { record: ours, .. } = self.held();
        let mut last = None;
        for _ in 0..CONFIRM_ATTEMPTS_MAX {
            if let Some(to) = self.lost_to() {
                return LeaseNow::Lost { to };
            }
            let to = match present(self.store.as_ref()).await {
                Ok(Some(now)) if now.record.nonce == ours.nonce && now.record.epoch == ours.epoch => {
                    return LeaseNow::Ours;
                }
                Ok(Some(now)) => now.record.holder,
                Ok(None) => "nobody: the lease object was deleted".to_owned(),
                Err(LeaseError::Store(error)) => {
                    last = Some(error);
                    self.clock.sleep(self.times.retry_after).await;
                    continue;
                }
                Err(error @ (LeaseError::NewerFormat { .. } | LeaseError::Unreadable { .. })) => {
                    format!("somebody unknown: {error}")
                }
            };
            self.lose(to.clone());
            return LeaseNow::Lost { to };
        }
        LeaseNow::Unread(last.unwrap_or_else(|| StoreError::Unavailable {
            key: keys::LEASE.to_owned(),
            why: "not asked".to_owned(),
        }))
    }
}
