//! A second member goes out while the first is being replaced.

use rehull_core::domain::action::Action;
use rehull_core::domain::ids::SlotName;
use rehull_core::domain::waiting::WaitingOn;
use rehull_core::event::What;
use rustix::process::Signal;

use super::rig::Sandbox;

/// The old member is stopped or removed, the new one does not serve yet: nobody else may fail now.
pub(super) fn opens_the_window(what: &What) -> bool {
    matches!(
        what,
        What::Acted {
            action: Action::AskStop { .. },
            error: None,
            ..
        }
    )
}

pub(super) fn waits_for_another(what: &What) -> bool {
    let is_it = |slot: &SlotName| slot.as_str() == "etcd-c";
    let on_another = |on: &WaitingOn| {
        if let WaitingOn::Gate { red } = on {
            return red.iter().any(|gate| gate.slot.as_ref().is_some_and(is_it));
        }
        matches!(on, WaitingOn::OtherMemberOut { slot, .. } if is_it(slot))
    };
    matches!(what, What::Waiting { waiting, .. } if waiting.iter().any(|waiting| on_another(&waiting.on)))
}

/// How often something was begun that changes the members or stops one. Volume and interface of the machine that has
/// stopped already may move: that brings the first member back.
pub(super) fn harm(said: &str) -> usize {
    let harmful = [
        "remove-member",
        "add-member",
        "ask-stop",
        "move-leader",
        "terminate-machine",
    ];
    let begun = said.lines().filter(|line| line.contains("\"acting\""));
    let named = |line: &&str| {
        harmful
            .iter()
            .any(|word| line.contains(&format!("\"action\":\"{word}\"")))
    };
    begun.filter(named).count()
}

/// Freezes a second member for as long as it takes rehull to say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_member_frozen_inside_the_window_is_waited_for_and_nothing_is_removed_meanwhile() {
    let Some(sandbox) = Sandbox::cluster("frozen", &["3.5.33"], 3).await else {
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
    run.until_event("the stop of the old member", opens_the_window)
        .await;
    sandbox.signal_etcd("etcd-c", Signal::STOP);
    run.until_event("a wait for etcd-c", waits_for_another).await;
    let before = harm(&run.so_far());
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let during = harm(&run.so_far());
    sandbox.signal_etcd("etcd-c", Signal::CONT);
    assert_eq!(
        before,
        during,
        "it went on while a second member was out:\n{}",
        run.so_far()
    );
    let done = run.end(super::rig::LIMIT).await.exits(0);
    let terminated = |action: &&Action| matches!(action, Action::TerminateMachine { .. });
    assert_eq!(done.actions().iter().filter(terminated).count(), 1, "{done}");
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

/// The machine's own supervisor starts etcd again, as systemd would; it is killed again until rehull has said so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_member_killed_inside_the_window_is_waited_for_and_the_rollout_carries_on() {
    let Some(sandbox) = Sandbox::cluster("killed", &["3.5.33"], 3).await else {
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
    run.until_event("the stop of the old member", opens_the_window)
        .await;
    let kill = || {
        if let Some(pid) = sandbox.etcd("etcd-c") {
            // It may have ended by itself since it was looked for.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    };
    run.until("a wait for etcd-c", |said| {
        kill();
        let events = super::answer::events_in(said);
        events
            .iter()
            .any(|event| waits_for_another(&event.what))
            .then_some(())
    })
    .await;
    let before = harm(&run.so_far());
    for _ in 0..40 {
        kill();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        before,
        harm(&run.so_far()),
        "it went on while a second member was out:\n{}",
        run.so_far()
    );
    let done = run.end(super::rig::LIMIT).await.exits(0);
    let removed = |action: &&Action| matches!(action, Action::RemoveMember { .. });
    assert_eq!(done.actions().iter().filter(removed).count(), 1, "{done}");
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}
