//! Which daemon serves: the file `ready` holds its pid from the moment that it does.

use std::fs;
use std::io;
use std::path::Path;

use super::snapshot::replace;

const FILE: &str = "ready";

/// This process serves from now on.
pub(super) fn tell(state: &Path) -> io::Result<()> {
    replace(&state.join(FILE), format!("{}\n", std::process::id()).as_bytes())
}

/// Whether this daemon serves.
pub(super) fn is(state: &Path, daemon: u32) -> bool {
    let told = fs::read_to_string(state.join(FILE)).unwrap_or_default();
    told.trim() == daemon.to_string()
}

/// Before a daemon is started: the pid of an earlier one could be its own.
pub(super) fn forget(state: &Path) -> io::Result<()> {
    match fs::remove_file(state.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
