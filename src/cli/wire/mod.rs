//! The only place that builds adapters: from a cluster file and the environment to open doors.

mod credentials;
mod load;
mod publish;
mod serving;
mod stall;
pub mod terraform;
mod tls;
mod trap;
mod workers;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::desired::{AwsTarget, StoreLocation};
use rehull_core::executor::Ports;
use rehull_core::journal::TornTail;
use rehull_core::ports::{Clock, LeaseState, PortError, Store, StoreError, TerraformJobs};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::cluster_file::ClusterFile;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use crate::adapters::artefacts::{ArtefactStore, Pinned};
use crate::adapters::aws::{AwsClients, AwsLaunchTemplates, AwsMachines, AwsSlotParts};
use crate::adapters::clock::{SystemClock, Wake, within};
use crate::adapters::etcd::{EtcdPool, EtcdSnapshots, RestoreTool, SnapshotParts, UnusableTls};
use crate::adapters::kube::KubeApi;
use crate::adapters::snapshots_s3::SnapshotBucket;
use crate::adapters::store_local::LocalStore;
use crate::adapters::store_s3::S3Store;
use crate::adapters::terraform::TerraformRuns;
use crate::sandbox::faults::Trap;

pub use load::Load;
pub use publish::Pins;
pub use stall::Stalls;

/// Everything that one cluster's commands touch.
pub struct World {
    machines: AwsMachines,
    parts: AwsSlotParts,
    templates: AwsLaunchTemplates,
    etcd: Arc<EtcdPool>,
    snapshots: EtcdSnapshots,
    store: Arc<dyn Store>,
    artefacts: ArtefactStore,
    snapshots_at: String,
    clock: SystemClock,
    serving: Option<serving::Serving>,
    kube: Option<KubeApi>,
    terraform: Option<TerraformRuns>,
    trap: Option<Arc<Trap>>,
    /// How this store loses power.
    pub tail: TornTail,
}

impl World {
    /// Opens all doors, after asking AWS whose credentials these are: nothing of another account is ever read.
    ///
    /// # Errors
    /// Credentials, certificate or store cannot be used, or belong to another account than the cluster file names.
    pub async fn connect(file: &ClusterFile, environment: &Environment) -> Result<Self, Failure> {
        let desired = &file.desired;
        let clients = credentials::clients(file, environment).await?;
        credentials::check(&clients, file).await?;
        let of_etcd = (file, tls::Shown::Etcd, &desired.etcd.client_tls);
        let pem = tls::client_tls(of_etcd, environment, &clients).await?;
        let unusable = |error: UnusableTls| tls::unusable(file, tls::Shown::Etcd, &error.to_string());
        let etcd = EtcdPool::new(&pem).map_err(unusable)?;
        let serving = match &desired.control_plane {
            Some(role) => Some(serving::Serving::connect(file, role, environment, &clients).await?),
            None => None,
        };
        let kube = match &desired.workers {
            Some(role) => Some(workers::connect(file, role, environment, &clients).await?),
            None => None,
        };
        let etcd = Arc::new(etcd);
        let trap = trap::set(file, environment)?;
        let (store, tail) = store(file, &clients).await?;
        let store = trap::store(store, trap.as_ref());
        let snapshots = EtcdSnapshots::new(SnapshotParts {
            pool: Arc::clone(&etcd),
            store: Arc::clone(&store),
            sink: Arc::new(SnapshotBucket::new(clients.clone(), desired.snapshots.clone())),
            tool: RestoreTool::new(restore_tool(file).1, desired.etcd.version),
            scratch: PathBuf::from(SCRATCH),
        });
        Ok(Self {
            machines: AwsMachines::new(clients.clone(), &desired.artefacts, &desired.cluster),
            parts: AwsSlotParts::new(clients.clone()),
            templates: AwsLaunchTemplates::new(clients.clone()),
            etcd,
            snapshots,
            store,
            artefacts: ArtefactStore::new(clients, desired.artefacts.clone()),
            snapshots_at: format!("s3://{}/{}", desired.snapshots.bucket, desired.snapshots.prefix),
            clock: SystemClock::new(),
            serving,
            kube,
            terraform: terraform::runs(file, environment),
            trap,
            tail,
        })
    }

