//! No call outlives the lease it was sent under: whatever time-out an adapter has, here is the last one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::ports::Clock;

/// Runs `work` to its end, or until `bound` has passed; then `None`, and the work is dropped: nothing of it is sent any
/// more. Deterministic: the work is always asked first.
pub(super) async fn bounded<F: Future>(work: F, clock: &dyn Clock, bound: Duration) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut over = pin!(passed(clock, bound));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await
}

async fn passed(clock: &dyn Clock, bound: Duration) {
    let ends = clock.monotonic().saturating_add(bound);
    // A signal cuts sleeps short; what is under way has its own grace then.
    loop {
        let left = ends.saturating_sub(clock.monotonic());
        if left.is_zero() {
            return;
        }
        clock.sleep(left).await;
    }
}
