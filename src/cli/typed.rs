//! What was typed: texts and options, exactly as clap hands them over. [`super::args`] says what they mean.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::exit::Exit;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "rehull",
    version,
    about = "Upgrades a self-hosted, VM-based cluster one machine at a time, and keeps etcd's quorum on the way",
    after_long_help = Exit::help(),
    propagate_version = false,
    disable_help_subcommand = true,
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
    /// Write the debug log (JSON lines) to this file; a rollout also keeps one of its own
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(super) log: Option<PathBuf>,
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
    /// Render user data and Terraform variables; the same file gives the same bytes
    Render(Render),
    /// Print the version
    Version,
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
