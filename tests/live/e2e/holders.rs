//! Two of them at once, and a holder that sleeps through its own succession.

use rehull_core::domain::action::Action;
use rehull_core::event::What;
use rustix::process::Signal;

use super::cloud::Cloud;
use super::legs::{legs, say};
use super::load::Load;
use super::rig::{LIMIT, Sandbox};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_of_two_applies_says_who_holds_the_lease_and_since_when() {
    let Some(sandbox) = Sandbox::cluster("two", &["3.5.33"], 3).await else {
        return;
    };
    let mut first = sandbox.start(&[
        "etcd",
        "replace",
        "etcd-b",
        "cluster.yaml",
        "--yes",
        "--output",
        "json",
    ]);
    first
        .until_event("a launch", |what| {
            matches!(
                what,
                What::Acted {
                    action: Action::LaunchMachine { .. },
                    ..
                }
            )
        })
        .await;
    let rollout = sandbox.newest_rollout();
    for command in [
        &["etcd", "replace", "etcd-c", "cluster.yaml", "--yes"][..],
        &["apply", "cluster.yaml", "--yes"],
        &["resume", &rollout],
    ] {
        let second = sandbox.run(command).await.exits(4);
        second.says(&["works on this cluster since", &rollout, "rehull status"]);
    }
    first.end(LIMIT).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

/// Stopped between the look at its lease and its call, woken when another one has taken over and ended.
async fn sleeps_through_its_succession(sandbox: &Sandbox, call: u32) -> bool {
    let fault = format!("stop-before-call:{call}");
    let command = [
        "etcd",
        "replace",
        "etcd-b",
        "cluster.yaml",
        "--yes",
        "--fault",
        &fault,
    ];
    let mut sleeper = sandbox.start(&command);
    if !sleeper.stops_itself().await {
        sleeper.end(LIMIT).await.exits(0);
        return false;
    }
    let rollout = sandbox.newest_rollout();
    let taken = sandbox.run(&["resume", &rollout]).await.exits(0);
    taken.says(&["waiting: the lease of"]);
    let cloud = Cloud::of(&sandbox.info).await;
    let (journal, machines) = (cloud.journal(&rollout).await, cloud.all_machines().await);

    sleeper.signal(Signal::CONT);
    let woken = sleeper.end(LIMIT).await.exits(4);
    assert_eq!(
        cloud.journal(&rollout).await,
        journal,
        "the sleeper wrote: {woken}"
    );
    assert_eq!(
        cloud.all_machines().await,
        machines,
        "the sleeper launched: {woken}"
    );
    sandbox.is_settled_at("3.5.33").await;
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_woken_after_its_succession_can_append_nothing() {
    let Some(sandbox) = Sandbox::cluster("asleep", &["3.5.33"], 3).await else {
        return;
    };
    assert!(sleeps_through_its_succession(&sandbox, 2).await);
    sandbox.down().await;
}

/// A chain of holders through one rollout: each is stopped when its next call is journaled and its lease found long
/// enough, the next one takes over, does what was journaled, and is stopped before the call after that. Then its
/// predecessor is woken: it sends the one call it was about to send, and can append nothing.
async fn every_holder_sleeps(sandbox: &Sandbox, command: &[&str], calls_at_least: usize) {
    let cloud = Cloud::of(&sandbox.info).await;
    let mut holder = sandbox.start(&[command, &["--fault", "stop-before-call:1"]].concat());
    let mut sleepers = 0;
    while holder.stops_itself().await {
        sleepers += 1;
        assert!(sleepers < 200, "no holder brings it any further");
        let rollout = sandbox.newest_rollout();
        say(&format!("{}: sleeper {sleepers}", sandbox.info.name));
        // Its first call is the one that the sleeper has journaled.
        let mut next = sandbox.start(&["resume", &rollout, "--fault", "stop-before-call:2"]);
        let is_over = !next.stops_itself().await;
        let journal = cloud.journal(&rollout).await;
        holder.signal(Signal::CONT);
        let woken = holder.end(LIMIT).await.exits(4);
        let after = cloud.journal(&rollout).await;
        assert_eq!(after, journal, "the sleeper wrote: {woken}");
        holder = next;
        if is_over {
            break;
        }
    }
    holder.end(LIMIT).await.exits(0);
    assert!(sleepers >= calls_at_least, "only {sleepers} calls");
}

async fn every_holder_of_an_upgrade_sleeps() {
    let Some(sandbox) = Sandbox::cluster("asleep-all", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let load = Load::gently_on(&sandbox).await;
    // Per member: launch, stop, remove, twice detach and attach, add, go, verify, terminate; and the template version,
    // the snapshot and the move of the leader.
    every_holder_sleeps(&sandbox, &["apply", "cluster.yaml", "--yes"], 25).await;
    load.ends_unharmed().await;
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

async fn every_holder_of_a_bootstrap_sleeps() {
    let Some(sandbox) = Sandbox::up("asleep-new", &["3.5.33"], 3).await else {
        return;
    };
    every_holder_sleeps(&sandbox, &["apply", "cluster.yaml", "--bootstrap", "--yes"], 5).await;
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

async fn one_sleeps_through_a_whole_replacement() {
    let Some(sandbox) = Sandbox::cluster("asleep-each", &["3.5.33"], 3).await else {
        return;
    };
    for call in [1, 3, 6, 9] {
        say(&format!("asleep-each: call {call}"));
        assert!(sleeps_through_its_succession(&sandbox, call).await, "{call}");
    }
    sandbox.down().await;
}

legs! {
    every_holder_of_an_upgrade_is_stopped_before_its_call_and_woken_after_its_successor_s => every_holder_of_an_upgrade_sleeps();
    every_holder_of_a_bootstrap_is_stopped_before_its_call_and_woken_after_its_successor_s => every_holder_of_a_bootstrap_sleeps();
    a_holder_woken_after_its_succession_can_append_nothing_at_other_calls => one_sleeps_through_a_whole_replacement();
}
