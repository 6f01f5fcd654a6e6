//! The one real clock of a rollout: wall time, a monotonic time that also runs while the computer sleeps, and
//! sleeping that a signal can cut short. Nothing else outside the sandbox asks the system for the time.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that may ask the system for the time"
)]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rehull_core::ports::Clock;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// Keeps counting while a laptop is suspended: a lease must not look fresh because its holder was asleep.
/// On other systems (macOS) `CLOCK_MONOTONIC` already behaves like this.
#[cfg(target_os = "linux")]
const MONOTONIC: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: ClockId = ClockId::Monotonic;

/// The system's clock. One instance per loop that may be woken: a wake-up that came while nobody slept is kept for the
/// next [`Clock::sleep`] of the same instance, so that a signal between a look and the sleep after it is not lost.
/// [`SystemClock::monotonic`] has the same origin in all instances and all processes of one boot.
#[derive(Debug)]
pub struct SystemClock {
    wakes: Arc<watch::Sender<u64>>,
    taken: AtomicU64,
}

/// Cuts sleeps short; cheap to clone and to use from anywhere (signal task, mailbox poll).
#[derive(Clone, Debug)]
pub struct Wake {
    wakes: Arc<watch::Sender<u64>>,
}

impl Wake {
    /// Ends the current sleep of the clock, or its next one if nobody sleeps now.
    pub fn wake(&self) {
        self.wakes.send_modify(|count| *count = count.saturating_add(1));
    }
}

impl SystemClock {
    /// A clock; without a [`Wake`] in anybody's hands its sleeps last their full time.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wakes: Arc::new(watch::Sender::new(0)),
            taken: AtomicU64::new(0),
        }
    }

    /// A handle that wakes sleepers of this clock.
    #[must_use]
    pub fn wake_handle(&self) -> Wake {
        Wake {
            wakes: Arc::clone(&self.wakes),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        // The kernel never hands out a negative time of these clocks; zero is the safe reading of one.
        Duration::try_from(clock_gettime(MONOTONIC)).unwrap_or(Duration::ZERO)
    }

    async fn sleep(&self, how_long: Duration) {
        let mut wakes = self.wakes.subscribe();
        let taken = self.taken.load(Ordering::Relaxed);
        // `Err` is the end of the time; the sender cannot close, `self` holds it.
        if let Some(Ok(count)) = within(how_long, wakes.wait_for(|count| *count > taken)).await {
            self.taken.store(*count, Ordering::Relaxed);
        }
    }
}

/// The outcome of `work`, or `None` if it took longer than `limit` (it is dropped then).
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// Waits a moment between two tries of something local (a lock held by a neighbour). Not for anything that a
/// rollout decides by: that goes through [`Clock::sleep`].
pub(crate) async fn pause(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than any test may take: a sleep that is not cut short hangs the test visibly.
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_wake_that_came_before_the_sleep_ends_it_once() {
        let clock = SystemClock::new();
        let wake = clock.wake_handle();
        wake.wake();
        wake.wake();
        clock.sleep(LONG).await;

        // Both calls were one wish for attention: the next sleep runs its time again.
        assert_eq!(within(Duration::from_millis(1), clock.sleep(LONG)).await, None);
    }

    #[tokio::test]
    async fn a_wake_ends_the_sleep_that_is_going_on() {
        let clock = SystemClock::new();
        let wake = clock.wake_handle();
        let waker = tokio::spawn(async move {
            tokio::task::yield_now().await;
            wake.wake();
        });
        clock.sleep(LONG).await;
        assert!(waker.await.is_ok());
    }

    #[tokio::test]
    async fn a_sleep_that_nobody_cuts_short_ends_by_itself() {
        SystemClock::new().sleep(Duration::from_millis(1)).await;
    }

    #[test]
    fn monotonic_time_never_goes_back_and_is_shared_by_all_instances() {
        let before = SystemClock::new().monotonic();
        let after = SystemClock::new().monotonic();
        assert!(after >= before, "{after:?} < {before:?}");
    }
}
