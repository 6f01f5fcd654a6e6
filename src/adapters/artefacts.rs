//! Artefacts by content address: `sha256/<64 hexadecimal digits>` holds exactly the bytes of that digest, for ever.
//!
//! Publishing is create-only and refuses a file that is not what the cluster file pins; fetching verifies what came.
//! Machines verify again when they boot, so a wrong byte is found at the earliest place that can see it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use rehull_core::domain::desired::ObjectLocation;
use rehull_core::ports::StoreError;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::aws::{AwsClients, Blobs};
use super::plain;

/// Big enough that hashing, not calling, takes the time.
const CHUNK: usize = 256 * 1024;
/// Artefacts are programs.
const MODE: u32 = 0o755;

/// What can go wrong with an artefact.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ArtefactError {
    /// The pin is no SHA-256.
    #[error("`{text}` is no SHA-256 of artefact `{name}`")]
    #[diagnostic(
        code(rehull::artefact::digest),
        help("write 64 hexadecimal digits in lower case, as sha256sum does")
    )]
    NotADigest {
        /// Artefact.
        name: String,
        /// What stands there.
        text: String,
    },
    /// A local file cannot be read or written.
    #[error("cannot use `{path}` for artefact `{name}`")]
    #[diagnostic(code(rehull::artefact::file))]
    File {
        /// Artefact.
        name: String,
        /// Path.
        path: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The file is another one than the cluster file pins.
    #[error("`{path}` is not the pinned artefact `{name}`: wanted sha256 {wanted}, got {got}")]
    #[diagnostic(
        code(rehull::artefact::wrong_file),
        help(
            "give the file of the pinned release, or pin {got} if you trust this one; nothing was published"
        )
    )]
    WrongFile {
        /// Artefact.
        name: String,
        /// Path.
        path: String,
        /// Pinned digest.
        wanted: String,
        /// Digest of the file.
        got: String,
    },
    /// An object does not hold what its name says.
    #[error("`{url}` does not hold artefact `{name}`: wanted sha256 {wanted}, got {got}")]
    #[diagnostic(
        code(rehull::artefact::damaged),
        help(
            "somebody wrote to this prefix, or the transfer was cut off; look at the object, delete it if it is wrong, then publish again"
        )
    )]
    Damaged {
        /// Artefact.
        name: String,
        /// Where.
        url: String,
        /// Digest in the name.
        wanted: String,
        /// Digest of the content.
        got: String,
    },
    /// Pinned artefacts that nobody has published.
    #[error("not published: {}", missing.join(", "))]
    #[diagnostic(
        code(rehull::artefact::missing),
        help(
            "publish them before a machine boots: it would wait for them, and be given up after its boot deadline"
        )
    )]
    Missing {
        /// `name (url)`, one each.
        missing: Vec<String>,
    },
    /// The bucket did not do what it was asked.
    #[error("cannot reach artefact `{name}` at `{url}`")]
    #[diagnostic(
        code(rehull::artefact::store),
        help("check bucket, credentials and network, then run the same again")
    )]
    Store {
        /// Artefact.
        name: String,
        /// Where.
        url: String,
        /// What happened.
        #[source]
        source: StoreError,
    },
}

/// A named artefact and its pinned digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pinned {
    /// For people, for example `etcdctl`.
    pub name: String,
    /// 64 hexadecimal digits, lower case.
    pub sha256: String,
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The object is new.
    Uploaded,
    /// It was there before.
    AlreadyThere,
}

/// The artefacts of a cluster.
#[derive(Clone, Debug)]
pub struct ArtefactStore {
    blobs: Blobs,
}

impl ArtefactStore {
    /// Artefacts under `location`; sends nothing.
    #[must_use]
    pub fn new(clients: AwsClients, location: ObjectLocation) -> Self {
        Self {
            blobs: Blobs::new(clients, location),
        }
    }

    /// Publishes `file` under its digest, once and never again.
    ///
    /// # Errors
    /// `WrongFile` before anything is sent if the content is not the pinned one; otherwise file, bucket or damage.
    pub async fn publish(&self, pinned: &Pinned, file: &Path) -> Result<Published, ArtefactError> {
        let key = key(pinned)?;
        Self::verify_file(pinned, file).await?;
        if self.is_present(pinned, &key).await? {
            return Ok(Published::AlreadyThere);
        }
        match self.blobs.upload(&key, file, &pinned.sha256).await {
            Ok(()) => Ok(Published::Uploaded),
            // Somebody else was faster, or our own lost answer was a success.
            Err(StoreError::Conflict { .. }) => self.compare(pinned, &key).await,
            Err(StoreError::OutcomeUnknown { .. }) if self.is_present(pinned, &key).await? => {
                Ok(Published::Uploaded)
            }
            Err(source) => Err(self.store_error(pinned, &key, source)),
        }
    }

    /// The file is what is pinned.
    ///
    /// # Errors
    /// `WrongFile`, or the file cannot be read.
    pub async fn verify_file(pinned: &Pinned, file: &Path) -> Result<(), ArtefactError> {
        let here = |source| ArtefactError::File {
            name: pinned.name.clone(),
            path: file.display().to_string(),
            source,
        };
        let got = hash_file(file).await.map_err(here)?;
        if got != pinned.sha256 {
            return Err(ArtefactError::WrongFile {
                name: pinned.name.clone(),
                path: file.display().to_string(),
                wanted: pinned.sha256.clone(),
                got,
            });
        }
        Ok(())
    }

