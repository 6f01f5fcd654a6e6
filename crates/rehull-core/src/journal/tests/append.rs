//! Appending: the fence, lost answers, bounded retries.

use std::error::Error;

use super::*;
use crate::domain::waiting::StopReason;
use crate::executor::fakes::Fault;
use crate::ports::Clock;

#[test]
fn what_one_process_wrote_another_reads() {
    let bench = Bench::default();
    let action = terminate("i-1");
    bench.written(vec![
        vec![opened(), attached("ann@laptop 7")],
        vec![intended(1, &action, 1)],
        vec![settled(2, &action, 1, None), marked(2, "joined etcd-a")],
    ]);
    let journal = bench.open("second").unwrap();
    assert_eq!(journal.next(), 4);
    assert_eq!(journal.view().done_at(&action.key()), Some(at(2)));
    assert_eq!(journal.view().marked_at("joined etcd-a"), Some(at(2)));
    assert_eq!(journal.view().holder().unwrap().0, "ann@laptop 7");
}

#[test]
fn whoever_appends_knows_after_each_segment_what_a_reader_of_all_of_them_knows() {
    let (bench, mut written) = (Bench::default(), Vec::new());
    let mut journal = bench.open("first").unwrap();
    let (one, other) = (terminate("i-1"), terminate("i-2"));
    let stopped = RecordBody::Stopped {
        reason: StopReason::Asked {
            how: "SIGTERM".to_owned(),
        },
        at_rest: true,
    };
    let answered = RecordBody::Answered {
        request: "pause-1".to_owned(),
        answer: "at rest".to_owned(),
    };
    let closed = RecordBody::Closed {
        outcome: "finished".to_owned(),
    };
    let segments = [
        vec![opened(), attached("ann@laptop 7")],
        vec![intended(1, &one, 1), intended(1, &other, 1), marked(1, "bake")],
        vec![settled(2, &one, 1, Some(unknown())), settled(2, &other, 1, None)],
        // In one segment, as a tick does that finds an old action settled and begins it anew.
        vec![settled(3, &one, 1, Some(throttled())), intended(3, &one, 2)],
        vec![record(4, answered), record(4, stopped)],
        vec![
            attached("bob@laptop 8"),
            settled(5, &one, 2, None),
            marked(5, "bake"),
        ],
        vec![record(6, closed)],
    ];
    for records in segments {
        written.extend(records.clone());
        bench.append(&mut journal, records).unwrap();
        assert_eq!(journal.view(), &JournalView::fold(&written).unwrap());
    }
}

#[test]
fn nothing_to_say_writes_nothing() {
    let bench = Bench::default();
    let mut journal = bench.open("first").unwrap();
    bench.append(&mut journal, vec![]).unwrap();
    assert!(bench.store.keys().is_empty());
}

