//! What every [`Store`] must do, written once and run against each of them. The journal, the lease and the mailbox rely
//! on nothing else.

use std::sync::Arc;

use rehull_core::ports::{Store, StoreError, Stored, Tag};

/// Runs every clause under keys of its own, so that one store (or one bucket prefix) serves the whole run.
pub(crate) async fn obeys_the_contract(store: &dyn Store) {
    an_absent_key_reads_as_none(store).await;
    what_was_created_is_read_back_with_the_same_tag(store).await;
    the_second_create_conflicts_and_changes_nothing(store).await;
    replace_needs_the_present_version(store).await;
    replace_of_an_absent_key_conflicts(store).await;
    list_is_sorted_and_knows_prefixes(store).await;
    delete_is_repeatable_and_frees_the_key(store).await;
    bytes_are_bytes(store).await;
}

async fn read(store: &dyn Store, key: &str) -> Stored {
    store
        .get(key)
        .await
        .unwrap()
        .unwrap_or_else(|| panic!("`{key}` is absent"))
}

fn is_conflict<T: std::fmt::Debug>(answer: &Result<T, StoreError>, wanted: &str) -> bool {
    matches!(answer, Err(StoreError::Conflict { key }) if key == wanted)
}

async fn an_absent_key_reads_as_none(store: &dyn Store) {
    assert_eq!(store.get("absent/identity.json").await.unwrap(), None);
}

async fn what_was_created_is_read_back_with_the_same_tag(store: &dyn Store) {
    let tag = store.create("made/lease.json", b"one").await.unwrap();
    let stored = read(store, "made/lease.json").await;
    assert_eq!((stored.bytes.as_slice(), &stored.tag), (b"one".as_slice(), &tag));

    let newer = store.replace("made/lease.json", b"two", &tag).await.unwrap();
    let stored = read(store, "made/lease.json").await;
    assert_eq!(
        (stored.bytes.as_slice(), &stored.tag),
        (b"two".as_slice(), &newer)
    );
    assert_ne!(tag, newer);
}

async fn the_second_create_conflicts_and_changes_nothing(store: &dyn Store) {
    let key = "twice/journal/000001.jsonl";
    store.create(key, b"first").await.unwrap();
    let second = store.create(key, b"second").await;
    assert!(is_conflict(&second, key), "{second:?}");
    assert_eq!(read(store, key).await.bytes, b"first");
}

async fn replace_needs_the_present_version(store: &dyn Store) {
    let old = store.create("cas/lease.json", b"holder 1").await.unwrap();
    store.replace("cas/lease.json", b"holder 2", &old).await.unwrap();

    let stale = store.replace("cas/lease.json", b"holder 1 again", &old).await;
    assert!(is_conflict(&stale, "cas/lease.json"), "{stale:?}");
    assert_eq!(read(store, "cas/lease.json").await.bytes, b"holder 2");
}

async fn replace_of_an_absent_key_conflicts(store: &dyn Store) {
    // A lease that was released while we slept is not ours any more: never re-created by a renewal.
    let tag = store.create("released/lease.json", b"mine").await.unwrap();
    store.delete("released/lease.json").await.unwrap();
    let renewal = store.replace("released/lease.json", b"still mine", &tag).await;
    assert!(is_conflict(&renewal, "released/lease.json"), "{renewal:?}");
    assert_eq!(store.get("released/lease.json").await.unwrap(), None);
}

async fn list_is_sorted_and_knows_prefixes(store: &dyn Store) {
    for key in [
        "listed/b/000002.jsonl",
        "listed/b/000001.jsonl",
        "listed/a",
        "listed/bb",
        "listed-not",
    ] {
        store.create(key, b"x").await.unwrap();
    }
    for (prefix, expected) in [
        (
            "listed/",
            vec![
                "listed/a",
                "listed/b/000001.jsonl",
                "listed/b/000002.jsonl",
                "listed/bb",
            ],
        ),
        (
            "listed/b",
            vec!["listed/b/000001.jsonl", "listed/b/000002.jsonl", "listed/bb"],
        ),
        (
            "listed/b/",
            vec!["listed/b/000001.jsonl", "listed/b/000002.jsonl"],
        ),
        ("listed/b/000002", vec!["listed/b/000002.jsonl"]),
        ("listed/nothing/", vec![]),
    ] {
        assert_eq!(store.list(prefix).await.unwrap(), expected, "prefix `{prefix}`");
    }
}

async fn delete_is_repeatable_and_frees_the_key(store: &dyn Store) {
    store.create("gone/request.json", b"abort").await.unwrap();
    store.delete("gone/request.json").await.unwrap();
    store.delete("gone/request.json").await.unwrap();
    assert_eq!(store.get("gone/request.json").await.unwrap(), None);
    store.create("gone/request.json", b"again").await.unwrap();
}

async fn bytes_are_bytes(store: &dyn Store) {
    for (key, bytes) in [
        ("bytes/empty", Vec::new()),
        ("bytes/every-value", (0..=u8::MAX).collect()),
        ("bytes/long-line", vec![b'x'; 300_000]),
    ] {
        store.create(key, &bytes).await.unwrap();
        assert_eq!(read(store, key).await.bytes, bytes, "{key}");
    }
}

/// Tries until an answer is definite, as the journal does: "no definite answer" is settled by trying again, and here
/// every writer's bytes differ, so nobody can take another's write for his own.
async fn definite(store: &dyn Store, key: &str, bytes: &[u8], over: Option<&Tag>) -> Result<Tag, StoreError> {
    loop {
        let answer = match over {
            Some(tag) => store.replace(key, bytes, tag).await,
            None => store.create(key, bytes).await,
        };
        match answer {
            Err(StoreError::OutcomeUnknown { .. }) => {}
            definite => return definite,
        }
    }
}

/// Of several who write at once one wins. Not part of [`obeys_the_contract`], because moto looks first and writes then:
/// on a busy computer two win there.
pub(crate) async fn one_of_many_wins(store: Arc<dyn Store>) {
    of_many_creates_one_wins(Arc::clone(&store)).await;
    of_many_replaces_one_wins(store).await;
}

async fn race(store: Arc<dyn Store>, key: &'static str, over: Option<Tag>) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (store, over) = (Arc::clone(&store), over.clone());
        writers.spawn(async move {
            let bytes = format!("writer {writer}").into_bytes();
            (definite(&*store, key, &bytes, over.as_ref()).await, bytes)
        });
    }
    let mut winners = Vec::new();
    while let Some(finished) = writers.join_next().await {
        let (answer, bytes) = finished.unwrap();
        if answer.is_ok() {
            winners.push(bytes);
        } else {
            assert!(is_conflict(&answer, key), "{answer:?}");
        }
    }
    assert_eq!(
        winners,
        vec![read(&*store, key).await.bytes],
        "exactly one writer may win"
    );
}

async fn of_many_creates_one_wins(store: Arc<dyn Store>) {
    race(store, "race/000001.jsonl", None).await;
}

async fn of_many_replaces_one_wins(store: Arc<dyn Store>) {
    let tag = store.create("race/lease.json", b"nobody's").await.unwrap();
    race(store, "race/lease.json", Some(tag)).await;
}
