//! How long a step takes, before anybody has measured this cluster. Shown, never digested, never waited for.

use std::time::Duration;

use crate::domain::policy::{RolloutPolicy, ServingPolicy};
use crate::domain::worker::WorkerPolicy;

/// RunInstances 1.6 s + pending→running 6 s + cloud-init 13 s + artefacts 3 s (medians of published traces), rounded.
const BOOT: Duration = Duration::from_secs(25);
/// Graceful stop with open watch streams: 2.4–10 s, measured on loopback.
const STOP: Duration = Duration::from_secs(6);
/// Detach and attach of a volume 4 + 3 s and of an interface 2.5 + 2 s, side by side.
const SLOT: Duration = Duration::from_secs(8);
/// Member add, go, start, full copy of a small database.
const JOIN: Duration = Duration::from_secs(5);

/// A control-plane machine boots, its servers get ready (2.4 to 4.7 s), the load balancer registers it and checks it.
const SERVE: Duration = Duration::from_secs(150);
/// The delay of a target group that nobody has set, beside which connections are let go of.
const DRAIN: Duration = Duration::from_secs(300);
/// A group ends a machine: shutdown, then the group's own look.
const END: Duration = Duration::from_secs(60);

/// So many servers come and so many leave, one at a time.
pub(super) fn servers(policy: &ServingPolicy, leaving: u32) -> Duration {
    let each = SERVE
        .saturating_add(policy.propagation.max(DRAIN))
        .saturating_add(END);
    each.saturating_mul(leaving).saturating_add(policy.bake)
}

/// A worker boots and its node gets ready: the boot of any machine, the kubelet's registration, the network and DaemonSets
/// from a registry. Nobody has measured ours; whoever knows better sees the clock.
const NODE: Duration = Duration::from_secs(90);
/// Pods end within their grace period, 30 s unless they say otherwise, some after others.
const EMPTY: Duration = Duration::from_secs(60);

/// So many nodes of one group: the first ones by themselves, then as many at once as may be.
pub(super) fn workers(policy: &WorkerPolicy, leaving: u32) -> Duration {
    if leaving == 0 {
        return Duration::ZERO;
    }
    let at_once = policy.max_surge.max(policy.max_unavailable).max(1);
    let rounds = leaving.div_ceil(at_once);
    let each = NODE.saturating_add(EMPTY).saturating_add(END);
    each.saturating_mul(rounds).saturating_add(policy.bake)
}

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
