//! The look that a plan is made from.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::desired::Slot;
use crate::domain::etcd::{Endpoint, EtcdView as View};
use crate::executor::{Scene, observe_after_election};
use crate::ports::{EtcdView, PortError};
use crate::rollout::tests::model::slot;

/// Members that answer and serve nothing, for so many looks.
struct Electing<'a> {
    world: &'a FakeWorld,
    looks: AtomicU32,
    ends_after: u32,
}

#[async_trait]
impl EtcdView for Electing<'_> {
    async fn observe(&self, slots: &[Slot]) -> View {
        let mut view = EtcdView::observe(self.world, slots).await;
        if self.looks.fetch_add(1, Ordering::Relaxed) < self.ends_after {
            for endpoint in view.endpoints.values_mut() {
                if let Endpoint::Answered(answer) = endpoint {
                    answer.serves = false;
                    answer.leader = None;
                }
            }
        }
        view
    }

    async fn compare_hashes(&self, _slots: &[Slot]) -> Result<(), PortError> {
        panic!("nobody compares while looking");
    }
}

/// Looks taken, seconds waited, and whether somebody still serves nothing.
fn looks(ends_after: u32) -> (u32, u64, bool) {
    let bench = Bench::new();
    let etcd = Electing {
        world: &bench.world,
        looks: AtomicU32::new(0),
        ends_after,
    };
    let mut ports = bench.ports();
    ports.etcd = &etcd;
    let scope = scope();
    let scene = Scene {
        cluster: &scope.cluster,
        rollout: &scope.rollout,
        slots: (0..3).map(slot).collect(),
    };
    let seen = block_on(&bench.world.clock, observe_after_election(&ports, &scene));
    let waited = bench.world.clock.monotonic();
    (
        etcd.looks.load(Ordering::Relaxed),
        waited.as_secs(),
        seen.etcd.may_be_electing(),
    )
}

#[test]
fn an_election_is_waited_for_before_anything_is_planned_from_a_look() {
    assert_eq!(looks(0), (1, 0, false));
    assert_eq!(looks(4), (5, 2, false));
}

#[test]
fn members_that_serve_nothing_for_longer_than_an_election_are_seen_as_they_are() {
    let (looks, waited, electing) = looks(u32::MAX);
    assert_eq!((waited, electing), (8, true));
    assert!(looks > 2, "{looks}");
}
