//! One snapshot of the world with one instant. Partial snapshots are legal; what could not be read has a name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::etcd::EtcdView;
use super::fleet::FleetView;
use super::group::GroupsView;
use super::ids::{AccountId, EtcdClusterId, Region};
use super::kube::KubeView;
use super::terraform::TerraformRun;

/// Everything one tick knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The one "now" of the tick.
    pub at: Timestamp,
    /// Machines, slots, launch templates.
    pub fleet: FleetView,
    /// etcd.
    pub etcd: EtcdView,
    /// Machines that live in groups, and who is sent to them.
    pub groups: GroupsView,
    /// Nodes, and what runs on them; empty where no rollout of nodes looks.
    pub kube: KubeView,
    /// Long work that runs or has ended.
    pub jobs: Jobs,
    /// What the cluster is; absent before bootstrap.
    pub identity: Option<Identity>,
    /// Requests from the mailbox, oldest first.
    pub requests: Vec<Request>,
    /// What could not be read; a decision that needs it waits or stops with this name.
    pub gaps: Vec<Gap>,
}

impl Observed {
    /// The gap in this part, if any.
    #[must_use]
    pub fn gap(&self, part: Part) -> Option<&Gap> {
        self.gaps.iter().find(|gap| gap.part == part)
    }
}

/// A part of the snapshot that can fail on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// EC2 instances.
    Machines,
    /// Interfaces and volumes.
    Slots,
    /// Launch templates.
    Templates,
    /// Boot reports.
    BootReports,
    /// Jobs.
    Jobs,
    /// Identity record.
    Identity,
    /// Mailbox.
    Mailbox,
    /// Auto Scaling groups.
    Groups,
    /// Targets of load balancers.
    Targets,
    /// Nodes, pods and budgets of Kubernetes.
    Kube,
}

impl Part {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Slots => "interfaces and volumes",
            Self::Templates => "launch templates",
            Self::BootReports => "boot reports",
            Self::Jobs => "jobs",
            Self::Identity => "the identity record",
            Self::Mailbox => "the mailbox",
            Self::Groups => "Auto Scaling groups",
            Self::Targets => "targets of load balancers",
            Self::Kube => "nodes and pods",
        }
    }
}

/// Part and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which part is unreadable.
    pub part: Part,
    /// Why, for people.
    pub why: String,
}

/// A value with what could not be read of it.
#[derive(Clone, Debug)]
pub struct Partial<T> {
    /// What was read.
    pub value: T,
    /// What was not.
    pub gaps: Vec<Gap>,
}

/// Written once by bootstrap, compared before the first mutation and at every resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Format of the document; 1.
    pub format: u32,
    /// Cluster name.
    pub cluster: String,
    /// AWS account.
    pub account: AccountId,
    /// AWS region.
    pub region: Region,
    /// etcd cluster id.
    pub etcd_cluster: EtcdClusterId,
}

/// Long work: started by an action, finished by a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jobs {
    /// Snapshot of this rollout.
    pub snapshot: JobState<SnapshotFact>,
    /// The run of Terraform of this rollout; its fact is that EC2 shows the versions.
    pub terraform: TerraformRun,
}

/// Where a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JobState<Fact> {
    /// Not running in this process and no fact found.
    #[default]
    Absent,
    /// Running in this process.
    Running {
        /// Bytes so far.
        bytes: u64,
    },
    /// Failed in this process.
    Failed {
        /// Why.
        why: String,
    },
    /// The fact is in the store.
    Done(Fact),
}

/// A snapshot that was streamed, verified, test-restored and uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFact {
    /// Format of the document; 1.
    pub format: u32,
    /// Object key.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the object, hexadecimal.
    pub sha256: String,
    /// etcd revision in it.
    pub revision: u64,
    /// How it was test-restored, for example `etcdutl 3.5.33 snapshot restore`.
    pub restored_by: String,
}

/// A wish posted without the lease; the holder answers in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Unique id, also the object name.
    pub id: String,
    /// What is wanted.
    pub wish: Wish,
    /// Who asked, for people.
    pub by: String,
}

/// What can be asked of a running rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Drive to the nearest resting place, put back what was altered, end.
    Abort,
    /// Drive to the nearest resting place and exit, resumable.
    Pause,
}
