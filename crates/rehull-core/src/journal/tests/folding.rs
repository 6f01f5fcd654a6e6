//! The fold: what decisions may ask of the past.

use proptest::prelude::*;

use super::*;
use crate::domain::waiting::StopReason;

#[test]
fn a_call_that_may_be_lost_keeps_its_attempt_and_a_settled_failure_raises_it() {
    let action = terminate("i-1");
    let key = action.key();
    let mut view = JournalView::fold([&opened()]).unwrap();
    assert_eq!(view.next_attempt(&key), 1);
    view.apply(&intended(1, &action, 1)).unwrap();
    assert_eq!(view.next_attempt(&key), 1, "killed before the answer");
    view.apply(&intended(2, &action, 1)).unwrap();
    view.apply(&settled(3, &action, 1, Some(unknown()))).unwrap();
    assert_eq!(view.next_attempt(&key), 1, "unknown");
    assert_eq!(view.past(&key).unwrap().failures, 1);
    view.apply(&intended(4, &action, 1)).unwrap();
    view.apply(&settled(5, &action, 1, Some(throttled()))).unwrap();
    assert_eq!(view.next_attempt(&key), 2, "certainly failed");
    assert_eq!(view.past(&key).unwrap().failed, Some((throttled(), at(5))));
    view.apply(&intended(6, &action, 2)).unwrap();
    view.apply(&settled(7, &action, 2, None)).unwrap();
    let past = view.past(&key).unwrap();
    assert_eq!(
        (past.done_at, past.failures, past.in_doubt),
        (Some(at(7)), 0, false)
    );
    assert_eq!(view.next_attempt(&key), 3, "done, and wanted once more");
}

#[test]
fn what_was_certainly_not_sent_is_no_try() {
    let action = terminate("i-1");
    let key = action.key();
    let unsent = PortError::NotSent {
        why: "the look is too old".to_owned(),
    };
    let mut view = JournalView::fold([&opened()]).unwrap();
    for attempt in 1..=3 {
        view.apply(&intended(1, &action, attempt)).unwrap();
        let error = if attempt == 2 { throttled() } else { unsent.clone() };
        view.apply(&settled(2, &action, attempt, Some(error))).unwrap();
    }
    let past = view.past(&key).unwrap();
    assert_eq!((past.attempts, past.tries()), (3, 1));
    view.apply(&intended(3, &action, 4)).unwrap();
    assert_eq!(view.past(&key).unwrap().tries(), 2, "it may have been sent");
}

#[test]
fn an_action_without_an_answer_is_in_doubt_until_it_is_settled_by_looking() {
    let (one, two) = (terminate("i-1"), terminate("i-2"));
    let records = [
        opened(),
        intended(2, &two, 1),
        intended(1, &one, 1),
        settled(3, &two, 1, Some(unknown())),
    ];
    let mut view = JournalView::fold(&records).unwrap();
    let doubts: Vec<String> = view.in_doubt().iter().map(|past| past.action.key()).collect();
    assert_eq!(doubts, [one.key(), two.key()], "oldest first");
    view.apply(&settled(9, &two, 1, None)).unwrap();
    assert_eq!(view.in_doubt().len(), 1);
}

#[test]
fn what_came_to_nothing_leaves_the_action_as_it_was_last_done() {
    let with = |why| Action::TerminateMachine {
        slot: SlotName::new("etcd-a"),
        machine: InstanceId::new("i-1"),
        why,
    };
    let (first, second) = (with(TerminateWhy::Replaced), with(TerminateWhy::Unwanted));
    let key = first.key();
    let mut view =
        JournalView::fold(&[opened(), intended(1, &first, 1), settled(2, &first, 1, None)]).unwrap();
    view.apply(&intended(3, &second, 2)).unwrap();
    assert_eq!(view.past(&key).unwrap().action, second, "it may have happened");
    view.apply(&settled(4, &second, 2, Some(unknown()))).unwrap();
    assert_eq!(view.past(&key).unwrap().action, second, "it still may have");
    view.apply(&settled(5, &second, 2, Some(throttled()))).unwrap();
    assert_eq!(view.past(&key).unwrap().action, first, "it has not");
    view.apply(&intended(6, &second, 3)).unwrap();
    view.apply(&settled(7, &second, 3, None)).unwrap();
    assert_eq!(view.past(&key).unwrap().action, second, "it has");
}

