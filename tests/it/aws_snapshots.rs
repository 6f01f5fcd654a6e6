//! Keeping snapshots, whatever stands behind the wire.

use rehull::adapters::etcd::SnapshotSink as _;
use rehull::adapters::snapshots_s3::SnapshotBucket;

use crate::account::{Account, location};

pub(crate) async fn a_snapshot_arrives_whole_and_is_never_written_over(account: &Account) {
    let prefix = format!("{}/snapshots/", account.cluster);
    let bucket = SnapshotBucket::new(account.clients(), location(&prefix));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.db");
    let first: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&file, &first).unwrap();
    for _ in 0..2 {
        bucket.put_file("etcd/r1/snapshot.db", &file).await.unwrap();
    }
    std::fs::write(&file, b"another").unwrap();
    bucket.put_file("etcd/r1/snapshot.db", &file).await.unwrap();
    let kept = account.get(&format!("{prefix}etcd/r1/snapshot.db")).await;
    assert!(kept == first, "{} bytes came back", kept.len());

    let gone = bucket
        .put_file("etcd/r2/snapshot.db", &folder.path().join("none"))
        .await;
    assert!(
        gone.as_ref()
            .is_err_and(|error| error.to_string().contains("none")),
        "{gone:?}"
    );
}
