//! What can be wished of this program, as values of the domain; nothing in here reads or does anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rehull_core::adopt::Root;
use rehull_core::domain::ids::{ContentDigest, GroupName, RolloutId, SlotName};
use rehull_core::domain::observed::Wish as Asked;
use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::domain::version::{EtcdVersion, KubernetesMinor, KubernetesVersion};
use rehull_core::plan::RolloutKind;
use rehull_core::sim::rehearse::Part;
use rehull_core::tfplan::Tool;
use rehull_core::world::Timing;

use super::exit::Exit;
use super::failure::Failure;
use crate::sandbox::Harm;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// For pull requests.
    Markdown,
}

/// A command with everything it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `check`; no file means all of `clusters/`.
    Check(Vec<PathBuf>),
    /// `schema`.
    Schema,
    /// `catalog`.
    LookUp(LookingUp),
    /// `render --variables`.
    ListVariables,
    /// `render` of a cluster file.
    Render(PathBuf, Rendering),
    /// `plan`.
    Plan(Planning),
    /// `rehearse`.
    Rehearse(Rehearsing),
    /// `rehearse --scenario`.
    Replay(Replaying),
    /// `apply`, `rollback`, `etcd replace`, `etcd heal`.
    Apply(Change),
    /// `status`.
    Status(Subject),
    /// `resume`.
    Resume(OfRollout),
    /// `abort` and `pause`.
    Ask(OfRollout, Asked),
    /// `report`.
    Report(OfRollout),
    /// `etcd status`.
    EtcdStatus(PathBuf),
    /// `etcd snapshot`.
    EtcdSnapshot(PathBuf),
    /// `plan --infrastructure`, `apply --infrastructure`.
    Infrastructure(InfrastructureChange),
    /// `init`.
    Init(Initialising),
    /// `adopt`.
    Adopt(Adopting),
    /// `adopt --verify-plan`.
    VerifyHandover(Verifying),
    /// `unlock`.
    Unlock(Unlocking),
    /// `sandbox …`.
    Sandbox(SandboxWish),
    /// `version`.
    Version,
}

/// What `plan` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planning {
    /// Cluster file.
    pub file: PathBuf,
    /// Upgrade or bootstrap.
    pub kind: RolloutKind,
    /// Also what a rollback has taken back.
    pub again: bool,
    /// Show every note.
    pub all_notes: bool,
}

/// What `rehearse` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsing {
    /// Cluster file.
    pub file: PathBuf,
    /// What the members run; `None`: what they usually would.
    pub from: Option<EtcdVersion>,
    /// What apiservers and kubelets run; `None`: what they usually would.
    pub kubernetes: Option<KubernetesVersion>,
    /// How many machines groups have, as far as anybody says so.
    pub machines: BTreeMap<GroupName, u32>,
    /// Seconds in which deregistered targets let go of connections.
    pub deregistration_delay_s: Option<u32>,
    /// Only these parts; empty: all of them.
    pub only: BTreeSet<Part>,
    /// Number of undisturbed runs.
    pub seeds: u32,
    /// Also what each likely fault would do.
    pub faults: bool,
}

/// Which scenario is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaying {
    /// Its file.
    pub scenario: PathBuf,
    /// `None`: its own.
    pub seed: Option<u64>,
}

/// A change of a cluster, and how it was agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Cluster file; `None`: where that of the rollout to go back from usually is.
    pub file: Option<PathBuf>,
    /// What kind of change.
    pub kind: RolloutKind,
    /// Also what a rollback has taken back.
    pub again: bool,
    /// Only the plan with this digest.
    pub plan_digest: Option<ContentDigest>,
    /// Do not ask.
    pub yes: bool,
    /// Where unpublished binaries are.
    pub toolbox: Option<PathBuf>,
}

/// A rollout and, if it was named, its cluster file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRollout {
    /// Which.
    pub rollout: RolloutId,
    /// Named by hand.
    pub file: Option<PathBuf>,
}

/// What `status` is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A cluster and its newest rollout.
    Cluster(PathBuf),
    /// Every rollout of a cluster.
    Rollouts(PathBuf),
    /// One rollout.
    Rollout(OfRollout),
}

/// A change around the machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfrastructureChange {
    /// Cluster file.
    pub file: PathBuf,
    /// Folder of the root module.
    pub module: PathBuf,
    /// How it was agreed to; `None`: it is only shown.
    pub consent: Option<Agreed>,
}