#[test]
fn records_out_of_order_are_refused() {
    let action = terminate("i-1");
    let cases = [
        (vec![marked(1, "m")], "the first record is not `opened`"),
        (vec![opened(), opened()], "the rollout was opened twice"),
        (
            vec![opened(), intended(1, &action, 2)],
            "was intended as attempt 2, but attempt 1 is next",
        ),
        (
            vec![opened(), settled(1, &action, 1, None)],
            "was settled, but not intended",
        ),
        (
            vec![
                opened(),
                intended(1, &action, 1),
                settled(2, &action, 1, None),
                settled(3, &action, 1, None),
            ],
            "was settled, but not intended",
        ),
        (
            vec![
                opened(),
                record(
                    1,
                    RecordBody::Closed {
                        outcome: "finished".to_owned(),
                    },
                ),
                marked(2, "m"),
            ],
            "a record follows the end of the rollout",
        ),
    ];
    for (records, text) in cases {
        let error = JournalView::fold(&records).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn a_stop_is_remembered_until_somebody_carries_on() {
    let reason = StopReason::Asked {
        how: "SIGTERM".to_owned(),
    };
    let stop = record(
        5,
        RecordBody::Stopped {
            reason: reason.clone(),
            at_rest: true,
        },
    );
    let mut view = JournalView::fold([&opened(), &stop]).unwrap();
    assert_eq!(
        view.halt().map(|halt| (&halt.reason, halt.at_rest)),
        Some((&reason, true))
    );
    view.apply(&attached("bob")).unwrap();
    assert_eq!(view.halt(), None);
}

/// Any list of records; those that may not follow are left out by the caller.
fn any_record() -> impl Strategy<Value = Record> {
    let action = prop_oneof![Just("i-1"), Just("i-2"), Just("i-3")].prop_map(terminate);
    let error = prop_oneof![Just(None), Just(Some(unknown())), Just(Some(throttled()))];
    (0i64..1000, action, 1u32..4, error, 0usize..7).prop_map(|(second, action, attempt, error, kind)| {
        match kind {
            0 | 1 => intended(second, &action, attempt),
            2 | 3 => settled(second, &action, attempt, error),
            4 => marked(
                second,
                if attempt == 1 {
                    "joined etcd-a"
                } else {
                    "joined etcd-b"
                },
            ),
            5 => attached("somebody"),
            _ => record(
                second,
                RecordBody::Answered {
                    request: format!("q{attempt}"),
                    answer: "at rest".to_owned(),
                },
            ),
        }
    })
}

proptest! {
    #[test]
    fn folding_a_prefix_and_then_the_rest_is_folding_everything(
        records in prop::collection::vec(any_record(), 0..60),
        cut in 0usize..60,
    ) {
        let mut whole = JournalView::fold([&opened()]).unwrap();
        let mut kept = vec![opened()];
        for record in records {
            let before = whole.clone();
            if whole.apply(&record).is_ok() {
                kept.push(record);
            } else {
                prop_assert_eq!(&whole, &before);
            }
        }
        let (prefix, rest) = kept.split_at(cut.min(kept.len()));
        let halfway = JournalView::fold(prefix).unwrap();
        let bytes = super::super::fold::encode(&scope(), 7, "n", &halfway).unwrap();
        let mut view = super::super::fold::decode("k", &bytes, &scope(), 7).unwrap();
        for record in rest {
            view.apply(record).unwrap();
        }
        prop_assert_eq!(view, whole);
    }
}
