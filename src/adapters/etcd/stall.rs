//! How long a rollout makes writers wait, measured beside it: one small key, ten times a second.
//!
//! The writer behaves as a client should: 200 ms per try, then the next member. It writes `/rehull/probe/stall/<rollout>`
//! and nothing else, and removes it in the end. Nothing is decided from what it measures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::KvClient;
use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::RolloutId;
use rehull_core::ports::Clock;
use tokio::task::JoinHandle;

use super::pool::EtcdPool;
use crate::adapters::clock::within;

const TRY_LIMIT: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(100);
/// After a failure at every member.
const BREATH: Duration = Duration::from_millis(20);

/// What was measured since somebody asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Window {
    /// Longest write of those that have ended.
    longest: Duration,
    /// Writes that were acknowledged.
    acknowledged: u64,
    /// When the write that is under way began.
    open_since: Option<Duration>,
}

impl Window {
    fn begin(&mut self, now: Duration) {
        self.open_since = Some(now);
    }

    fn end(&mut self, now: Duration) {
        if let Some(since) = self.open_since.take() {
            self.longest = self.longest.max(now.saturating_sub(since));
            self.acknowledged = self.acknowledged.saturating_add(1);
        }
    }

    /// The longest wait so far, one that is not over included; the next window begins now. `None`: no write was ever
    /// acknowledged in it, so that nothing can be said about clients that may write.
    fn take(&mut self, now: Duration) -> Option<Duration> {
        let open = self.open_since.map(|since| now.saturating_sub(since));
        let seen = (self.acknowledged > 0).then(|| self.longest.max(open.unwrap_or_default()));
        self.longest = Duration::ZERO;
        self.acknowledged = 0;
        seen
    }
}

/// A writer that runs until it is dropped or ended.
pub struct StallProbe {
    window: Arc<Mutex<Window>>,
    clock: Arc<dyn Clock>,
    task: JoinHandle<()>,
    writer: Writer,
}

impl StallProbe {
    /// Starts writing through these members.
    #[must_use]
    pub fn start(pool: Arc<EtcdPool>, clock: Arc<dyn Clock>, rollout: &RolloutId, slots: &[Slot]) -> Self {
        let writer = Writer {
            pool,
            clock: Arc::clone(&clock),
            key: format!("/rehull/probe/stall/{rollout}"),
            urls: slots.iter().map(Slot::client_url).collect(),
        };
        let window = Arc::new(Mutex::new(Window::default()));
        let task = tokio::spawn(writer.clone().run(Arc::clone(&window)));
        Self {
            window,
            clock,
            task,
            writer,
        }
    }

    /// The longest wait since the last call; `None` if no write was acknowledged meanwhile.
    #[must_use]
    pub fn take(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        self.window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(now)
    }

    /// Stops and removes its key. A member that does not answer keeps it; it is a few bytes.
    pub async fn end(self) {
        self.task.abort();
        for url in &self.writer.urls {
            if self.writer.remove(url).await.is_some() {
                return;
            }
        }
    }
}

impl Drop for StallProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Writer {
    pool: Arc<EtcdPool>,
    clock: Arc<dyn Clock>,
    key: String,
    urls: Vec<String>,
}

impl Writer {
    async fn run(self, window: Arc<Mutex<Window>>) {
        if self.urls.is_empty() {
            return;
        }
        let mark = |change: fn(&mut Window, Duration)| {
            let now = self.clock.monotonic();
            change(&mut window.lock().unwrap_or_else(PoisonError::into_inner), now);
        };
        let (mut at, mut client) = (0, None);
        loop {
            mark(Window::begin);
            let mut tries = 0_usize;
            while within(TRY_LIMIT, self.write(at, &mut client))
                .await
                .flatten()
                .is_none()
            {
                // With a new connection: behind the same address a new member may answer by now.
                client = None;
                at = (at + 1) % self.urls.len();
                tries = tries.saturating_add(1);
                if tries.is_multiple_of(self.urls.len()) {
                    self.clock.sleep(BREATH).await;
                }
            }
            mark(Window::end);
            self.clock.sleep(PAUSE).await;
        }
    }

    async fn write(&self, at: usize, client: &mut Option<KvClient>) -> Option<()> {
        if client.is_none() {
            *client = Some(self.pool.connect(self.urls.get(at)?).await.ok()?.kv_client());
        }
        client
            .as_mut()?
            .put(self.key.as_str(), "", None)
            .await
            .ok()
            .map(drop)
    }

    async fn remove(&self, url: &str) -> Option<()> {
        let gone = async {
            let mut client = self.pool.connect(url).await.ok()?.kv_client();
            client.delete(self.key.as_str(), None).await.ok().map(drop)
        };
        within(TRY_LIMIT, gone).await.flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_longest_write_counts_and_a_new_window_forgets_it() {
        let mut window = Window::default();
        for (begin, end) in [(0, 3), (100, 340), (440, 442)] {
            window.begin(ms(begin));
            window.end(ms(end));
        }
        assert_eq!(window.take(ms(500)), Some(ms(240)));
        window.begin(ms(542));
        window.end(ms(544));
        assert_eq!(window.take(ms(600)), Some(ms(2)));
    }

    #[test]
    fn a_write_that_still_waits_counts_with_what_it_has_waited() {
        let mut window = Window::default();
        window.begin(ms(0));
        window.end(ms(1));
        window.begin(ms(100));
        assert_eq!(window.take(ms(900)), Some(ms(800)));
    }

    #[test]
    fn without_any_acknowledged_write_nothing_is_claimed() {
        let mut window = Window::default();
        window.begin(ms(0));
        assert_eq!(window.take(ms(5000)), None);
    }
}
