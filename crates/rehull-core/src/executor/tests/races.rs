//! Two processes, one rollout.

use std::pin::pin;
use std::sync::Arc;

use super::*;
use crate::executor::fakes::{Run, beside, poll_up_to};
use crate::executor::lease::{Acquired, Claim, LeaseKeeper, acquire, take_over};
use crate::ports::Silence;

#[test]
fn a_stale_process_that_wakes_up_is_fenced_and_performs_nothing_but_what_it_had_journaled() {
    let mut woken_with_an_intent = 0;
    for polls in (2..).step_by(5) {
        let bench = Bench::new();
        let mut stale = pin!(bench.process("stale"));
        let Run::Killed = poll_up_to(&bench.world.clock, stale.as_mut(), polls, &mut || {}) else {
            break;
        };
        let unattached = bench.segments() < 2;
        if bench.journal().closed().is_some() {
            break; // it had nothing left to do but to go
        }
        let intended: Vec<String> = bench
            .journal()
            .in_doubt()
            .iter()
            .map(|past| past.action.key())
            .collect();
        assert_eq!(
            bench.run("fresh"),
            Outcome::Finished,
            "stopped after {polls} polls"
        );
        bench.assert_upgraded(&format!("stopped after {polls} polls"));
        let segments = bench.segments();
        let before = bench.world.calls().len();
        if unattached {
            // Nothing of its own can fence it yet: reading the lease again must do it.
            bench.lease.lose("fresh@host 7");
        }

        let woken = poll_up_to(&bench.world.clock, stale.as_mut(), usize::MAX, &mut || {});

        let Run::Ended(Ok(Outcome::Stopped {
            reason: StopReason::LeaseLost { holder },
            rest,
            ..
        })) = woken
        else {
            panic!("after {polls} polls: {woken:?}");
        };
        // It has looked at nothing since it was succeeded, if it has ever looked.
        assert!(!rest.at_rest, "after {polls} polls: {rest:?}");
        let says = rest.left.last().unwrap();
        assert!(
            says.contains("whoever has the lease") || says.contains("could not be looked at"),
            "{says}"
        );
        assert!(
            holder.contains("fresh@host 7") || holder == "another process",
            "{holder}"
        );
        assert_eq!(bench.segments(), segments, "it appended nothing");
        // The stand-in cannot tell for which slot a comparison is; it changes nothing anyway.
        let mut late = bench.world.calls().split_off(before);
        late.retain(|(_, call)| !call.starts_with("verify-data"));
        woken_with_an_intent += usize::from(!late.is_empty());
        assert!(
            late.iter().all(|(_, call)| intended.contains(call)),
            "{late:?} of {intended:?}"
        );
        bench.assert_upgraded(&format!("woken after {polls} polls"));
    }
    assert!(
        woken_with_an_intent > 3,
        "only {woken_with_an_intent} late requests were tried"
    );
}

#[test]
fn a_lease_that_is_too_short_sends_nothing_and_is_waited_for() {
    let bench = Bench::new();
    let mut script = vec![20; 30];
    script.push(60);
    bench.lease.script(&script);
    assert_eq!(bench.run("one"), Outcome::Finished);
    assert!(bench.world.calls()[0].0 >= 10, "{:?}", bench.world.calls()[0]);
    bench.assert_upgraded("short lease");
}

#[test]
fn a_lease_that_shrinks_between_the_look_and_the_call_sends_nothing() {
    let bench = Bench::new();
    // Long enough when the tick looks, too short for every call after the intent was written.
    bench.lease.script(&[60, 20]);
    let (reason, _, in_flight) = bench.stop("one");
    let StopReason::LeaseLost { holder } = reason else {
        panic!("{reason:?}")
    };
    assert_eq!(holder, "nobody known: it could not be renewed for 120 s");
    assert_eq!(bench.world.calls(), []);
    assert!(!in_flight, "what was not sent is settled as not sent");
}

#[test]
fn a_store_that_is_silent_is_named_with_its_time_and_is_no_lost_lease() {
    let bench = Bench::new();
    let since = bench.world.clock.now();
    let silence = Silence {
        store: "s3://bucket/store/".to_owned(),
        since,
        why: "timed out".to_owned(),
    };
    bench.lease.script(&[20]);
    bench.lease.hears_nothing(silence);
    let (reason, rest, _) = bench.stop("one");
    // Whoever hears the store may have taken the lease, which has run out.
    assert!(!rest.at_rest, "{rest:?}");
    assert_eq!(
        reason,
        StopReason::StoreSilent {
            store: "s3://bucket/store/".to_owned(),
            since,
            why: "timed out".to_owned()
        }
    );
    assert_eq!(bench.world.calls(), []);
    let told = format!("{:?}", bench.events.all());
    assert!(
        told.contains("the store s3://bucket/store/ does not answer since"),
        "{told}"
    );
}

#[test]
fn a_lost_lease_stops_and_names_the_holder() {
    let bench = Bench::new();
    bench.lease.lose("bob@ci 9");
    let (reason, _, _) = bench.stop("one");
    assert_eq!(
        reason,
        StopReason::LeaseLost {
            holder: "bob@ci 9".to_owned()
        }
    );
    assert_eq!(bench.world.calls(), []);
}

