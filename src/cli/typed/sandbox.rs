//! What is typed about sandboxes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `rehull sandbox …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Sandbox {
    /// Bring a sandbox up and create a cluster in it; one whose daemon has died goes on as it was
    Up(SandboxUp),
    /// Take a sandbox down: no process and no file stays
    Down(SandboxPlace),
    /// Show the machines of a sandbox
    Status(SandboxPlace),
    /// Pin another release in the cluster file of a sandbox, as a pull request would
    Pin(SandboxPin),
    /// Terminate a member's machine behind rehull's back
    Terminate(SandboxMember),
    /// Cut the power of a member's machine; EC2 goes on saying that it runs
    PowerCut(SandboxMember),
    /// Stop a member's machine in its tracks: connections stay open and nobody answers
    Freeze(SandboxMember),
    /// Let a frozen machine go on
    Thaw(SandboxMember),
    /// Upgrade a real cluster under load, prove that nothing was lost, and leave nothing behind
    Demo(SandboxDemo),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxDemo {
    /// Name of the sandbox; one of this name is taken down first
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub(in crate::cli) name: String,
    /// Where sandboxes are kept
    #[arg(long, value_name = "DIR", default_value = ".rehull/sandbox")]
    pub(in crate::cli) dir: PathBuf,
    /// etcd release before
    #[arg(long, value_name = "VERSION", default_value = "3.5.33")]
    pub(in crate::cli) from: String,
    /// etcd release afterwards
    #[arg(long, value_name = "VERSION", default_value = "3.6.14")]
    pub(in crate::cli) to: String,
    /// Number of members
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(in crate::cli) members: u8,
    /// Binaries, as DIR/etcd/VERSION/BINARY [default: where tools/toolbox.sh puts them] [env: REHULL_TOOLBOX]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) toolbox: Option<PathBuf>,
    /// Leave the sandbox up, to look around
    #[arg(long)]
    pub(in crate::cli) keep: bool,
}

/// Which sandbox.
#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxPlace {
    /// Name of the sandbox and of its cluster
    #[arg(long, value_name = "NAME", default_value = "dev")]
    pub(in crate::cli) name: String,
    /// Where sandboxes are kept
    #[arg(long, value_name = "DIR", default_value = ".rehull/sandbox")]
    pub(in crate::cli) dir: PathBuf,
}

/// A member of a sandbox.
#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxMember {
    /// Member, for example etcd-b
    #[arg(value_name = "MEMBER")]
    pub(in crate::cli) member: String,
    #[command(flatten)]
    pub(in crate::cli) place: SandboxPlace,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxPin {
    /// etcd release
    #[arg(value_name = "VERSION", required_unless_present = "kubernetes")]
    pub(in crate::cli) etcd: Option<String>,
    /// Kubernetes release of the control plane
    #[arg(long, value_name = "VERSION")]
    pub(in crate::cli) kubernetes: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) place: SandboxPlace,
    /// Binaries, as DIR/etcd/VERSION/BINARY [default: where tools/toolbox.sh puts them] [env: REHULL_TOOLBOX]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) toolbox: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxUp {
    #[command(flatten)]
    pub(in crate::cli) place: SandboxPlace,
    /// etcd release
    #[arg(long, value_name = "VERSION", default_value = "3.5.33")]
    pub(in crate::cli) etcd: String,
    /// Number of members
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(in crate::cli) members: u8,
    /// How the cluster file says that members are replaced [default: remove-then-add, with one member reattach]
    #[arg(long, value_enum)]
    pub(in crate::cli) strategy: Option<SandboxStrategy>,
    /// How long AWS takes for things: like AWS itself, or fast enough to watch
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) timing: SandboxTiming,
    /// Binaries, as DIR/etcd/VERSION/BINARY and DIR/kubernetes/VERSION/BINARY [default: where tools/toolbox.sh puts them]
    ///
    /// [env: REHULL_TOOLBOX]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) toolbox: Option<PathBuf>,
    /// Terraform makes the launch template versions, from a module that stands in for one with the AWS provider
    #[arg(long)]
    pub(in crate::cli) terraform: bool,
    /// A control plane of this Kubernetes release, too: three machines in an Auto Scaling group behind a load balancer
    #[arg(long, value_name = "VERSION")]
    pub(in crate::cli) control_plane: Option<String>,
    /// Only what machines need; create the cluster yourself with `rehull apply --bootstrap`
    #[arg(long)]
    pub(in crate::cli) empty: bool,
}

/// Values of `--strategy`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum SandboxStrategy {
    /// A new member on an empty disk
    RemoveThenAdd,
    /// The same member on its own disk
    Reattach,
    /// One member more meanwhile; newcomers enter as learners
    LearnerFirst,
}

/// Values of `--timing`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum SandboxTiming {
    /// Scaled down
    #[default]
    Fast,
    /// Medians and tails as published for AWS
    Aws,
}
