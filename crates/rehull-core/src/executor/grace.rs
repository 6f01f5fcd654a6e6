//! After a signal, what is under way gets five seconds together. Deterministic: the work is always asked first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use super::ports::Attention;
use crate::ports::Clock;

/// A person who has pressed Ctrl-C waits at most 8 s in all: this, one journal write, and the goodbye.
const GRACE: Duration = Duration::from_secs(5);
/// A signal cuts sleeps short; where it cannot, it is noticed after this time.
const GLANCE: Duration = Duration::from_secs(1);

/// One per run: the five seconds run from the first notice.
#[derive(Debug, Default)]
pub(super) struct Grace {
    ends: OnceLock<Duration>,
}

impl Grace {
    /// Runs `work` to its end, or until the time after a signal is over; then `None`, and the work is dropped.
    pub(super) async fn give<F: Future>(
        &self,
        work: F,
        clock: &dyn Clock,
        attention: &dyn Attention,
    ) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut bell = pin!(self.bell(clock, attention));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => bell.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    async fn bell(&self, clock: &dyn Clock, attention: &dyn Attention) {
        while attention.stop_asked().is_none() {
            clock.sleep(GLANCE).await;
        }
        let ends = *self.ends.get_or_init(|| clock.monotonic().saturating_add(GRACE));
        // A sleep may be cut short once by the very signal; it cannot be cut short for ever.
        for _ in 0..3 {
            let left = ends.saturating_sub(clock.monotonic());
            if left.is_zero() {
                return;
            }
            clock.sleep(left).await;
        }
    }
}
