//! What must fit together before anything is done.

use super::*;
use crate::domain::ids::RolloutId;
use crate::executor::open::{OpenError, supersede};

fn writer() -> Writer {
    Writer {
        nonce: "n".to_owned(),
        tail: TornTail::Refused,
    }
}

fn error_of<T>(result: Result<T, OpenError>) -> String {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

impl Bench {
    fn resume(&self) -> Result<Opened<'_>, OpenError> {
        block_on(&self.world.clock, resume(self.access(writer())))
    }

    fn begin(&self) -> Result<Opened<'_>, OpenError> {
        block_on(&self.world.clock, begin(self.access(writer()), self.plan.clone()))
    }

    fn edit_plan(&self, from: &str, to: &str) {
        let key = keys::plan(&scope().rollout);
        let text = self.store().text(&key);
        assert!(text.contains(from), "{text}");
        self.store().put(&key, text.replacen(from, to, 1).as_bytes());
    }
}

#[test]
fn a_rollout_is_begun_once_and_found_again() {
    let bench = Bench::new();
    assert_eq!(
        error_of(bench.resume()),
        "there is no rollout `t-1` in this store"
    );
    bench.begin().map(drop).unwrap();
    assert_eq!(error_of(bench.begin()), "rollout `t-1` exists already");
    let opened = bench.resume().map(|opened| opened.plan == bench.plan);
    assert!(opened.unwrap());
}

#[test]
fn a_begin_that_was_cut_short_is_completed() {
    let bench = Bench::new();
    bench.begin().map(drop).unwrap();
    bench.store().remove(&keys::segment(&scope().rollout, 1));
    bench.resume().map(drop).unwrap();
    assert_eq!(
        bench.journal().opened().unwrap().envelope,
        bench.plan.envelope.digest()
    );
}

#[test]
fn a_rollout_that_was_killed_before_its_first_record_gives_way_to_another_one() {
    let bench = Bench::new();
    bench.begin().map(drop).unwrap();
    bench.store().remove(&keys::segment(&scope().rollout, 1));
    let by = RolloutId::new("t-2");
    block_on(&bench.world.clock, supersede(bench.access(writer()), &by)).unwrap();
    assert_eq!(bench.journal().closed().unwrap().0, "superseded by t-2");
    assert_eq!(
        error_of(bench.resume()),
        "rollout `t-1` has ended: superseded by t-2"
    );
}

#[test]
fn a_plan_that_is_not_the_approved_one_is_refused() {
    let bench = Bench::new();
    bench.begin().map(drop).unwrap();
    bench.edit_plan("\"lag_entries_max\": 100", "\"lag_entries_max\": 9000");
    let text = error_of(bench.resume());
    assert!(
        text.starts_with("`rollouts/t-1/plan.json` has digest sha256:"),
        "{text}"
    );
}

#[test]
fn rendered_texts_that_were_changed_since_the_approval_are_refused() {
    let bench = Bench::new();
    bench.begin().map(drop).unwrap();
    bench.edit_plan("#cloud-config of etcd-a", "#cloud-config of somebody else");
    let text = error_of(bench.resume());
    assert!(
        text.starts_with("`rollouts/t-1/plan.json` has digest sha256:"),
        "{text}"
    );
}

#[test]
fn a_damaged_foreign_or_newer_plan_is_refused_with_its_place() {
    let bench = Bench::new();
    bench.begin().map(drop).unwrap();
    bench.edit_plan("\"cluster\": \"t\"", "\"cluster\": \"prod\"");
    assert_eq!(
        error_of(bench.resume()),
        "`rollouts/t-1/plan.json` is a plan for cluster `prod`, not for `t`"
    );
    bench.edit_plan("\"cluster\": \"prod\"", "\"cluster\": 7");
    let text = error_of(bench.resume());
    assert!(
        text.contains("plan.json` line 5, column ") && text.contains("invalid type"),
        "{text}"
    );
    bench.edit_plan("\"format\": 1", "\"format\": 2");
    assert!(
        error_of(bench.resume()).contains("has plan format 2"),
        "{}",
        error_of(bench.resume())
    );
}

#[test]
fn a_finished_rollout_is_not_resumed() {
    let bench = Bench::new();
    bench.run("one");
    assert_eq!(error_of(bench.resume()), "rollout `t-1` has ended: finished");
}

#[test]
fn another_account_or_another_cluster_is_refused_before_anything_is_written() {
    let target = |bench: &Bench| match block_on(&bench.world.clock, bench.process("one")) {
        Err(RunError::Target(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let bench = Bench::new();
    bench.world.log_in_to("999999999999");
    assert_eq!(
        target(&bench),
        "the account of these credentials is `999999999999`, but the plan is for `111122223333`"
    );
    assert_eq!(bench.segments(), 1, "opened, and nothing else");

    let bench = Bench::new();
    bench.store().remove(keys::IDENTITY);
    assert_eq!(
        target(&bench),
        "there is no identity record: this store has never seen cluster `t`"
    );

    let bench = Bench::new();
    let text = bench.store().text(keys::IDENTITY).replace("\"c1\"", "\"c2\"");
    bench.store().put(keys::IDENTITY, text.as_bytes());
    assert_eq!(
        target(&bench),
        "the etcd cluster of the identity record is `c2`, but the plan is for `c1`"
    );
}

#[test]
fn a_journal_that_takes_no_more_ends_the_run_and_says_what_is_left() {
    let bench = Bench::new();
    for _ in 0..6 {
        bench
            .store()
            .fail_next("000003", crate::executor::fakes::Fault::Unavailable);
    }
    match block_on(&bench.world.clock, bench.process("one")) {
        Err(RunError::Journal { rest, in_flight, .. }) => {
            assert!(rest.at_rest && !in_flight, "{rest:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.world.calls(), [], "no intent, no call");
}
