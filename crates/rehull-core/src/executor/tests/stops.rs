//! Signals, wishes, violations: every end is a stop point that says what it leaves.

use super::*;
use crate::audit::Violation;
use crate::domain::observed::{Part, Request, Wish};
use crate::event::What;
use crate::executor::fakes::CallFault;
use crate::executor::mailbox;
use crate::ports::{PortError, Rule};
use crate::rollout::Next;

/// A second in the middle of the first switch.
fn signal_at(bench: &Bench, second: u64) -> (StopReason, crate::event::Rest, bool) {
    let kill = async {
        bench.world.clock.sleep(Duration::from_secs(second)).await;
        bench.attention.signal("SIGTERM");
    };
    let (ended, ()) = block_on(
        &bench.world.clock,
        futures_util::future::join(bench.process("one"), kill),
    );
    match ended.unwrap() {
        Outcome::Stopped {
            reason,
            rest,
            in_flight,
        } => (reason, rest, in_flight),
        Outcome::Finished => panic!("finished"),
    }
}

#[test]
fn after_a_signal_nothing_new_is_started_and_what_is_left_is_said() {
    let mut at_rest = 0;
    let mut not_at_rest = 0;
    for second in 0..45 {
        let bench = Bench::new();
        let (reason, rest, in_flight) = signal_at(&bench, second);
        assert_eq!(
            reason,
            StopReason::Asked {
                how: "SIGTERM".to_owned()
            }
        );
        assert!(
            bench.world.calls().iter().all(|(at, _)| *at <= second),
            "second {second}"
        );
        assert!(!in_flight);
        assert_eq!(rest.at_rest, rest.left.is_empty());
        assert_eq!(
            bench.journal().halt().map(|halt| halt.at_rest),
            Some(rest.at_rest)
        );
        if rest.at_rest {
            at_rest += 1;
            assert_eq!(rest.margin, 1, "second {second}");
        } else {
            not_at_rest += 1;
        }
        bench.attention.clear();
        assert_eq!(bench.run("next"), Outcome::Finished, "second {second}");
        bench.assert_upgraded(&format!("signal at second {second}"));
    }
    // Before the first launch it is safe to leave; afterwards a warm machine waits or a member is out.
    assert!(at_rest > 0 && not_at_rest > 20, "{at_rest} {not_at_rest}");
}

#[test]
fn a_call_in_flight_gets_five_seconds_and_is_then_in_doubt() {
    let bench = Bench::new();
    bench
        .world
        .fail_next("launch-machine", CallFault::Slow(Duration::from_secs(19)));
    let (_, rest, in_flight) = signal_at(&bench, 2);
    assert!(
        bench.world.clock.monotonic() < Duration::from_secs(8),
        "five seconds from the notice"
    );
    assert!(in_flight, "the lease must run out by itself");
    assert!(
        rest.left
            .iter()
            .any(|left| left.starts_with("not known whether it happened: launch-machine"))
    );
    let answer = bench.records().into_iter().find_map(|body| match body {
        RecordBody::Settled { key, error, .. } if key.starts_with("launch") => error,
        _ => None,
    });
    assert!(
        matches!(answer, Some(PortError::OutcomeUnknown { .. })),
        "{answer:?}"
    );
    bench.attention.clear();
    assert_eq!(bench.run("next"), Outcome::Finished);
    bench.assert_upgraded("slow launch");
}

#[test]
fn an_answer_that_comes_within_the_five_seconds_is_journaled_as_it_is() {
    let bench = Bench::new();
    bench
        .world
        .fail_next("launch-machine", CallFault::Slow(Duration::from_secs(4)));
    let (_, _, in_flight) = signal_at(&bench, 2);
    assert!(!in_flight);
    let done = bench.journal();
    let launched = bench.records().into_iter().find_map(|body| match body {
        RecordBody::Intended { action, .. } if action.key().starts_with("launch") => Some(action.key()),
        _ => None,
    });
    assert!(done.done_at(&launched.unwrap()).is_some());
}

fn ask(bench: &Bench, second: u64, wish: Wish) -> Outcome {
    let request = Request {
        id: "20261121-1".to_owned(),
        wish,
        by: "ann".to_owned(),
    };
    let scope = scope();
    let post = async {
        bench.world.clock.sleep(Duration::from_secs(second)).await;
        mailbox::post(bench.store(), &scope.rollout, &request)
            .await
            .unwrap();
    };
    let (ended, ()) = block_on(
        &bench.world.clock,
        futures_util::future::join(bench.process("one"), post),
    );
    ended.unwrap()
}

#[test]
fn an_abort_drives_to_rest_and_closes_the_rollout() {
    for second in [1, 3, 6, 9, 14, 25, 33] {
        let bench = Bench::new();
        let outcome = ask(&bench, second, Wish::Abort);
        let Outcome::Stopped {
            reason,
            rest,
            in_flight,
        } = outcome
        else {
            panic!("finished")
        };
        assert_eq!(
            reason,
            StopReason::Asked {
                how: "abort by ann".to_owned()
            }
        );
        assert!(rest.at_rest && !in_flight, "second {second}: {rest:?}");
        let live = bench
            .world
            .model
            .lock()
            .unwrap()
            .machines
            .iter()
            .filter(|m| m.is_live())
            .count();
        assert_eq!(live, 3, "second {second}");
        assert_eq!(bench.journal().closed().unwrap().0, "aborted");
        assert!(bench.journal().is_answered("20261121-1"));
        // Answered where it counts first, removed afterwards.
        let log = bench.store().log();
        let [.., answered, removed] = log.as_slice() else {
            panic!("{log:?}")
        };
        assert!(answered.contains("/journal/"), "{answered}");
        assert_eq!(removed, "delete requests/20261121-1.json");
    }
}

