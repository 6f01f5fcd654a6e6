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
    /// The name does not fit into bucket names.
    #[error("`{name}` is no name for a sandbox: 3 to 20 of a-z, 0-9 and -, beginning with a letter")]
    Name {
        /// What was given.
        name: String,
    },
    /// Not that many slots.
    #[error("{members} members: a sandbox has 1, 3, 5 or 7")]
    Members {
        /// What was given.
        members: u8,
    },
    /// The toolbox lacks this version.
    #[error("the toolbox has no `{path}`")]
    Toolbox {
        /// Which binary.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody serves it already.
    #[error("`{state}` is served by another daemon")]
    Running {
        /// Directory of the sandbox.
        state: PathBuf,
    },
    /// A sandbox of this name exists and is not what was asked for.
    #[error("the sandbox `{name}` exists with other members, version or timing")]
    Differs {
        /// Name.
        name: String,
    },
    /// A folder of this name is there and is no sandbox.
    #[error("`{folder}` is no sandbox, so it is neither used nor removed")]
    Foreign {
        /// Which.
        folder: PathBuf,
    },
    /// Nothing to harm.
    #[error("`{member}` has no machine")]
    NoMachine {
        /// Member.
        member: String,
    },
    /// There is none of this name.
    #[error("there is no sandbox `{name}` in `{dir}`")]
    Absent {
        /// Name.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The daemon ended or did not answer.
    #[error("the sandbox did not come up: {why}")]
    NotUp {
        /// The end of its log.
        why: String,
    },
    /// The daemon does not answer sensibly.
    #[error("the sandbox at {endpoint} does not answer: {why}")]
    Silent {
        /// Where.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// Something of it is still alive.
    #[error("`{name}` is not down: {what}")]
    StillUp {
        /// Name.
        name: String,
        /// What lives.
        what: String,
    },
}

impl SandboxError {
    /// For `map_err`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
