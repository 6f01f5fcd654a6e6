//! Files of this machine about a rollout: `.rehull/rollouts/<id>/`. Everything in there can be lost without harm.

use std::fs;
use std::path::{Path, PathBuf};

use rehull_core::domain::ids::RolloutId;

use super::exit::Exit;
use super::failure::Failure;
use super::rollouts::cluster_of;

const FOLDER: &str = ".rehull/rollouts";
const NOTE: &str = "cluster-file";

/// The folder of all of them.
#[must_use]
pub fn rollouts() -> PathBuf {
    PathBuf::from(FOLDER)
}

/// The folder of one rollout.
#[must_use]
pub fn folder(rollout: &RolloutId) -> PathBuf {
    Path::new(FOLDER).join(rollout.as_str())
}

/// Makes the folder and notes which cluster file the rollout is of, so that later commands need only its id.
///
/// # Errors
/// It cannot be written.
pub fn remember(rollout: &RolloutId, cluster_file: &Path) -> Result<PathBuf, Failure> {
    let folder = folder(rollout);
    fs::create_dir_all(&folder).map_err(|error| Failure::unwritable(&folder, &error))?;
    write(&folder.join(NOTE), &format!("{}\n", cluster_file.display()))?;
    Ok(folder)
}

/// Folders of rollouts of this cluster file, so that they can be removed when the cluster is.
#[must_use]
pub fn folders_of(cluster_file: &Path) -> Vec<PathBuf> {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    let wanted = whole(cluster_file);
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let is_of = |folder: &PathBuf| {
        let noted = fs::read_to_string(folder.join(NOTE)).ok();
        noted.is_some_and(|text| whole(Path::new(text.trim_end())) == wanted)
    };
    entries.map(|entry| entry.path()).filter(is_of).collect()
}

/// No rollout of any cluster has a folder here.
#[must_use]
pub fn knows_no_rollout() -> bool {
    fs::read_dir(FOLDER).into_iter().flatten().next().is_none()
}

/// Writes a file.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::unwritable(path, &error))
}

/// The cluster file of a rollout: named by hand, noted on this machine, or where cluster files live by convention.
///
/// # Errors
/// None of these exists.
pub fn cluster_file(rollout: &RolloutId, named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let cluster = cluster_of(rollout.as_str()).unwrap_or_default();
    let noted = fs::read_to_string(folder(rollout).join(NOTE)).ok();
    let candidates = [
        noted.map(|text| PathBuf::from(text.trim_end())),
        Some(format!("clusters/{cluster}.yaml").into()),
        Some(format!("clusters/{cluster}.yml").into()),
        Some(format!(".rehull/sandbox/{cluster}/cluster.yaml").into()),
    ];
    let found = candidates.into_iter().flatten().find(|path| path.is_file());
    found.ok_or_else(|| {
        let message =
            format!("which cluster file does `{rollout}` belong to? There is no clusters/{cluster}.yaml");
        Failure::new(Exit::Usage, "rollout::cluster_file", message).help("name it: --file FILE")
    })
}
