//! A private directory that is removed on every path: at the end, on an error, when the job is dropped; and after a
//! kill by the next process that makes one here, because what lies in it is the whole content of the cluster.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "snapshot-";
/// Locked for as long as the process that made the directory lives.
const LOCK: &str = "lock";

pub(super) struct Scratch {
    dir: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a directory (mode 0700) below `root` and removes those that nobody holds any more.
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        sweep(root)?;
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(root)?;
        let lock = File::create(dir.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { dir, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // No lock file: its maker is between making the directory and locking it, or gone; an empty directory can wait.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn names(root: &Path) -> usize {
        fs::read_dir(root).unwrap().count()
    }

    #[test]
    fn a_directory_is_private_and_gone_with_its_job() {
        let root = TempDir::new().unwrap();
        let scratch = Scratch::create(&root.path().join("a/b")).unwrap();
        let mode = fs::metadata(scratch.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(scratch);
        assert_eq!(names(&root.path().join("a/b")), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_a_live_one_holds_is_not() {
        let root = TempDir::new().unwrap();
        let left = root.path().join("snapshot-killed");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::write(left.join("snapshot.db"), "secrets").unwrap();
        fs::create_dir(root.path().join("somebody-else")).unwrap();
        let held = Scratch::create(root.path()).unwrap();
        assert!(!left.exists());
        let other = Scratch::create(root.path()).unwrap();
        assert!(held.path().exists() && other.path().exists());
        assert_eq!(names(root.path()), 3);
    }
}
