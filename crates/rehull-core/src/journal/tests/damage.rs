//! Journals that are not what was written.

use proptest::prelude::*;

use super::*;
use crate::journal::codec::{DecodeError, decode, encode};

fn three_segments() -> Bench {
    let bench = Bench::default();
    let action = terminate("i-1");
    bench.written(vec![
        vec![opened(), attached("ann@laptop 7")],
        vec![intended(1, &action, 1), marked(1, "one")],
        vec![settled(2, &action, 1, None)],
    ]);
    bench
}

fn error(bench: &Bench) -> String {
    match bench.open("reader") {
        Ok(_) => panic!("read without an error"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_torn_last_segment_counts_as_not_written_and_is_replaced() {
    let bench = three_segments();
    let whole = bench.store.bytes(&Bench::key(3)).unwrap();
    for length in 0..whole.len() {
        bench.store.put(&Bench::key(3), &whole[..length]);
        let journal = bench.open("reader").unwrap();
        assert_eq!(journal.next(), 3);
        assert_eq!(journal.view().in_doubt().len(), 1);
        assert!(
            journal.notes()[0].contains("treated as not written"),
            "{:?}",
            journal.notes()
        );
    }
    let mut journal = bench.open("second").unwrap();
    bench.append(&mut journal, vec![attached("bob@ci 9")]).unwrap();
    assert_eq!(
        bench.open("reader").unwrap().view().holder().unwrap().0,
        "bob@ci 9"
    );
}

#[test]
fn of_two_processes_that_find_the_same_torn_tail_one_is_fenced() {
    let bench = three_segments();
    bench.store.put(&Bench::key(3), b"{\"form");
    let mut one = bench.open("one").unwrap();
    let mut two = bench.open("two").unwrap();
    bench.append(&mut one, vec![attached("one")]).unwrap();
    let error = bench.append(&mut two, vec![attached("two")]).unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");
}

#[test]
fn a_tail_of_zeros_is_torn_too() {
    let bench = three_segments();
    let mut bytes = bench.store.bytes(&Bench::key(3)).unwrap();
    let half = bytes.len() - 20;
    bytes[half..].fill(0);
    bench.store.put(&Bench::key(3), &bytes);
    assert_eq!(bench.open("reader").unwrap().next(), 3);
}

#[test]
fn a_torn_segment_in_the_middle_or_in_s3_is_damage() {
    let bench = three_segments();
    let whole = bench.store.bytes(&Bench::key(3)).unwrap();
    bench.store.put(&Bench::key(3), &whole[..whole.len() - 1]);
    let strict = Writer {
        nonce: "reader".to_owned(),
        tail: TornTail::Refused,
    };
    let opened = block_on(
        &bench.clock,
        Journal::open(&bench.store, &bench.clock, scope(), strict),
    );
    assert!(matches!(opened, Err(JournalError::Corrupt { line: 1, .. })));

    let bench = three_segments();
    let whole = bench.store.bytes(&Bench::key(2)).unwrap();
    bench.store.put(&Bench::key(2), &whole[..whole.len() - 1]);
    assert!(error(&bench).starts_with("`rollouts/dev-1/journal/000002.jsonl` line 1: "));
}

#[test]
fn a_changed_byte_stops_with_object_and_line() {
    let bench = three_segments();
    let text = bench.store.text(&Bench::key(2)).replace("\"one\"", "\"two\"");
    bench.store.put(&Bench::key(2), text.as_bytes());
    assert_eq!(
        error(&bench),
        "`rollouts/dev-1/journal/000002.jsonl` line 2: the records do not have the SHA-256 that the header states"
    );
}

#[test]
fn a_missing_segment_stops_with_its_name() {
    let bench = three_segments();
    bench.store.remove(&Bench::key(2));
    assert_eq!(
        error(&bench),
        "`rollouts/dev-1/journal/000002.jsonl` is missing, although later segments exist"
    );
}

#[test]
fn a_record_of_an_unknown_kind_stops_with_its_line() {
    let scope = scope();
    let body = "{\"at\":\"2026-11-21T00:00:00Z\",\"record\":\"marked\",\"mark\":\"m\"}\n{\"at\":\"2026-11-21T00:00:00Z\",\"record\":\"blessed\"}\n";
    let bytes = super::super::codec::seal(&scope, 1, "n", body.as_bytes()).unwrap();
    match decode("k", &bytes, &scope, 1) {
        Err(DecodeError::Bad(JournalError::Corrupt { line: 3, why, .. })) => {
            assert!(why.contains("unknown variant `blessed`"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn settled_without_intended_is_damage() {
    let bench = Bench::default();
    let segment = Segment {
        cluster: "dev".to_owned(),
        rollout: scope().rollout,
        seq: 1,
        nonce: "n".to_owned(),
        records: vec![opened(), settled(1, &terminate("i-1"), 1, None)],
    };
    bench
        .store
        .put(&Bench::key(1), &encode(&segment, &scope()).unwrap());
    assert_eq!(
        error(&bench),
        "`rollouts/dev-1/journal/000001.jsonl` line 3: attempt 1 of `terminate-machine i-1` was settled, but not \
         intended"
    );
}

#[test]
fn a_newer_format_is_refused_by_number() {
    let bench = three_segments();
    let text = bench
        .store
        .text(&Bench::key(2))
        .replace("{\"format\":1", "{\"future\":[],\"format\":2");
    bench.store.put(&Bench::key(2), text.as_bytes());
    assert_eq!(
        error(&bench),
        "`rollouts/dev-1/journal/000002.jsonl` has journal format 2; this version of rehull reads up to 1"
    );
}

#[test]
fn unknown_fields_of_a_known_format_are_read_over() {
    let scope = scope();
    let body = "{\"at\":\"2026-11-21T00:00:00Z\",\"record\":\"marked\",\"mark\":\"m\",\"mood\":\"good\"}\n";
    let bytes = super::super::codec::seal(&scope, 1, "n", body.as_bytes()).unwrap();
    let text = String::from_utf8(bytes)
        .unwrap()
        .replacen('{', "{\"weather\":\"fine\",", 1);
    let segment = decode("k", text.as_bytes(), &scope, 1).unwrap();
    assert_eq!(segment.records.len(), 1);
}

#[test]
fn the_journal_of_another_cluster_or_rollout_is_refused() {
    for (what, found) in [
        ("cluster", "\"cluster\":\"prod\""),
        ("rollout", "\"rollout\":\"dev-2\""),
    ] {
        let bench = three_segments();
        let old = if what == "cluster" {
            "\"cluster\":\"dev\""
        } else {
            "\"rollout\":\"dev-1\""
        };
        let text = bench.store.text(&Bench::key(1)).replacen(old, found, 1);
        bench.store.put(&Bench::key(1), text.as_bytes());
        assert!(
            error(&bench).contains(&format!("belongs to {what}")),
            "{}",
            error(&bench)
        );
    }
}

#[test]
fn a_segment_under_the_wrong_number_is_damage() {
    let bench = three_segments();
    bench
        .store
        .put(&Bench::key(3), &bench.store.bytes(&Bench::key(2)).unwrap());
    assert!(error(&bench).contains("the header says segment 2"));
}

proptest! {
    #[test]
    fn no_flipped_byte_in_the_records_goes_unnoticed(position in 0usize..400, mask in 1u8..=255) {
        let segment = Segment {
            cluster: "dev".to_owned(),
            rollout: scope().rollout,
            seq: 1,
            nonce: "n".to_owned(),
            records: vec![opened(), attached("ann"), intended(1, &terminate("i-1"), 1)],
        };
        let mut bytes = encode(&segment, &scope()).unwrap();
        let body = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        let at = body + position % (bytes.len() - body);
        bytes[at] ^= mask;
        prop_assert!(decode("k", &bytes, &scope(), 1).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode("k", &bytes, &scope(), 1).is_err());
    }
}
