//! Takes a sandbox down: no process and no file stays, whatever happened to it before.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::clock;
use super::error::SandboxError;
use super::host::Places;
use super::machine::MachineHandle;
use super::options::{self, Options};
use super::processes;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// SIGTERM first: the daemon closes its sockets. It has nothing to save that is not saved.
const TERM_LOOKS: u32 = 50;
const KILL_LOOKS: u32 = 250;
/// The lock of the daemon: the kernel drops it with the process.
const LOCK: &str = "daemon.lock";

/// Whether there was anything to take down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// It is gone now.
    Removed,
    /// There was none.
    Absent,
}

/// Kills daemon and machines of the sandbox and removes its folder. Can be repeated.
pub async fn down(name: &str, dir: &Path) -> Result<Down, SandboxError> {
    options::check_name(name)?;
    // Processes may run although somebody has removed their folder.
    let dir = dir.canonicalize().or_else(|_| std::path::absolute(dir));
    let Ok(dir) = dir else {
        return Ok(Down::Absent);
    };
    clear(name, &dir.join(name)).await
}

/// The lock tells whether the daemon lives, whatever the pid file says.
pub(super) fn is_served(state: &Path) -> Result<bool, SandboxError> {
    let path = state.join(LOCK);
    let file = match File::options().write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(SandboxError::File { path, source }),
    };
    // Shared, so that two who look do not take each other for the daemon.
    held(path, file.try_lock_shared())
}

/// The daemon's own lock; `None`: somebody else has it.
pub(super) fn lock(state: &Path) -> Result<Option<File>, SandboxError> {
    let path = state.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(SandboxError::file(&path))?;
    let outcome = file.try_lock();
    Ok((!held(path, outcome)?).then_some(file))
}

fn held(path: PathBuf, outcome: Result<(), fs::TryLockError>) -> Result<bool, SandboxError> {
    match outcome {
        Ok(()) => Ok(false),
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(source)) => Err(SandboxError::File { path, source }),
    }
}

/// [`down`] for a folder whose path is absolute.
pub(super) async fn clear(name: &str, state: &Path) -> Result<Down, SandboxError> {
    let is_there = state.exists();
    if is_there && !is_sandbox(state)? {
        return Err(SandboxError::Foreign {
            folder: state.to_owned(),
        });
    }
    let (_lock, ended_daemon) = end_daemon(name, state).await?;
    let ended_machine = end_machines(name, state).await?;
    if is_there {
        remove(name, state).await?;
    }
    if is_there || ended_daemon || ended_machine {
        Ok(Down::Removed)
    } else {
        Ok(Down::Absent)
    }
}

/// Nothing else is ever removed: `--dir` and `--name` may point anywhere. `up` writes this file first, and [`remove`]
/// removes it last.
fn is_sandbox(state: &Path) -> Result<bool, SandboxError> {
    let entries = fs::read_dir(state).map_err(SandboxError::file(state))?;
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    Ok(names.iter().any(|name| name == options::FILE) || names.iter().all(|name| name == LOCK))
}

async fn remove(name: &str, state: &Path) -> Result<(), SandboxError> {
    for _ in 0..TERM_LOOKS {
        match remove_all(state) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !state.exists() => return Ok(()),
            // A process that is dying still writes; a second `down` removes at the same time.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
                ) =>
            {
                clock::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(SandboxError::file(state)(error)),
        }
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "something still writes into its folder".to_owned(),
    })
}

/// What makes the folder a sandbox goes last: an interrupted `down` can be repeated.
fn remove_all(state: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        if entry.file_name() == options::FILE {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Options::forget(state)?;
    fs::remove_dir(state)
}

/// Whether a daemon had to be ended; with the lock, none can start any more. Without a folder there is no lock, and a
/// daemon that is just being started finds no folder and ends by itself.
async fn end_daemon(name: &str, state: &Path) -> Result<(Option<File>, bool), SandboxError> {
    let mut ended = false;
    for look in 0..TERM_LOOKS.saturating_add(KILL_LOOKS) {
        let own = if state.exists() { lock(state)? } else { None };
        let daemons = processes::daemons(state);
        if daemons.is_empty() && (own.is_some() || !state.exists()) {
            return Ok((own, ended));
        }
        let wish = if look < TERM_LOOKS {
            Signal::TERM
        } else {
            Signal::KILL
        };
        ended |= !daemons.is_empty();
        end(state, daemons, wish)?;
        clock::sleep(LOOK_EVERY).await;
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "its daemon does not die".to_owned(),
    })
}

fn end(state: &Path, processes: Vec<MachineHandle>, wish: Signal) -> Result<(), SandboxError> {
    for process in processes {
        process.signal(wish).map_err(SandboxError::file(state))?;
    }
    Ok(())
}

/// Whether there was a machine to end.
async fn end_machines(name: &str, state: &Path) -> Result<bool, SandboxError> {
    let machines = Places::new(state).machines();
    for look in 0..KILL_LOOKS {
        let alive = processes::machines(&machines);
        if alive.is_empty() {
            return Ok(look > 0);
        }
        end(state, alive, Signal::KILL)?;
        clock::sleep(LOOK_EVERY).await;
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "a machine does not die".to_owned(),
    })
}

/// The daemon's pid, in `daemon.pid`, for people.
pub(super) fn write_pid(state: &Path) -> io::Result<()> {
    fs::write(state.join("daemon.pid"), format!("{}\n", std::process::id()))
}
