//! Events of a past rollout, out of its journal.
//!
//! The journal knows every action and every stop; it does not know waits and margins, which are in the best-effort
//! event log. Where the log has more to say, it wins; where it has holes, the journal fills them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rehull_core::domain::action::{Action, TerminateWhy};
use rehull_core::domain::ids::{RolloutId, StepId};
use rehull_core::domain::quorum::Standing;
use rehull_core::event::{Event, Rest, What};
use rehull_core::journal::{RecordBody, Segment};
use rehull_core::plan::RolloutPlan;

/// A logged event and its journal record are written within this time of each other.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(5);

/// What the journal alone can tell.
#[must_use]
pub fn events(plan: &RolloutPlan, segments: &[Segment]) -> Vec<Event> {
    let mut replay = Replay::default();
    for segment in segments {
        for record in &segment.records {
            replay.record(plan, &segment.rollout, (record.at, &record.body));
        }
    }
    replay.events
}

/// The journal's events with what only the event log knows: waits with margins, steps done, how a stop was left.
#[must_use]
pub fn merge(journal: Vec<Event>, log: Vec<Event>) -> Vec<Event> {
    let mut merged = journal;
    merged.retain(|event| !log.iter().any(|logged| same(event, logged)));
    merged.extend(log);
    merged.sort_by_key(|event| event.at);
    merged
}

/// Both tell of the same thing. Actions are matched by what they did, the rest by kind and time.
fn same(event: &Event, logged: &Event) -> bool {
    let near = event.at.duration_since(logged.at).abs() <= SAME_MOMENT;
    match (&event.what, &logged.what) {
        (
            What::Acting { action, attempt, .. },
            What::Acting {
                action: other,
                attempt: other_attempt,
                ..
            },
        )
        | (
            What::Acted { action, attempt, .. },
            What::Acted {
                action: other,
                attempt: other_attempt,
                ..
            },
        ) => action.key() == other.key() && attempt == other_attempt,
        (What::StepDone { step }, What::StepDone { step: other }) => step == other,
        (What::Stalled { .. } | What::Rolled { .. }, _) => false, // only the log knows of it
        (What::Finished, What::Finished) => true,
        (What::Started { .. }, What::Started { .. }) | (What::Stopped { .. }, What::Stopped { .. }) => near,
        (
            What::Started { .. }
            | What::Acting { .. }
            | What::Acted { .. }
            | What::Waiting { .. }
            | What::StepDone { .. }
            | What::Stopped { .. }
            | What::Finished,
            _,
        ) => false,
    }
}

#[derive(Default)]
struct Replay {
    events: Vec<Event>,
    intended: BTreeMap<(String, u32), (StepId, Action)>,
    attached_before: bool,
}

impl Replay {
    fn record(&mut self, plan: &RolloutPlan, rollout: &RolloutId, (at, body): (Timestamp, &RecordBody)) {
        let mut push = |what: What| {
            let rollout = rollout.clone();
            self.events.push(Event { at, rollout, what });
        };
        match body {
            RecordBody::Attached { .. } => {
                push(What::started(plan, !self.attached_before));
                self.attached_before = true;
            }
            RecordBody::Intended {
                step,
                action,
                attempt,
                ..
            } => {
                self.intended
                    .insert((action.key(), *attempt), (step.clone(), action.clone()));
                push(What::Acting {
                    step: step.clone(),
                    action: action.clone(),
                    attempt: *attempt,
                });
            }
            RecordBody::Settled { key, attempt, error } => {
                if let Some((step, action)) = self.intended.get(&(key.clone(), *attempt)) {
                    let (step, action, error) = (step.clone(), action.clone(), error.clone());
                    push(What::Acted {
                        step: step.clone(),
                        action: action.clone(),
                        attempt: *attempt,
                        error: error.clone(),
                    });
                    // The old machine is asked to go only when its successor serves: the nearest the journal has
                    // to "step done".
                    if error.is_none() && ends_a_step(&action) {
                        push(What::StepDone { step });
                    }
                }
            }
            RecordBody::Stopped { reason, at_rest } => {
                let rest = Rest {
                    at_rest: *at_rest,
                    left: Vec::new(),
                    margin: margin(plan, *at_rest),
                    heard: true,
                };
                push(What::Stopped {
                    reason: reason.clone(),
                    rest,
                });
            }
            RecordBody::Closed { outcome } if outcome == "finished" => push(What::Finished),
            RecordBody::Opened { .. }
            | RecordBody::Marked { .. }
            | RecordBody::Answered { .. }
            | RecordBody::Closed { .. } => {}
        }
    }
}

