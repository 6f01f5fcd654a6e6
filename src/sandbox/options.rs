//! What a sandbox was asked to be, in the file `sandbox.json` that `up` writes and the daemon reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::world::Timing;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::control_plane;
use super::error::SandboxError;
use super::layout::{Layout, MEMBERS};

/// What `up` is asked.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// Name of the sandbox and of its cluster: 3 to 20 of `a-z`, `0-9`, `-`.
    pub name: String,
    /// Where sandboxes are kept, one folder each.
    pub dir: PathBuf,
    /// Number of etcd slots, 1 to 7.
    pub members: u8,
    /// How the cluster file says that members are replaced; `None`: what fits their number.
    pub strategy: Option<EtcdStrategy>,
    /// etcd version that the cluster file pins.
    pub etcd_version: String,
    /// Where the binaries are: `<toolbox>/etcd/<version>/{etcd,etcdctl,etcdutl}`.
    pub toolbox: PathBuf,
    /// How long things take.
    pub timing: Timing,
    /// Terraform makes launch template versions, from a stand-in of the module.
    pub terraform: bool,
    /// Kubernetes version of a control plane; `None`: etcd alone.
    pub control_plane: Option<String>,
    /// The rehull that becomes the daemon.
    pub rehull: PathBuf,
}

/// The part that the daemon needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Options {
    pub(super) name: String,
    pub(super) members: u8,
    #[serde(default)]
    pub(super) strategy: Option<EtcdStrategy>,
    pub(super) timing: Timing,
    #[serde(default)]
    pub(super) terraform: bool,
    #[serde(default)]
    pub(super) control_plane: Option<ControlPlaneOptions>,
    /// Decides ids and waits.
    pub(super) seed: u64,
    pub(super) etcd_version: String,
    /// SHA-256 per binary.
    pub(super) binaries: BTreeMap<String, String>,
}

/// What a control plane runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlPlaneOptions {
    pub(super) version: String,
    /// SHA-256 per binary.
    pub(super) binaries: BTreeMap<String, String>,
}

/// By this file a folder is known as a sandbox.
pub(super) const FILE: &str = "sandbox.json";
/// All that a version may have; 3.4 has no `etcdutl`.
const BINARIES: [&str; 3] = ["etcd", "etcdctl", "etcdutl"];
const MAY_BE_MISSING: [&str; 2] = ["etcdctl", "etcdutl"];

impl Options {
    /// Checks what was asked, and reads the binaries for their digests.
    pub(super) fn of(up: &UpOptions, seed: u64) -> Result<Self, SandboxError> {
        check_name(&up.name)?;
        if !MEMBERS.contains(&up.members) {
            return Err(SandboxError::Members { members: up.members });
        }
        Ok(Self {
            name: up.name.clone(),
            members: up.members,
            strategy: up.strategy,
            timing: up.timing,
            terraform: up.terraform,
            seed,
            etcd_version: up.etcd_version.clone(),
            binaries: digests(&up.toolbox.join("etcd").join(&up.etcd_version), &BINARIES)?,
            control_plane: match &up.control_plane {
                Some(version) => Some(ControlPlaneOptions {
                    version: version.clone(),
                    binaries: digests(
                        &up.toolbox.join("kubernetes").join(version),
                        &control_plane::BINARIES,
                    )?,
                }),
                None => None,
            },
        })
    }

    pub(super) fn layout(&self, block: u8) -> Layout {
        Layout {
            name: self.name.clone(),
            block,
            members: self.members,
            seed: self.seed,
            timing: self.timing,
        }
    }

    pub(super) fn load(state: &Path) -> Result<Self, SandboxError> {
        let path = state.join(FILE);
        let text = fs::read(&path).map_err(SandboxError::file(&path))?;
        serde_json::from_slice(&text).map_err(|error| SandboxError::Format {
            path,
            why: error.to_string(),
        })
    }

    pub(super) fn save(&self, state: &Path) -> io::Result<()> {
        fs::write(state.join(FILE), serde_json::to_vec_pretty(self)?)
    }

    /// The folder is no sandbox any more.
    pub(super) fn forget(state: &Path) -> io::Result<()> {
        match fs::remove_file(state.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A name becomes part of paths and of bucket names.
pub(super) fn check_name(name: &str) -> Result<(), SandboxError> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (3..=20).contains(&name.len())
        && name.chars().all(legal)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if is_name {
        Ok(())
    } else {
        Err(SandboxError::Name {
            name: name.to_owned(),
        })
    }
}

fn digests(dir: &Path, binaries: &[&str]) -> Result<BTreeMap<String, String>, SandboxError> {
    let mut digests = BTreeMap::new();
    for &name in binaries {
        let path = dir.join(name);
        match File::open(&path) {
            Ok(mut file) => {
                let mut digest = Sha256::new();
                io::copy(&mut file, &mut digest).map_err(SandboxError::file(&path))?;
                digests.insert(name.to_owned(), hex::encode(digest.finalize()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && MAY_BE_MISSING.contains(&name) => {}
            Err(source) => return Err(SandboxError::Toolbox { path, source }),
        }
    }
    Ok(digests)
}
