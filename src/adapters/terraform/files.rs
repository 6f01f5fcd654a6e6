//! The folder of a run. All of it is for its owner alone: streams and plans show values that are secret.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::TerraformError;
use crate::adapters::scratch::LIFE;

/// Of a complaint, a reason and a sentence on it.
const LAST_LINES: usize = 6;

/// Where the plan of a try is made, and where it is shown for the gate.
pub(super) const PLAN: &str = "plan";
pub(super) const SHOW: &str = "show";

/// Standard output: the `-json` stream, or the document of `show`.
pub(super) fn stream_in(run: &Path) -> PathBuf {
    run.join("stream.jsonl")
}

/// Standard error: complaints about the command line configuration, and whatever providers print.
pub(super) fn errors_in(run: &Path) -> PathBuf {
    run.join("stderr.txt")
}

/// Exit code, written when the process has ended.
pub(super) fn result_in(run: &Path) -> PathBuf {
    run.join("result")
}

/// What was asked for, and the process group.
pub(super) fn asked_in(run: &Path) -> PathBuf {
    run.join("run.json")
}

/// Locked for as long as any process of the run lives.
pub(super) fn life_in(run: &Path) -> PathBuf {
    run.join(LIFE)
}

/// That it was interrupted: a second interrupt makes Terraform drop everything where it stands.
pub(super) fn interrupted_in(run: &Path) -> PathBuf {
    run.join("interrupted")
}

pub(super) fn plan_in(run: &Path) -> PathBuf {
    run.join("plan")
}

/// A folder of its own for each run; returned as it is called from everywhere, because Terraform works in another one.
pub(super) fn create(run: &Path) -> Result<PathBuf, TerraformError> {
    let mut builder = DirBuilder::new();
    match builder.mode(0o700).recursive(false).create(run) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(TerraformError::SecondRun(run.to_owned()));
        }
        other => other.map_err(TerraformError::file(run))?,
    }
    run.canonicalize().map_err(TerraformError::file(run))
}

/// What a try has of its plan: the file, and what was shown of it, whole or half.
pub(super) fn forget_plan(attempt: &Path) -> io::Result<()> {
    for path in [plan_in(&attempt.join(PLAN)), stream_in(&attempt.join(SHOW))] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A new file that nobody else may read.
pub(super) fn new(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// A saved plan, named by its content. Whoever can change the file can have any program run by `apply` (seen: a provisioner's
/// command replaced inside it), and its own format has no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    path: PathBuf,
    sha256: String,
}

impl PlanFile {
    /// The plan that a run has just written.
    ///
    /// # Errors
    /// The run has written none.
    pub fn of_run(run: &Path) -> Result<Self, TerraformError> {
        let path = plan_in(run)
            .canonicalize()
            .map_err(TerraformError::file(plan_in(run)))?;
        let sha256 = sha256(&path)?;
        Ok(Self { path, sha256 })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn verify(&self) -> Result<(), TerraformError> {
        let found = sha256(&self.path)?;
        if found == self.sha256 {
            return Ok(());
        }
        Err(TerraformError::PlanChanged {
            path: self.path.clone(),
            planned: self.sha256.clone(),
            found,
        })
    }
}

fn sha256(path: &Path) -> Result<String, TerraformError> {
    let mut hash = Sha256::new();
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hash));
    copied.map_err(TerraformError::file(path))?;
    Ok(hex::encode(hash.finalize()))
}

/// Content of a small file; `None`: there is none.
pub(super) fn small(path: &Path) -> Result<Option<String>, TerraformError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TerraformError::file(path)(error)),
    }
}

/// The end of what a program has said for people, in one line: frames and empty lines are left out.
pub(super) fn last_words(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let frame = |letter: char| letter.is_whitespace() || ('\u{2500}'..='\u{257f}').contains(&letter);
    let lines = text.lines().map(|line| line.trim_matches(frame));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let words = lines
        .get(lines.len().saturating_sub(LAST_LINES)..)
        .unwrap_or_default()
        .join(" ");
    if words.is_empty() {
        "it said nothing".to_owned()
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_program_are_one_line_without_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr");
        assert_eq!(last_words(&path), "it said nothing");
        fs::write(
            &path,
            "\u{2577}\n\u{2502} Error: LocalState not locked\n\u{2502} \n\u{2502} No lock was there.\n\u{2575}\n",
        )
        .unwrap();
        assert_eq!(
            last_words(&path),
            "Error: LocalState not locked No lock was there."
        );
    }
}
