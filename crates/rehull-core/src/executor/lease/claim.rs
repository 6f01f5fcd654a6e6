//! Getting the lease: at once if it is free, after a silent time if its holder has died.

use std::time::Duration;

use jiff::Timestamp;

use super::record::{LEASE_FORMAT, LeaseRecord};
use super::times::LeaseTimes;
use crate::domain::ids::RolloutId;
use crate::journal::{keys, without_location};
use crate::mutant::mutant;
use crate::ports::{Clock, Store, StoreError, Tag};

/// Each attempt is a read and a conditional write; the second one usually settles what the first left open.
const ATTEMPTS_MAX: u32 = 5;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);
/// How often a taker looks whether the holder lives after all, and says how long it still waits.
const GLANCE: Duration = Duration::from_secs(2);

/// Who wants it, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `user@host pid`.
    pub holder: String,
    /// Rollout to work on.
    pub rollout: RolloutId,
    /// Random per process.
    pub nonce: String,
    /// Time to live.
    pub ttl: Duration,
}

/// The lease is ours; handed to [`super::LeaseKeeper`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(super) record: LeaseRecord,
    pub(super) tag: Tag,
    /// Monotonic time before the write was sent: the lease is certain from then on.
    pub(super) sent_at: Duration,
}

/// Somebody else has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// `user@host pid`.
    pub by: String,
    /// What it works on.
    pub rollout: RolloutId,
    /// Since when, by its own clock.
    pub since: Timestamp,
    /// Last renewal, by its own clock.
    pub renewed_at: Timestamp,
    /// Its time to live.
    pub ttl: Duration,
    epoch: u64,
    tag: Tag,
}

/// Outcome of asking for the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours.
    Ours(Grant),
    /// It is not.
    Held(Holding),
}

/// The lease can be neither had nor judged.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The store does not answer, or not definitely, in several attempts.
    #[error("`{}` cannot be read or written", keys::LEASE)]
    Store(#[source] StoreError),
    /// Written by a newer rehull.
    #[error(
        "`{}` has format {format}; this version of rehull reads up to {LEASE_FORMAT}",
        keys::LEASE
    )]
    NewerFormat {
        /// Its format.
        format: u64,
    },
    /// Not a lease.
    #[error("`{}` line {line}, column {column}: {why}", keys::LEASE)]
    Unreadable {
        /// Line, from 1.
        line: usize,
        /// Column.
        column: usize,
        /// What is wrong.
        why: String,
    },
}

/// What lies there.
pub(super) struct Present {
    pub(super) record: LeaseRecord,
    pub(super) tag: Tag,
}

impl Present {
    fn holding(self) -> Holding {
        Holding {
            ttl: self.record.ttl(),
            by: self.record.holder,
            rollout: self.record.rollout,
            since: self.record.since,
            renewed_at: self.record.renewed_at,
            epoch: self.record.epoch,
            tag: self.tag,
        }
    }

    fn is_others(&self, claim: &Claim) -> bool {
        !self.record.released && self.record.nonce != claim.nonce
    }
}

pub(super) async fn present(store: &dyn Store) -> Result<Option<Present>, LeaseError> {
    let Some(stored) = store.get(keys::LEASE).await.map_err(LeaseError::Store)? else {
        return Ok(None);
    };
    let value: serde_json::Value = serde_json::from_slice(&stored.bytes).map_err(|e| unreadable(&e))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format > u64::from(LEASE_FORMAT) => return Err(LeaseError::NewerFormat { format }),
        Some(_) | None => {}
    }
    let record = serde_json::from_slice(&stored.bytes).map_err(|error| unreadable(&error))?;
    Ok(Some(Present {
        record,
        tag: stored.tag,
    }))
}

fn unreadable(error: &serde_json::Error) -> LeaseError {
    LeaseError::Unreadable {
        line: error.line(),
        column: error.column(),
        why: without_location(error),
    }
}

