//! The snapshot job against real etcd and the real restore tools, into a folder instead of S3.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rehull::adapters::etcd::{EtcdSnapshots, RestoreTool, SnapshotParts, SnapshotSink};
use rehull::adapters::store_local::LocalStore;
use rehull_core::domain::ids::RolloutId;
use rehull_core::domain::observed::{JobState, SnapshotFact};
use rehull_core::domain::version::EtcdVersion;
use rehull_core::ports::{PortError, SnapshotJobs};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{Cluster, Setup, eventually, toolbox};

/// Keeps what is uploaded; checks that nobody else could have read it on the way.
struct FolderSink(PathBuf);

#[async_trait]
impl SnapshotSink for FolderSink {
    async fn put_file(&self, key: &str, path: &Path) -> Result<(), PortError> {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let to = self.0.join(key);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(path, to).unwrap();
        Ok(())
    }
}

/// Never comes to an end.
struct StuckSink;

#[async_trait]
impl SnapshotSink for StuckSink {
    async fn put_file(&self, _key: &str, _path: &Path) -> Result<(), PortError> {
        std::future::pending().await
    }
}

struct Place {
    dir: TempDir,
    rollout: RolloutId,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            rollout: RolloutId::new("live-2026-11-21-01"),
        }
    }

    async fn jobs(&self, cluster: &Cluster, tool: RestoreTool, sink: Arc<dyn SnapshotSink>) -> EtcdSnapshots {
        EtcdSnapshots::new(SnapshotParts {
            pool: Arc::clone(&cluster.pool),
            store: Arc::new(LocalStore::open(self.dir.path().join("store")).await.unwrap()),
            sink,
            tool,
            scratch: self.dir.path().join("scratch"),
        })
    }

    fn folder(&self) -> Arc<FolderSink> {
        Arc::new(FolderSink(self.dir.path().join("uploaded")))
    }

    async fn start(&self, jobs: &EtcdSnapshots, cluster: &Cluster) {
        jobs.start(&self.rollout, cluster.members(), &cluster.slot(0).name)
            .await
            .unwrap();
    }

    async fn ended(&self, jobs: &EtcdSnapshots) -> JobState<SnapshotFact> {
        eventually("the end of the job", Duration::from_secs(20), async || {
            let state = jobs.observe(&self.rollout).await.unwrap();
            (!matches!(state, JobState::Running { .. })).then_some(state)
        })
        .await
    }

    fn scratch_is_empty(&self) -> bool {
        std::fs::read_dir(self.dir.path().join("scratch"))
            .unwrap()
            .next()
            .is_none()
    }
}

fn tool(version: &str) -> RestoreTool {
    let parsed: EtcdVersion = version.parse().unwrap();
    RestoreTool::new(
        toolbox::binary(version, RestoreTool::program(parsed)).unwrap(),
        parsed,
    )
}

async fn fill(cluster: &Cluster) {
    let mut client = cluster.pool.connect(&cluster.slot(0).client_url()).await.unwrap();
    for n in 0..100 {
        client
            .put(format!("/content/{n}"), vec![b'x'; 10_000], None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_snapshot_is_verified_restored_uploaded_and_then_a_fact_on_3_5() {
    story("3.5.33", "etcdutl 3.5.33 snapshot restore").await;
}

#[tokio::test]
async fn a_snapshot_is_verified_restored_uploaded_and_then_a_fact_on_3_4() {
    story("3.4.23", "etcdctl 3.4.23 snapshot restore").await;
}

async fn story(version: &'static str, restored_by: &str) {
    let Some(cluster) = Cluster::up(Setup::new(version, 3)).await else {
        return;
    };
    fill(&cluster).await;
    let place = Place::new();
    let jobs = place.jobs(&cluster, tool(version), place.folder()).await;
    assert_eq!(jobs.observe(&place.rollout).await, Ok(JobState::Absent));
    place.start(&jobs, &cluster).await;
    place.start(&jobs, &cluster).await;
    let JobState::Done(fact) = place.ended(&jobs).await else {
        panic!("{:?}", jobs.observe(&place.rollout).await);
    };
    let uploaded = std::fs::read(place.dir.path().join("uploaded").join(&fact.key)).unwrap();
    assert_eq!(u64::try_from(uploaded.len()), Ok(fact.bytes));
    assert_eq!(hex::encode(Sha256::digest(&uploaded)), fact.sha256);
    assert!(fact.revision >= 101 && fact.bytes > 1_000_000, "{fact:?}");
    assert_eq!(fact.restored_by, restored_by);
    assert!(place.scratch_is_empty());

    // Another process knows of the fact, and has nothing to do.
    let later = place.jobs(&cluster, tool(version), Arc::new(StuckSink)).await;
    place.start(&later, &cluster).await;
    assert_eq!(later.observe(&place.rollout).await, Ok(JobState::Done(fact)));
}

#[tokio::test]
async fn a_job_that_fails_or_is_dropped_leaves_no_file_and_no_fact() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    let place = Place::new();
    let broken = RestoreTool::new(PathBuf::from("/bin/false"), EtcdVersion::new(3, 5, 33));
    let jobs = place.jobs(&cluster, broken, place.folder()).await;
    place.start(&jobs, &cluster).await;
    let JobState::Failed { why } = place.ended(&jobs).await else {
        panic!("a tool that refuses must fail the job");
    };
    assert_eq!(why, "etcdutl 3.5.33 refuses the snapshot: no word why");
    assert!(place.scratch_is_empty() && !place.dir.path().join("uploaded").exists());

    let jobs = place.jobs(&cluster, tool("3.5.33"), Arc::new(StuckSink)).await;
    place.start(&jobs, &cluster).await;
    eventually("bytes", Duration::from_secs(10), async || {
        let state = jobs.observe(&place.rollout).await.unwrap();
        matches!(state, JobState::Running { bytes } if bytes > 0).then_some(())
    })
    .await;
    assert!(!place.scratch_is_empty());
    drop(jobs);
    eventually(
        "the scratch directory is empty",
        Duration::from_secs(5),
        async || place.scratch_is_empty().then_some(()),
    )
    .await;
    let jobs = place.jobs(&cluster, tool("3.5.33"), place.folder()).await;
    assert_eq!(jobs.observe(&place.rollout).await, Ok(JobState::Absent));
}

#[tokio::test]
async fn nobody_to_take_it_from_is_a_failure_with_a_reason() {
    let Some(mut cluster) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    cluster.kill(0);
    let place = Place::new();
    let jobs = place.jobs(&cluster, tool("3.5.33"), place.folder()).await;
    place.start(&jobs, &cluster).await;
    let JobState::Failed { why } = place.ended(&jobs).await else {
        panic!("nothing can be streamed from a dead member");
    };
    assert!(why.starts_with("streaming from etcd-a: "), "{why}");
    assert!(place.scratch_is_empty());
}
