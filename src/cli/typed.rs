//! What was typed: texts and options, exactly as clap hands them over. [`super::args`] says what they mean.

mod catalog;
mod sandbox;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use catalog::Catalog;
pub(super) use sandbox::{Sandbox, SandboxMember, SandboxPlace, SandboxStrategy, SandboxTiming};

use super::exit::Exit;
use crate::sandbox::faults::Fault;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "rehull",
    version,
    about = "Upgrades a self-hosted, VM-based cluster one machine at a time, and keeps etcd's quorum on the way",
    after_long_help = Exit::help(),
    propagate_version = false,
    max_term_width = 110
)]
pub(super) struct Typed {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// How the answer on stdout is written: text, json, or (reports only) markdown
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub(super) output: Output,
    /// Only the answer and errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(super) quiet: bool,
    /// No colour (as NO_COLOR in the environment)
    #[arg(long, global = true, help_heading = "Global options")]
    pub(super) no_color: bool,
    /// Write the debug log (JSON lines) to this file, not to .rehull/rollouts/<ROLLOUT>/debug.log
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(super) log: Option<PathBuf>,
    /// For tests of rehull itself, on loopback only
    #[arg(long, global = true, hide = true, value_name = "FAULT")]
    pub(super) fault: Option<Fault>,
}

/// Values of `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    #[default]
    Text,
    /// For scripts: one versioned document, or one line per event
    Json,
    /// For comments on pull requests (`report` only)
    Markdown,
}

/// One variant per command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read cluster files and say everything that is wrong with them; asks nothing of the network
    Check(Check),
    /// Print the JSON Schema of cluster files, for editors
    Schema,
    /// Print what is known of versions, or find in it what breaks where; asks nothing of the network
    #[command(
        after_help = "Without a word: the releases, until when each is mended, and which etcd goes with it.\n\
                      For example: rehull catalog ingress; rehull catalog --from 1.29 --to 1.34 kubelet flag"
    )]
    Catalog(Catalog),
    /// Render user data and Terraform variables; the same file gives the same bytes
    Render(Render),
    /// Show what would be done, in which order, why, and until when it can be reverted; changes nothing
    Plan(Plan),
    /// Carry out a plan in the simulator, many times: how long it takes, how few members may fail meanwhile, and
    /// what each likely fault would do; asks nothing of the network
    Rehearse(Rehearse),
    /// Carry out what `plan` shows: publish, replace machine by machine, verify
    Apply(Apply),
    /// Show a cluster and its newest rollout, or one rollout
    Status(Status),
    /// Go on with a rollout that was stopped or killed, from any machine
    Resume(OfRollout),
    /// Drive a rollout to its nearest resting place and end it there
    #[command(
        after_help = "A member that is being switched is finished first. If it is the last one of the old minor release, \
                      the nearest resting place is behind the point of no return: after it nothing goes back by \
                      rollback. This is said before anything is done, and asked at a terminal."
    )]
    Abort(OfRollout),
    /// Drive a rollout to its nearest resting place and stop there, resumable
    Pause(OfRollout),
    /// Go back to what the machines were before a rollout, as a new rollout
    Rollback(Rollback),
    /// Show a past or running rollout again, from its journal
    Report(OfRollout),
    /// Write the files of a new repository: cluster files, Terraform, workflows; never over a file that is there
    Init(Init),
    /// Read an existing cluster and write its cluster file and a hand-over for a person; changes nothing
    Adopt(Adopt),
    /// Free the lock of Terraform's state that a killed run has left, once it is certain that nobody works there
    Unlock(Unlock),
    /// etcd alone
    #[command(subcommand)]
    Etcd(Etcd),
    /// A cluster of real processes on this machine
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub(super) struct Unlock {
    /// Cluster file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Id of the lock, exactly
    #[arg(value_name = "LOCK")]
    pub(super) lock: String,
    /// Who has taken it, if that run is certainly gone: what cannot be seen from here is freed only on a person's word
    #[arg(long, value_name = "USER@HOST")]
    pub(super) destroyed: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
    /// List the files and write none
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// What nobody can see: which machine is which member, and the cluster file without its slots
    #[arg(value_name = "MAPPING", required_unless_present = "verify_plan")]
    pub(super) mapping: Option<PathBuf>,
    /// What Terraform knows: `terraform show -json` or `terraform state pull`; `-` is stdin [default: nothing, and
    /// the mapping names every id]
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Folder that is written: new, or empty
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Write nothing: prove that this plan (`terraform show -json`) is the hand-over in DIR and no more
    #[arg(long, value_name = "FILE", requires = "root", conflicts_with_all = ["mapping", "state"])]
    pub(super) verify_plan: Option<PathBuf>,
    /// Whose plan that is: `old` forgets the members, `new` imports their addresses and disks
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "ROOT",
        requires = "verify_plan"
    )]
    pub(super) root: Option<HandoverRoot>,
    /// Who made it, `terraform` or `opentofu`
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "TOOL",
        requires = "verify_plan"
    )]
    pub(super) tool: PlanTool,
}

/// Values of `--root`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum HandoverRoot {
    /// The one that made the cluster
    Old,
    /// The one that `adopt` has written
    New,
}

