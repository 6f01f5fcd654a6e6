//! The look that a plan is made from, and the one that a request rests on.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::desired::Slot;
use crate::domain::etcd::{Endpoint, EtcdView as View};
use crate::domain::ids::{RolloutId, SlotName};
use crate::domain::observed::{JobState, SnapshotFact};
use crate::executor::{Scene, observe_patiently};
use crate::ports::{EtcdView, PortError, SnapshotJobs};
use crate::rollout::tests::model::{slot, slot_name};

/// Members that do not serve, for so many looks.
struct Passing<'a> {
    world: &'a FakeWorld,
    looks: AtomicU32,
    ends_after: u32,
    how: fn(&mut Endpoint),
}

#[async_trait]
impl EtcdView for Passing<'_> {
    async fn observe(&self, slots: &[Slot]) -> View {
        let mut view = EtcdView::observe(self.world, slots).await;
        if self.looks.fetch_add(1, Ordering::Relaxed) < self.ends_after {
            view.endpoints.values_mut().for_each(self.how);
        }
        view
    }

    async fn compare_hashes(&self, _slots: &[Slot]) -> Result<(), PortError> {
        panic!("nobody compares while looking");
    }
}

fn electing(endpoint: &mut Endpoint) {
    if let Endpoint::Answered(answer) = endpoint {
        answer.serves = false;
        answer.leader = None;
    }
}

fn late(endpoint: &mut Endpoint) {
    *endpoint = Endpoint::Silent("no answer within 2 s".to_owned());
}

fn refused(endpoint: &mut Endpoint) {
    *endpoint = Endpoint::Refused;
}

/// Looks taken, seconds waited, and how many serve in the last one.
fn looks(how: fn(&mut Endpoint), ends_after: u32, alive: bool) -> (u32, u64, usize) {
    let bench = Bench::new();
    if !alive {
        bench.world.model.lock().unwrap().machines.clear();
    }
    let etcd = Passing {
        world: &bench.world,
        looks: AtomicU32::new(0),
        ends_after,
        how,
    };
    let mut ports = bench.ports();
    ports.etcd = &etcd;
    let scope = scope();
    let scene = Scene::new(&scope.cluster, &scope.rollout, (0..3).map(slot).collect());
    let seen = block_on(&bench.world.clock, observe_patiently(&ports, &scene));
    let answers = seen.etcd.endpoints.values().filter_map(Endpoint::answer);
    (
        etcd.looks.load(Ordering::Relaxed),
        bench.world.clock.monotonic().as_secs(),
        answers.filter(|answer| answer.serves).count(),
    )
}

#[test]
fn an_election_and_a_late_answer_are_waited_for_before_anything_is_planned_from_a_look() {
    for how in [electing, late] {
        assert_eq!(looks(how, 0, true), (1, 0, 3));
        assert_eq!(looks(how, 4, true), (5, 2, 3));
    }
}

#[test]
fn members_that_serve_nothing_for_longer_than_an_election_are_seen_as_they_are() {
    for how in [electing, late] {
        let (looks, waited, serving) = looks(how, u32::MAX, true);
        assert_eq!((waited, serving), (8, 0));
        assert!(looks > 2, "{looks}");
    }
}

#[test]
fn a_port_that_refuses_and_a_slot_without_a_machine_need_no_second_look() {
    assert_eq!(looks(refused, u32::MAX, true), (1, 0, 0));
    assert_eq!(looks(late, u32::MAX, false), (1, 0, 0));
}

/// Its first answer takes sixteen seconds, within the limit of a call; a member falls meanwhile.
struct SlowStore<'a> {
    world: &'a FakeWorld,
    looks: AtomicU32,
    falls: SlotName,
}

#[async_trait]
impl SnapshotJobs for SlowStore<'_> {
    async fn start(&self, rollout: &RolloutId, slots: &[Slot], running: &SlotName) -> Result<(), PortError> {
        SnapshotJobs::start(self.world, rollout, slots, running).await
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError> {
        let is_ready = {
            let model = self.world.model.lock().unwrap();
            model.story.iter().any(|key| key == "preflight data")
        };
        if is_ready && self.looks.fetch_add(1, Ordering::Relaxed) == 0 {
            self.world.clock.sleep(Duration::from_secs(1)).await;
            self.world.model.lock().unwrap().running.remove(&self.falls);
            self.world.clock.sleep(Duration::from_secs(15)).await;
        }
        SnapshotJobs::observe(self.world, rollout).await
    }
}

#[test]
fn nobody_is_asked_to_stop_where_another_one_has_fallen_while_a_slow_part_of_the_look_was_waited_for() {
    let bench = Bench::new();
    let slow = SlowStore {
        world: &bench.world,
        looks: AtomicU32::new(0),
        falls: slot_name(2),
    };
    let mut ports = bench.ports();
    ports.snapshots = &slow;
    let writer = Writer {
        nonce: "one".to_owned(),
        tail: TornTail::Refused,
    };
    let run = async {
        let opened = begin(bench.access(writer), bench.plan.clone()).await;
        let opened = opened.unwrap_or_else(|error| panic!("{error:?}"));
        Driver::new(opened, ports, bench.watch(), bench.rules)
            .run("one@host 7")
            .await
    };
    let watch = async {
        // Until the look after the slow one.
        while slow.looks.load(Ordering::Relaxed) < 2 {
            assert!(bench.world.clock.monotonic().as_secs() < 900, "nothing was slow");
            bench.world.clock.sleep(Duration::from_millis(500)).await;
        }
        let asked = bench.world.calls_of("ask-stop");
        bench.attention.signal("TERM");
        asked
    };
    let (_, asked) = block_on(&bench.world.clock, futures_util::future::join(run, watch));
    let model = bench.world.model.lock().unwrap();
    assert!(asked.is_empty(), "{asked:?}, {} healthy", model.healthy_voters());
}
