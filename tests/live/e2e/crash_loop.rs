//! A member that falls, rises and falls again: green in one look out of two.

use std::time::{Duration, Instant};

use rehull_core::domain::ids::SlotName;
use rehull_core::domain::waiting::{Waiting, WaitingOn};
use rehull_core::event::What;
use rustix::process::Signal;

use super::answer::{Running, events_in};
use super::cloud::Cloud;
use super::rig::Sandbox;
use super::second_member::harm;

/// Several settling times (6 s), and several starts of etcd by its machine.
const LONG: Duration = Duration::from_secs(30);

/// The rollout leaves the member alone that falls: nothing in its own journal says when that one joined. Whoever believes
/// a green look stops etcd-b while etcd-c is about to fall again, and two of three are out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_taken_out_between_two_falls_of_another_member() {
    let Some(sandbox) = Sandbox::cluster("crash-loop", &["3.5.33"], 3).await else {
        return;
    };
    let mut run = sandbox.start(&[
        "etcd",
        "replace",
        "etcd-b",
        "cluster.yaml",
        "--yes",
        "--output",
        "json",
    ]);
    run.until_event(
        "a replacement that was launched",
        |what| matches!(what, What::Acted { action, .. } if action.key().starts_with("launch-machine")),
    )
    .await;
    let (since, mut falls) = (Instant::now(), 0);
    while since.elapsed() < LONG || falls < 3 {
        let seen = events_in(&run.so_far()).len();
        let pid = sandbox.etcd("etcd-c").expect("it runs");
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        falls += 1;
        let fallen = until_after(&mut run, seen, "a look that sees etcd-c out", is_out).await;
        until_after(&mut run, fallen, "a green look, and a wait all the same", is_held).await;
        assert_eq!(harm(&run.so_far()), 0, "after fall {falls}:\n{}", run.so_far());
    }
    let rollout = sandbox.newest_rollout();
    let journal = Cloud::of(&sandbox.info).await.journal(&rollout).await.concat();
    assert!(journal.contains(&format!("ended etcd-c {falls}")), "{journal}");
    // It would wait for minutes now. Nothing was touched, so nothing is owed.
    sandbox.run(&["abort", &rollout]).await.exits(0);
    let ended = run.end(super::rig::LIMIT).await;
    assert_eq!(
        harm(&ended.out),
        1,
        "only its own spare machine is ended: {ended}"
    );
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

fn is_etcd_c(slot: &SlotName) -> bool {
    slot.as_str() == "etcd-c"
}

fn is_out(what: &What) -> bool {
    let is_it =
        |waiting: &Waiting| matches!(&waiting.on, WaitingOn::OtherMemberOut { slot, .. } if is_etcd_c(slot));
    matches!(what, What::Waiting { waiting, .. } if waiting.iter().any(is_it))
}

/// It answers, and is not relied on.
fn is_held(what: &What) -> bool {
    let is_it = |waiting: &Waiting| {
        let WaitingOn::Gate { red } = &waiting.on else {
            return false;
        };
        let mut red = red.iter();
        red.any(|red| red.gate == "steady" && red.slot.as_ref().is_some_and(is_etcd_c))
    };
    matches!(what, What::Waiting { waiting, .. } if waiting.iter().any(is_it)) && !is_out(what)
}

/// Waits for such an event after the first `seen` ones, and says how many there are up to it.
async fn until_after(run: &mut Running, seen: usize, what: &str, is_it: impl Fn(&What) -> bool) -> usize {
    run.until(what, |said| {
        let events = events_in(said);
        let found = events.iter().skip(seen).position(|event| is_it(&event.what))?;
        Some(seen + found + 1)
    })
    .await
}
