//! How long a step takes, before anybody has measured this cluster. Shown, never digested, never waited for.

use std::time::Duration;

use crate::domain::policy::RolloutPolicy;

/// RunInstances 1.6 s + pending→running 6 s + cloud-init 13 s + artefacts 3 s (medians of published traces), rounded.
const BOOT: Duration = Duration::from_secs(25);
/// Graceful stop with open watch streams: 2.4–10 s, measured on loopback.
const STOP: Duration = Duration::from_secs(6);
/// Detach and attach of a volume 4 + 3 s and of an interface 2.5 + 2 s, side by side.
const SLOT: Duration = Duration::from_secs(8);
/// Member add, go, start, full copy of a small database.
const JOIN: Duration = Duration::from_secs(5);

/// A member leaves for good: its links have aged, it stops.
pub(super) fn leave(policy: &RolloutPolicy) -> Duration {
    policy.settle.saturating_add(STOP)
}

/// One member, without bake.
pub(super) fn member(policy: &RolloutPolicy) -> Duration {
    BOOT.saturating_add(STOP)
        .saturating_add(SLOT)
        .saturating_add(JOIN)
        .saturating_add(policy.settle)
}
