//! The lease on a real store: what a fake store cannot show is whether real conditional writes carry it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rehull_core::domain::ids::RolloutId;
use rehull_core::executor::lease::{Acquired, Claim, Grant, LeaseKeeper, acquire, take_over};
use rehull_core::ports::{Clock, LeaseState, Store};

/// Nobody waits for the time to live of a dead holder in a test: sleeping is done at once.
#[derive(Debug, Default)]
pub(crate) struct HurriedClock {
    elapsed: Mutex<Duration>,
}

#[async_trait]
impl Clock for HurriedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    async fn sleep(&self, how_long: Duration) {
        *self.elapsed.lock().unwrap() += how_long;
    }
}

fn claim(name: &str) -> Claim {
    Claim {
        holder: format!("{name}@host 7"),
        rollout: RolloutId::new("dev-1"),
        nonce: format!("nonce of {name}"),
        ttl: Duration::from_secs(60),
    }
}

fn ours(acquired: Acquired) -> Grant {
    match acquired {
        Acquired::Ours(grant) => grant,
        Acquired::Held(holding) => panic!("held by {}", holding.by),
    }
}

fn holder(acquired: Acquired) -> String {
    match acquired {
        Acquired::Held(holding) => holding.by,
        Acquired::Ours(_) => panic!("ours"),
    }
}

/// One holder, a second one told who it is, a takeover from the silent, and a woken first holder that can do no harm.
pub(crate) async fn the_lease_has_one_holder_at_a_time(store: Arc<dyn Store>) {
    let clock = Arc::new(HurriedClock::default());
    let first = ours(acquire(&*store, &*clock, &claim("first")).await.unwrap());
    assert_eq!(
        holder(acquire(&*store, &*clock, &claim("second")).await.unwrap()),
        "first@host 7"
    );

    let second = ours(
        take_over(&*store, &*clock, &claim("second"), &|_, _| {})
            .await
            .unwrap(),
    );
    // The first one was only stopped. It renews, finds out, and gives nothing back that is not its own.
    let woken = LeaseKeeper::new(Arc::clone(&store), clock.clone(), first);
    woken.keep().await;
    assert_eq!(woken.lost_to().as_deref(), Some("second@host 7"));
    assert_eq!(woken.remaining(), Duration::ZERO);
    woken.release().await.unwrap();
    assert_eq!(
        holder(acquire(&*store, &*clock, &claim("third")).await.unwrap()),
        "second@host 7"
    );

    let keeper = LeaseKeeper::new(Arc::clone(&store), clock.clone(), second);
    keeper.release().await.unwrap();
    ours(acquire(&*store, &*clock, &claim("third")).await.unwrap());
}

/// Of many who want the free lease at once, exactly one gets it.
pub(crate) async fn of_many_one_gets_the_lease(store: Arc<dyn Store>) {
    let mut bids = tokio::task::JoinSet::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let store = Arc::clone(&store);
        bids.spawn(async move {
            acquire(&*store, &HurriedClock::default(), &claim(name))
                .await
                .unwrap()
        });
    }
    let outcomes = bids.join_all().await;
    let winners = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Acquired::Ours(_)))
        .count();
    assert_eq!(winners, 1, "{outcomes:?}");
}
