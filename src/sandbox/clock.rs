//! The sandbox's clock: wall time for the world, and waiting until the world has something due.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the module of the sandbox that may ask the system for the time"
)]

use std::time::Duration;

use jiff::Timestamp;

/// Wall time; the world clamps it, so a clock that is set back only makes time stand still for a while.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Waits until `when`, or for ever.
pub(super) async fn sleep_until(when: Option<Timestamp>) {
    match when {
        Some(when) => sleep(Duration::try_from(when.duration_since(now())).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

/// Waits.
pub(super) async fn sleep(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}
