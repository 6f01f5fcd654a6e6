#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::claim::{Acquired, Claim, Grant, Holding, LeaseError, acquire, take_over};
use super::keeper::LeaseKeeper;
use super::record::LeaseRecord;
use crate::domain::ids::RolloutId;
use crate::executor::fakes::{FakeClock, FakeStore, Fault, Run, beside, block_on, run_polls};
use crate::journal::keys;
use crate::ports::{Clock, LeaseNow, LeaseState};

const TTL: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Bench {
    store: Arc<FakeStore>,
    clock: Arc<FakeClock>,
}

fn claim(name: &str) -> Claim {
    Claim {
        holder: format!("{name}@host 7"),
        rollout: RolloutId::new("dev-1"),
        nonce: format!("nonce of {name}"),
        ttl: TTL,
    }
}

fn ours(acquired: Acquired) -> Grant {
    match acquired {
        Acquired::Ours(grant) => grant,
        Acquired::Held(holding) => panic!("held by {}", holding.by),
    }
}

fn held(acquired: Acquired) -> Holding {
    match acquired {
        Acquired::Held(holding) => holding,
        Acquired::Ours(_) => panic!("ours"),
    }
}

impl Bench {
    fn acquire(&self, name: &str) -> Acquired {
        block_on(
            &self.clock,
            acquire(self.store.as_ref(), self.clock.as_ref(), &claim(name)),
        )
        .unwrap()
    }

    fn take_over(&self, name: &str) -> Acquired {
        let claim = claim(name);
        block_on(
            &self.clock,
            take_over(self.store.as_ref(), self.clock.as_ref(), &claim, &|_, _| {}),
        )
        .unwrap()
    }

    fn keeper(&self, grant: Grant) -> LeaseKeeper {
        LeaseKeeper::new(self.store.clone(), self.clock.clone(), grant)
    }

    fn sleep_beside(&self, keeper: &LeaseKeeper, seconds: u64) {
        block_on(
            &self.clock,
            beside(keeper.keep(), self.clock.sleep(Duration::from_secs(seconds))),
        );
    }

    fn record(&self) -> LeaseRecord {
        serde_json::from_str(&self.store.text(keys::LEASE)).unwrap()
    }
}

#[test]
fn the_second_is_told_who_holds_the_lease_and_since_when() {
    let bench = Bench::default();
    ours(bench.acquire("ann"));
    bench.clock.advance(Duration::from_secs(30));
    let holding = held(bench.acquire("bob"));
    assert_eq!((holding.by.as_str(), holding.ttl), ("ann@host 7", TTL));
    assert_eq!(holding.since.to_string(), "2026-11-21T00:00:00Z");
}

#[test]
fn a_released_lease_is_free_at_once_and_its_epoch_grows() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    block_on(&bench.clock, keeper.release()).unwrap();
    assert_eq!(keeper.remaining(), Duration::ZERO);
    ours(bench.acquire("bob"));
    assert_eq!(bench.record().epoch, 2);
    assert_eq!(bench.clock.monotonic(), Duration::ZERO, "nobody waited");
}

#[test]
fn every_lost_answer_while_acquiring_ends_in_a_lease_that_is_ours() {
    for fault in [
        Fault::LostAnswer,
        Fault::OwnConflict,
        Fault::LostRequest,
        Fault::Unavailable,
    ] {
        let bench = Bench::default();
        bench.store.fail_next(keys::LEASE, fault.clone());
        let keeper = bench.keeper(ours(bench.acquire("ann")));
        assert!(keeper.remaining() > Duration::from_secs(58), "{fault:?}");
        block_on(&bench.clock, keeper.release()).unwrap();
        assert!(
            bench.record().released,
            "{fault:?}: the version in our hands is the stored one"
        );
    }
}

#[test]
fn a_dead_holder_is_taken_over_after_its_time_to_live_and_one_call() {
    let bench = Bench::default();
    ours(bench.acquire("ann"));
    let told = Mutex::new(Vec::new());
    let claim = claim("bob");
    let tell = |holding: &Holding, left: Duration| told.lock().unwrap().push((holding.by.clone(), left));
    let taken = take_over(bench.store.as_ref(), bench.clock.as_ref(), &claim, &tell);
    ours(block_on(&bench.clock, taken).unwrap());
    assert_eq!(bench.clock.monotonic(), Duration::from_secs(85));
    assert_eq!(bench.record().holder, "bob@host 7");
    assert_eq!(bench.record().epoch, 2);
    assert_eq!(
        told.lock().unwrap().first().unwrap(),
        &("ann@host 7".to_owned(), Duration::from_secs(85))
    );
}

#[test]
fn a_living_holder_is_not_taken_over_however_wrong_its_wall_clock_is() {
    let bench = Bench::default();
    bench.clock.shift_wall(-86_400);
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    bench.clock.shift_wall(2 * 86_400);
    let claim = claim("bob");
    let take = take_over(bench.store.as_ref(), bench.clock.as_ref(), &claim, &|_, _| {});
    let holding = held(block_on(&bench.clock, beside(keeper.keep(), take)).unwrap());
    assert_eq!(holding.by, "ann@host 7");
    assert!(keeper.remaining() > Duration::from_secs(40));
}

