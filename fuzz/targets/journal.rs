//! A journal: segments and folds as bytes, and everything that is asked of what they say.
//!
//! The input is text, so that seeds can be read: objects with a line `--` between them, numbered from 1. An object is
//! the body of a segment, or of a fold if its first line is `fold`; it gets the header that seals it, because nothing
//! that is fuzzed ever has the right SHA-256 by itself. After a first line `raw` the bytes lie there as they are.

use rehull_core::domain::ids::SlotName;
use rehull_core::journal::{Journal, JournalView, Loaded, TornTail, Writer, keys, load, read_all};
use sha2::{Digest as _, Sha256};

use super::Answer;
use super::store::{Shelf, at_once, refused, scope};

/// Reads a journal as it lies in a directory, and as it lies in S3.
pub(super) fn journal(input: &[u8]) -> Answer {
    let shelf = Shelf::default();
    for (seq, object) in (1..).zip(objects(input)) {
        put(&shelf, seq, object);
    }
    let strict = read(&shelf, TornTail::Refused);
    let lenient = read(&shelf, TornTail::Tolerated);
    assert!(
        lenient <= strict,
        "a journal that S3 may hold is refused in a directory"
    );
    strict
}

fn objects(input: &[u8]) -> Vec<&[u8]> {
    let mut objects = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(4).position(|four| four == b"\n--\n") {
        let (object, tail) = rest.split_at(at + 1);
        objects.push(object);
        rest = tail.get(3..).unwrap_or_default();
    }
    objects.push(rest);
    objects
}

fn put(shelf: &Shelf, seq: u64, object: &[u8]) {
    let rollout = scope().rollout;
    if let Some(bytes) = object.strip_prefix(b"raw\n") {
        shelf.put(&keys::segment(&rollout, seq), bytes);
    } else if let Some(body) = object.strip_prefix(b"fold\n") {
        shelf.put(&keys::fold(&rollout, seq), &sealed(seq, body));
        // A fold is a copy of what its segments say; they are not looked at, as long as it can be read.
        shelf.put(&keys::segment(&rollout, seq), &sealed(seq, b""));
    } else {
        shelf.put(&keys::segment(&rollout, seq), &sealed(seq, object));
    }
}

fn sealed(seq: u64, body: &[u8]) -> Vec<u8> {
    let scope = scope();
    let header = serde_json::json!({
        "format": 1, "cluster": scope.cluster, "rollout": scope.rollout, "seq": seq, "nonce": "fuzz",
        "bytes": body.len(), "sha256": hex::encode(Sha256::digest(body)),
    });
    let mut bytes = header.to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    bytes
}

fn read(shelf: &Shelf, tail: TornTail) -> Answer {
    let scope = scope();
    if let Err(error) = at_once(read_all(shelf, &scope, tail)) {
        refused(&error);
    }
    let writer = Writer {
        nonce: "again".to_owned(),
        tail,
    };
    let opened = at_once(Journal::open(shelf, shelf, scope.clone(), writer));
    match at_once(load(shelf, &scope, tail)) {
        Ok(Loaded { view, .. }) => {
            assert!(opened.is_ok_and(|journal| *journal.view() == view));
            ask(&view);
            Answer::Taken
        }
        Err(error) => {
            assert!(opened.is_err());
            refused(&error)
        }
    }
}

/// Everything that decisions and reports ask of a journal.
fn ask(view: &JournalView) {
    let written = serde_json::to_vec(view).unwrap_or_default();
    let again: JournalView = serde_json::from_slice(&written)
        .unwrap_or_else(|error| panic!("a fold that cannot be read: {error}"));
    assert_eq!(&again, view, "a fold says something else than its segments");
    let slot = SlotName::new("etcd-a");
    let open = view.in_doubt();
    assert!(
        open.iter()
            .all(|past| view.next_attempt(&past.action.key()) == past.attempts)
    );
    assert!(view.told_to_go(&slot).is_none() || !view.is_untouched());
    assert!(view.terminated_at(&slot) >= view.gave_up_at(&slot));
    for (past, done) in view.launches() {
        assert!(view.done_at(&past.action.key()).is_some_and(|at| at == done));
    }
    for mark in view.marks() {
        assert!(view.marked_at(mark).is_some());
    }
}
