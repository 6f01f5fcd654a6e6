//! What can go wrong around a sandbox.

use std::io;
use std::path::PathBuf;

/// Why a sandbox could not be started, asked or taken down.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file or directory of the sandbox.
    #[error("cannot use `{path}`")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A socket.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the sandbox holds something this version cannot read.
    #[error("`{path}` is not readable by this version of rehull: {why}")]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl SandboxError {
    /// For `map_err`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
