//! Machines that vanish behind rehull's back.

use std::time::Duration;

use rehull_core::domain::action::Action;
use rehull_core::event::What;
use rehull_core::world::Switch;
use rustix::process::Signal;

use super::answer::{events_in, touches_quorum};
use super::cloud::Cloud;
use super::load::Load;
use super::rig::{LIMIT, Sandbox};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_machines_terminated_the_evidence_is_shown_and_nothing_is_created() {
    let Some(sandbox) = Sandbox::cluster("all-lost", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let cloud = Cloud::of(&sandbox.info).await;
    for slot in ["etcd-a", "etcd-b", "etcd-c"] {
        cloud.terminate(&sandbox.machine(slot).await).await;
    }
    gone(&sandbox).await;
    let before = cloud.all_machines().await;

    sandbox.pin("3.6.14");
    for command in [
        &["apply", "cluster.yaml", "--yes"][..],
        &["etcd", "heal", "etcd-a", "cluster.yaml", "--yes"],
        &["etcd", "replace", "etcd-a", "cluster.yaml", "--yes"],
    ] {
        let refused = sandbox.run(command).await.exits(3);
        refused.says(&["quorum", "etcd-a", "etcd-b", "etcd-c"]);
    }
    // "All empty" is never "new".
    sandbox
        .run(&["apply", "cluster.yaml", "--bootstrap", "--yes"])
        .await
        .exits(3);
    assert_eq!(cloud.all_machines().await, before);
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_machine_lost_is_healed_at_the_version_that_runs_although_a_newer_one_is_pinned() {
    let Some(sandbox) = Sandbox::cluster("heal", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let machine = sandbox.machine("etcd-b").await;
    sandbox
        .switch(Switch::PowerCut {
            instance: machine.clone(),
        })
        .await;
    Cloud::of(&sandbox.info).await.terminate(&machine).await;
    eventually("the end of the machine", Duration::from_secs(30), async || {
        (sandbox.machines().await.len() == 2).then_some(())
    })
    .await;

    // An incident must not start an upgrade.
    sandbox.pin("3.6.14");
    sandbox
        .run(&["apply", "cluster.yaml", "--yes"])
        .await
        .exits(3)
        .says(&["etcd-b", "rehull etcd heal"]);
    let run = sandbox
        .run(&[
            "etcd",
            "heal",
            "etcd-b",
            "cluster.yaml",
            "--yes",
            "--output",
            "json",
        ])
        .await
        .exits(0);
    let touched = |action: &Action| matches!(action, Action::AskStop { .. } | Action::MoveLeader { .. });
    assert!(!run.actions().iter().any(touched), "{run}");
    sandbox.runs("3.5.33").await;

    // Now the upgrade may begin.
    let plan = sandbox.run(&["plan", "cluster.yaml"]).await.exits(0);
    plan.says(&["etcd 3.5.33 → 3.6.14 on 3 machines"]);
    sandbox.down().await;
}

/// One that is upgraded already and one that is not: there is no quorum until the first of them is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_machines_lost_in_a_rollout_come_back_and_the_upgrade_ends() {
    let Some(sandbox) = Sandbox::cluster("two-lost", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.pin("3.6.14");
    let load = Load::on(&sandbox).await;
    let mut run = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
    run.until_event("the end of the first step", |what| {
        matches!(what, What::StepDone { .. })
    })
    .await;
    let done = events_in(&run.so_far()).into_iter().find_map(|event| {
        let What::StepDone { step } = event.what else {
            return None;
        };
        Some(step.as_str().trim_start_matches("etcd/").to_owned())
    });
    let upgraded = done.expect("just seen");
    let mut others = sandbox.info.slots.iter().map(|slot| slot.name.clone());
    let old = others.rfind(|name| *name != upgraded).unwrap();
    let cloud = Cloud::of(&sandbox.info).await;
    for slot in [&upgraded, &old] {
        let machines = sandbox.machines().await;
        let carrier = machines
            .iter()
            .find(|machine| machine.slot.as_ref() == Some(slot));
        cloud.terminate(&carrier.unwrap().id).await;
    }
    run.end(LIMIT).await.exits(0);
    load.ends_with_nothing_lost().await;
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

async fn gone(sandbox: &Sandbox) {
    eventually("the end of all machines", Duration::from_secs(30), async || {
        sandbox.machines().await.is_empty().then_some(())
    })
    .await;
}

/// EC2 says that it runs, its content was to be changed, and somebody gave that change up: it comes back as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_power_is_healed_as_it_was_although_another_content_was_begun_and_given_up() {
    let Some(sandbox) = Sandbox::cluster("hung", &["3.5.33"], 3).await else {
        return;
    };
    sandbox.edit("stopDeadline: 60s", "stopDeadline: 15s");
    // etcd itself refuses to start with this: the election time-out must be at least five heartbeats.
    sandbox.edit(
        "  strategy:",
        "  flags: { heartbeat-interval: \"333\" }\n  strategy:",
    );
    let mut run = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
    run.until_event("a replacement", |what| {
        matches!(
            what,
            What::Acted {
                action: Action::LaunchMachine { .. },
                error: None,
                ..
            }
        )
    })
    .await;
    run.signal(Signal::INT);
    run.end(LIMIT).await.exits(75);
    let rollout = sandbox.newest_rollout();
    // Nothing was switched, so there is nothing to go back from, and the replacement is still there.
    let refused = sandbox.run(&["rollback", &rollout, "--yes"]).await.exits(1);
    refused.says(&["has not switched any member", &format!("rehull abort {rollout}")]);
    sandbox.run(&["abort", &rollout]).await.exits(0);

    let machine = sandbox.machine("etcd-c").await;
    let instance = machine.clone();
    sandbox.switch(Switch::PowerCut { instance }).await;
    let plan = sandbox.run(&["plan", "cluster.yaml"]).await.exits(3);
    plan.says(&["rehull etcd heal etcd-c cluster.yaml"]);
    let healthy = sandbox
        .run(&["etcd", "heal", "etcd-a", "cluster.yaml", "--yes"])
        .await
        .exits(1);
    healthy.says(&[
        "nothing to heal",
        "etcd-c is out: rehull etcd heal etcd-c cluster.yaml",
    ]);
    let heal = [
        "etcd",
        "heal",
        "etcd-c",
        "cluster.yaml",
        "--yes",
        "--output",
        "json",
    ];
    let run = sandbox.run(&heal).await.exits(0);
    assert_eq!(run.lowest_margin_acted_at(), 0, "{run}");
    sandbox.runs("3.5.33").await;
    assert_ne!(sandbox.machine("etcd-c").await, machine);
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_capacity_for_the_replacement_nothing_is_touched_and_a_resume_goes_on() {
    let Some(sandbox) = Sandbox::cluster("no-capacity", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let before = [
        sandbox.machine("etcd-a").await,
        sandbox.machine("etcd-b").await,
        sandbox.machine("etcd-c").await,
    ];
    let capacity = |on| Switch::NoCapacity {
        zone: "*".to_owned(),
        on,
    };
    sandbox.switch(capacity(true)).await;
    sandbox.pin("3.6.14");
    let run = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--output", "json"])
        .await
        .exits(3);
    let touches = |action: &Action| touches_quorum(action) || matches!(action, Action::MoveLeader { .. });
    assert!(!run.actions().iter().any(touches), "{run}");
    run.says(&["no-capacity"]);
    for (slot, machine) in ["etcd-a", "etcd-b", "etcd-c"].into_iter().zip(before) {
        assert_eq!(sandbox.machine(slot).await, machine);
    }
    sandbox.switch(capacity(false)).await;
    let rollout = sandbox.newest_rollout();
    sandbox.run(&["resume", &rollout]).await.exits(0);
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}