    /// The doors, for the executor.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            machines: &self.machines,
            parts: &self.parts,
            templates: &self.templates,
            etcd: self.etcd.as_ref(),
            membership: self.etcd.as_ref(),
            probe: self.etcd.as_ref(),
            snapshots: &self.snapshots,
            serving: self.serving.as_ref().map(serving::Serving::ports),
            kube: self.kube.as_ref().map(workers::ports),
            terraform: self.terraform.as_ref().map(|runs| -> &dyn TerraformJobs { runs }),
            store: self.store.as_ref(),
            clock: &self.clock,
        }
    }

    /// Journal, lease, mailbox, identity.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Terraform, if the cluster file names a module.
    #[must_use]
    pub const fn terraform(&self) -> Option<&TerraformRuns> {
        self.terraform.as_ref()
    }

    /// In front of the keys of snapshots.
    #[must_use]
    pub fn snapshots_at(&self) -> &str {
        &self.snapshots_at
    }

    /// What the loop, and what runs beside it, is told of the lease.
    #[must_use]
    pub fn lease(&self, kept: Arc<dyn LeaseState>) -> Arc<dyn LeaseState> {
        trap::lease(kept, self.trap.as_ref())
    }

    /// The clock of the loop.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    /// Cuts the loop's sleep short.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.clock.wake_handle()
    }

    /// Fetches the program that test-restores snapshots, if it is not here yet. The machines run the same bytes.
    ///
    /// # Errors
    /// It is not published, or cannot be written here.
    pub async fn fetch_restore_tool(&self, file: &ClusterFile) -> Result<(), Failure> {
        let (pinned, path) = restore_tool(file);
        if path.is_file() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error))?;
        }
        self.artefacts
            .fetch(&pinned, &path)
            .await
            .map_err(|error| publish::artefact(&error))
    }
}

/// Programs of this machine, by content; they are fetched again when they are missing.
pub const TOOLS: &str = ".rehull/tools";
/// Snapshots and plans of Terraform on their way: private, removed when they have arrived.
const SCRATCH: &str = ".rehull/scratch";

/// Removes what was fetched of [`TOOLS`].
///
/// # Errors
/// It is there and cannot be removed.
pub fn forget_tools() -> std::io::Result<()> {
    match std::fs::remove_dir_all(TOOLS) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The pinned program that can restore snapshots of the pinned release (and of the one before), and where it is kept.
fn restore_tool(file: &ClusterFile) -> (Pinned, PathBuf) {
    let etcd = &file.desired.etcd;
    let name = RestoreTool::program(etcd.version);
    let sha256 = etcd.machine.binaries.get(name).cloned().unwrap_or_default();
    let path = Path::new(TOOLS).join(&sha256).join(name);
    (
        Pinned {
            name: name.to_owned(),
            sha256,
        },
        path,
    )
}

/// A clock of its own, for work beside the loop: what wakes the loop must not wake a lease.
#[must_use]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// The runtime of commands that talk to somebody.
///
/// # Errors
/// The system has no threads or files left.
pub fn runtime() -> Result<Runtime, Failure> {
    let failed =
        |error: io::Error| Failure::new(Exit::Refused, "system::runtime", "cannot start").because(&error);
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(failed)
}

/// Lets a task of this process come to its end, if it does so soon.
pub async fn finish(task: JoinHandle<()>) {
    // What it still had to write is best effort; a store that hangs must not hold the end of a rollout up.
    let _ = within(Duration::from_secs(3), task).await;
}

async fn store(file: &ClusterFile, clients: &AwsClients) -> Result<(Arc<dyn Store>, TornTail), Failure> {
    match &file.desired.store {
        StoreLocation::S3(location) => Ok((
            Arc::new(
                S3Store::new(clients.clone(), location.clone()).reached_at(file.desired.aws.endpoint.clone()),
            ),
            TornTail::Refused,
        )),
        StoreLocation::Local { path } => {
            let opened = LocalStore::open(file.beside(path))
                .await
                .map_err(|error| Failure::store(&error))?;
            Ok((Arc::new(opened), TornTail::Tolerated))
        }
    }
}

/// The endpoint is on this machine: a sandbox or a test double, never a cloud.
fn is_loopback(target: &AwsTarget) -> bool {
    let host = target
        .endpoint
        .as_deref()
        .and_then(|endpoint| endpoint.split_once("://"))
        .map(|(_, rest)| rest);
    let host = host
        .and_then(|rest| rest.split(['/', ':']).next())
        .unwrap_or_default();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What AWS answered, in terms of what to do.
fn aws(error: &PortError, place: &str) -> Failure {
    let (code, help) = match error {
        PortError::NotSent { .. } => (
            "aws::unreachable",
            "check the network, `aws.endpoint` and your credentials",
        ),
        PortError::Denied { .. } => (
            "aws::denied",
            "log in again, or ask for the permission that is named",
        ),
        PortError::OutcomeUnknown { .. }
        | PortError::NotYetVisible { .. }
        | PortError::Throttled { .. }
        | PortError::Refused { .. }
        | PortError::Gone { .. }
        | PortError::Unreadable { .. } => (
            "aws::answer",
            "run it again; if it stays, look at the words above",
        ),
    };
    Failure::new(
        Exit::Refused,
        code,
        format!("AWS ({place}) does not say whose credentials these are"),
    )
    .because(error)
    .help(help)
}

impl Failure {
    /// The store does not do what it was asked.
    #[must_use]
    pub fn store(error: &StoreError) -> Self {
        let (code, help) = match error {
            StoreError::Denied { .. } => ("store::denied", "give these credentials the right that is named"),
            StoreError::Unavailable { .. } => {
                ("store::unavailable", "check bucket or folder, network and room")
            }
            StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. } => {
                ("store::again", "run it again")
            }
        };
        Self::new(Exit::Refused, code, "the store cannot be used")
            .because(error)
            .help(help)
    }
}
