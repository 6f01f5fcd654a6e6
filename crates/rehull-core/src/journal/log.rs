//! Appends: one segment per tick, one conditional write per segment.

use std::time::Duration;

use super::codec::{self, DecodeError, Scope};
use super::error::JournalError;
use super::fold::{self, FOLD_EVERY};
use super::keys;
use super::load::{Loaded, TornTail, load};
use super::record::{Record, RecordBody, Segment};
use super::view::JournalView;
use crate::mutant::mutant;
use crate::ports::{Clock, Store, StoreError, Tag};

/// Attempts at one segment. With their pauses they take about 12 s beside the calls themselves: shorter than any
/// lease, long enough for a short outage of the store.
const APPEND_ATTEMPTS_MAX: u32 = 6;
const APPEND_PAUSE_FIRST: Duration = Duration::from_millis(500);
const APPEND_PAUSE_MAX: Duration = Duration::from_secs(4);

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Random per process, so that two processes never write the same bytes.
    pub nonce: String,
    /// How this store loses power.
    pub tail: TornTail,
}

/// An open journal. It hands out its fold only together with everything that was appended through it.
pub struct Journal<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    scope: Scope,
    writer: Writer,
    view: JournalView,
    next: u64,
    torn: Option<Tag>,
    notes: Vec<String>,
    /// An append whose outcome is open: whatever came next could be written beside it.
    broken: bool,
}

impl<'a> Journal<'a> {
    /// Reads what is there; writes nothing.
    pub async fn open(
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        scope: Scope,
        writer: Writer,
    ) -> Result<Self, JournalError> {
        let Loaded {
            view,
            next,
            notes,
            torn,
        } = load(store, &scope, writer.tail).await?;
        Ok(Self {
            store,
            clock,
            scope,
            writer,
            view,
            next,
            torn,
            notes,
            broken: false,
        })
    }

    /// Reads it again, after another process has written.
    pub async fn reopen(&mut self) -> Result<(), JournalError> {
        let Loaded {
            view,
            next,
            notes,
            torn,
        } = load(self.store, &self.scope, self.writer.tail).await?;
        (self.view, self.next, self.torn, self.notes) = (view, next, torn, notes);
        Ok(())
    }

    /// What decisions may ask.
    #[must_use]
    pub fn view(&self) -> &JournalView {
        &self.view
    }

    /// Whose journal it is.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Number of the next segment.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// For people: what was left aside while reading, or could not be folded.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes the records as the next segment. They are durable when this returns `Ok`, and nothing may be performed
    /// when it does not. No records, no segment.
    pub async fn append(&mut self, records: Vec<Record>) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut touched = self.view.touched_by(&records);
        for record in &records {
            touched.apply(record).map_err(JournalError::Contradiction)?;
        }
        let segment = Segment {
            cluster: self.scope.cluster.as_str().to_owned(),
            rollout: self.scope.rollout.clone(),
            seq: self.next,
            nonce: self.writer.nonce.clone(),
            records,
        };
        let written = self.write(&segment).await;
        mutant!(AppendPastTheFence => if written.is_err() { return self.write_behind(segment).await });
        written?;
        self.view.take_over(touched);
        self.next = self.next.saturating_add(1);
        self.torn = None;
        self.fold_if_due(segment.seq).await;
        Ok(())
    }

    /// A bug on purpose: behind whatever is there.
    #[cfg(test)]
    async fn write_behind(&mut self, segment: Segment) -> Result<(), JournalError> {
        self.reopen().await?;
        let seq = self.next;
        self.write(&Segment { seq, ..segment }).await
    }

    async fn write(&mut self, segment: &Segment) -> Result<(), JournalError> {
        let key = keys::segment(&self.scope.rollout, segment.seq);
        let bytes = codec::encode(segment, &self.scope)
            .map_err(|error| codec::corrupt(&key, 1, &format!("cannot be encoded: {error}")))?;
        let mut last = StoreError::Unavailable {
            key: key.clone(),
            why: "an earlier segment may still arrive".to_owned(),
        };
        let mut pause = APPEND_PAUSE_FIRST;
        let attempts = if self.broken { 0 } else { APPEND_ATTEMPTS_MAX };
        for attempt in 0..attempts {
            if attempt > 0 {
                self.clock.sleep(pause).await;
                pause = pause.saturating_mul(2).min(APPEND_PAUSE_MAX);
            }
            match self.write_once(&key, &bytes).await? {
                Ok(()) => return Ok(()),
                Err(source @ StoreError::Denied { .. }) => {
                    return Err(JournalError::Unwritten {
                        key,
                        attempts: attempt.saturating_add(1),
                        source,
                    });
                }
                Err(error) => last = error,
            }
        }
        self.broken = true;
        Err(JournalError::Unwritten {
            key,
            attempts,
            source: last,
        })
    }

    /// `Ok(Err(_))`: not there as far as one can see, to be tried again.
    async fn write_once(&self, key: &str, bytes: &[u8]) -> Result<Result<(), StoreError>, JournalError> {
        let sent = match &self.torn {
            Some(over) => self.store.replace(key, bytes, over).await,
            None => self.store.create(key, bytes).await,
        };
        match sent {
            Ok(_) => Ok(Ok(())),
            Err(error @ (StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. })) => {
                Ok(if self.is_there(key, bytes).await? {
                    Ok(())
                } else {
                    Err(error)
                })
            }
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Denied { .. })) => Ok(Err(error)),
        }
    }

    /// Settles a write without a definite answer by looking. Equal bytes are ours: they carry our nonce.
    async fn is_there(&self, key: &str, bytes: &[u8]) -> Result<bool, JournalError> {
        match self.store.get(key).await {
            Ok(Some(stored)) if stored.bytes == bytes => Ok(true),
            Ok(Some(stored)) if Some(&stored.tag) == self.torn.as_ref() => Ok(false),
            Ok(Some(stored)) => Err(JournalError::Fenced {
                key: key.to_owned(),
                by: self.author(key, &stored.bytes),
            }),
            Ok(None) | Err(_) => Ok(false),
        }
    }

    fn author(&self, key: &str, bytes: &[u8]) -> Option<String> {
        let segment = match codec::decode(key, bytes, &self.scope, self.next) {
            Ok(segment) => segment,
            Err(DecodeError::Torn { .. } | DecodeError::Bad(_)) => return None,
        };
        segment.records.into_iter().find_map(|record| match record.body {
            RecordBody::Attached { holder } => Some(holder),
            RecordBody::Opened { .. }
            | RecordBody::Intended { .. }
            | RecordBody::Settled { .. }
            | RecordBody::Marked { .. }
            | RecordBody::Answered { .. }
            | RecordBody::Stopped { .. }
            | RecordBody::Closed { .. } => None,
        })
    }

    /// A fold that could not be written only costs time at the next resume.
    async fn fold_if_due(&mut self, seq: u64) {
        if !seq.is_multiple_of(FOLD_EVERY) {
            return;
        }
        let key = keys::fold(&self.scope.rollout, seq);
        let Ok(bytes) = fold::encode(&self.scope, seq, &self.writer.nonce, &self.view) else {
            return;
        };
        match self.store.create(&key, &bytes).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => self.notes.push(format!("`{key}` was not written: {error}")),
        }
    }
}
