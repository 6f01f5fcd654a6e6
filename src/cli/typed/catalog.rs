//! `rehull catalog …`, as it is typed.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct Catalog {
    /// Find APIs, flags, feature gates and pitfalls in which all these words stand
    #[arg(value_name = "WORD")]
    pub(in crate::cli) words: Vec<String>,
    /// Only what comes after this minor of Kubernetes
    #[arg(long, value_name = "MINOR")]
    pub(in crate::cli) from: Option<String>,
    /// Only what has come by this minor of Kubernetes
    #[arg(long, value_name = "MINOR")]
    pub(in crate::cli) to: Option<String>,
}
