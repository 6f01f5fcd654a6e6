//! The store in a directory: one file per key, for clusters whose every endpoint is on loopback.
//!
//! A file appears under its key whole and flushed to disk or not at all, so a kill at any instant leaves either the old
//! or the new object. `create` needs no lock (the file system's own "only if absent" decides); `replace` and `delete`
//! compare under an advisory lock that dies with its holder. What a file contains is the reader's matter.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rehull_core::ports::{Store, StoreError, Stored, Tag};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::clock::{pause, within};

/// The lock is held for the time of one small write. A holder that is stopped in the middle (SIGSTOP) blocks the
/// others; below the 20 s that every port call may take, they say so instead of hanging.
const LOCK_WAIT: Duration = Duration::from_secs(15);
/// Short against the flush to disk that the holder is most likely doing.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Names that start with a dot are ours: the lock and files not yet in place.
const LOCK_NAME: &str = ".lock";
const STAGING_NAME: &str = ".staging";

/// Objects as files under one directory. The tag is the SHA-256 of the content: writing the same bytes again is not
/// seen as a change, which is why everything stored carries a nonce or a counter.
#[derive(Clone, Debug)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Opens the directory, creating it if needed.
    ///
    /// # Errors
    /// `Unavailable` with the path and the system's words.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { root: root.into() };
        let key = store.root.display().to_string();
        store
            .blocking(&key, |store| Ok(make_directory(&store.root.join(STAGING_NAME))?))
            .await?;
        Ok(store)
    }

    /// Keys come from this program, but a key that left the directory would be a disaster all the same.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        if key.split('/').all(is_legal) {
            Ok(self.root.join(key))
        } else {
            Err(unavailable(
                key,
                &"not a legal key: its parts may not be empty or begin with a dot",
            ))
        }
    }

    /// Runs file work where it may block. The work goes on if the caller is dropped, as a request on a wire would.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Self) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Trouble::Before(error))) => Err(unavailable(key, &error)),
            Ok(Err(Trouble::Flush(error))) => Err(StoreError::OutcomeUnknown {
                key: key.to_owned(),
                why: format!("written, but not certainly on the disk: {error}"),
            }),
            Ok(Err(Trouble::Changed)) => Err(StoreError::Conflict { key: key.to_owned() }),
            Err(lost) => Err(StoreError::OutcomeUnknown {
                key: key.to_owned(),
                why: format!("file work ended early: {lost}"),
            }),
        }
    }

    /// The lock that `replace` and `delete` compare under; released when the file is dropped, or its process dies.
    async fn lock(&self, key: &str) -> Result<File, StoreError> {
        let path = self.root.join(LOCK_NAME);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| unavailable(key, &error))?;
        let taken = within(LOCK_WAIT, async {
            loop {
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Err(Errno::WOULDBLOCK | Errno::INTR) => pause(LOCK_RETRY).await,
                    other => return other,
                }
            }
        })
        .await;
        match taken {
            Some(Ok(())) => Ok(file),
            Some(Err(error)) => Err(unavailable(key, &io::Error::from(error))),
            None => Err(unavailable(
                key,
                &format!(
                    "another process has held `{}` for {} s",
                    path.display(),
                    LOCK_WAIT.as_secs()
                ),
            )),
        }
    }

    /// A flushed file beside the others, ready to be moved into place; it removes itself if it never is.
    fn stage(&self, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Trouble> {
        let mut file = tempfile::NamedTempFile::new_in(self.root.join(STAGING_NAME))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}

#[async_trait]
impl Store for LocalStore {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let path = self.path(key)?;
        let bytes = self.blocking(key, move |_| Ok(read(&path)?)).await?;
        Ok(bytes.map(|bytes| Stored {
            tag: tag_of(&bytes),
            bytes,
        }))
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        let path = self.path(key)?;
        let (tag, bytes) = (tag_of(bytes), bytes.to_vec());
        self.blocking(key, move |store| {
            make_parent(&path)?;
            match store.stage(&bytes)?.persist_noclobber(&path) {
                Ok(_) => flush_parent(&path).map_err(Trouble::Flush),
                Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Err(Trouble::Changed),
                Err(failed) => Err(failed.error.into()),
            }
        })
        .await?;
        Ok(tag)
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        let path = self.path(key)?;
        let (tag, bytes, over) = (tag_of(bytes), bytes.to_vec(), over.clone());
        let lock = self.lock(key).await?;
        self.blocking(key, move |store| {
            let _held_to_the_end = lock;
            if read(&path)?.is_none_or(|present| tag_of(&present) != over) {
                return Err(Trouble::Changed);
            }
            store
                .stage(&bytes)?
                .persist(&path)
                .map_err(|failed| failed.error)?;
            flush_parent(&path).map_err(Trouble::Flush)
        })
        .await?;
        Ok(tag)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // Only the deepest whole directory of the prefix can hold matching keys.
        let above = prefix.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
        if !above.is_empty() {
            self.path(&above)?;
        }
        let wanted = prefix.to_owned();
        self.blocking(prefix, move |store| {
            let mut keys = Vec::new();
            collect_keys(&store.root, &above, &mut keys)?;
            keys.retain(|key| key.starts_with(&wanted));
            keys.sort();
            Ok(keys)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let lock = self.lock(key).await?;
        self.blocking(key, move |_| {
            let _held_to_the_end = lock;
            match fs::remove_file(&path) {
                Ok(()) => flush_parent(&path).map_err(Trouble::Flush),
                Err(absent) if is_absent(&absent) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

/// Why file work did not succeed.
enum Trouble {
    /// The condition does not hold.
    Changed,
    /// Nothing became visible under the key.
    Before(io::Error),
    /// It is visible, but may not survive a power cut.
    Flush(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Before(error)
    }
}

fn is_legal(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.contains(['\0', '\\'])
}

fn unavailable(key: &str, why: &dyn ToString) -> StoreError {
    StoreError::Unavailable {
        key: key.to_owned(),
        why: why.to_string(),
    }
}

fn tag_of(bytes: &[u8]) -> Tag {
    Tag(hex::encode(Sha256::digest(bytes)))
}

/// Like S3, which has no directories: a key below a file and a key that is a directory are both absent.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(absent) if is_absent(&absent) => Ok(None),
        Err(error) => Err(error),
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_directory)
}

/// A new directory survives a power cut only when the directory above it was flushed too.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    make_parent(path)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => flush_parent(path),
    }
}

fn flush_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        None => return Ok(()),
        Some(empty) if empty.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    File::open(parent).and_then(|directory| directory.sync_all())
}

/// Adds every key below `above` (a key without trailing slash, or empty for the root).
fn collect_keys(root: &Path, above: &str, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(above)) {
        Ok(entries) => entries,
        Err(absent) if is_absent(&absent) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let key = if above.is_empty() {
            name
        } else {
            format!("{above}/{name}")
        };
        if entry.file_type()?.is_dir() {
            collect_keys(root, &key, keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}