/// How a change was agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Only the plan with this digest.
    pub digest: Option<ContentDigest>,
    /// Do not ask.
    pub yes: bool,
}

/// Where a repository begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialising {
    /// Folder.
    pub dir: PathBuf,
    /// Only list.
    pub dry_run: bool,
}

/// What is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopting {
    /// What nobody can see.
    pub mapping: PathBuf,
    /// What Terraform knows; `-` is stdin.
    pub state: Option<PathBuf>,
    /// Folder that is written.
    pub out: PathBuf,
}

/// Which plan has to be the hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifying {
    /// As `terraform show -json` writes it.
    pub plan: PathBuf,
    /// Of which root module.
    pub root: Root,
    /// Made by which program.
    pub tool: Tool,
    /// Folder of the hand-over.
    pub out: PathBuf,
}

/// Which lock of Terraform's state is to be freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlocking {
    /// Cluster file.
    pub file: PathBuf,
    /// Its id, exactly.
    pub lock: String,
    /// Who had it, if a person says that their machine is gone.
    pub destroyed: Option<String>,
}

/// Which part of a rendering is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// One line per slot.
    Overview,
    /// The user data of one slot.
    Slot(SlotName),
    /// The variables file of Terraform.
    Tfvars,
}

/// What a sandbox is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxWish {
    /// Bring one up.
    Up(Up),
    /// Take one down.
    Down(Place),
    /// Look at one.
    Status(Place),
    /// Pin another release.
    Pin(Pin),
    /// Lose a machine on purpose.
    Harm(Harmed),
    /// Show what this program is for.
    Demo(Demo),
}

/// A sandbox by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name.
    pub name: String,
    /// Where sandboxes are kept.
    pub dir: PathBuf,
}

/// What `sandbox up` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// Which and where.
    pub place: Place,
    /// Number of members.
    pub members: u8,
    /// How members are replaced; `None`: what fits their number.
    pub strategy: Option<EtcdStrategy>,
    /// etcd release.
    pub etcd: EtcdVersion,
    /// Where binaries are: `DIR/etcd/VERSION/BINARY`.
    pub toolbox: Option<PathBuf>,
    /// How long things take.
    pub timing: Timing,
    /// Terraform makes launch template versions.
    pub terraform: bool,
    /// Kubernetes release of a control plane.
    pub control_plane: Option<String>,
    /// Lay the ground only: no machine, no etcd.
    pub empty: bool,
}

/// What `sandbox pin` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Which and where.
    pub place: Place,
    /// etcd release; `None`: its pin stays.
    pub etcd: Option<EtcdVersion>,
    /// Kubernetes release; `None`: its pin stays.
    pub kubernetes: Option<KubernetesVersion>,
    /// Where binaries are: `DIR/etcd/VERSION/BINARY`, `DIR/kubernetes/VERSION/BINARY`.
    pub toolbox: Option<PathBuf>,
}

/// What a loss on purpose is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harmed {
    /// In which sandbox.
    pub place: Place,
    /// Whose machine.
    pub member: String,
    /// What.
    pub harm: Harm,
}

/// What the demo is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Which sandbox; one of this name is taken down first.
    pub place: Place,
    /// Number of members.
    pub members: u8,
    /// Release before.
    pub from: EtcdVersion,
    /// Release afterwards.
    pub to: EtcdVersion,
    /// Where binaries are.
    pub toolbox: Option<PathBuf>,
    /// Leave the sandbox up.
    pub keep: bool,
}

/// What of the catalogue is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookingUp {
    /// All of them stand in what is found.
    pub words: Vec<String>,
    /// Only what comes after this minor.
    pub from: Option<KubernetesMinor>,
    /// Only what has come by this one.
    pub to: Option<KubernetesMinor>,
}

impl Wish {
    /// `markdown` is a form of reports; elsewhere it would be a surprise.
    ///
    /// # Errors
    /// The format does not exist for this command.
    pub fn takes(&self, format: Format) -> Result<(), Failure> {
        match (self, format) {
            (_, Format::Text | Format::Json) => Ok(()),
            (Self::Report(_), Format::Markdown) => Ok(()),
            (_, Format::Markdown) => {
                let failure = Failure::new(
                    Exit::Usage,
                    "usage::output",
                    "only `rehull report` writes markdown",
                );
                Err(failure.help("use `--output text` or `--output json`"))
            }
        }
    }
}
