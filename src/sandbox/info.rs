//! What a user of a sandbox needs to know, and the files that say it.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cluster_file;
use super::error::SandboxError;
use super::lay::Laid;
use super::layout::{Layout, REGION};
use super::options::Options;
use super::pki;
use super::snapshot::replace;

/// A sandbox that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Name.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// EC2, S3 and STS.
    pub endpoint: String,
    /// etcd version of the cluster file as it was laid.
    pub etcd_version: String,
    /// Member names and addresses.
    pub slots: Vec<SlotInfo>,
    /// Its control plane, if it was brought up with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlaneInfo>,
}

/// The control plane of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneInfo {
    /// Kubernetes version of the cluster file as it was laid.
    pub version: String,
    /// The apiservers behind their load balancer. Nothing resolves the name that AWS tells; this address stands for it.
    pub endpoint: String,
    /// Auto Scaling group, launch template and instance profile.
    pub name: String,
    /// ARN of the apiservers' target group.
    pub target_group: String,
}

/// A slot of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotInfo {
    /// Member name.
    pub name: String,
    /// Address that outlives machines.
    pub address: Ipv4Addr,
}

const INFO: &str = "info.json";

impl Info {
    /// `cluster.yaml`, ready for `rehull check`.
    #[must_use]
    pub fn cluster_file(&self) -> PathBuf {
        self.dir.join("cluster.yaml")
    }

    /// `credentials.env`: `NAME=value` lines.
    #[must_use]
    pub fn credentials_file(&self) -> PathBuf {
        self.dir.join("credentials.env")
    }

    /// Certificates: `ca.crt`, `ca.key`, `client.crt`, `client.key`, and a folder per slot.
    #[must_use]
    pub fn pki_dir(&self) -> PathBuf {
        self.dir.join("pki")
    }

    /// The operator's part of a control plane's keys: `ca.crt`, `admin.crt`, `admin.key`.
    #[must_use]
    pub fn control_plane_pki_dir(&self) -> PathBuf {
        self.pki_dir().join("control-plane")
    }

    pub(super) fn of(options: &Options, layout: &Layout, laid: &Laid, state: &Path) -> Self {
        let slots = layout.slots().map(|slot| SlotInfo {
            name: slot.name,
            address: slot.address,
        });
        Self {
            name: layout.name.clone(),
            dir: state.to_owned(),
            endpoint: layout.endpoint(),
            etcd_version: options.etcd_version.clone(),
            slots: slots.collect(),
            control_plane: options
                .control_plane
                .as_ref()
                .zip(laid.control_plane.as_ref())
                .map(|(options, laid)| ControlPlaneInfo {
                    version: options.version.clone(),
                    endpoint: layout.api_server_url(),
                    name: layout.control_plane(),
                    target_group: laid.target_group.clone(),
                }),
        }
    }

    /// Writes everything a user needs; its own file last, because that one says that the sandbox was laid. A cluster file
    /// that is there stays as it is: its owner may have edited it.
    pub(super) fn write(&self, options: &Options, layout: &Layout, laid: &Laid) -> io::Result<()> {
        if !self.cluster_file().exists() {
            replace(
                &self.cluster_file(),
                cluster_file::text(options, layout, laid).as_bytes(),
            )?;
        }
        let key = layout.operator();
        let credentials = format!(
            "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\nAWS_REGION={REGION}\nAWS_ENDPOINT_URL={}\n",
            key.id,
            key.secret,
            layout.endpoint()
        );
        pki::write(&self.credentials_file(), &credentials)?;
        replace(&self.dir.join(INFO), &serde_json::to_vec_pretty(self)?)
    }

    /// `None`: it was never up, or is not yet.
    pub(super) fn load(state: &Path) -> Result<Option<Self>, SandboxError> {
        let path = state.join(INFO);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SandboxError::file(path)(error)),
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| SandboxError::Format {
                    path,
                    why: error.to_string(),
                }),
        }
    }
}
