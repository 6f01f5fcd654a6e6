//! What was decided without the lease, and what happened before it was there.

use rehull_core::event::What;
use rustix::process::Signal;

use super::cloud::Cloud;
use super::rig::{LIMIT, Sandbox};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_planned_or_held_before_the_point_of_no_return_touches_nothing_after_it() {
    let Some(sandbox) = Sandbox::cluster("meanwhile", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let mut first = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
    first
        .until_event("a member that is done", |what| {
            matches!(what, What::StepDone { .. })
        })
        .await;
    first.signal(Signal::TERM);
    first.end(LIMIT).await.exits(75);
    let rollout = sandbox.newest_rollout();

    // Planned in the mixed-version window, asleep before it has the lease.
    let mut late = sandbox.start(&["rollback", &rollout, "--yes", "--fault", "stop-before-lease:1"]);
    assert!(late.stops_itself().await, "{}", late.so_far());
    // Has the lease, asleep before its first record.
    let mut holder = sandbox.start(&["resume", &rollout, "--fault", "stop-after-lease:1"]);
    assert!(holder.stops_itself().await, "{}", holder.so_far());
    sandbox.run(&["resume", &rollout]).await.exits(0);
    sandbox.is_settled_at("3.6.14").await;
    let cloud = Cloud::of(&sandbox.info).await;
    let (journal, machines) = (cloud.journal(&rollout).await, cloud.all_machines().await);

    holder.signal(Signal::CONT);
    let woken = holder.end(LIMIT).await.exits(4);
    woken.says(&["taken over", "before anything was begun"]);
    late.signal(Signal::CONT);
    let woken = late.end(LIMIT).await.exits(1);
    woken.says(&[
        "what was shown cannot be done any more: nothing was touched",
        "plan::point_of_no_return",
    ]);
    assert_eq!(cloud.journal(&rollout).await, journal);
    assert_eq!(cloud.all_machines().await, machines);
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}