fn claim(name: &str) -> Claim {
    Claim {
        holder: format!("{name}@host 7"),
        rollout: scope().rollout,
        nonce: name.to_owned(),
        ttl: Duration::from_secs(60),
    }
}

/// A process with a real lease of its own, renewed beside the loop.
async fn with_lease(bench: &Bench, name: &str, wait: bool) -> Result<Outcome, RunError> {
    let (store, clock) = (bench.store(), bench.ports().clock);
    let acquired = if wait {
        take_over(store, clock, &claim(name), &|_, _| {}).await.unwrap()
    } else {
        acquire(store, clock, &claim(name)).await.unwrap()
    };
    let Acquired::Ours(grant) = acquired else {
        panic!("held")
    };
    let keeper = LeaseKeeper::new(bench.world.store.clone(), bench.world.clock.clone(), grant);
    let keeper = Arc::new(keeper);
    let told: Arc<dyn LeaseState> = keeper.clone();
    let watch = Watch {
        lease: &told,
        ..bench.watch()
    };
    let work = bench.process_with(name, watch);
    let outcome = Box::pin(beside(keeper.keep(), work)).await;
    if matches!(outcome, Ok(Outcome::Finished)) {
        keeper.release().await.unwrap();
    }
    outcome
}

#[test]
fn a_killed_holder_is_succeeded_after_its_lease_and_the_lease_is_given_back_at_the_end() {
    for polls in [60, 150, 300] {
        let bench = Bench::new();
        let mut killed = pin!(with_lease(&bench, "killed", false));
        let Run::Killed = poll_up_to(&bench.world.clock, killed.as_mut(), polls, &mut || {}) else {
            break;
        };
        let at = bench.world.clock.monotonic();
        let outcome = block_on(&bench.world.clock, with_lease(&bench, "next", true));
        assert_eq!(outcome.unwrap(), Outcome::Finished);
        let first = bench
            .world
            .calls()
            .into_iter()
            .find(|(second, _)| *second > at.as_secs() + 1);
        assert!(
            first.unwrap().0 >= at.as_secs() + 85,
            "not before the lease and one call are over"
        );
        bench.assert_upgraded("taken over");
        assert!(bench.store().text(keys::LEASE).contains("\"released\": true"));
    }
}

#[test]
fn a_holder_whose_lease_was_taken_while_it_slept_sends_nothing_when_it_wakes() {
    let bench = Bench::new();
    let mut asleep = pin!(with_lease(&bench, "asleep", false));
    assert!(matches!(
        poll_up_to(&bench.world.clock, asleep.as_mut(), 150, &mut || {}),
        Run::Killed
    ));
    let outcome = block_on(&bench.world.clock, with_lease(&bench, "next", true));
    assert_eq!(outcome.unwrap(), Outcome::Finished);
    let calls = bench.world.calls().len();
    let woken = poll_up_to(&bench.world.clock, asleep.as_mut(), usize::MAX, &mut || {});
    let Run::Ended(Ok(Outcome::Stopped { reason, .. })) = woken else {
        panic!("{woken:?}")
    };
    assert!(matches!(reason, StopReason::LeaseLost { .. }), "{reason:?}");
    assert_eq!(bench.world.calls().len(), calls);
}

#[test]
fn a_holder_that_slept_before_its_first_record_appends_nothing_beside_its_successor() {
    let mut before_the_first_record = 0;
    for polls in 1..80 {
        let bench = Bench::new();
        let mut asleep = pin!(with_lease(&bench, "asleep", false));
        let run = poll_up_to(&bench.world.clock, asleep.as_mut(), polls, &mut || {});
        assert!(matches!(run, Run::Killed), "after {polls} polls");
        if bench.store().bytes(keys::LEASE).is_none() {
            continue;
        }
        before_the_first_record += u32::from(bench.segments() == 0);
        let mut next = pin!(with_lease(&bench, "next", true));
        while bench.journal().holder().is_none_or(|(by, _)| by != "next@host 7") {
            let run = poll_up_to(&bench.world.clock, next.as_mut(), 1, &mut || {});
            assert!(matches!(run, Run::Killed), "asleep after {polls} polls");
        }
        let segments = bench.segments();

        let woken = poll_up_to(&bench.world.clock, asleep.as_mut(), usize::MAX, &mut || {});

        let Run::Ended(Ok(Outcome::Stopped { reason, .. })) = woken else {
            panic!("asleep after {polls} polls: {woken:?}")
        };
        assert_eq!(
            reason,
            StopReason::LeaseLost {
                holder: "next@host 7".to_owned()
            },
            "asleep after {polls} polls"
        );
        assert_eq!(bench.segments(), segments, "asleep after {polls} polls");
        let ended = poll_up_to(&bench.world.clock, next.as_mut(), usize::MAX, &mut || {});
        assert!(
            matches!(ended, Run::Ended(Ok(Outcome::Finished))),
            "asleep after {polls} polls: {ended:?}"
        );
        bench.assert_upgraded(&format!("asleep after {polls} polls"));
    }
    assert!(before_the_first_record > 5, "{before_the_first_record}");
}
