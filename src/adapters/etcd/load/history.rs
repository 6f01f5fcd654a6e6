//! What the store itself says happened: every event since the start, and every key as it is now.
//!
//! Two sources that do not share a code path in etcd (the watch's history and the index) are compared, so that the
//! judgement does not rest on watches alone.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::{Error as Raw, GetOptions, KvClient, WatchClient};
use rehull_core::ports::PortError;

use super::keys::{self, WriteId};
use super::watcher::{Seen, open, seen};
use super::{EtcdPool, Shared, revision};
use crate::adapters::clock::within;
use crate::adapters::etcd::error::words;

/// 60,000 small keys take well under a second; this is for a loaded machine.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// Keys per page: far below the 4 MiB that one answer may have.
const PAGE: i64 = 5_000;

/// A key as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Present {
    /// The write it comes from; `None`: it has another value than its key says.
    pub(super) write: Option<WriteId>,
    pub(super) revision: i64,
    /// How often it was written.
    pub(super) version: i64,
}

/// The truth about one run.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// In the order of revisions.
    pub(super) events: Vec<Seen>,
    pub(super) keys: Vec<Present>,
}

impl History {
    /// Reads it through the first address that serves.
    pub(super) async fn read(shared: &Shared, before: i64) -> Result<Self, PortError> {
        let now = revision(&shared.pool, &shared.spec.targets).await?;
        let mut last = PortError::NotSent {
            why: "no target".to_owned(),
        };
        for target in &shared.spec.targets {
            let read = read_through(&shared.pool, &target.url, &shared.spec.run, before..now);
            match within(READ_LIMIT, Box::pin(read)).await {
                Some(Ok(history)) => return Ok(history),
                Some(Err(error)) => last = error,
                None => {
                    last = PortError::NotSent {
                        why: format!("{}: the history did not come within {READ_LIMIT:?}", target.url),
                    };
                }
            }
        }
        Err(last)
    }

    /// Revision of the last event.
    pub(super) fn last_revision(&self) -> i64 {
        self.events.last().map_or(0, |seen| seen.revision)
    }

    /// Where index and history disagree, for people.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut times: BTreeMap<WriteId, (i64, i64)> = BTreeMap::new();
        for event in &self.events {
            if let Some(write) = event.write {
                let entry = times.entry(write).or_default();
                *entry = (entry.0.saturating_add(1), event.revision);
            }
        }
        let index: BTreeMap<WriteId, (i64, i64)> = self
            .keys
            .iter()
            .filter_map(|key| Some((key.write?, (key.version, key.revision))))
            .collect();
        let mut found = Vec::new();
        for (write, in_history) in &times {
            let in_index = index.get(write);
            if in_index != Some(in_history) {
                found.push(format!(
                    "write {write:?}: the history has (times, revision) {in_history:?}, the index {in_index:?}"
                ));
            }
        }
        for write in index.keys().filter(|write| !times.contains_key(write)) {
            found.push(format!("write {write:?} is in the index and not in the history"));
        }
        found
    }
}

async fn read_through(
    pool: &EtcdPool,
    url: &str,
    run: &str,
    revisions: std::ops::Range<i64>,
) -> Result<History, PortError> {
    let client = pool.connect(url).await?;
    let failed = |error: Raw| PortError::NotSent {
        why: format!("{url}: {}", words(&error)),
    };
    let keys = index(client.kv_client(), run, revisions.end)
        .await
        .map_err(failed)?;
    let last = keys.iter().map(|key| key.revision).max();
    let events = match last {
        // The newest key of the index is the last event there can be: nothing is ever deleted.
        Some(last) => replay(client.watch_client(), run, revisions.start, last)
            .await
            .map_err(failed)?,
        None => Vec::new(),
    };
    Ok(History { events, keys })
}

/// Every key of the run at one revision.
async fn index(mut client: KvClient, run: &str, revision: i64) -> Result<Vec<Present>, Raw> {
    let mut found = Vec::new();
    let mut from = keys::prefix(run).into_bytes();
    loop {
        let options = GetOptions::new()
            .with_range(keys::behind(run))
            .with_revision(revision)
            .with_limit(PAGE);
        let page = client.get(from.clone(), Some(options)).await?;
        found.extend(page.kvs().iter().map(|pair| Present {
            write: keys::parse(run, pair.key(), pair.value()),
            revision: pair.mod_revision(),
            version: pair.version(),
        }));
        match page.kvs().last() {
            Some(last) if page.more() => {
                from = last.key().to_vec();
                from.push(0);
            }
            _ => return Ok(found),
        }
    }
}

/// Every event of the run, from the store's own history.
async fn replay(client: WatchClient, run: &str, before: i64, last: i64) -> Result<Vec<Seen>, Raw> {
    let mut stream = open(client, run, before.saturating_add(1)).await?;
    let mut events: Vec<Seen> = Vec::new();
    while let Some(message) = stream.message().await? {
        events.extend(message.events().iter().filter_map(|event| seen(event, run)));
        if message.canceled() {
            return Err(Raw::WatchError(format!(
                "the history was cut off: {} (compacted at {})",
                message.cancel_reason(),
                message.compact_revision()
            )));
        }
        if events.last().is_some_and(|event| event.revision >= last) {
            break;
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(revision: i64, write: WriteId) -> Seen {
        Seen {
            revision,
            write: Some(write),
        }
    }

    fn key(write: WriteId, version: i64, revision: i64) -> Present {
        Present {
            write: Some(write),
            revision,
            version,
        }
    }

    #[test]
    fn an_index_and_a_history_that_tell_the_same_story_do_not_contradict() {
        let history = History {
            events: vec![event(5, (0, 0)), event(6, (1, 0)), event(7, (0, 0))],
            keys: vec![key((0, 0), 2, 7), key((1, 0), 1, 6)],
        };
        assert!(history.contradictions().is_empty());
        assert_eq!(history.last_revision(), 7);
    }

    #[test]
    fn an_event_too_few_or_a_key_too_many_is_a_contradiction() {
        let history = History {
            events: vec![event(5, (0, 0))],
            keys: vec![key((0, 0), 2, 7), key((1, 0), 1, 6)],
        };
        assert_eq!(history.contradictions().len(), 2);
    }
}
