//! What EC2 and the machines themselves say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{
    ContentDigest, Generation, InstanceId, InterfaceId, LaunchTemplateName, LaunchTemplateVersion, SlotName,
    VolumeId, Zone,
};

/// Tag keys. Colons are legal in instance metadata, slashes are not: a `/` would make the launch fail.
pub mod tag {
    /// Cluster name; every machine, volume and interface of the cluster carries it.
    pub const CLUSTER: &str = "rehull:cluster";
    /// Slot (member) name.
    pub const SLOT: &str = "rehull:slot";
    /// Data directory number.
    pub const GENERATION: &str = "rehull:generation";
    /// `bootstrap`, `existing` or `reattach`.
    pub const JOIN: &str = "rehull:join";
    /// Content digest that the machine was booted with.
    pub const DIGEST: &str = "rehull:digest";
    /// Rollout that launched the machine.
    pub const ROLLOUT: &str = "rehull:rollout";
    /// Set when the machine may start etcd: the rollout, and [`WITH_SPARE`] where the spare is in the member list.
    pub const GO: &str = "rehull:go";
    /// Second word of [`GO`]: the member list holds the spare, and `--initial-cluster` has to.
    pub const WITH_SPARE: &str = "with-spare";
    /// Set when the machine shall stop etcd gracefully and unmount its volume.
    pub const STOP: &str = "rehull:stop";
}

/// How a machine's etcd starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// First member of a new cluster; a blank volume may be formatted.
    Bootstrap,
    /// New member of a running cluster: empty data directory of a new generation.
    Existing,
    /// The same member on its own data.
    Reattach,
}

impl Join {
    /// The value of the tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Existing => "existing",
            Self::Reattach => "reattach",
        }
    }
}

/// Everything EC2, S3 boot reports and launch templates say about the etcd slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetView {
    /// All machines with this cluster's tags, in any state, sorted by launch time then id.
    pub machines: Vec<Machine>,
    /// Persistent parts per slot. A slot that is missing here was not found.
    pub slots: BTreeMap<SlotName, SlotParts>,
    /// Versions per launch template, ascending. A template that does not exist is absent.
    pub templates: BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>,
}

impl FleetView {
    /// The machines of a slot that are not on their way to `terminated`.
    pub fn live_in<'a>(&'a self, slot: &SlotName) -> impl Iterator<Item = &'a Machine> {
        self.machines
            .iter()
            .filter(move |machine| machine.slot == *slot && machine.is_live())
    }
}

/// One VM seen whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Instance id.
    pub id: InstanceId,
    /// Slot from its tag.
    pub slot: SlotName,
    /// EC2's word.
    pub state: MachineState,
    /// Zone it runs in.
    pub zone: Option<Zone>,
    /// Launch template version it was launched from, if EC2 says.
    pub template_version: Option<LaunchTemplateVersion>,
    /// From its tag.
    pub digest: Option<ContentDigest>,
    /// From its tag.
    pub generation: Option<Generation>,
    /// From its tag.
    pub join: Option<Join>,
    /// The go tag is set.
    pub go: bool,
    /// The stop tag is set.
    pub stop_asked: bool,
    /// Launch time.
    pub launched_at: Option<Timestamp>,
    /// What the machine itself wrote, if anything yet.
    pub report: Option<BootReport>,
}

impl Machine {
    /// It has said that it will not start its etcd: once and for all.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.phase == BootPhase::Refused)
    }

    /// It runs, and has said that it starts its etcd, or has: only a go makes it do so, whether EC2 shows that yet or not.
    #[must_use]
    pub fn says_that_etcd_starts(&self) -> bool {
        let phase = self.report.as_ref().map(|report| &report.phase);
        self.state == MachineState::Running && matches!(phase, Some(BootPhase::Starting | BootPhase::Running))
    }

    /// Not terminated and not on the way there.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.state {
            MachineState::Pending
            | MachineState::Running
            | MachineState::Stopping
            | MachineState::Stopped => true,
            MachineState::ShuttingDown | MachineState::Terminated => false,
            MachineState::Other(_) => true, // fail closed: what we do not know may still hold the volume
        }
    }
}

/// EC2 instance state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// Being placed.
    Pending,
    /// Powered on.
    Running,
    /// Going to `Stopped`.
    Stopping,
    /// Powered off, keeps its devices.
    Stopped,
    /// Going to `Terminated`.
    ShuttingDown,
    /// Gone; its devices are free.
    Terminated,
    /// A word this version does not know.
    Other(String),
}

/// Written by the machine to `boot/<slot>/<instance>.json`; the machine's role may write nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootReport {
    /// Format of this document; 1.
    pub format: u32,
    /// Instance that wrote it.
    pub instance: InstanceId,
    /// How far it is.
    pub phase: BootPhase,
    /// Stable word for a refusal, for example `blank-volume`; empty otherwise.
    #[serde(default)]
    pub code: String,
    /// One sentence for people.
    #[serde(default)]
    pub text: String,
    /// The machine's clock; for people only, never compared.
    #[serde(default)]
    pub at: String,
}

/// How far a machine is, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootPhase {
    /// Fetching and verifying artefacts and certificates.
    Fetching,
    /// Everything verified; waits for volume, interface and go.
    Warm,
    /// The volume is mounted, etcd is being started.
    Starting,
    /// etcd's process runs.
    Running,
    /// etcd was stopped gracefully and the volume is unmounted.
    Stopped,
    /// Will not start etcd; `code` and `text` say why.
    Refused,
    /// A word this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The persistent parts of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotParts {
    /// Network interface.
    pub interface: Part<InterfaceId>,
    /// Data volume.
    pub volume: Part<VolumeId>,
    /// Generation tag of the volume: which data it holds. `None`: never used.
    pub volume_generation: Option<Generation>,
    /// Cluster tag of the volume; a foreign one refuses everything.
    pub volume_cluster: Option<String>,
    /// Address of the interface as EC2 says it.
    pub interface_address: Option<core::net::Ipv4Addr>,
}

/// One attachable thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<Id> {
    /// Which.
    pub id: Id,
    /// Zone it lives in.
    pub zone: Option<Zone>,
    /// Where it is.
    pub attachment: Attachment,
}

/// Where an interface or a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Free.
    Available,
    /// On the way to a machine.
    Attaching(InstanceId),
    /// At a machine.
    Attached(InstanceId),
    /// On the way off; stays so while the guest keeps a volume mounted.
    Detaching(InstanceId),
    /// Deleted, in error, or a word this version does not know.
    Unclear(String),
    /// EC2 does not know the id.
    Missing,
}

impl Attachment {
    /// The machine it is at, coming to or leaving.
    #[must_use]
    pub fn machine(&self) -> Option<&InstanceId> {
        match self {
            Self::Attaching(id) | Self::Attached(id) | Self::Detaching(id) => Some(id),
            Self::Available | Self::Unclear(_) | Self::Missing => None,
        }
    }

    /// Firmly at this machine.
    #[must_use]
    pub fn is_attached_to(&self, machine: &InstanceId) -> bool {
        matches!(self, Self::Attached(id) if id == machine)
    }
}

/// One launch template version, known by the content digest in its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Number.
    pub version: LaunchTemplateVersion,
    /// Digest that rehull (or Terraform) wrote into the description; `None` for versions made by others.
    pub digest: Option<ContentDigest>,
}
