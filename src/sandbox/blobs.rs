//! The bytes of S3 objects: one file per content, named by its SHA-256. The world says which contents live.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::Md5;
use rehull_core::world::api::s3::Content;
use sha2::{Digest, Sha256};

/// A directory of contents. Nothing is synced to disk: it has to survive the daemon, not the computer.
#[derive(Debug)]
pub(super) struct Blobs {
    dir: PathBuf,
    uploads: AtomicU64,
}

/// Bytes on their way in; dropped without [`Blobs::keep`], they are forgotten.
#[derive(Debug)]
pub(super) struct Upload {
    path: PathBuf,
    file: File,
    sha256: Sha256,
    md5: Md5,
    crc32: crc32fast::Hasher,
    size: u64,
}

/// An upload that is complete.
#[derive(Debug)]
pub(super) struct Uploaded {
    path: PathBuf,
    /// What it is.
    pub(super) content: Content,
    /// CRC-32 of the bytes.
    pub(super) crc32: u32,
    /// SHA-256 of the bytes.
    pub(super) sha256: [u8; 32],
}

impl Blobs {
    /// Uses a directory; what an earlier process left half uploaded in it is removed. Its parent must exist: a daemon
    /// whose folder was taken down meanwhile must not bring it back.
    pub(super) fn open_dir(dir: &Path) -> io::Result<Self> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let blobs = Self {
            dir: dir.to_owned(),
            uploads: AtomicU64::new(0),
        };
        blobs.remove_where(|name| name.starts_with(UPLOAD))?;
        Ok(blobs)
    }

    pub(super) fn upload(&self) -> io::Result<Upload> {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{UPLOAD}{number}"));
        let file = File::create(&path)?;
        Ok(Upload {
            path,
            file,
            sha256: Sha256::new(),
            md5: Md5::default(),
            crc32: crc32fast::Hasher::new(),
            size: 0,
        })
    }

    /// Gives the bytes their name.
    pub(super) fn keep(&self, uploaded: &Uploaded) -> io::Result<()> {
        fs::rename(&uploaded.path, self.dir.join(&uploaded.content.sha256))
    }

    pub(super) fn open(&self, content: &Content) -> io::Result<File> {
        File::open(self.dir.join(&content.sha256))
    }

    /// Removes every content that no object holds any more. Uploads stay.
    pub(super) fn sweep(&self, living: &BTreeSet<String>) -> io::Result<()> {
        self.remove_where(|name| !name.starts_with(UPLOAD) && !living.contains(name))
    }

    fn remove_where(&self, dead: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&dead) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

const UPLOAD: &str = "upload-";

impl Upload {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.sha256.update(bytes);
        md5::Digest::update(&mut self.md5, bytes);
        self.crc32.update(bytes);
        self.size = self
            .size
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    pub(super) fn finish(self) -> Uploaded {
        let sha256: [u8; 32] = self.sha256.finalize().into();
        let md5 = md5::Digest::finalize(self.md5);
        Uploaded {
            path: self.path,
            content: Content {
                sha256: hex::encode(sha256),
                md5: hex::encode(md5),
                size: self.size,
            },
            crc32: self.crc32.finalize(),
            sha256,
        }
    }
}

impl Drop for Uploaded {
    fn drop(&mut self) {
        // After `keep` there is nothing left under this name.
        drop(fs::remove_file(&self.path));
    }
}