/// A machine may also go because it did not boot or is no longer wanted: that is nobody's end.
const fn ends_a_step(action: &Action) -> bool {
    matches!(
        action,
        Action::TerminateMachine {
            why: TerminateWhy::Replaced | TerminateWhy::Released,
            ..
        }
    )
}

/// At a resting place everybody is in; elsewhere exactly one member is out by our doing.
fn margin(plan: &RolloutPlan, at_rest: bool) -> i64 {
    let voters = u32::try_from(plan.envelope.slots.len()).unwrap_or(u32::MAX);
    let full = Standing {
        voters,
        healthy: voters,
    };
    if at_rest {
        full.margin()
    } else {
        full.after_stop().margin()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rehull_core::journal::Record;

    use super::super::fixture;
    use super::super::timeline::{Outcome, Timeline};
    use super::*;

    /// The journal that a process would have written for these events.
    fn journal(events: &[Event]) -> Vec<Segment> {
        let body = |what: &What| match what {
            What::Started { .. } => Some(RecordBody::Attached {
                holder: "me@here 1".to_owned(),
            }),
            What::Acting {
                step,
                action,
                attempt,
            } => Some(RecordBody::Intended {
                step: step.clone(),
                action: action.clone(),
                attempt: *attempt,
                token: rehull_core::domain::ids::Token::new("t"),
            }),
            What::Acted {
                action,
                attempt,
                error,
                ..
            } => Some(RecordBody::Settled {
                key: action.key(),
                attempt: *attempt,
                error: error.clone(),
            }),
            What::Stopped { reason, rest } => Some(RecordBody::Stopped {
                reason: reason.clone(),
                at_rest: rest.at_rest,
            }),
            What::Finished => Some(RecordBody::Closed {
                outcome: "finished".to_owned(),
            }),
            What::Waiting { .. } | What::StepDone { .. } | What::Rolled { .. } | What::Stalled { .. } => None,
        };
        let records = events
            .iter()
            .filter_map(|event| body(&event.what).map(|body| Record { at: event.at, body }))
            .collect();
        let rollout = RolloutId::new(fixture::ROLLOUT);
        vec![Segment {
            cluster: "dev".to_owned(),
            rollout,
            seq: 1,
            nonce: "n".to_owned(),
            records,
        }]
    }

    #[test]
    fn a_journal_tells_the_same_steps_and_the_same_end_as_the_live_events() {
        let live = Timeline::of(&fixture::whole_rollout());
        let replayed = Timeline::of(&events(&fixture::plan(), &journal(&fixture::whole_rollout())));
        assert_eq!(replayed.outcome, Outcome::Finished);
        assert_eq!(replayed.headline, live.headline);
        let slots = |timeline: &Timeline| -> Vec<String> {
            timeline
                .in_order()
                .iter()
                .map(|step| step.outline.slot.to_string())
                .collect()
        };
        assert_eq!(slots(&replayed), slots(&live));
        assert_eq!(replayed.done(), 3);
    }

    #[test]
    fn with_its_event_log_a_past_rollout_looks_exactly_like_the_live_one() {
        for live in [
            fixture::whole_rollout(),
            fixture::halted_at_rest(),
            fixture::halted_in_the_window(),
        ] {
            let merged = merge(events(&fixture::plan(), &journal(&live)), live.clone());
            assert_eq!(Timeline::of(&merged), Timeline::of(&live));
        }
    }

    #[test]
    fn a_machine_that_goes_because_it_did_not_boot_is_no_end_of_its_step() {
        let mut live = fixture::whole_rollout();
        for event in &mut live {
            if let What::Acting { action, .. } | What::Acted { action, .. } = &mut event.what
                && let Action::TerminateMachine { why, .. } = action
            {
                *why = TerminateWhy::DidNotBoot;
            }
        }
        live.retain(|event| event.what != What::Finished);
        let replayed = Timeline::of(&events(&fixture::plan(), &journal(&live)));
        assert_eq!(replayed.done(), 0);
    }

    #[test]
    fn a_hole_in_the_event_log_is_filled_from_the_journal() {
        let live = fixture::whole_rollout();
        let holed: Vec<Event> = live.iter().take(20).cloned().collect();
        let merged = Timeline::of(&merge(events(&fixture::plan(), &journal(&live)), holed));
        assert_eq!(merged.done(), 3);
        assert_eq!(merged.outcome, Outcome::Finished);
    }
}
