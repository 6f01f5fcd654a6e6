//! Where release binaries are on this machine: `DIR/etcd/VERSION/BINARY`.

use std::path::{Path, PathBuf};

use rehull_core::domain::version::EtcdVersion;

use super::environment::Environment;

/// Where binaries are kept if nobody says: where `tools/toolbox.sh` puts them.
#[must_use]
pub fn root(environment: &Environment, named: Option<&PathBuf>) -> PathBuf {
    let cache = || match environment.get("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(environment.get("HOME").unwrap_or(".")).join(".cache"),
    };
    named.cloned().unwrap_or_else(|| cache().join("rehull/toolbox"))
}

/// The folder of one release. A toolbox that was named counts also if the release is missing, so that the error says
/// where it was looked for; the usual one only if it has the release.
#[must_use]
pub fn release(environment: &Environment, named: Option<&PathBuf>, version: EtcdVersion) -> Option<PathBuf> {
    let folder = of(&root(environment, named), version);
    (named.is_some() || folder.is_dir()).then_some(folder)
}

fn of(root: &Path, version: EtcdVersion) -> PathBuf {
    root.join("etcd").join(version.to_string())
}
