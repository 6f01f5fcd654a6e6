//! The store in a directory: the contract, and what only files can do to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rehull::adapters::store_local::LocalStore;
use rehull_core::ports::{Store, StoreError};

use crate::lease_contract::{of_many_one_gets_the_lease, the_lease_has_one_holder_at_a_time};
use crate::store_contract::{obeys_the_contract, one_of_many_wins};

/// Tells the re-executed test where the small file system is mounted.
pub(crate) const FULL_DISK: &str = "REHULL_TEST_FULL_DISK";

async fn open(directory: &Path) -> LocalStore {
    LocalStore::open(directory).await.unwrap()
}

fn staged(root: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(root.join(".staging"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_local_store_obeys_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&directory.path().join("new/store")).await);
    obeys_the_contract(&*store).await;
    one_of_many_wins(store).await;
    assert_eq!(
        staged(&directory.path().join("new/store")),
        Vec::<PathBuf>::new(),
        "nothing stays behind"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_local_store_carries_the_lease() {
    let directory = tempfile::tempdir().unwrap();
    the_lease_has_one_holder_at_a_time(Arc::new(open(&directory.path().join("one")).await)).await;
    of_many_one_gets_the_lease(Arc::new(open(&directory.path().join("many")).await)).await;
}

#[tokio::test]
async fn keys_that_leave_the_directory_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for key in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "",
        "a//b",
        ".lock",
        "a/.hidden",
        "a/",
    ] {
        let answer = store.create(key, b"x").await;
        assert!(
            matches!(answer, Err(StoreError::Unavailable { .. })),
            "`{key}`: {answer:?}"
        );
    }
    assert!(matches!(
        store.list("../").await,
        Err(StoreError::Unavailable { .. })
    ));
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_returned_as_it_is() {
    // A torn or foreign file is the journal reader's matter; the store must neither hide nor repair it.
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    std::fs::create_dir_all(directory.path().join("journal")).unwrap();
    std::fs::write(directory.path().join("journal/000001.jsonl"), b"{\"rec").unwrap();
    assert_eq!(store.list("journal/").await.unwrap(), ["journal/000001.jsonl"]);
    assert_eq!(
        store.get("journal/000001.jsonl").await.unwrap().unwrap().bytes,
        b"{\"rec"
    );
}

#[tokio::test]
async fn a_write_that_was_cut_off_leaves_the_old_object() {
    // What a kill between staging and moving leaves: a staged file that no key names.
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    store.create("lease.json", b"old").await.unwrap();
    std::fs::write(directory.path().join(".staging/left-behind"), b"half of a ne").unwrap();
    assert_eq!(store.get("lease.json").await.unwrap().unwrap().bytes, b"old");
    assert_eq!(store.list("").await.unwrap(), ["lease.json"]);
}

#[tokio::test]
async fn a_full_disk_is_unavailable_with_the_systems_words_and_changes_nothing() {
    let Some(directory) = std::env::var_os(FULL_DISK) else {
        return on_a_full_disk(
            "store_local::a_full_disk_is_unavailable_with_the_systems_words_and_changes_nothing",
        );
    };
    let directory = PathBuf::from(directory);
    let store = open(&directory).await;
    let tag = store.create("lease.json", b"held").await.unwrap();

    let (key, big) = ("journal/000001.jsonl", vec![b'x'; 1 << 20]);
    for answer in [
        store.create(key, &big).await,
        store.replace("lease.json", &big, &tag).await,
    ] {
        let Err(StoreError::Unavailable { why, .. }) = &answer else {
            panic!("{answer:?}")
        };
        assert!(why.contains("No space left on device"), "{why}");
    }
    assert_eq!(store.get(key).await.unwrap(), None);
    assert_eq!(store.get("lease.json").await.unwrap().unwrap().bytes, b"held");
    assert_eq!(
        staged(&directory),
        Vec::<PathBuf>::new(),
        "the space is given back"
    );
}

/// Runs the named test again on a file system of 256 KiB, in mount and user namespaces of its own.
pub(crate) fn on_a_full_disk(test: &str) {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=256k rehull-full-disk \"$0\" || exit 77; exec \"$@\"";
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FULL_DISK, directory.path())
        .output();
    match run {
        Ok(output) if output.status.success() => {
            assert!(
                String::from_utf8_lossy(&output.stdout).contains("1 passed"),
                "the test did not run: {output:?}"
            );
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stderr))
        }
        other => {
            // Elsewhere a computer may forbid them.
            assert!(std::env::var_os("REHULL_REQUIRE_TOOLBOX").is_none(), "{other:?}");
            eprintln!("SKIPPED {test}: no user namespaces here ({other:?})");
        }
    }
}
