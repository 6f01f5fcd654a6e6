//! Ctrl-C: it ends soon, says whether that is safe, and can go on later; and the way back from the mixed window.

use std::time::Duration;

use rehull_core::domain::action::Action;
use rehull_core::domain::waiting::WaitingOn;
use rehull_core::event::What;
use rustix::process::Signal;

use super::rig::{LIMIT, Sandbox};

/// What a person is promised.
const SOON: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_inside_the_window_says_that_it_is_not_at_rest_and_is_resumed() {
    let Some(sandbox) = Sandbox::cluster("window", &["3.5.33"], 3).await else {
        return;
    };
    let mut run = sandbox.start(&["etcd", "replace", "etcd-b", "cluster.yaml", "--yes"]);
    run.until_it_says("remove member").await;
    run.signal(Signal::INT);
    let stopped = run.end(LIMIT).await.exits(75);
    assert!(stopped.took < SOON, "{stopped}");
    let rollout = sandbox.newest_rollout();
    stopped.says(&[
        "NOT at rest",
        "etcd-b is out",
        "margin 0",
        &format!("rehull resume {rollout}"),
    ]);

    // The lease was given back: nobody has to wait for it.
    let resumed = sandbox.run(&["resume", &rollout]).await.exits(0);
    assert!(!resumed.err.contains("waiting: the lease"), "{resumed}");
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_in_the_mixed_window_is_at_rest_and_the_rollout_can_be_taken_back() {
    let Some(sandbox) = Sandbox::cluster("mixed", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.edit("bake: 2s", "bake: 10m");
    sandbox.pin("3.6.14");
    let mut run = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
    run.until_event("the bake", |what| {
        let bakes = |on: &WaitingOn| matches!(on, WaitingOn::Bake { .. });
        matches!(what, What::Waiting { waiting, .. } if waiting.iter().all(|w| bakes(&w.on)) && !waiting.is_empty())
    })
    .await;
    run.signal(Signal::TERM);
    let stopped = run.end(LIMIT).await.exits(75);
    assert!(stopped.took < SOON, "{stopped}");
    let rollout = sandbox.newest_rollout();

    // Without an abort before it: the warm replacement of the third member has to go as well.
    let back = sandbox
        .run(&["rollback", &rollout, "--yes", "--output", "json"])
        .await
        .exits(0);
    let launched = |action: &&Action| matches!(action, Action::LaunchMachine { .. });
    assert_eq!(
        back.actions().iter().filter(launched).count(),
        2,
        "only the two that had changed: {back}"
    );
    assert_eq!(back.lowest_margin_acted_at(), 0, "{back}");
    sandbox.runs("3.5.33").await;

    // A re-run with the same pins does not go forward again; a person can say so, and a reverted pin asks nobody.
    let held = sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(3);
    held.says(&[
        &rollout,
        "has taken this back",
        "rehull apply cluster.yaml --again",
    ]);
    let shown = sandbox.run(&["plan", "cluster.yaml", "--again"]).await.exits(0);
    shown.says(&["rehull apply cluster.yaml --again"]);
    sandbox.pin("3.5.33");
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}
