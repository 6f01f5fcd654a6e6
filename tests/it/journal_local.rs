//! The journal in a directory: files that lost their end, a disk that is full, writers that race.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehull::adapters::store_local::LocalStore;
use rehull_core::journal::{Journal, JournalError, TornTail, keys};

use crate::journal_contract::{
    a_journal_has_one_writer_at_a_time, attached, marked, of_many_writers_every_segment_has_one, opened,
    scope, writer,
};
use crate::lease_contract::HurriedClock;
use crate::store_local::{FULL_DISK, on_a_full_disk};

async fn store(directory: &Path) -> LocalStore {
    LocalStore::open(directory).await.unwrap()
}

fn file(directory: &Path, seq: u64) -> PathBuf {
    directory.join(keys::segment(&scope().rollout, seq))
}

async fn three_segments(directory: &Path) {
    let (store, clock) = (store(directory).await, HurriedClock::default());
    let mut journal = Journal::open(&store, &clock, scope(), writer("first", TornTail::Tolerated))
        .await
        .unwrap();
    for record in [
        opened(&clock),
        attached(&clock, "first@host 1"),
        marked(&clock, "joined etcd-a"),
    ] {
        journal.append(vec![record]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_carries_the_fence() {
    let directory = tempfile::tempdir().unwrap();
    a_journal_has_one_writer_at_a_time(Arc::new(store(&directory.path().join("one")).await)).await;
    of_many_writers_every_segment_has_one(Arc::new(store(&directory.path().join("many")).await)).await;
}

#[tokio::test]
async fn a_journal_whose_last_file_lost_its_end_goes_on_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    three_segments(directory.path()).await;
    let last = file(directory.path(), 3);
    let whole = std::fs::read(&last).unwrap();
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&last, &whole[..length]).unwrap();
        let (store, clock) = (store(directory.path()).await, HurriedClock::default());
        let who = writer(&format!("after {length}"), TornTail::Tolerated);
        let mut journal = Journal::open(&store, &clock, scope(), who).await.unwrap();
        assert!(
            journal.notes()[0].contains("treated as not written"),
            "{:?}",
            journal.notes()
        );
        assert_eq!(journal.view().marked_at("joined etcd-a"), None);
        journal
            .append(vec![attached(&clock, "second@host 2")])
            .await
            .unwrap();
        let reader = writer("reader", TornTail::Tolerated);
        let read = Journal::open(&store, &clock, scope(), reader).await.unwrap();
        assert_eq!((read.next(), read.notes().len()), (4, 0));
        assert_eq!(
            read.view().holder().map(|(holder, _)| holder),
            Some("second@host 2")
        );
    }
}

#[tokio::test]
async fn a_damaged_file_in_the_middle_stops_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    three_segments(directory.path()).await;
    let middle = file(directory.path(), 2);
    let text = std::fs::read_to_string(&middle)
        .unwrap()
        .replace("first@host", "other@host");
    std::fs::write(&middle, text).unwrap();
    let (store, clock) = (store(directory.path()).await, HurriedClock::default());
    let who = writer("reader", TornTail::Tolerated);
    let Err(error) = Journal::open(&store, &clock, scope(), who).await else {
        panic!("read")
    };
    assert_eq!(
        error.to_string(),
        "`rollouts/dev-1/journal/000002.jsonl` line 2: the records do not have the SHA-256 that the header states"
    );
}

#[tokio::test]
async fn a_full_disk_while_journaling_leaves_the_journal_as_it_was() {
    let Some(directory) = std::env::var_os(FULL_DISK) else {
        return on_a_full_disk("journal_local::a_full_disk_while_journaling_leaves_the_journal_as_it_was");
    };
    let directory = PathBuf::from(directory);
    three_segments(&directory).await;
    std::fs::write(directory.join("ballast"), vec![0; 1 << 20]).unwrap_err();
    let (store, clock) = (store(&directory).await, HurriedClock::default());
    let who = writer("second", TornTail::Tolerated);
    let mut journal = Journal::open(&store, &clock, scope(), who).await.unwrap();
    let error = journal
        .append(vec![marked(&clock, &"x".repeat(1 << 18))])
        .await
        .unwrap_err();
    let JournalError::Unwritten { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("No space left on device"), "{source}");
    let reader = writer("reader", TornTail::Tolerated);
    let read = Journal::open(&store, &clock, scope(), reader).await.unwrap();
    assert_eq!((read.next(), read.notes().len()), (4, 0));
}
