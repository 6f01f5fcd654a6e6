//! The `rollout` part: every key has a default, some have a floor, and each floor has a reason.

use std::time::Duration;

use super::file;
use super::mistake::{Mistakes, Wrong};
use super::spans::Pointer;
use super::value;
use crate::domain::policy::RolloutPolicy;

/// Nobody means more than a day; a slip of the unit is found here.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Shortest legal value and why.
pub(super) struct Floor {
    pub(super) at_least: Duration,
    pub(super) why: &'static str,
}

/// etcd's HealthInterval is 5 s (server/etcdserver/server.go): it refuses membership changes while a link is younger.
const SETTLE: Floor = Floor {
    at_least: Duration::from_secs(6),
    why: "etcd counts links younger than 5 s as down and refuses the next change",
};
/// Measured: etcd with open watch streams took 2.4 to 10 s to stop.
const STOP: Floor = Floor {
    at_least: Duration::from_secs(15),
    why: "etcd with open watches takes up to 10 s to stop; less would cut it off",
};
/// A call is cut off after a third of the time to live, because it may not outlive the lease ([`LeaseTimes`]); AWS gets
/// 15 s for an answer.
///
/// [`LeaseTimes`]: crate::executor::lease::LeaseTimes
const LEASE: Floor = Floor {
    at_least: Duration::from_secs(45),
    why: "a call gets a third of it, and AWS may take 15 s: a shorter lease would cut calls off half-way",
};
/// A sandbox answers in milliseconds; what remains is a holder that renews four times per time to live.
const LEASE_ON_LOOPBACK: Floor = Floor {
    at_least: Duration::from_secs(10),
    why: "one slow write to the store would lose the lease to somebody else",
};
pub(super) const POSITIVE: Floor = Floor {
    at_least: Duration::from_secs(1),
    why: "nothing is done in no time",
};
pub(super) const ANY: Floor = Floor {
    at_least: Duration::ZERO,
    why: "",
};

/// Reads the policy; `None` if anything in it is wrong.
pub(super) fn read(
    at: &Pointer,
    rollout: Option<&file::Rollout>,
    on_loopback: bool,
    mistakes: &mut Mistakes<'_>,
) -> Option<RolloutPolicy> {
    let default = RolloutPolicy::default();
    let Some(rollout) = rollout else {
        return Some(default);
    };
    let mut time = |key: &str, text: &Option<String>, default: Duration, floor: &Floor| match text {
        None => Some(default),
        Some(text) => mistakes.keep(&at.key(key), duration(key, text, floor)),
    };
    let bake = time("bake", &rollout.bake, default.bake, &ANY);
    let boot = time(
        "bootDeadline",
        &rollout.boot_deadline,
        default.boot_deadline,
        &POSITIVE,
    );
    let stop = time(
        "stopDeadline",
        &rollout.stop_deadline,
        default.stop_deadline,
        &STOP,
    );
    let join = time(
        "joinDeadline",
        &rollout.join_deadline,
        default.join_deadline,
        &POSITIVE,
    );
    let settle = time("settle", &rollout.settle, default.settle, &SETTLE);
    let floor = lease_floor(on_loopback);
    let lease_ttl = time("leaseTtl", &rollout.lease_ttl, default.lease_ttl, floor);
    join_outlasts_settle(at, join.zip(settle), mistakes);
    let lag = rollout
        .lag_entries_max
        .map_or(Ok(default.lag_entries_max), lag_entries);
    let lag_entries_max = mistakes.keep(&at.key("lagEntriesMax"), lag);
    let quota = rollout
        .quota_used_percent_max
        .map_or(Ok(default.quota_used_percent_max), percent);
    let quota_used_percent_max = mistakes.keep(&at.key("quotaUsedPercentMax"), quota);
    Some(RolloutPolicy {
        bake: bake?,
        boot_deadline: boot?,
        stop_deadline: stop?,
        join_deadline: join?,
        settle: settle?,
        lag_entries_max: lag_entries_max?,
        quota_used_percent_max: quota_used_percent_max?,
        snapshot: rollout.snapshot.unwrap_or(default.snapshot),
        probe: rollout.probe.unwrap_or(default.probe),
        accept_downtime: rollout.accept_downtime.unwrap_or(default.accept_downtime),
        lease_ttl: lease_ttl?,
    })
}

fn join_outlasts_settle(at: &Pointer, times: Option<(Duration, Duration)>, mistakes: &mut Mistakes<'_>) {
    if let Some((join, settle)) = times
        && join <= settle
    {
        let message = "`joinDeadline` is over before `settle` is";
        let wrong = Wrong::new("config::deadline", message, "too short").help(format!(
            "a joined member settles for {settle:?} first; write more than that"
        ));
        mistakes.add_with(
            &at.key("joinDeadline"),
            wrong,
            &[(at.key("settle"), "settles for this long".to_owned())],
        );
    }
}

const fn lease_floor(on_loopback: bool) -> &'static Floor {
    if on_loopback { &LEASE_ON_LOOPBACK } else { &LEASE }
}

pub(super) fn duration(key: &str, text: &str, floor: &Floor) -> Result<Duration, Wrong> {
    let read = value::duration(text)?;
    if read < floor.at_least {
        let message = format!("`{key}` must be at least {:?}", floor.at_least);
        return Err(Wrong::new("config::too_short", message, "too short").help(floor.why));
    }
    if read > LONGEST {
        let message = format!("`{key}` is longer than a day");
        return Err(Wrong::new("config::too_long", message, "too long").help("is the unit right?"));
    }
    Ok(read)
}

fn lag_entries(entries: i64) -> Result<u64, Wrong> {
    u64::try_from(entries)
        .ok()
        .filter(|entries| *entries > 0)
        .ok_or_else(|| {
            Wrong::new("config::lag", "`lagEntriesMax` must be at least 1", "too small")
                .help("a follower of a busy leader is always an entry or two behind")
        })
}

fn percent(share: i64) -> Result<u8, Wrong> {
    u8::try_from(share)
        .ok()
        .filter(|share| (1..=100).contains(share))
        .ok_or_else(|| {
            Wrong::new(
                "config::percent",
                "`quotaUsedPercentMax` is a share from 1 to 100",
                "not 1 to 100",
            )
        })
}