#[test]
fn of_two_takers_one_gets_it() {
    let bench = Bench::default();
    ours(bench.acquire("ann"));
    let (bob, eve) = (claim("bob"), claim("eve"));
    let one = take_over(bench.store.as_ref(), bench.clock.as_ref(), &bob, &|_, _| {});
    let two = take_over(bench.store.as_ref(), bench.clock.as_ref(), &eve, &|_, _| {});
    let (one, two) = block_on(&bench.clock, futures_util::future::join(one, two));
    assert!(matches!(
        (one.unwrap(), two.unwrap()),
        (Acquired::Ours(_), Acquired::Held(_))
    ));
}

#[test]
fn a_takeover_whose_answer_was_lost_is_ours() {
    let bench = Bench::default();
    ours(bench.acquire("ann"));
    for fault in [Fault::LostAnswer, Fault::OwnConflict, Fault::LostRequest] {
        bench.store.fail_next(keys::LEASE, fault);
    }
    let keeper = bench.keeper(ours(bench.take_over("bob")));
    assert!(keeper.remaining() > Duration::ZERO);
    assert_eq!(bench.record().holder, "bob@host 7");
}

#[test]
fn the_keeper_renews_in_time_and_counts_from_before_the_call() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    bench.sleep_beside(&keeper, 100);
    assert_eq!(keeper.remaining(), Duration::from_secs(60 - 10));
    assert_eq!(bench.record().beat, 6);
}

#[test]
fn a_store_that_is_away_for_a_while_costs_time_but_not_the_lease() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    for fault in [
        Fault::Unavailable,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::OwnConflict,
    ] {
        bench.store.fail_next(keys::LEASE, fault);
    }
    bench.sleep_beside(&keeper, 22);
    assert_eq!(keeper.lost_to(), None);
    assert_eq!(
        keeper.remaining(),
        Duration::from_secs(38),
        "none of the four counts as a renewal"
    );
    bench.sleep_beside(&keeper, 20);
    assert!(keeper.remaining() > Duration::from_secs(40));
}

#[test]
fn a_holder_that_slept_through_its_lease_holds_nothing_until_it_has_renewed() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    bench.clock.advance(Duration::from_secs(300));
    assert_eq!(keeper.remaining(), Duration::ZERO);
    bench.sleep_beside(&keeper, 16);
    assert!(
        keeper.remaining() > Duration::from_secs(50),
        "nobody had taken it in between"
    );
}

#[test]
fn a_holder_that_woke_up_after_the_takeover_knows_who_has_the_lease() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("ann")));
    ours(bench.take_over("bob"));
    assert_eq!(keeper.remaining(), Duration::ZERO);
    block_on(&bench.clock, keeper.keep());
    assert_eq!(keeper.lost_to().unwrap(), "bob@host 7");
    assert_eq!(keeper.remaining(), Duration::ZERO);
    block_on(&bench.clock, keeper.release()).unwrap();
    assert!(!bench.record().released, "what is not ours is not given back");
}

#[test]
fn a_renewal_killed_at_any_await_never_hides_the_version_from_a_release() {
    for polls in 0..12 {
        let bench = Bench::default();
        let keeper = bench.keeper(ours(bench.acquire("ann")));
        assert_eq!(run_polls(&bench.clock, keeper.keep(), polls), Run::Killed);
        block_on(&bench.clock, keeper.release()).unwrap();
        assert!(bench.record().released, "{polls} polls");
    }
}

#[test]
fn a_lease_that_cannot_be_judged_is_an_error_and_is_left_alone() {
    let bench = Bench::default();
    let now = || {
        block_on(
            &bench.clock,
            acquire(bench.store.as_ref(), bench.clock.as_ref(), &claim("ann")),
        )
    };
    bench.store.put(keys::LEASE, b"{\"format\":2,\"who\":\"ann\"}");
    assert!(matches!(
        now().unwrap_err(),
        LeaseError::NewerFormat { format: 2 }
    ));
    bench
        .store
        .put(keys::LEASE, b"{\n  \"format\": 1,\n  \"holder\": 7\n}");
    let text = now().unwrap_err().to_string();
    assert!(text.starts_with("`lease.json` line 3, column 13: "), "{text}");
    bench.store.remove(keys::LEASE);
    bench.store.fail_next(keys::LEASE, Fault::Denied);
    assert!(matches!(now().unwrap_err(), LeaseError::Store(_)));
}

#[test]
fn a_holder_that_reads_its_lease_again_learns_of_a_takeover_that_it_slept_through() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("a")));
    assert_eq!(block_on(&bench.clock, keeper.confirm()), LeaseNow::Ours);
    ours(bench.take_over("b"));
    let lost = LeaseNow::Lost {
        to: "b@host 7".to_owned(),
    };
    assert_eq!(keeper.lost_to(), None, "nobody has told it yet");
    assert_eq!(block_on(&bench.clock, keeper.confirm()), lost);
    assert_eq!(keeper.lost_to(), Some("b@host 7".to_owned()));
    assert_eq!(keeper.remaining(), Duration::ZERO);
}

#[test]
fn a_store_without_an_answer_is_silent_since_the_first_renewal_that_failed() {
    let bench = Bench::default();
    let keeper = bench.keeper(ours(bench.acquire("a")));
    assert_eq!(keeper.silence(), None);
    let since = bench.clock.now() + Duration::from_secs(15);
    bench.store.fail_next(keys::LEASE, Fault::Unavailable);
    bench.store.fail_next(keys::LEASE, Fault::Unavailable);
    bench.sleep_beside(&keeper, 18);
    let silence = keeper.silence().unwrap();
    assert_eq!((silence.since, silence.store.as_str()), (since, "memory"));
    bench.sleep_beside(&keeper, 20);
    assert_eq!(keeper.silence(), None, "it has answered again");
}
