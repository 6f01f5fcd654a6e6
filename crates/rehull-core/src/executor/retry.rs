//! Retry policy as data. `decide` proposes what it wants every tick; this says when an action may be sent again.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::action::Action;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::StepId;
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
use crate::journal::{ActionPast, JournalView};
use crate::mutant::mutant;
use crate::ports::{PortError, Rule};
use crate::rollout::last_back;

/// Pauses between tries of one action. No jitter: a cluster has one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RetryPolicy {
    first: Duration,
    max: Duration,
}

const fn policy(first_ms: u64, max_s: u64) -> RetryPolicy {
    RetryPolicy {
        first: Duration::from_millis(first_ms),
        max: Duration::from_secs(max_s),
    }
}

/// Nothing was sent: a connection, a name or credentials are missing for a moment.
const NOT_SENT: RetryPolicy = policy(1_000, 30);
/// The call may still be on its way; looking again is cheaper than sending again.
const UNKNOWN: RetryPolicy = policy(2_000, 30);
/// EC2 shows new ids after 0.3 s (median) to 30 s (p99).
const NOT_VISIBLE: RetryPolicy = policy(1_000, 15);
/// Refill of EC2's buckets is per second; what it asks for is added on top.
const THROTTLED: RetryPolicy = policy(1_000, 30);
/// etcd counts peer links younger than 5 s (`HealthInterval`) as down: what was too young for one try is old enough for the
/// one 5 s later. It says no after a look at its own links, before anything enters the log, so asking costs it next to
/// nothing; and while a member is out, every second counts.
const LINKS: RetryPolicy = policy(1_000, 5);
/// A member has to start, to catch up or to leave first.
const MEMBERSHIP: RetryPolicy = policy(6_000, 30);
/// A detach takes about 3 s, an attach about 4 s.
const BUSY: RetryPolicy = policy(2_000, 15);
/// A budget is back when what makes up for the last pod is ready; asking costs the API a read.
const EVICTED: RetryPolicy = policy(1_000, 10);
/// An election takes about a second.
const LEADER: RetryPolicy = policy(1_000, 10);
/// The world moved between look and call: look again, but not for ever.
const GONE: RetryPolicy = policy(2_000, 10);
/// An action on something that is gone is decided anew this often before a person must look.
const GONE_TRIES_MAX: u32 = 3;

/// How long to leave an action alone after its `failures`-th failure in a row.
pub(super) fn pause(error: &PortError, failures: u32) -> Duration {
    let (policy, at_least) = match error {
        PortError::NotSent { .. } => (NOT_SENT, Duration::ZERO),
        PortError::OutcomeUnknown { .. } => (UNKNOWN, Duration::ZERO),
        PortError::NotYetVisible { .. } => (NOT_VISIBLE, Duration::ZERO),
        PortError::Throttled { after } => (THROTTLED, *after),
        PortError::Gone { .. } => (GONE, Duration::ZERO),
        PortError::Refused { rule, .. } => match rule {
            Rule::UnhealthyCluster => (LINKS, Duration::ZERO),
            Rule::NotEnoughStarted | Rule::TooManyLearners => (MEMBERSHIP, Duration::ZERO),
            Rule::NotLeader | Rule::LearnerNotReady => (LEADER, Duration::ZERO),
            Rule::Busy => (BUSY, Duration::ZERO),
            Rule::Budget => (EVICTED, Duration::ZERO),
            // Not passing: the rollout has stopped; whoever resumes it wants it tried at once.
            Rule::MemberExists
            | Rule::InsufficientCapacity
            | Rule::LimitExceeded
            | Rule::Invalid
            | Rule::Other => return Duration::ZERO,
        },
        PortError::Denied { .. } | PortError::Unreadable { .. } => return Duration::ZERO,
    };
    let doublings = failures.saturating_sub(1).min(10);
    let grown = policy.first.saturating_mul(1_u32 << doublings).min(policy.max);
    grown.max(at_least)
}

/// How long an action that was done may stay invisible. Proposed again within that time, it is not sent again: a second
/// launch would be a second machine.
pub(super) fn visible_within(action: &Action) -> Duration {
    mutant!(NotVisibleIsGone => return Duration::ZERO);
    let seconds = match action {
        // New ids: p99 30 s, the tail is longer, vendor's advice "minutes".
        Action::LaunchMachine { .. } => 120,
        Action::CreateTemplateVersion { .. } | Action::Group(GroupAction::CreateVersion { .. }) => 30,
        // State and tags of a known id.
        Action::AskStop { .. } | Action::Go { .. } | Action::TerminateMachine { .. } => 5,
        Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. } => 5,
        // Read back linearizably, from S3, or in this process.
        Action::StartSnapshot
        | Action::ApplyTerraform { .. }
        | Action::MoveLeader { .. }
        | Action::RemoveMember { .. }
        | Action::AddMember { .. }
        | Action::PromoteMember { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::RecordIdentity { .. } => 0,
        // Auto Scaling and load balancing tell what they were told at once, as far as anybody has published.
        Action::Group(_) => 2,
        // The list of nodes may come out of a cache.
        Action::Node(_) => 2,
    };
    Duration::from_secs(seconds)
}