/// Values of `--tool`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum PlanTool {
    /// Terraform
    #[default]
    Terraform,
    /// OpenTofu
    #[value(name = "opentofu")]
    OpenTofu,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Cluster file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Plan the creation of a new cluster
    #[arg(long)]
    pub(super) bootstrap: bool,
    /// Not the cluster: what Terraform would change in this root module around it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bootstrap", "all"])]
    pub(super) infrastructure: Option<PathBuf>,
    /// Plan it although a rollback has taken just this back
    #[arg(long, conflicts_with = "infrastructure")]
    pub(super) again: bool,
    /// Show every note
    #[arg(long)]
    pub(super) all: bool,
}

/// Parts of a plan; their words say enough.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RehearsedPart {
    Etcd,
    ControlPlane,
    Workers,
}

#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// Cluster file
    #[arg(
        value_name = "FILE",
        required_unless_present = "scenario",
        conflicts_with = "scenario"
    )]
    pub(super) file: Option<PathBuf>,
    /// What the members run now [default: the release from which the pinned minor is best reached]
    #[arg(long, value_name = "VERSION", conflicts_with = "scenario")]
    pub(super) from: Option<String>,
    /// What apiservers and kubelets run now [default: the minor before that of the control plane]
    #[arg(long, value_name = "VERSION", conflicts_with = "scenario")]
    pub(super) kubernetes: Option<String>,
    /// How many machines an Auto Scaling group has now; may be given for each [default: the floor of the control plane, 3 of
    /// each group of workers]
    #[arg(long, value_name = "GROUP=N", conflicts_with = "scenario")]
    pub(super) machines: Vec<String>,
    /// For how long a deregistered target keeps its connections [default: 300, as AWS has it]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=3_600), conflicts_with = "scenario")]
    pub(super) deregistration_delay: Option<u32>,
    /// Only this part of the plan; may be given more than once [default: all that the file has]
    #[arg(long, value_name = "PART", conflicts_with = "scenario")]
    pub(super) only: Vec<RehearsedPart>,
    /// How many undisturbed runs; they have the seeds 1 to N
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "scenario")]
    pub(super) seeds: u32,
    /// Only the undisturbed runs: not what each likely fault would do
    #[arg(long, conflicts_with = "scenario")]
    pub(super) no_faults: bool,
    /// Replay this scenario of the simulator instead, and tell its story
    #[arg(long, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,
    /// Decides every wait of the scenario [default: what the scenario says]
    #[arg(long, value_name = "N", requires = "scenario", conflicts_with = "file")]
    pub(super) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// Cluster file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Create the cluster: once, with blank volumes, and only if it never existed
    #[arg(long)]
    pub(super) bootstrap: bool,
    /// Not the cluster: what Terraform would change in this root module around it; never machines, or what they boot
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    pub(super) infrastructure: Option<PathBuf>,
    /// Roll it out although a rollback has taken just this back
    #[arg(long, conflicts_with = "infrastructure")]
    pub(super) again: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
}

/// How a person agrees to a change.
#[derive(Debug, Args)]
pub(super) struct Consent {
    /// Carry out this plan and no other; binds an approval
    #[arg(long, value_name = "DIGEST")]
    pub(super) plan_digest: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Binaries that are not published yet, as DIR/etcd/VERSION/BINARY [default: where
    /// tools/toolbox.sh puts them, if the release is there] [env: REHULL_TOOLBOX]
    #[arg(long, value_name = "DIR")]
    pub(super) toolbox: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Rollout, or cluster file
    #[arg(value_name = "ROLLOUT|FILE")]
    pub(super) subject: String,
    /// Cluster file of the rollout, if it is not where it usually is
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// List every rollout of the cluster, newest first
    #[arg(long, conflicts_with = "file")]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct OfRollout {
    /// Rollout, for example dev-2026-11-21-01
    #[arg(value_name = "ROLLOUT")]
    pub(super) rollout: String,
    /// Its cluster file, if it is not where it usually is
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    pub(super) of: OfRollout,
    #[command(flatten)]
    pub(super) consent: Consent,
}

/// `rehull etcd …`
#[derive(Debug, Subcommand)]
pub(super) enum Etcd {
    /// Show members, leader, lag, alarms and how many may still fail
    Status(OnlyFile),
    /// Take a snapshot: streamed, verified, test-restored, uploaded where no machine may read it
    Snapshot(OnlyFile),
    /// Replace one member's machine at the pinned content
    Replace(OneMember),
    /// Bring a member that is out back as it was, or as the others are, whatever the file pins
    Heal(OneMember),
}

#[derive(Debug, Args)]
pub(super) struct OnlyFile {
    /// Cluster file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct OneMember {
    /// Member, which is also its slot
    #[arg(value_name = "MEMBER")]
    pub(super) member: String,
    /// Cluster file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) consent: Consent,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Cluster files; without one, all of clusters/*.yaml
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Render {
    /// Cluster file
    #[arg(value_name = "FILE", required_unless_present = "variables")]
    pub(super) file: Option<PathBuf>,
    /// Print the user data of this slot
    #[arg(long, value_name = "NAME", conflicts_with_all = ["tfvars", "variables"])]
    pub(super) slot: Option<String>,
    /// Print rehull.auto.tfvars.json: what Terraform makes launch templates from
    #[arg(long, conflicts_with = "variables")]
    pub(super) tfvars: bool,
    /// List what a template may use
    #[arg(long, conflicts_with = "file")]
    pub(super) variables: bool,
}
