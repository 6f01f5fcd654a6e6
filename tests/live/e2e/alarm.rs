//! An alarm that is raised by hand while a member is out by rehull's doing.

use etcd_client::{AlarmAction, AlarmType};
use rehull_core::domain::action::Action;
use rehull_core::event::What;

use super::load::{pool, slots};
use super::rig::{LIMIT, Sandbox};

fn was_removed(what: &What) -> bool {
    matches!(
        what,
        What::Acted {
            action: Action::RemoveMember { .. },
            error: None,
            ..
        }
    )
}

/// Asks whoever answers: one of them is out.
async fn alarm(sandbox: &Sandbox, action: AlarmAction, which: AlarmType) {
    for slot in slots(sandbox) {
        let mut client = pool(sandbox).connect(&slot.client_url()).await.unwrap();
        if client.alarm(action, which, None).await.is_ok() {
            return;
        }
    }
    panic!("no member takes the alarm");
}

/// Two releases: from 3.5 on a member publishes its name as a request of v3, which alarms could refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_space_the_removed_member_comes_in_and_only_then_the_rollout_stops() {
    for (name, from, to) in [("space", "3.5.33", "3.6.14"), ("space-34", "3.4.23", "3.5.33")] {
        let Some(sandbox) = Sandbox::cluster(name, &[from, to], 3).await else {
            return;
        };
        sandbox.pin(to);
        let mut run = sandbox.start(&["apply", "cluster.yaml", "--yes", "--output", "json"]);
        run.until_event("the removal", was_removed).await;
        alarm(&sandbox, AlarmAction::Activate, AlarmType::Nospace).await;
        let halted = run.end(LIMIT).await.exits(3);
        let added = |action: &&Action| matches!(action, Action::AddMember { .. });
        let stopped = |action: &&Action| matches!(action, Action::AskStop { .. });
        let actions = halted.actions();
        assert_eq!(actions.iter().filter(added).count(), 1, "{halted}");
        assert_eq!(actions.iter().filter(stopped).count(), 1, "{halted}");
        let seen = sandbox.run(&["etcd", "status", "cluster.yaml"]).await;
        seen.says(&["margin 1", "NOSPACE"]);

        // Whoever resumes too early is told again, and nothing is begun.
        let rollout = sandbox.newest_rollout();
        let again = sandbox.run(&["resume", &rollout]).await.exits(3);
        again.says(&["NOSPACE", "docs/runbooks/alarm.md"]);
        alarm(&sandbox, AlarmAction::Deactivate, AlarmType::Nospace).await;
        sandbox.run(&["resume", &rollout]).await.exits(0);
        sandbox.is_settled_at(to).await;
        sandbox.down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_corrupt_data_a_removed_member_stays_out_until_a_person_has_looked() {
    let Some(sandbox) = Sandbox::cluster("corrupt", &["3.5.33"], 3).await else {
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
    run.until_event("the removal", was_removed).await;
    alarm(&sandbox, AlarmAction::Activate, AlarmType::Corrupt).await;
    let halted = run.end(LIMIT).await.exits(3);
    let came_in = |action: &&Action| matches!(action, Action::Go { .. });
    assert_eq!(halted.actions().iter().filter(came_in).count(), 0, "{halted}");
    alarm(&sandbox, AlarmAction::Deactivate, AlarmType::Corrupt).await;
    let rollout = sandbox.newest_rollout();
    sandbox.run(&["resume", &rollout]).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}
