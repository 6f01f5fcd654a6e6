//! The event log beside the journal: waits and margins, for reports. Best effort; nothing is decided from it.

use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::ids::RolloutId;
use rehull_core::event::{Event, EventSink, What};
use rehull_core::journal::keys;
use rehull_core::ports::{Clock, Store, StoreError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::report::json;

/// A quiet moment of this length ends an object: a report that is asked for meanwhile is at most this old.
const QUIET: Duration = Duration::from_secs(2);
/// Lines per object, so that a busy time does not keep everything in memory.
const LINES_MAX: usize = 200;

/// Takes events; a task of its own writes them.
pub struct EventLog(UnboundedSender<Line>);

struct Line {
    text: String,
    /// The end of a step: a kill in the next second must not make the report forget it.
    ends_a_step: bool,
}

impl EventSink for EventLog {
    fn emit(&self, event: &Event) {
        // The writer has gone with the runtime: nobody is left to read a report either.
        let line = Line {
            text: json::line(event),
            ends_a_step: matches!(event.what, What::StepDone { .. }),
        };
        drop(self.0.send(line));
    }
}

/// Starts a log behind what is there already. The task ends when the log is dropped and everything is written.
pub async fn start(
    store: &Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rollout: &RolloutId,
) -> (EventLog, JoinHandle<()>) {
    let (sender, lines) = unbounded_channel();
    let written = objects(store.as_ref(), rollout).await.unwrap_or_default();
    let next = written.len().saturating_add(1);
    let writer = Writer {
        store: Arc::clone(store),
        rollout: rollout.clone(),
        next: u64::try_from(next).unwrap_or(u64::MAX),
    };
    (EventLog(sender), tokio::spawn(writer.run(lines, clock)))
}

/// Everything that was written; lines that cannot be read are left out.
///
/// # Errors
/// The store does not answer.
pub async fn read(store: &dyn Store, rollout: &RolloutId) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    for key in objects(store, rollout).await? {
        let Some(stored) = store.get(&key).await? else {
            continue;
        };
        let text = String::from_utf8_lossy(&stored.bytes).into_owned();
        events.extend(
            text.lines()
                .filter_map(|line| serde_json::from_str::<Event>(line).ok()),
        );
    }
    Ok(events)
}

async fn objects(store: &dyn Store, rollout: &RolloutId) -> Result<Vec<String>, StoreError> {
    store.list(&format!("{}{rollout}/events/", keys::ROLLOUTS)).await
}

struct Writer {
    store: Arc<dyn Store>,
    rollout: RolloutId,
    next: u64,
}

impl Writer {
    async fn run(mut self, mut lines: UnboundedReceiver<Line>, clock: Arc<dyn Clock>) {
        let mut buffer: Vec<String> = Vec::new();
        loop {
            let mut now = false;
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => {
                        now = line.ends_a_step;
                        buffer.push(line.text);
                    }
                    None => return self.flush(&mut buffer).await,
                },
                () = clock.sleep(QUIET), if !buffer.is_empty() => self.flush(&mut buffer).await,
            }
            if now || buffer.len() >= LINES_MAX {
                self.flush(&mut buffer).await;
            }
        }
    }

    async fn flush(&mut self, buffer: &mut Vec<String>) {
        if buffer.is_empty() {
            return;
        }
        let key = keys::events(&self.rollout, self.next);
        match self.store.create(&key, buffer.concat().as_bytes()).await {
            Ok(_) => {
                buffer.clear();
                self.next = self.next.saturating_add(1);
            }
            // Our own lost answer, or another process that works on the same rollout: the next number is free.
            Err(StoreError::Conflict { .. }) => self.next = self.next.saturating_add(1),
            Err(error) => tracing::debug!(%error, "the event log was not written"),
        }
        buffer.truncate(LINES_MAX);
    }
}