    /// Every pinned artefact is published; all that are not are named at once.
    ///
    /// # Errors
    /// `Missing`, `Damaged`, or the bucket's.
    pub async fn verify_present(&self, pins: &[Pinned]) -> Result<(), ArtefactError> {
        let mut missing = Vec::new();
        for pinned in pins {
            let key = key(pinned)?;
            if !self.is_present(pinned, &key).await? {
                missing.push(format!("{} ({})", pinned.name, self.blobs.url(&key)));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(ArtefactError::Missing { missing })
        }
    }

    /// Writes the artefact to `to` as an executable file: whole and verified, or not at all.
    ///
    /// # Errors
    /// `Missing`, `Damaged`, or a file's or the bucket's.
    pub async fn fetch(&self, pinned: &Pinned, to: &Path) -> Result<(), ArtefactError> {
        let key = key(pinned)?;
        let Some(mut body) = self
            .blobs
            .open(&key)
            .await
            .map_err(|source| self.store_error(pinned, &key, source))?
        else {
            return Err(ArtefactError::Missing {
                missing: vec![format!("{} ({})", pinned.name, self.blobs.url(&key))],
            });
        };
        let here = |source| ArtefactError::File {
            name: pinned.name.clone(),
            path: to.display().to_string(),
            source,
        };
        let staged = tempfile::NamedTempFile::new_in(directory_of(to)).map_err(here)?;
        let mut file = tokio::fs::File::from_std(staged.reopen().map_err(here)?);
        let got = match copy(&mut body, &mut file).await {
            Ok(got) => got,
            Err(Copy::From(error)) => {
                let why = format!("cut off: {}", plain::failed(&error));
                return Err(self.store_error(
                    pinned,
                    &key,
                    StoreError::Unavailable {
                        key: key.clone(),
                        why,
                    },
                ));
            }
            Err(Copy::To(error)) => return Err(here(error)),
        };
        self.judge(pinned, &key, &got)?;
        file.set_permissions(Permissions::from_mode(MODE))
            .await
            .map_err(here)?;
        file.sync_all().await.map_err(here)?;
        staged.persist(to).map_err(|failed| here(failed.error))?;
        Ok(())
    }

    /// There, and by S3's own checksum the right thing. An object without a checksum was not published by rehull; its
    /// content is then read and compared once here, rather than trusted.
    async fn is_present(&self, pinned: &Pinned, key: &str) -> Result<bool, ArtefactError> {
        let failed = |source| self.store_error(pinned, key, source);
        let Some(fact) = self.blobs.head(key).await.map_err(failed)? else {
            return Ok(false);
        };
        if let Some(got) = fact.sha256 {
            return self.judge(pinned, key, &got).map(|()| true);
        }
        let Some(mut body) = self.blobs.open(key).await.map_err(failed)? else {
            return Ok(false);
        };
        let got = hash(&mut body).await.map_err(|error| {
            failed(StoreError::Unavailable {
                key: key.to_owned(),
                why: format!("cut off: {}", plain::failed(&error)),
            })
        })?;
        self.judge(pinned, key, &got).map(|()| true)
    }

    async fn compare(&self, pinned: &Pinned, key: &str) -> Result<Published, ArtefactError> {
        if self.is_present(pinned, key).await? {
            return Ok(Published::AlreadyThere);
        }
        Err(self.store_error(pinned, key, StoreError::Conflict { key: key.to_owned() }))
    }

    fn judge(&self, pinned: &Pinned, key: &str, got: &str) -> Result<(), ArtefactError> {
        if got == pinned.sha256 {
            return Ok(());
        }
        Err(ArtefactError::Damaged {
            name: pinned.name.clone(),
            url: self.blobs.url(key),
            wanted: pinned.sha256.clone(),
            got: got.to_owned(),
        })
    }

    fn store_error(&self, pinned: &Pinned, key: &str, source: StoreError) -> ArtefactError {
        ArtefactError::Store {
            name: pinned.name.clone(),
            url: self.blobs.url(key),
            source,
        }
    }
}

fn key(pinned: &Pinned) -> Result<String, ArtefactError> {
    let text = &pinned.sha256;
    let legal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(legal) {
        Ok(format!("sha256/{text}"))
    } else {
        Err(ArtefactError::NotADigest {
            name: pinned.name.clone(),
            text: text.clone(),
        })
    }
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// SHA-256 of a file, hexadecimal.
pub(super) async fn hash_file(path: &Path) -> io::Result<String> {
    hash(&mut tokio::fs::File::open(path).await?).await
}

async fn hash(from: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    match copy(from, &mut tokio::io::sink()).await {
        Ok(digest) => Ok(digest),
        Err(Copy::From(error) | Copy::To(error)) => Err(error),
    }
}

/// Which side failed.
enum Copy {
    From(io::Error),
    To(io::Error),
}

/// Copies to the end and tells the SHA-256 of what went through.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> Result<String, Copy> {
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).await.map_err(Copy::From)?;
        let bytes = chunk.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        digest.update(bytes);
        to.write_all(bytes).await.map_err(Copy::To)?;
    }
    to.flush().await.map_err(Copy::To)?;
    Ok(hex::encode(digest.finalize()))
}
