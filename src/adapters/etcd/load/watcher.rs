//! One watch through one address: resumed behind its last event whenever its stream ends, for as long as the probe runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client::{Error as Raw, Event, WatchClient, WatchOptions, WatchStream};

use super::keys::{self, WriteId};
use super::{Shared, Target, lock};
use crate::adapters::clock::{pause, within};

/// A stream that does not open, or on which nothing comes although everybody writes, is given up: the machine behind
/// it may be gone without a word. Longer than any election.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);
const RESUME_AFTER: Duration = Duration::from_millis(50);

/// An event of the probe's own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) revision: i64,
    /// `None`: a key or value that no writer of this run wrote, or a deletion.
    pub(super) write: Option<WriteId>,
}

/// Everything one watch received.
#[derive(Clone, Debug, Default)]
pub(super) struct WatchLog {
    pub(super) events: Vec<Seen>,
    /// Highest revision received.
    pub(super) last: i64,
    /// Streams that were opened, each behind the last event of the one before.
    pub(super) streams: u32,
    /// First event that came twice or late.
    pub(super) disorder: Option<String>,
    /// The server has compacted what this watch has not seen yet.
    pub(super) compacted: bool,
}

impl WatchLog {
    /// For events behind this revision.
    pub(super) fn behind(revision: i64) -> Self {
        Self {
            last: revision,
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, seen: Seen) {
        if seen.revision <= self.last && self.disorder.is_none() {
            self.disorder = Some(format!("revision {} after {}", seen.revision, self.last));
        }
        self.last = self.last.max(seen.revision);
        self.events.push(seen);
    }
}

/// Watches until it is aborted; never returns by itself unless the history it needs is gone.
pub(super) async fn run(shared: Arc<Shared>, target: Target, log: Arc<Mutex<WatchLog>>) {
    while !lock(&log).compacted {
        let from = lock(&log).last.saturating_add(1);
        if let Ok(client) = shared.pool.connect(&target.url).await
            && let Some(Ok(stream)) =
                within(SILENCE_LIMIT, open(client.watch_client(), &shared.spec.run, from)).await
        {
            lock(&log).streams += 1;
            follow(stream, &shared.spec.run, &log).await;
        }
        pause(RESUME_AFTER).await;
    }
}

pub(super) async fn open(mut client: WatchClient, run: &str, from: i64) -> Result<WatchStream, Raw> {
    let options = WatchOptions::new().with_prefix().with_start_revision(from);
    client.watch(keys::prefix(run), Some(options)).await
}

/// Until the stream ends, fails, is cancelled or falls silent.
async fn follow(mut stream: WatchStream, run: &str, log: &Mutex<WatchLog>) {
    while let Some(Ok(Some(message))) = within(SILENCE_LIMIT, stream.message()).await {
        let mut log = lock(log);
        for event in message.events() {
            if let Some(seen) = seen(event, run) {
                log.take(seen);
            }
        }
        if message.canceled() {
            log.compacted = message.compact_revision() != 0;
            return;
        }
    }
}

pub(super) fn seen(event: &Event, run: &str) -> Option<Seen> {
    let pair = event.kv()?;
    Some(Seen {
        revision: pair.mod_revision(),
        write: keys::parse(run, pair.key(), pair.value()),
    })
}
