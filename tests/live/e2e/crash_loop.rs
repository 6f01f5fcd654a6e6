//! A member that falls, rises and falls again: green in one look out of two.

use rehull_core::domain::waiting::Waiting;
use rehull_core::event::What;
use rustix::process::Signal;

use super::answer::{Running, events_in};
use super::rig::Sandbox;
use super::second_member::{harm, waits_for_another};

const FALLS: usize = 4;

/// Whoever believes one green look stops etcd-b while etcd-c is about to fall again, and two of three are out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_taken_out_between_two_falls_of_another_member() {
    let Some(sandbox) = Sandbox::cluster("crash-loop", &["3.5.33"], 3).await else {
        return;
    };
    // Long enough for a slow computer to kill somebody in it.
    sandbox.edit("stopDeadline: 60s", "settle: 20s, stopDeadline: 60s");
    let mut run = sandbox.start(&[
        "etcd",
        "replace",
        "etcd-b",
        "cluster.yaml",
        "--yes",
        "--output",
        "json",
    ]);
    // Its replacement is ready and waits: from here on the next thing would be to take etcd-b out.
    run.until_event("a replacement that is ready", waits_to_settle)
        .await;
    for fall in 1..=FALLS {
        let seen = events_in(&run.so_far()).len();
        let pid = sandbox
            .etcd("etcd-c")
            .expect("it runs, or its supervisor starts it");
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        let fallen = until_after(&mut run, seen, "a look that sees etcd-c out", waits_for_another).await;
        // And one that sees it back, and waits for it to have stayed.
        until_after(&mut run, fallen, "a green look", |what| {
            waits_to_settle(what) && !waits_for_another(what)
        })
        .await;
        assert_eq!(harm(&run.so_far()), 0, "after fall {fall}:\n{}", run.so_far());
    }
    let done = run.end(super::rig::LIMIT).await.exits(0);
    assert_eq!(
        done.lowest_margin_acted_at(),
        0,
        "one member out at a time: {done}"
    );
    sandbox.is_settled_at("3.5.33").await;
    sandbox.down().await;
}

fn waits_to_settle(what: &What) -> bool {
    let settle = |waiting: &Waiting| waiting.on.name() == "settle";
    matches!(what, What::Waiting { waiting, .. } if waiting.iter().any(settle))
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
