//! What outlives the daemon: the world and where everything was laid, in one file that is replaced whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rehull_core::world::World;
use serde::{Deserialize, Serialize};

use super::daemon::Keeper;
use super::error::SandboxError;
use super::lay::Laid;
use super::layout::Layout;

/// Version of the file; another one is not read.
const FORMAT: u32 = 2;

/// The file `world.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot<W> {
    format: u32,
    pub(super) layout: Layout,
    pub(super) laid: Laid,
    pub(super) world: W,
}

impl Snapshot<World> {
    /// `None`: nothing was laid yet.
    pub(super) fn load(state: &Path) -> Result<Option<Self>, SandboxError> {
        let path = path(state);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SandboxError::file(path)(error)),
        };
        let unreadable = |why: String| SandboxError::Format {
            path: path.clone(),
            why,
        };
        let snapshot: Self = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if snapshot.format == FORMAT {
            return Ok(Some(snapshot));
        }
        Err(unreadable(format!(
            "format {}, this version reads {FORMAT}",
            snapshot.format
        )))
    }
}

/// Writes the file whenever the world has changed. Not synced: it has to survive the daemon, not the computer.
pub(super) struct FileKeeper {
    state: PathBuf,
    layout: Layout,
    laid: Laid,
    saved: Option<u64>,
}

impl FileKeeper {
    pub(super) fn new(state: &Path, layout: Layout, laid: Laid) -> Self {
        Self {
            state: state.to_owned(),
            layout,
            laid,
            saved: None,
        }
    }
}

impl Keeper for FileKeeper {
    fn save(&mut self, world: &World) -> io::Result<()> {
        if self.saved == Some(world.revision()) {
            return Ok(());
        }
        let snapshot = Snapshot {
            format: FORMAT,
            layout: self.layout.clone(),
            laid: self.laid.clone(),
            world,
        };
        replace(&path(&self.state), &serde_json::to_vec(&snapshot)?)?;
        self.saved = Some(world.revision());
        Ok(())
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("world.json")
}

/// A reader sees the old file or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, bytes)?;
    fs::rename(new, path)
}
