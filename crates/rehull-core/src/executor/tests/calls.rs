//! When an action is sent again, and when it is left alone.

use super::*;
use crate::executor::fakes::CallFault;
use crate::ports::{PortError, Rule};
use crate::rollout::Next;

#[test]
fn a_refused_membership_change_is_tried_again_soon_and_then_at_longer_pauses() {
    let bench = Bench::new();
    let text = "etcdserver: unhealthy cluster".to_owned();
    let refused = PortError::Refused {
        rule: Rule::UnhealthyCluster,
        text,
    };
    bench
        .world
        .fail_next("add-member", CallFault::Error(refused.clone()));
    bench.world.fail_next("add-member", CallFault::Error(refused));
    assert_eq!(bench.run("one"), Outcome::Finished);
    let tries = bench.world.calls_of("add-member");
    assert!((1..=3).contains(&(tries[1] - tries[0])), "{tries:?}");
    assert!((2..=4).contains(&(tries[2] - tries[1])), "{tries:?}");
    bench.assert_upgraded("unhealthy cluster");
}

#[test]
fn a_throttled_call_waits_as_long_as_it_was_told() {
    let bench = Bench::new();
    let throttled = PortError::Throttled {
        after: Duration::from_secs(17),
    };
    bench
        .world
        .fail_next("launch-machine", CallFault::Error(throttled));
    assert_eq!(bench.run("one"), Outcome::Finished);
    let tries = bench.world.calls_of("launch-machine");
    assert!((17..20).contains(&(tries[1] - tries[0])), "{tries:?}");
}

#[test]
fn a_call_without_an_answer_is_given_up_while_the_lease_still_covers_it() {
    let bench = Bench::new();
    let hangs = CallFault::Slow(Duration::from_secs(600));
    bench.world.fail_next("launch-machine", hangs);
    assert_eq!(bench.run("one"), Outcome::Finished);
    let given_up = bench.records().into_iter().find_map(|body| match body {
        RecordBody::Settled {
            key,
            error: Some(PortError::OutcomeUnknown { why }),
            ..
        } => key.starts_with("launch-machine").then_some(why),
        _ => None,
    });
    assert_eq!(
        given_up.as_deref(),
        Some("no answer within 20s, a third of the lease's time to live")
    );
    assert!(bench.world.clock.monotonic() < Duration::from_secs(600));
    bench.assert_upgraded("a call that hangs");
}

#[test]
fn an_action_on_something_gone_is_decided_anew_and_stops_only_when_it_stays_so() {
    let bench = Bench::new();
    let gone = PortError::Gone {
        what: "i-1".to_owned(),
    };
    bench.world.fail_next("ask-stop", CallFault::Error(gone.clone()));
    assert_eq!(bench.run("one"), Outcome::Finished);

    let bench = Bench::new();
    for _ in 0..3 {
        bench.world.fail_next("ask-stop", CallFault::Error(gone.clone()));
    }
    let (reason, _, _) = bench.stop("one");
    assert!(matches!(reason, StopReason::Refused { .. }), "{reason:?}");
    assert_eq!(bench.world.calls_of("ask-stop").len(), 3);
}

#[test]
fn a_mark_is_written_once_and_again_only_when_the_clock_went_back() {
    let mut bench = Bench::new();
    bench.rules.decide = |reading, journal, _| {
        let over = journal
            .marked_at("m")
            .is_some_and(|at| at < reading.seen().at - Duration::from_secs(30));
        if over {
            return Next::Done;
        }
        Next::Continue {
            act: Vec::new(),
            waiting: Vec::new(),
            mark: vec!["m".to_owned(), "m".to_owned()],
            recheck: Duration::from_secs(1),
        }
    };
    let back = async {
        bench.world.clock.sleep(Duration::from_secs(20)).await;
        bench.world.clock.shift_wall(-3600);
    };
    let (ended, ()) = block_on(
        &bench.world.clock,
        futures_util::future::join(bench.process("one"), back),
    );
    assert_eq!(ended.unwrap(), Outcome::Finished);
    let marks = bench
        .records()
        .into_iter()
        .filter(|body| matches!(body, RecordBody::Marked { .. }));
    assert_eq!(marks.count(), 2);
    assert_eq!(bench.world.clock.monotonic().as_secs(), 20 + 31);
}