#[test]
fn of_two_writers_the_second_is_fenced_and_told_by_whom() {
    let bench = Bench::default();
    bench.written(vec![vec![opened()]]);
    let mut stale = bench.open("stale").unwrap();
    let mut fresh = bench.open("fresh").unwrap();
    bench.append(&mut fresh, vec![attached("bob@ci 9")]).unwrap();
    let error = bench.append(&mut stale, vec![marked(1, "late")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`rollouts/dev-1/journal/000002.jsonl` was written by bob@ci 9"
    );
    assert_eq!(stale.view().marked_at("late"), None);
}

#[test]
fn a_lost_answer_of_our_own_write_is_found_by_reading_back() {
    for fault in [Fault::LostAnswer, Fault::OwnConflict] {
        let bench = Bench::default();
        let mut journal = bench.open("first").unwrap();
        bench.store.fail_next("000001", fault.clone());
        bench.append(&mut journal, vec![opened()]).unwrap();
        bench.append(&mut journal, vec![marked(1, "on")]).unwrap();
        assert_eq!(bench.store.keys().len(), 2, "{fault:?}");
    }
}

#[test]
fn a_lost_answer_of_another_writers_segment_is_still_a_fence() {
    let bench = Bench::default();
    bench.written(vec![vec![opened()]]);
    let mut stale = bench.open("stale").unwrap();
    let mut fresh = bench.open("fresh").unwrap();
    bench.append(&mut fresh, vec![marked(1, "mine")]).unwrap();
    bench.store.fail_next("000002", Fault::LostRequest);
    let error = bench.append(&mut stale, vec![marked(1, "mine")]).unwrap_err();
    assert!(matches!(error, JournalError::Fenced { by: None, .. }), "{error}");
}

#[test]
fn a_lost_request_is_sent_again_after_a_pause() {
    let bench = Bench::default();
    let mut journal = bench.open("first").unwrap();
    for fault in [Fault::LostRequest, Fault::Unavailable, Fault::LostRequest] {
        bench.store.fail_next("000001", fault);
    }
    bench.append(&mut journal, vec![opened()]).unwrap();
    assert_eq!(bench.clock.monotonic().as_millis(), 500 + 1000 + 2000);
}

#[test]
fn a_store_that_stays_away_ends_the_journal_because_the_write_may_still_arrive() {
    let bench = Bench::default();
    let mut journal = bench.open("first").unwrap();
    for _ in 0..6 {
        bench.store.fail_next("000001", Fault::LostRequest);
    }
    let error = bench.append(&mut journal, vec![opened()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`rollouts/dev-1/journal/000001.jsonl` could not be written in 6 attempts"
    );
    assert!(error.source().unwrap().to_string().contains("no definite answer"));
    let again = bench.append(&mut journal, vec![opened()]).unwrap_err();
    assert!(
        matches!(again, JournalError::Unwritten { attempts: 0, .. }),
        "{again}"
    );
}

#[test]
fn a_denied_write_is_not_repeated() {
    let bench = Bench::default();
    let mut journal = bench.open("first").unwrap();
    bench.store.fail_next("000001", Fault::Denied);
    let error = bench.append(&mut journal, vec![opened()]).unwrap_err();
    assert!(
        matches!(error, JournalError::Unwritten { attempts: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_record_that_contradicts_the_journal_is_never_written() {
    let bench = Bench::default();
    bench.written(vec![vec![opened()]]);
    let mut journal = bench.open("second").unwrap();
    let error = bench
        .append(&mut journal, vec![settled(1, &terminate("i-1"), 1, None)])
        .unwrap_err();
    assert!(matches!(error, JournalError::Contradiction(_)), "{error}");
    assert_eq!(bench.store.keys().len(), 1);
}

#[test]
fn reads_go_on_from_a_fold_when_older_segments_are_gone() {
    let bench = Bench::default();
    let mut segments = vec![vec![opened()]];
    segments.extend((2..=405).map(|n| vec![marked(n, &format!("m{n}"))]));
    bench.written(segments);
    for seq in 1..=400 {
        bench.store.remove(&Bench::key(seq));
    }
    let journal = bench.open("second").unwrap();
    assert_eq!(journal.next(), 406);
    assert_eq!(journal.view().marked_at("m3"), Some(at(3)));
    assert_eq!(journal.view().marked_at("m405"), Some(at(405)));
}

#[test]
fn a_crash_before_the_fold_or_a_damaged_fold_changes_nothing_but_the_time_to_read() {
    let bench = Bench::default();
    let mut segments = vec![vec![opened()]];
    segments.extend((2..=201).map(|n| vec![marked(n, &format!("m{n}"))]));
    bench.store.fail_next("fold-", Fault::Unavailable);
    bench.written(segments);
    let without = bench.open("second").unwrap().view().clone();
    assert_eq!(without.marked_at("m2"), Some(at(2)));

    bench
        .store
        .put(&keys::fold(&scope().rollout, 200), b"{\"format\":1");
    let journal = bench.open("third").unwrap();
    assert_eq!(journal.view(), &without);
    assert!(
        journal.notes()[0].contains("its segments are read instead"),
        "{:?}",
        journal.notes()
    );
}
