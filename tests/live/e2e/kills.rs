//! rehull is killed around its journal records, again and again, and resumed each time.

use super::cloud::Cloud;
use super::load::Load;
use super::rig::Sandbox;

/// Upgrades with these faults one after the other, each in a process of its own, then lets the last one end it.
async fn upgrade_with(sandbox: &Sandbox, faults: &[String]) {
    let mut begun = false;
    for fault in faults {
        let run = if begun {
            let rollout = sandbox.newest_rollout();
            sandbox.run(&["resume", &rollout, "--fault", fault]).await
        } else {
            sandbox
                .run(&["apply", "cluster.yaml", "--yes", "--fault", fault])
                .await
        };
        if run.code == Some(0) {
            return; // Over before the fault's turn came.
        }
        assert_eq!(run.code, None, "{fault}: it should have been killed: {run}");
        // Killed before its first record there is no rollout yet, only a plan and a lease.
        begun = true;
    }
    sandbox.run(&["resume", &sandbox.newest_rollout()]).await.exits(0);
}

/// The same end as without any kill: pins everywhere, no machine and no request left over, an ended rollout.
async fn is_as_if_nothing_happened(sandbox: &Sandbox) {
    sandbox.is_settled_at("3.6.14").await;
    let rollout = sandbox.newest_rollout();
    let journal = Cloud::of(&sandbox.info).await.journal(&rollout).await.concat();
    assert_eq!(journal.matches("\"record\":\"closed\"").count(), 1, "{journal}");
    // One machine per slot was launched for the upgrade, however often rehull died around it.
    let launched = Cloud::of(&sandbox.info).await.all_machines().await.len();
    assert_eq!(launched, 2 * sandbox.info.slots.len(), "{journal}");
    sandbox
        .run(&["resume", &rollout])
        .await
        .exits(1)
        .says(&["nothing left to do"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_killed_four_times_ends_as_if_nothing_had_happened() {
    let Some(sandbox) = Sandbox::cluster("kills", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let load = Load::on(&sandbox).await;
    // After the launch was written down and before it was called; in the middle of the window; and so on.
    let faults = ["kill-after:4", "kill-before:7", "kill-after:9", "kill-before:12"].map(str::to_owned);
    upgrade_with(&sandbox, &faults).await;
    load.ends_unharmed().await;
    is_as_if_nothing_happened(&sandbox).await;
    sandbox.down().await;
}

/// Every process lives for one more segment than it needs to attach, so that each record of the rollout is once the last
/// that a process wrote (`kill-after:2`), and once the first that it did not write any more (`kill-before:3`).
async fn dies_around_every_segment(fault: &str) {
    let Some(sandbox) = Sandbox::cluster("dies", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let load = Load::on(&sandbox).await;
    let mut run = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--fault", fault])
        .await;
    let mut deaths = 0;
    while run.code.is_none() {
        deaths += 1;
        assert!(deaths < 200, "no process brings it any further");
        eprintln!("{fault}: death {deaths}");
        let rollout = sandbox.newest_rollout();
        run = sandbox.run(&["resume", &rollout, "--fault", fault]).await;
    }
    run.exits(0);
    assert!(deaths > 20, "only {deaths} deaths: were the faults not set?");
    load.ends_unharmed().await;
    is_as_if_nothing_happened(&sandbox).await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "soak: a process per journal segment; about half an hour"]
async fn a_rollout_whose_every_process_dies_after_one_segment_ends_as_if_nothing_had_happened() {
    dies_around_every_segment("kill-after:2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "soak: a process per journal segment; about half an hour"]
async fn a_rollout_whose_every_process_dies_before_its_third_segment_ends_as_if_nothing_had_happened() {
    dies_around_every_segment("kill-before:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "soak: a rollout per journal segment, twice; about two hours"]
async fn a_kill_before_or_after_any_segment_changes_nothing_in_the_end() {
    let mut segment = 1;
    let mut last = u64::MAX;
    while segment <= last {
        for fault in ["kill-before", "kill-after"] {
            let Some(sandbox) = Sandbox::cluster("kill-each", &["3.5.33", "3.6.14"], 3).await else {
                return;
            };
            sandbox.pin("3.6.14");
            let load = Load::on(&sandbox).await;
            eprintln!("{fault}:{segment} of {last}");
            upgrade_with(&sandbox, &[format!("{fault}:{segment}")]).await;
            load.ends_unharmed().await;
            is_as_if_nothing_happened(&sandbox).await;
            let cloud = Cloud::of(&sandbox.info).await;
            last = cloud
                .segments(&sandbox.newest_rollout())
                .await
                .len()
                .try_into()
                .unwrap();
            sandbox.down().await;
        }
        segment += 1;
    }
}