/// From this age on etcd trusts a link, and as much again as the look that saw it may have been early.
const LINK_OLD: Duration = Duration::from_millis(5_500);
/// A member that is seen out again and again may only be late, with links that have never broken: after so long it is tried
/// all the same.
const LINK_DOUBTED: Duration = Duration::from_secs(11);

/// When a refused `member add` can succeed, as far as anybody can know: when the links of who came `back` last are old.
fn links_old(past: &ActionPast, back: Option<Timestamp>) -> Option<Timestamp> {
    let (error, at) = past.failed.as_ref()?;
    let young = matches!(
        (&past.action, error),
        (
            Action::AddMember { .. },
            PortError::Refused {
                rule: Rule::UnhealthyCluster,
                ..
            }
        )
    );
    let old = back?.checked_add(LINK_OLD).ok()?;
    let doubted = at.checked_add(LINK_DOUBTED).ok()?;
    young.then_some(old.min(doubted))
}

/// An action that must be left alone.
struct Held {
    until: Timestamp,
    why: String,
    /// Before that it is as ever, and nobody has to be told.
    told_from: Timestamp,
}

/// How long what was done usually stays invisible. Ids of EC2 mostly show within half a second, now and then within some.
fn usual(action: &Action) -> Duration {
    let makes_an_id = matches!(
        action,
        Action::LaunchMachine { .. }
            | Action::CreateTemplateVersion { .. }
            | Action::Group(GroupAction::CreateVersion { .. })
    );
    Duration::from_secs(if makes_an_id { 5 } else { 2 })
}

/// `None`: it may be sent.
fn held(past: &ActionPast, now: Timestamp, back: Option<Timestamp>) -> Option<Held> {
    let mut quiet = Duration::ZERO;
    let (since, pause, why) = if let Some(doubt) = &past.doubt {
        let error = PortError::OutcomeUnknown {
            why: doubt.why.clone(),
        };
        (doubt.at, pause(&error, past.failures), error.to_string())
    } else if past.in_doubt {
        return None; // a process ended before the answer: same attempt, same token, at once
    } else if let Some((error, at)) = &past.failed {
        (*at, pause(error, past.failures), error.to_string())
    } else {
        let done = past.done_at?;
        quiet = usual(&past.action);
        (
            done,
            visible_within(&past.action),
            "it was done, and does not show yet".to_owned(),
        )
    };
    let until = since.checked_add(pause).ok()?;
    let until = links_old(past, back).map_or(until, |old| until.max(old));
    // A clock that went back behind the failure must not stretch a pause that only exists for politeness.
    let told_from = since.checked_add(quiet).ok()?;
    (since <= now && now < until).then_some(Held {
        until,
        why,
        told_from,
    })
}

/// What a tick may send, and what it must leave alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gated {
    pub(super) ready: Vec<(StepId, Action)>,
    pub(super) waiting: Vec<Waiting>,
    /// When the first of them is free.
    pub(super) until: Option<Timestamp>,
}

/// Splits what is proposed. Of two actions with the same key the first counts.
pub(super) fn gate(act: Vec<(StepId, Action)>, journal: &JournalView, now: Timestamp) -> Gated {
    let mut gated = Gated::default();
    let back = last_back(journal).filter(|at| *at <= now);
    for (step, action) in act {
        let key = action.key();
        if gated.ready.iter().any(|(_, other)| other.key() == key) {
            continue;
        }
        match journal.past(&key).and_then(|past| held(past, now, back)) {
            None => gated.ready.push((step, action)),
            Some(Held {
                until,
                why,
                told_from,
            }) => {
                gated.until = Some(gated.until.map_or(until, |first| first.min(until)));
                if now >= told_from {
                    let on = WaitingOn::Retry {
                        action: key,
                        why,
                        at: until,
                    };
                    gated.waiting.push(Waiting { step, on });
                }
            }
        }
    }
    gated
}

/// The stop that a failure means; `None`: it passes, look again.
pub(super) fn verdict(action: &Action, error: &PortError, failures: u32) -> Option<StopReason> {
    if error.is_passing() || (matches!(error, PortError::Gone { .. }) && failures < GONE_TRIES_MAX) {
        return None;
    }
    let full = matches!(
        error,
        PortError::Refused {
            rule: Rule::InsufficientCapacity | Rule::LimitExceeded,
            ..
        }
    );
    let text = error.to_string();
    Some(match action.slot() {
        Some(slot) if full && matches!(action, Action::LaunchMachine { .. }) => StopReason::NoCapacity {
            slot: slot.clone(),
            text,
        },
        Some(_) | None => StopReason::Refused {
            action: action.key(),
            text,
        },
    })
}

#[cfg(test)]
mod tests;
