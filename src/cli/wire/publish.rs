//! Binaries of the cluster file → artefacts that machines fetch.

use std::collections::BTreeMap;
use std::path::Path;

use rehull_core::config::Wrong;
use rehull_core::domain::version::KubernetesVersion;

use super::World;
use crate::adapters::artefacts::{ArtefactError, ArtefactStore, Pinned, Published};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The binaries of one role.
pub struct Pins<'a> {
    /// SHA-256 per name.
    pub binaries: &'a BTreeMap<String, String>,
    /// Where they stand in the cluster file.
    pub pointer: String,
}

impl<'a> Pins<'a> {
    /// Of the etcd machines.
    #[must_use]
    pub fn of_etcd(file: &'a ClusterFile) -> Self {
        Self {
            binaries: &file.desired.etcd.machine.binaries,
            pointer: "/etcd/binaries".to_owned(),
        }
    }

    /// Of the control plane, where the file has one.
    #[must_use]
    pub fn of_servers(file: &'a ClusterFile) -> Option<Self> {
        let role = file.desired.control_plane.as_ref()?;
        Some(Self {
            binaries: &role.machine.binaries,
            pointer: "/controlPlane/binaries".to_owned(),
        })
    }

    /// Of the workers, group by group, each with its release; groups whose image has everything are left out.
    pub fn of_workers(file: &'a ClusterFile) -> impl Iterator<Item = (KubernetesVersion, Self)> {
        let groups = file.desired.workers.iter().flat_map(|workers| &workers.groups);
        let pins = groups.enumerate().map(|(n, group)| {
            let pins = Self {
                binaries: &group.machine.binaries,
                pointer: format!("/workers/groups/{n}/binaries"),
            };
            (group.version, pins)
        });
        pins.filter(|(_, pins)| !pins.binaries.is_empty())
    }

    /// A binary that is not what the cluster file pins: a caret at the pin.
    fn wrong_file(&self, file: &ClusterFile, error: &ArtefactError) -> Failure {
        let ArtefactError::WrongFile { name, got, .. } = error else {
            return artefact(error);
        };
        let help = format!(
            "give the file of the pinned release, or pin {got} if you trust this one; nothing was published"
        );
        let wrong = Wrong::new("artefact::wrong_file", error.to_string(), "pinned here").help(help);
        file.wrong(&format!("{}/{name}", self.pointer), wrong)
    }
}

impl World {
    /// Publishes the pinned binaries that are missing from `folder`; without a folder all must be there already.
    /// `tell` hears of each upload.
    ///
    /// # Errors
    /// A binary is missing, or is not the one that is pinned; then nothing of this role was published.
    pub async fn publish(
        &self,
        (file, role): (&ClusterFile, Pins<'_>),
        folder: Option<&Path>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(), Failure> {
        let pins = role.binaries.iter();
        let pins: Vec<Pinned> = pins
            .map(|(name, sha256)| Pinned {
                name: name.clone(),
                sha256: sha256.clone(),
            })
            .collect();
        match (self.artefacts.verify_present(&pins).await, folder) {
            (Ok(()), _) => return Ok(()),
            (Err(ArtefactError::Missing { .. }), Some(_)) => {}
            (Err(error), _) => return Err(artefact(&error)),
        }
        let path = |pinned: &Pinned| folder.unwrap_or_else(|| Path::new("")).join(&pinned.name);
        // All before the first: half a release in the bucket would be no harm, but "nothing was published" is promised.
        for pinned in &pins {
            let checked = ArtefactStore::verify_file(pinned, &path(pinned)).await;
            checked.map_err(|error| role.wrong_file(file, &error))?;
        }
        for pinned in &pins {
            let published = self
                .artefacts
                .publish(pinned, &path(pinned))
                .await
                .map_err(|error| artefact(&error))?;
            if published == Published::Uploaded {
                tell(&pinned.name);
            }
        }
        Ok(())
    }
}

pub(super) fn artefact(error: &ArtefactError) -> Failure {
    let (code, help) = match error {
        ArtefactError::NotADigest { .. } => (
            "artefact::digest",
            "write 64 hexadecimal digits, as sha256sum does",
        ),
        ArtefactError::File { .. } => (
            "artefact::file",
            "fill the toolbox with `tools/toolbox.sh etcd VERSION` or `tools/toolbox.sh kubernetes VERSION`, or name another with --toolbox",
        ),
        ArtefactError::WrongFile { .. } => (
            "artefact::wrong_file",
            "give the file of the pinned release; nothing was published",
        ),
        ArtefactError::Damaged { .. } => (
            "artefact::damaged",
            "look at the object; delete it if it is wrong, then publish again",
        ),
        ArtefactError::Missing { .. } => (
            "artefact::missing",
            "publish them: `rehull apply FILE --toolbox DIR` with DIR/etcd/VERSION/BINARY or DIR/kubernetes/VERSION/BINARY",
        ),
        ArtefactError::Store { .. } => (
            "artefact::store",
            "check bucket, credentials and network, then run it again",
        ),
    };
    Failure::new(Exit::Refused, code, error.to_string())
        .because_of_source(error)
        .help(help)
}
