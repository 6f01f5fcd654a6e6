//! Retry policy as data. `decide` proposes what it wants every tick; this says when an action may be sent again.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::action::Action;
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
/// An election takes about a second.
const LEADER: RetryPolicy = policy(1_000, 10);
/// The world moved between look and call: look again, but not for ever.
const GONE: RetryPolicy = policy(2_000, 10);
/// An action on something that is gone is decided anew this often before a person must look.
const GONE_TRIES_MAX: u32 = 3;

/// How long to leave an action alone after its `failures`-th failure in a row.
fn pause(error: &PortError, failures: u32) -> Duration {
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
        Action::CreateTemplateVersion { .. } => 30,
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

/// Until when an action must be left alone, and why; `None`: it may be sent.
fn held(past: &ActionPast, now: Timestamp, back: Option<Timestamp>) -> Option<(Timestamp, String)> {
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
        (
            done,
            visible_within(&past.action),
            "done, and not visible yet".to_owned(),
        )
    };
    let until = since.checked_add(pause).ok()?;
    let until = links_old(past, back).map_or(until, |old| until.max(old));
    // A clock that went back behind the failure must not stretch a pause that only exists for politeness.
    (since <= now && now < until).then_some((until, why))
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
            Some((until, why)) => {
                gated.until = Some(gated.until.map_or(until, |first| first.min(until)));
                let on = WaitingOn::Retry {
                    action: key,
                    why,
                    at: until,
                };
                gated.waiting.push(Waiting { step, on });
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::domain::ids::{InstanceId, SlotName};
    use crate::journal::{Record, RecordBody, token};

    fn go() -> Action {
        Action::Go {
            slot: SlotName::new("etcd-a"),
            machine: InstanceId::new("i-1"),
            with_spare: false,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A journal in which the action was tried once and settled like this at second 100.
    fn settled(action: &Action, error: Option<PortError>) -> JournalView {
        let (step, key) = (StepId::new("etcd/etcd-a"), action.key());
        let token = token(&crate::domain::ids::RolloutId::new("r"), &step, &key, 1);
        let envelope = crate::domain::ids::ContentDigest::new("sha256:0");
        let bodies = [
            RecordBody::Opened {
                envelope,
                plan: None,
                rehull: "0".to_owned(),
            },
            RecordBody::Intended {
                step,
                action: action.clone(),
                attempt: 1,
                token,
            },
            RecordBody::Settled {
                key,
                attempt: 1,
                error,
            },
        ];
        let records = bodies.map(|body| Record { at: at(100), body });
        JournalView::fold(&records).unwrap()
    }

    fn free_after(action: &Action, error: Option<PortError>) -> i64 {
        let journal = settled(action, error);
        let free = |second: &i64| {
            let act = vec![(StepId::new("s"), action.clone())];
            gate(act, &journal, at(*second)).waiting.is_empty()
        };
        (100..300).find(free).unwrap() - 100
    }

    #[test]
    fn each_kind_of_failure_has_its_own_pause() {
        let refused = |rule| PortError::Refused {
            rule,
            text: String::new(),
        };
        let why = String::new;
        for (error, seconds) in [
            (PortError::NotSent { why: why() }, 1),
            (PortError::OutcomeUnknown { why: why() }, 2),
            (PortError::NotYetVisible { why: why() }, 1),
            (
                PortError::Throttled {
                    after: Duration::from_secs(9),
                },
                9,
            ),
            (PortError::Gone { what: why() }, 2),
            (refused(Rule::UnhealthyCluster), 1),
            (refused(Rule::NotEnoughStarted), 6),
            (refused(Rule::NotLeader), 1),
            (refused(Rule::Busy), 2),
            (refused(Rule::InsufficientCapacity), 0),
            (PortError::Denied { action: why() }, 0),
        ] {
            assert_eq!(free_after(&go(), Some(error.clone())), seconds, "{error}");
        }
    }

    /// etcd's links are as old as the member that came back last, and no look tells more of them.
    #[test]
    fn a_member_add_that_was_refused_is_tried_again_when_the_links_of_who_came_back_are_old() {
        let add = Action::AddMember {
            slot: SlotName::new("etcd-a"),
            peer_url: "https://10.0.1.10:2380".to_owned(),
            via: SlotName::new("etcd-b"),
            learner: false,
        };
        let refused = PortError::Refused {
            rule: Rule::UnhealthyCluster,
            text: "etcdserver: unhealthy cluster".to_owned(),
        };
        let tried_after = |back: Option<i64>| {
            let mut journal = settled(&add, Some(refused.clone()));
            let mark = "back etcd-c 1".to_owned();
            let marked = back.map(|second| Record {
                at: at(second),
                body: RecordBody::Marked { mark },
            });
            marked.iter().for_each(|record| journal.apply(record).unwrap());
            let is_free = |second: &i64| {
                let act = vec![(StepId::new("s"), add.clone())];
                gate(act, &journal, at(*second)).waiting.is_empty()
            };
            (back.unwrap_or(100).max(100)..300).find(is_free).unwrap() - 100
        };
        assert_eq!(tried_after(None), 1, "nobody was seen out: soon");
        assert_eq!(tried_after(Some(60)), 1, "that was long ago");
        assert_eq!(tried_after(Some(100)), 6, "5 s after the return, and a little");
        assert_eq!(tried_after(Some(103)), 9);
        assert_eq!(tried_after(Some(109)), 11, "out again and again, or only late: tried all the same");
        assert_eq!(tried_after(Some(130)), 30, "back at last: at once");
    }

    #[test]
    fn pauses_double_up_to_their_maximum() {
        let error = PortError::NotSent { why: String::new() };
        let seconds: Vec<u64> = (1..8).map(|failures| pause(&error, failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(&error, u32::MAX).as_secs(), 30);
    }

    #[test]
    fn a_launch_that_was_done_is_not_repeated_while_it_may_only_be_invisible() {
        let launch = Action::LaunchMachine {
            slot: SlotName::new("etcd-a"),
            template: crate::domain::ids::LaunchTemplateName::new("lt"),
            version: "1".parse().unwrap(),
            digest: crate::domain::ids::ContentDigest::new("sha256:1"),
            join: crate::domain::fleet::Join::Existing,
            generation: crate::domain::ids::Generation(2),
        };
        assert_eq!(free_after(&launch, None), 120);
        assert_eq!(free_after(&go(), None), 5);
    }

    #[test]
    fn a_clock_that_went_back_does_not_stretch_a_pause() {
        let journal = settled(&go(), Some(PortError::NotSent { why: String::new() }));
        let gated = gate(vec![(StepId::new("s"), go())], &journal, at(50));
        assert_eq!(gated.ready.len(), 1);
    }

    #[test]
    fn the_same_action_proposed_twice_is_one() {
        let twice = vec![(StepId::new("s"), go()), (StepId::new("t"), go())];
        assert_eq!(gate(twice, &JournalView::default(), at(0)).ready.len(), 1);
    }
}
