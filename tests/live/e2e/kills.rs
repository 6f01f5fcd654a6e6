//! rehull is killed around its journal records, again and again, and resumed each time.

use super::cloud::Cloud;
use super::deaths::Deaths;
use super::faults::{each_thing_in_turn, in_rounds};
use super::legs::{legs, say};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_killed_before_its_first_record_is_found_by_its_id_and_can_be_ended() {
    let Some(sandbox) = Sandbox::cluster("unborn", &["3.5.33", "3.6.14"], 1).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let killed = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--fault", "kill-before:1"])
        .await;
    assert_eq!(killed.code, None, "{killed}");
    let unborn = sandbox.newest_rollout();
    // The file says something else now: there is nothing to resume, and what to type first is named.
    sandbox.pin("3.5.33");
    let resumed = sandbox.run(&["resume", &unborn]).await.exits(1);
    resumed.says(&[&format!("rehull abort {unborn}, then rehull apply cluster.yaml")]);
    sandbox.run(&["abort", &unborn]).await.exits(0);
    sandbox.pin("3.6.14");
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_was_killed_before_its_first_record_is_ended_without_creating_anything() {
    let Some(sandbox) = Sandbox::up("uncreated", &["3.5.33"], 1).await else {
        return;
    };
    let create = ["apply", "cluster.yaml", "--bootstrap", "--yes"];
    let killed = sandbox
        .run(&[&create[..], &["--fault", "kill-before:1"]].concat())
        .await;
    assert_eq!(killed.code, None, "{killed}");
    let unborn = sandbox.newest_rollout();
    sandbox.run(&["abort", &unborn]).await.exits(0);
    assert_eq!(
        Cloud::of(&sandbox.info).await.all_machines().await,
        Vec::<String>::new()
    );
    sandbox.run(&create).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

/// Upgrades in a chain of processes, each of which dies by a fault that is chosen by the newest segment which the last one
/// has left. A record of the journal is written by whichever process comes to it, so a chain meets the records of a whole
/// rollout.
async fn dies_again_and_again(
    name: &'static str,
    mut fault_after: impl FnMut(&str) -> String,
) -> Option<Deaths> {
    let sandbox = Sandbox::cluster(name, &["3.5.33", "3.6.14"], 3).await?;
    sandbox.pin("3.6.14");
    let load = Load::gently_on(&sandbox).await;
    let first = fault_after("");
    let mut run = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--fault", &first])
        .await;
    let cloud = Cloud::of(&sandbox.info).await;
    let (mut count, mut deaths) = (0, Deaths::default());
    while run.code.is_none() {
        count += 1;
        assert!(count < 300, "no process brings it any further");
        let rollout = sandbox.newest_rollout();
        let segments = cloud.segments(&rollout).await;
        let newest = match segments.last() {
            Some(newest) => cloud.text(newest).await,
            None => String::new(),
        };
        deaths.met(&newest);
        let fault = fault_after(&newest);
        say(&format!(
            "{name}: death {count}, {} segments written, {fault} is next",
            segments.len()
        ));
        run = sandbox.run(&["resume", &rollout, "--fault", &fault]).await;
    }
    // Killed right after its last record, a process has left nothing to do.
    match run.code {
        Some(0) => {}
        _ => run.exits(1).says(&["nothing left to do"]),
    }
    assert!(count > 20, "only {count} deaths: were the faults not set?");
    deaths.ended(&cloud.journal(&sandbox.newest_rollout()).await);
    assert!(deaths.is_a_whole_dance(), "{name}: {deaths:#?}");
    load.ends_unharmed().await;
    is_as_if_nothing_happened(&sandbox).await;
    sandbox.down().await;
    Some(deaths)
}

/// One chain that dies after every kind of record that begins with one of these words.
async fn die_after_all(name: &'static str, fault_after: impl FnMut(&str) -> String, words: &[&str]) {
    if let Some(deaths) = dies_again_and_again(name, fault_after).await {
        assert_eq!(deaths.missed(words), Vec::<&str>::new(), "{deaths:#?}");
    }
}

/// Two chains, one a step ahead, side by side: together they die before the outcome of all that is done is written.
async fn die_before_all_outcomes() {
    let (one, other) = tokio::join!(
        dies_again_and_again("before", in_rounds(&["kill-before:3", "kill-before:4"])),
        dies_again_and_again("before-next", in_rounds(&["kill-before:4", "kill-before:3"])),
    );
    let (Some(one), Some(other)) = (one, other) else {
        return;
    };
    let deaths = one.and(other);
    assert_eq!(deaths.missed(&["intended"]), Vec::<&str>::new(), "{deaths:#?}");
}

// Who dies before its third segment has done something and not written down what came of it; who dies before its fourth
// has brought one thing to its end.
legs! {
    processes_die_after_every_intent_and_after_every_outcome =>
        die_after_all("after", each_thing_in_turn(), &["intended", "settled"]);
    processes_die_before_every_outcome_is_written => die_before_all_outcomes();
    processes_die_around_attaching => die_after_all(
        "attach",
        in_rounds(&["kill-after:5", "kill-before:1", "kill-after:1", "kill-before:2", "kill-before:6"]),
        &["attached"],
    );
}
