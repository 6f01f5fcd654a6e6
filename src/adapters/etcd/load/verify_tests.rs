#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::history::Present;
use super::super::report::Acknowledged;
use super::super::writer::plans;
use super::*;

/// One pinned writer, three writes at revisions 11 to 13, one watch that saw them.
struct Run {
    spec: ProbeSpec,
    records: Vec<WriteRecord>,
    history: History,
    watches: Vec<WatchLog>,
}

impl Run {
    fn clean() -> Self {
        let target = Target {
            slot: SlotName::new("etcd-a"),
            url: "https://10.0.1.10:2379".to_owned(),
        };
        let events: Vec<Seen> = (0..3).map(|n| event(11 + i64::from(n), (0, n))).collect();
        let mut watch = WatchLog::behind(10);
        for &seen in &events {
            watch.take(seen);
        }
        Self {
            spec: ProbeSpec {
                targets: vec![target],
                patient: 0,
                ..ProbeSpec::for_slots("test", &[])
            },
            records: (0..3).map(|n| record(n, Some(11 + i64::from(n)))).collect(),
            history: History {
                keys: (0..3).map(|n| key(11 + i64::from(n), Some((0, n)))).collect(),
                events,
            },
            watches: vec![watch],
        }
    }

    fn judge(&self) -> ProbeReport {
        judge(&Evidence {
            spec: &self.spec,
            plans: &plans(&self.spec),
            started_at: Timestamp::UNIX_EPOCH,
            length: Duration::from_millis(100),
            records: &self.records,
            history: &self.history,
            watches: &self.watches,
        })
    }
}

fn event(revision: i64, write: WriteId) -> Seen {
    Seen {
        revision,
        write: Some(write),
    }
}

fn key(revision: i64, write: Option<WriteId>) -> Present {
    Present {
        write,
        revision,
        version: 1,
    }
}

/// Written from 10 × number to 10 × number + 5 ms.
fn record(number: u32, revision: Option<i64>) -> WriteRecord {
    let start = Duration::from_millis(10 * u64::from(number));
    WriteRecord {
        writer: 0,
        class: Class::Pinned,
        number,
        start,
        end: start + Duration::from_millis(5),
        tries: 1,
        try_longest: Duration::from_millis(5),
        acknowledged: revision.map(|revision| Acknowledged {
            revision,
            via: SlotName::new("etcd-a"),
        }),
    }
}

#[test]
fn a_run_in_which_everything_arrived_is_clean_and_its_stalls_are_measured() {
    let report = Run::clean().judge();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.acknowledged, report.open, report.lost), (3, 0, 0));
    // Acknowledged at 5, 15 and 25 ms of 100.
    assert_eq!(
        (report.longest_outage_ms(), report.longest_stall_ms(Class::Pinned)),
        (75, 75)
    );
}

#[test]
fn an_acknowledged_write_that_the_store_does_not_have_is_lost() {
    let mut run = Run::clean();
    run.history.keys.remove(1);
    run.history.events.remove(1);
    let report = run.judge();
    assert_eq!(report.lost, 1);
    assert!(!report.is_clean());
    assert_eq!(
        report.problems.first().unwrap(),
        "write (0, 1), acknowledged by etcd-a at revision 12, is not in the store"
    );
}

#[test]
fn a_write_acknowledged_at_a_revision_that_is_not_its_own_is_lost() {
    let mut run = Run::clean();
    run.records.push(record(3, Some(99)));
    assert_eq!(run.judge().lost, 1);
}

#[test]
fn a_value_that_nobody_wrote_is_lost_and_named() {
    let mut run = Run::clean();
    run.history.keys.remove(0);
    run.history.keys.push(key(11, None));
    let report = run.judge();
    assert_eq!(report.lost, 1);
    assert!(
        report.problems.iter().any(|text| text.contains("nobody wrote")),
        "{report:?}"
    );
}

#[test]
fn a_write_without_an_answer_may_be_in_the_store_or_not() {
    let mut run = Run::clean();
    run.records.push(record(3, None));
    run.records.push(record(4, None));
    run.history.keys.push(key(14, Some((0, 4))));
    run.history.events.push(event(14, (0, 4)));
    run.watches
        .iter_mut()
        .for_each(|watch| watch.take(event(14, (0, 4))));
    let report = run.judge();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.acknowledged, report.open), (3, 2));
}

#[test]
fn a_watch_that_missed_an_event_is_not_complete() {
    let mut run = Run::clean();
    run.watches.iter_mut().for_each(|watch| {
        watch.events.remove(1);
    });
    let report = run.judge();
    assert_eq!(report.watches.first().unwrap().missing, 1);
    assert!(!report.is_clean());
    assert_eq!(report.problems, ["watch via etcd-a: revision 12 never came"]);
}

#[test]
fn a_watch_that_got_an_event_twice_is_not_in_order() {
    let mut run = Run::clean();
    run.watches
        .iter_mut()
        .for_each(|watch| watch.take(event(12, (0, 1))));
    let report = run.judge();
    let watch = report.watches.first().unwrap();
    assert!(!watch.ordered && watch.missing == 0, "{watch:?}");
    assert_eq!(report.problems, ["watch via etcd-a: revision 12 after 13"]);
}

#[test]
fn a_try_of_a_second_hung_and_further_tries_failed() {
    let mut run = Run::clean();
    run.records.iter_mut().take(1).for_each(|record| {
        record.tries = 3;
        record.try_longest = Duration::from_secs(7);
    });
    let report = run.judge();
    let class = report.classes.first().unwrap();
    assert_eq!((class.failed_tries, class.hung_tries), (2, 1));
}

#[test]
fn many_problems_of_a_kind_are_told_by_a_few_examples() {
    let mut run = Run::clean();
    run.records.extend((3..20).map(|n| record(n, Some(100))));
    let report = run.judge();
    assert_eq!(report.lost, 17);
    assert_eq!(report.problems.len(), EXAMPLES + 1);
    assert_eq!(report.problems.last().unwrap(), "… and 12 more of this kind");
}
