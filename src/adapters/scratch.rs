//! A private directory that is removed on every path: at the end, on an error, when the job is dropped; and after a
//! kill by the next process that makes one here, because what lies in it is secret: the whole content of the cluster, or a
//! plan of Terraform.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;

/// Locked for as long as the process that made the directory lives.
const LOCK: &str = "lock";
/// Locked for as long as a program that works in a folder below it lives: it may outlive whoever has started it.
pub(in crate::adapters) const LIFE: &str = "alive";

/// The directory; it goes when this is dropped.
pub struct Scratch {
    dir: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a directory (mode 0700) below `root` whose name begins with `prefix`, and removes those of this prefix that
    /// nobody holds any more.
    pub fn create(root: &Path, prefix: &str) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        sweep(root, prefix)?;
        let dir = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(root)?;
        let lock = File::create(dir.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { dir, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn sweep(root: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        // No lock file: its maker is between making the directory and locking it, or gone; an empty directory can wait.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            // Whoever held it until now removes it himself; then there is nothing left to do.
            match remove_unless_lived_in(&entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

fn remove_unless_lived_in(folder: &Path) -> io::Result<()> {
    if lives(folder)? {
        return Ok(());
    }
    fs::remove_dir_all(folder)
}

/// A program works in it or below it.
fn lives(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if lives(&entry.path())? {
                return Ok(true);
            }
        } else if entry.file_name() == LIFE && File::open(entry.path())?.try_lock().is_err() {
            return Ok(true);
        }
    }
    Ok(false)
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
        let scratch = Scratch::create(&root.path().join("a/b"), "snapshot-").unwrap();
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
        let held = Scratch::create(root.path(), "snapshot-").unwrap();
        assert!(!left.exists());
        let other = Scratch::create(root.path(), "snapshot-").unwrap();
        assert!(held.path().exists() && other.path().exists());
        assert_eq!(names(root.path()), 3);
    }

    #[test]
    fn what_a_program_still_works_in_stays_until_it_has_ended() {
        let root = TempDir::new().unwrap();
        let run = root.path().join("terraform-killed/run/plan");
        fs::create_dir_all(&run).unwrap();
        fs::write(root.path().join("terraform-killed").join(LOCK), "").unwrap();
        let life = File::create(run.join(LIFE)).unwrap();
        life.lock().unwrap();
        let next = Scratch::create(root.path(), "terraform-").unwrap();
        assert!(run.exists());
        drop((life, next));
        let next = Scratch::create(root.path(), "terraform-").unwrap();
        assert_eq!(names(root.path()), 1);
        drop(next);
    }
}
