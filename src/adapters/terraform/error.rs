//! Why Terraform could not be run, as opposed to what came of a run.

use std::io;
use std::path::PathBuf;

/// It was not run, or what it left cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TerraformError {
    /// No such program, or not executable.
    #[error("cannot start {binary}: {source}; install Terraform 1.11 or later, or name the program")]
    NotStarted {
        /// As it was named.
        binary: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the run.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder has a run already: a second one would write into its files.
    #[error("{0} has a run already; each run wants a folder of its own")]
    SecondRun(PathBuf),
    /// Somebody has put another plan there. A plan file starts programs, so it is not even opened.
    #[error(
        "{path} is not the file that was planned (sha256:{planned}, now sha256:{found}); nothing was run. Plan again"
    )]
    PlanChanged {
        /// The plan.
        path: PathBuf,
        /// Digest after the plan.
        planned: String,
        /// Digest now.
        found: String,
    },
    /// A short command failed; its reason is for people, in English, the end of its standard error. The file with all of it
    /// may be gone with its folder before anybody can look.
    #[error("`terraform {0}` failed ({1}): {2}")]
    Failed(String, String, String),
    /// A folder without a run.
    #[error("{0} has no run of Terraform")]
    NoRun(PathBuf),
}

impl TerraformError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