#[test]
fn who_was_started_to_abort_begins_nothing_although_the_mailbox_shows_nothing() {
    let bench = Bench::new();
    let writer = Writer {
        nonce: "one".to_owned(),
        tail: TornTail::Refused,
    };
    let abort = Request {
        id: "20261121-1".to_owned(),
        wish: Wish::Abort,
        by: "ann".to_owned(),
    };
    let outcome = block_on(&bench.world.clock, async {
        let opened = begin(bench.access(writer), bench.plan.clone()).await.unwrap();
        let driver = Driver::new(opened, bench.ports(), bench.watch(), bench.rules);
        driver.asked(abort).run("one@host 7").await.unwrap()
    });
    assert!(matches!(outcome, Outcome::Stopped { rest, .. } if rest.at_rest));
    let journal = bench.journal();
    assert!(journal.is_untouched());
    assert_eq!(journal.closed().unwrap().0, "aborted");
    assert_eq!(journal.answer_to("20261121-1"), Some("at rest"));
}

#[test]
fn a_pause_drives_to_rest_and_can_be_resumed() {
    let bench = Bench::new();
    let Outcome::Stopped { rest, .. } = ask(&bench, 9, Wish::Pause) else {
        panic!("finished")
    };
    assert!(rest.at_rest, "{rest:?}");
    assert_eq!(bench.journal().closed(), None);
    assert_eq!(bench.run("next"), Outcome::Finished);
    bench.assert_upgraded("paused");
}

#[test]
fn a_wish_for_another_rollout_is_left_alone() {
    let bench = Bench::new();
    let request = Request {
        id: "old".to_owned(),
        wish: Wish::Abort,
        by: "ann".to_owned(),
    };
    let other = RolloutId::new("t-0");
    block_on(&bench.world.clock, mailbox::post(bench.store(), &other, &request)).unwrap();
    assert_eq!(bench.run("one"), Outcome::Finished);
}

#[test]
fn a_wish_that_comes_too_late_is_answered_by_the_end() {
    let bench = Bench::new();
    let mut rules = bench;
    rules.rules.decide = |_, _, _| Next::Done;
    assert_eq!(ask(&rules, 0, Wish::Abort), Outcome::Finished);
}

#[test]
fn a_proposal_that_breaks_an_invariant_is_neither_written_nor_sent() {
    let mut bench = Bench::new();
    bench.rules.check = |_, _, act| {
        let violation = Violation {
            invariant: 3,
            what: "two members out".to_owned(),
        };
        if act.is_empty() { Ok(()) } else { Err(violation) }
    };
    let (reason, _, _) = bench.stop("one");
    assert_eq!(
        reason,
        StopReason::OutsideEnvelope {
            what: "invariant 3: two members out".to_owned()
        }
    );
    assert_eq!(bench.world.calls(), []);
    assert!(
        !bench
            .records()
            .iter()
            .any(|body| matches!(body, RecordBody::Intended { .. }))
    );
}

#[test]
fn without_capacity_for_the_replacement_nothing_was_touched() {
    let bench = Bench::new();
    let text = "Insufficient capacity.".to_owned();
    let full = PortError::Refused {
        rule: Rule::InsufficientCapacity,
        text,
    };
    bench.world.fail_next("launch-machine", CallFault::Error(full));
    let (reason, rest, _) = bench.stop("one");
    assert!(matches!(reason, StopReason::NoCapacity { .. }), "{reason:?}");
    assert!(rest.at_rest, "{rest:?}");
    assert!(bench.world.calls_of("ask-stop").is_empty() && bench.world.calls_of("detach").is_empty());
    assert_eq!(bench.run("next"), Outcome::Finished, "capacity is back");
}

#[test]
fn a_refusal_that_will_not_pass_stops_with_their_words() {
    let bench = Bench::new();
    bench.world.fail_next(
        "terminate",
        CallFault::Error(PortError::Denied {
            action: "TerminateInstances".to_owned(),
        }),
    );
    let (reason, rest, _) = bench.stop("one");
    let StopReason::Refused { action, text } = reason else {
        panic!("{reason:?}")
    };
    assert!(action.starts_with("terminate-machine i-old-"), "{action}");
    assert_eq!(text, "denied: TerminateInstances");
    assert!(!rest.at_rest && rest.margin == 1, "{rest:?}");
}

#[test]
fn what_cannot_be_read_is_waited_for_by_name_and_is_not_at_rest() {
    let bench = Bench::new();
    bench.world.hide(Part::Slots);
    let (_, rest, _) = signal_at(&bench, 30);
    assert_eq!(bench.world.calls(), []);
    assert!(
        !rest.at_rest && rest.left[0] == "interfaces and volumes unread: throttled",
        "{rest:?}"
    );
    let waits = bench
        .events
        .all()
        .into_iter()
        .filter(|event| matches!(event.what, What::Waiting { .. }));
    assert_eq!(waits.count(), 1, "told once, not every tick");
    assert_eq!(
        bench.segments(),
        3,
        "opened, attached, stopped: nothing happened, nothing was written"
    );
}
