//! Reads a journal: newest usable fold, then every segment after it, none missing.

use futures_util::future::join_all;

use super::codec::{self, DecodeError, Scope, corrupt};
use super::error::JournalError;
use super::fold;
use super::keys::{self, JournalKey};
use super::record::Segment;
use super::view::JournalView;
use crate::ports::{Store, Tag};

/// Reads in flight at once: keeps a resume short and memory small.
const READS_AT_ONCE: usize = 16;

/// What an incomplete last segment means in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TornTail {
    /// A directory: the machine may have lost power while writing. What was not written whole was not acted upon.
    Tolerated,
    /// S3 writes whole objects or none: an incomplete one is damage.
    Refused,
}

/// A journal as it stands.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Fold of everything.
    pub view: JournalView,
    /// Number of the next segment.
    pub next: u64,
    /// For people: what was left aside, and why that is safe.
    pub notes: Vec<String>,
    /// Version of an incomplete last segment, which the next one replaces.
    pub(super) torn: Option<Tag>,
}

/// Reads the fold of a journal. An absent journal is an empty one.
pub async fn load(store: &dyn Store, scope: &Scope, tail: TornTail) -> Result<Loaded, JournalError> {
    let found = find(store, scope).await?;
    let mut notes = found.notes;
    let (mut view, folded) = newest_fold(store, scope, &found.folds, &mut notes).await?;
    let wanted: Vec<u64> = found.segments.into_iter().filter(|seq| *seq > folded).collect();
    let Read { segments, torn } = read(store, scope, &wanted, folded, tail).await?;
    notes.extend(torn.iter().map(|torn| torn.note.clone()));
    for segment in &segments {
        let key = keys::segment(&scope.rollout, segment.seq);
        for (index, record) in segment.records.iter().enumerate() {
            view.apply(record)
                .map_err(|error| corrupt(&key, index.saturating_add(2), &error.to_string()))?;
        }
    }
    let next = segments.last().map_or(folded, |last| last.seq).saturating_add(1);
    Ok(Loaded {
        view,
        next,
        notes,
        torn: torn.map(|torn| torn.tag),
    })
}

/// Every segment of a journal, for reports. Folds are not looked at.
pub async fn read_all(
    store: &dyn Store,
    scope: &Scope,
    tail: TornTail,
) -> Result<Vec<Segment>, JournalError> {
    let found = find(store, scope).await?;
    Ok(read(store, scope, &found.segments, 0, tail).await?.segments)
}

struct Found {
    segments: Vec<u64>,
    folds: Vec<u64>,
    notes: Vec<String>,
}

async fn find(store: &dyn Store, scope: &Scope) -> Result<Found, JournalError> {
    let keys = store
        .list(&keys::journal(&scope.rollout))
        .await
        .map_err(JournalError::Unread)?;
    let mut found = Found {
        segments: Vec::new(),
        folds: Vec::new(),
        notes: Vec::new(),
    };
    for key in keys {
        match keys::classify(&scope.rollout, &key) {
            JournalKey::Segment(seq) => found.segments.push(seq),
            JournalKey::Fold(seq) => found.folds.push(seq),
            JournalKey::Unknown => found
                .notes
                .push(format!("`{key}` is no part of a journal; left alone")),
        }
    }
    found.segments.sort_unstable();
    found.folds.sort_unstable();
    Ok(found)
}

async fn newest_fold(
    store: &dyn Store,
    scope: &Scope,
    folds: &[u64],
    notes: &mut Vec<String>,
) -> Result<(JournalView, u64), JournalError> {
    for seq in folds.iter().rev() {
        let key = keys::fold(&scope.rollout, *seq);
        let Some(stored) = store.get(&key).await.map_err(JournalError::Unread)? else {
            continue;
        };
        match fold::decode(&key, &stored.bytes, scope, *seq) {
            Ok(view) => return Ok((view, *seq)),
            Err(DecodeError::Bad(foreign @ JournalError::Foreign { .. })) => return Err(foreign),
            Err(DecodeError::Bad(error)) => notes.push(format!("{error}; its segments are read instead")),
            Err(DecodeError::Torn { why }) => {
                notes.push(format!("`{key}`: {why}; its segments are read instead"));
            }
        }
    }
    Ok((JournalView::default(), 0))
}

struct Read {
    segments: Vec<Segment>,
    torn: Option<Torn>,
}

struct Torn {
    tag: Tag,
    note: String,
}

/// Reads segments `after + 1 ..`; `wanted` are the numbers that exist, ascending.
async fn read(
    store: &dyn Store,
    scope: &Scope,
    wanted: &[u64],
    after: u64,
    tail: TornTail,
) -> Result<Read, JournalError> {
    for (seq, expected) in wanted.iter().zip(after.saturating_add(1)..) {
        if *seq != expected {
            return Err(JournalError::Gap {
                missing: keys::segment(&scope.rollout, expected),
            });
        }
    }
    let last = wanted.last();
    let mut found = Read {
        segments: Vec::new(),
        torn: None,
    };
    for chunk in wanted.chunks(READS_AT_ONCE) {
        let answers = join_all(chunk.iter().map(|seq| one(store, scope, *seq))).await;
        for (seq, answer) in chunk.iter().zip(answers) {
            let key = keys::segment(&scope.rollout, *seq);
            match answer? {
                (_, Ok(segment)) => found.segments.push(segment),
                (tag, Err(DecodeError::Torn { why })) if tail == TornTail::Tolerated && last == Some(seq) => {
                    let note = format!("`{key}` was not written to its end ({why}): treated as not written");
                    found.torn = Some(Torn { tag, note });
                }
                (_, Err(DecodeError::Torn { why })) => return Err(corrupt(&key, 1, &why)),
                (_, Err(DecodeError::Bad(error))) => return Err(error),
            }
        }
    }
    Ok(found)
}

type Decoded = (Tag, Result<Segment, DecodeError>);

async fn one(store: &dyn Store, scope: &Scope, seq: u64) -> Result<Decoded, JournalError> {
    let key = keys::segment(&scope.rollout, seq);
    let stored = store.get(&key).await.map_err(JournalError::Unread)?;
    let Some(stored) = stored else {
        return Err(JournalError::Gap { missing: key });
    };
    let decoded = codec::decode(&key, &stored.bytes, scope, seq);
    Ok((stored.tag, decoded))
}
