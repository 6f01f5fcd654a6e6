//! Two of them at once, and a holder that sleeps through its own succession.

use rehull_core::domain::action::Action;
use rehull_core::event::What;
use rustix::process::Signal;

use super::cloud::Cloud;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "soak: one succession per call of a replacement; about half an hour"]
async fn a_holder_woken_after_its_succession_can_append_nothing_at_any_call() {
    let Some(sandbox) = Sandbox::cluster("asleep-each", &["3.5.33"], 3).await else {
        return;
    };
    let mut call = 1;
    while sleeps_through_its_succession(&sandbox, call).await {
        call += 1;
    }
    assert!(call > 8, "a replacement has more calls than {call}");
    sandbox.down().await;
}
