//! What runbooks tell people to type in trouble is typed here, in that trouble.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rehull_core::domain::action::Action;
use rehull_core::event::What;
use rustix::process::Signal;

use super::answer::Answer;
use super::rig::{LIMIT, Sandbox};
use super::second_member::{opens_the_window, waits_for_another};
use crate::support::eventually;

/// A runbook: commands in it stand in backticks and name what they are about in angle brackets.
pub(crate) struct Book {
    commands: BTreeSet<String>,
    typed: BTreeSet<String>,
}

impl Book {
    pub(crate) fn open(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
        let text = fs::read_to_string(path.join(name)).unwrap();
        let spans = text.split('`').skip(1).step_by(2);
        let commands = spans.filter(|span| span.starts_with("rehull ") && span.contains('<'));
        let commands: BTreeSet<String> = commands.map(str::to_owned).collect();
        assert!(!commands.is_empty(), "{name} tells nobody to do anything");
        let second = text.lines().nth(2).unwrap_or_default();
        assert!(
            second.starts_with("**Stop."),
            "{name} begins with the stop sign: {second}"
        );
        Self {
            commands,
            typed: BTreeSet::new(),
        }
    }

    /// Types a command as it stands in the book.
    pub(crate) async fn run(&mut self, sandbox: &Sandbox, command: &str) -> Answer {
        assert!(
            self.commands.contains(command),
            "`{command}` is not in {:?}",
            self.commands
        );
        self.typed.insert(command.to_owned());
        let rollout = sandbox.newest_rollout();
        let words = command.split(' ').skip(1).map(|word| match word {
            "clusters/<env>.yaml" => "cluster.yaml",
            "<rollout>" => &rollout,
            word => word,
        });
        sandbox.run(&words.collect::<Vec<_>>()).await
    }

    /// Nothing in the book was left out.
    pub(crate) fn close(self) {
        assert_eq!(self.typed, self.commands, "typed, and told by the book");
    }
}

const REPLACE: [&str; 5] = ["etcd", "replace", "etcd-b", "cluster.yaml", "--yes"];
const STATUS: &str = "rehull status clusters/<env>.yaml";
const ETCD_STATUS: &str = "rehull etcd status clusters/<env>.yaml";
const RESUME: &str = "rehull resume <rollout>";
const ABORT: &str = "rehull abort <rollout>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_at_etcd_is_looked_at_brought_back_and_resumed_by_the_book() {
    let Some(sandbox) = Sandbox::cluster("book-stuck", &["3.5.33"], 3).await else {
        return;
    };
    let mut book = Book::open("stuck-at-etcd.md");
    let mut run = sandbox.start(&[&REPLACE[..], &["--output", "json"]].concat());
    run.until_event("the stop of the old member", opens_the_window)
        .await;
    sandbox.signal_etcd("etcd-c", Signal::STOP);
    run.until_event("a wait for etcd-c", waits_for_another).await;
    book.run(&sandbox, STATUS).await.says(&["works on it since"]);
    book.run(&sandbox, ETCD_STATUS).await.says(&["etcd-c"]);
    run.signal(Signal::INT);
    run.end(LIMIT).await.exits(75);
    sandbox.signal_etcd("etcd-c", Signal::CONT);
    book.run(&sandbox, RESUME).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;
    book.close();
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_the_living_is_asked_for_and_one_of_the_dead_is_taken_over_by_the_book() {
    let Some(sandbox) = Sandbox::cluster("book-lease", &["3.5.33"], 3).await else {
        return;
    };
    let mut book = Book::open("lease-held-by-the-dead.md");
    let mut run = sandbox.start(&[&REPLACE[..], &["--output", "json"]].concat());
    run.until_event("the stop of the old member", opens_the_window)
        .await;
    book.run(&sandbox, RESUME)
        .await
        .exits(4)
        .says(&["works on this cluster since"]);
    run.signal(Signal::KILL);
    run.end(LIMIT).await;
    let rollout = sandbox.newest_rollout();
    book.run(&sandbox, STATUS).await.exits(0).says(&[&rollout]);
    book.run(&sandbox, RESUME).await.exits(0);
    sandbox.is_settled_at("3.5.33").await;

    let mut live = sandbox.start(&REPLACE);
    live.until_it_says("launch from").await;
    book.run(&sandbox, ABORT).await.exits(0);
    let ended = live.end(LIMIT).await;
    assert!(matches!(ended.code, Some(0 | 1)), "{ended}");
    book.close();
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_at_rest_is_finished_or_ended_at_rest_by_the_book() {
    let Some(sandbox) = Sandbox::cluster("book-rest", &["3.5.33"], 3).await else {
        return;
    };
    let mut book = Book::open("not-at-rest.md");
    for command in [RESUME, ABORT] {
        let mut run = sandbox.start(&[&REPLACE[..], &["--output", "json"]].concat());
        run.until_event("the removal", |what| {
            matches!(
                what,
                What::Acted {
                    action: Action::RemoveMember { .. },
                    ..
                }
            )
        })
        .await;
        run.signal(Signal::INT);
        run.end(LIMIT).await.exits(75);
        book.run(&sandbox, "rehull status <rollout>")
            .await
            .exits(0)
            .says(&["NOT at rest"]);
        // On a busy computer members answer late just after a change; whoever reads "no answer" looks again.
        eventually("the margin", Duration::from_secs(30), async || {
            let seen = book.run(&sandbox, ETCD_STATUS).await;
            seen.out.contains("margin 0").then_some(())
        })
        .await;
        book.run(&sandbox, command).await.exits(0);
        sandbox.is_settled_at("3.5.33").await;
    }
    book.close();
    sandbox.down().await;
}