/// Takes the lease if nobody has it; otherwise says who has. Waits for nobody.
pub async fn acquire(store: &dyn Store, clock: &dyn Clock, claim: &Claim) -> Result<Acquired, LeaseError> {
    let mut last = StoreError::Unavailable {
        key: keys::LEASE.to_owned(),
        why: "not tried".to_owned(),
    };
    for attempt in 0..ATTEMPTS_MAX {
        if attempt > 0 {
            clock.sleep(ATTEMPT_PAUSE).await;
        }
        let over = match present(store).await {
            Ok(Some(present)) if present.is_others(claim) => return Ok(Acquired::Held(present.holding())),
            // An own version is the trace of a lost answer. It is written over: then we know when it was sent.
            Ok(present) => present.map(|present| (present.record.epoch, present.tag)),
            Err(LeaseError::Store(error @ StoreError::Unavailable { .. })) => {
                last = error;
                continue;
            }
            Err(error) => return Err(error),
        };
        match bid(store, clock, claim, over).await {
            Ok(grant) => return Ok(Acquired::Ours(grant)),
            Err(error @ StoreError::Denied { .. }) => return Err(LeaseError::Store(error)),
            Err(error) => last = error,
        }
    }
    Err(LeaseError::Store(last))
}

/// Takes the lease even from a holder that has died. Returns `Held` as soon as the holder shows life. `tell` hears who
/// is waited for and how long at most; dropping the future gives up.
pub async fn take_over(
    store: &dyn Store,
    clock: &dyn Clock,
    claim: &Claim,
    tell: &(dyn Fn(&Holding, Duration) + Sync),
) -> Result<Acquired, LeaseError> {
    let silent = match acquire(store, clock, claim).await? {
        Acquired::Held(holding) => holding,
        ours @ Acquired::Ours(_) => return Ok(ours),
    };
    mutant!(TakeOverAtOnce => return replace_silent(store, clock, claim, silent).await);
    // After the answer: the version was there at this instant, so its holder renewed before it.
    let seen_at = clock.monotonic();
    let quiet = LeaseTimes::of(silent.ttl).quiet();
    loop {
        let left = quiet.saturating_sub(clock.monotonic().saturating_sub(seen_at));
        if left.is_zero() {
            break;
        }
        tell(&silent, left);
        clock.sleep(left.min(GLANCE)).await;
        match present(store).await {
            Ok(Some(present)) if present.tag == silent.tag => {}
            Ok(_) => return acquire(store, clock, claim).await,
            // Unread proves nothing either way; the write below is conditional on the version seen first.
            Err(LeaseError::Store(_)) => {}
            Err(error) => return Err(error),
        }
    }
    replace_silent(store, clock, claim, silent).await
}

async fn replace_silent(
    store: &dyn Store,
    clock: &dyn Clock,
    claim: &Claim,
    silent: Holding,
) -> Result<Acquired, LeaseError> {
    for _ in 0..ATTEMPTS_MAX {
        match bid(store, clock, claim, Some((silent.epoch, silent.tag.clone()))).await {
            Ok(grant) => return Ok(Acquired::Ours(grant)),
            Err(error @ StoreError::Denied { .. }) => return Err(LeaseError::Store(error)),
            Err(_) => {}
        }
        match acquire(store, clock, claim).await? {
            Acquired::Held(holding) if holding.tag == silent.tag => clock.sleep(ATTEMPT_PAUSE).await,
            settled @ (Acquired::Ours(_) | Acquired::Held(_)) => return Ok(settled),
        }
    }
    Ok(Acquired::Held(silent))
}

/// One conditional write over exactly what was seen.
async fn bid(
    store: &dyn Store,
    clock: &dyn Clock,
    claim: &Claim,
    over: Option<(u64, Tag)>,
) -> Result<Grant, StoreError> {
    let now = clock.now();
    let record = LeaseRecord {
        format: LEASE_FORMAT,
        holder: claim.holder.clone(),
        rollout: claim.rollout.clone(),
        nonce: claim.nonce.clone(),
        epoch: over.as_ref().map_or(0, |(epoch, _)| *epoch).saturating_add(1),
        beat: 0,
        ttl_ms: u64::try_from(claim.ttl.as_millis()).unwrap_or(u64::MAX),
        since: now,
        renewed_at: now,
        released: false,
    };
    let sent_at = clock.monotonic();
    let tag = write(store, &record, over.as_ref().map(|(_, tag)| tag)).await?;
    Ok(Grant { record, tag, sent_at })
}

/// Writes the lease over a version, or as the first one.
pub(super) async fn write(
    store: &dyn Store,
    record: &LeaseRecord,
    over: Option<&Tag>,
) -> Result<Tag, StoreError> {
    let bytes = serde_json::to_vec_pretty(record).map_err(|error| StoreError::Unavailable {
        key: keys::LEASE.to_owned(),
        why: error.to_string(),
    })?;
    match over {
        Some(tag) => store.replace(keys::LEASE, &bytes, tag).await,
        None => store.create(keys::LEASE, &bytes).await,
    }
}
