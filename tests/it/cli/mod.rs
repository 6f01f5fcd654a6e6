//! The program as a person runs it: words, streams, exit codes.

mod advice;
mod files;
mod help;
mod rehearse;

use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;

/// One run of the program.
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// The answer.
    pub(crate) out: String,
    /// Everything else.
    pub(crate) err: String,
}

impl Run {
    /// The answer as a document.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\n{}", self.out, self.err))
    }
}

/// Runs `rehull` in `folder` with an empty environment: what it prints may depend on nothing else.
pub(crate) fn rehull(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = cargo_bin_cmd!("rehull");
    let output = command
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with the example cluster file, changed by `edit`.
pub(crate) fn cluster(edit: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = std::fs::read_to_string(root().join("examples/three-etcd/cluster.yaml")).unwrap();
    std::fs::create_dir(folder.path().join("clusters")).unwrap();
    std::fs::write(folder.path().join("clusters/dev.yaml"), edit(example)).unwrap();
    folder
}
