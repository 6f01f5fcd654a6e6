//! Where release binaries are on this machine: `DIR/etcd/VERSION/BINARY`, `DIR/kubernetes/VERSION/BINARY`.

use std::path::{Path, PathBuf};

use rehull_core::domain::version::{EtcdVersion, KubernetesVersion};

use super::environment::Environment;

/// Names a toolbox as `--toolbox` does. It is read here and not by clap, which shows an option that came from a variable
/// as a required one in the usage of every mistake.
const VARIABLE: &str = "REHULL_TOOLBOX";

/// Where binaries are kept if nobody says: where `tools/toolbox.sh` puts them.
#[must_use]
pub fn root(environment: &Environment, option: Option<&PathBuf>) -> PathBuf {
    let cache = || match environment.get("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(environment.get("HOME").unwrap_or(".")).join(".cache"),
    };
    named(environment, option).unwrap_or_else(|| cache().join("rehull/toolbox"))
}

/// The folder of one release. A toolbox that was named counts also if the release is missing, so that the error says
/// where it was looked for; the usual one only if it has the release.
#[must_use]
pub fn release(environment: &Environment, option: Option<&PathBuf>, of: Release) -> Option<PathBuf> {
    let folder = of.folder(&root(environment, option));
    (named(environment, option).is_some() || folder.is_dir()).then_some(folder)
}

/// A release of something that machines run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Of etcd.
    Etcd(EtcdVersion),
    /// Of Kubernetes.
    Kubernetes(KubernetesVersion),
}

impl Release {
    fn folder(self, root: &Path) -> PathBuf {
        match self {
            Self::Etcd(version) => root.join("etcd").join(version.to_string()),
            Self::Kubernetes(version) => root.join("kubernetes").join(version.to_string()),
        }
    }
}

fn named(environment: &Environment, option: Option<&PathBuf>) -> Option<PathBuf> {
    option
        .cloned()
        .or_else(|| environment.get(VARIABLE).map(PathBuf::from))
}
