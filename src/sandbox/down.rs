//! Takes a sandbox down: no process and no file stays, whatever happened to it before.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::clock;
use super::error::SandboxError;
use super::host::{Places, find};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// SIGTERM first: the daemon closes its sockets. It has nothing to save that is not saved.
const TERM_LOOKS: u32 = 50;
const KILL_LOOKS: u32 = 250;

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
    let Ok(dir) = dir.canonicalize() else {
        return Ok(Down::Absent);
    };
    clear(name, &dir.join(name)).await
}

/// The lock tells whether the daemon lives: the kernel drops it with the process, whatever the pid file says.
pub(super) fn is_served(state: &Path) -> Result<bool, SandboxError> {
    take_lock(state).map(|lock| matches!(lock, Lock::Held))
}

enum Lock {
    /// No daemon runs, and none can start while this is kept.
    Taken { _file: Option<File> },
    /// A daemon has it.
    Held,
}

fn take_lock(state: &Path) -> Result<Lock, SandboxError> {
    let path = state.join("daemon.lock");
    let file = match File::options().write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Taken { _file: None }),
        Err(source) => return Err(SandboxError::File { path, source }),
    };
    match file.try_lock() {
        Ok(()) => Ok(Lock::Taken { _file: Some(file) }),
        Err(fs::TryLockError::WouldBlock) => Ok(Lock::Held),
        Err(fs::TryLockError::Error(source)) => Err(SandboxError::File { path, source }),
    }
}

/// [`down`] for a folder whose path is absolute.
pub(super) async fn clear(name: &str, state: &Path) -> Result<Down, SandboxError> {
    if !state.exists() {
        return Ok(Down::Absent);
    }
    let _lock = end_daemon(name, state).await?;
    end_machines(name, state).await?;
    // A daemon that was just being started finds no folder and ends by itself.
    for _ in 0..TERM_LOOKS {
        match fs::remove_dir_all(state) {
            Ok(()) => return Ok(Down::Removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Down::Removed),
            // A process that is dying still writes.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => clock::sleep(LOOK_EVERY).await,
            Err(error) => return Err(SandboxError::file(state)(error)),
        }
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "something still writes into its folder".to_owned(),
    })
}

async fn end_daemon(name: &str, state: &Path) -> Result<Lock, SandboxError> {
    for look in 0..TERM_LOOKS.saturating_add(KILL_LOOKS) {
        match take_lock(state)? {
            free @ Lock::Taken { .. } => return Ok(free),
            Lock::Held => {}
        }
        // Only whoever holds the lock writes the pid, and it is held now.
        let pid = read_pid(state);
        if let Some(pid) = pid {
            let wish = if look < TERM_LOOKS {
                Signal::TERM
            } else {
                Signal::KILL
            };
            let _ = kill_process(pid, wish); // gone already is what was wanted
        }
        clock::sleep(LOOK_EVERY).await;
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "its daemon does not die".to_owned(),
    })
}

/// The daemon's pid, in `daemon.pid`.
pub(super) fn write_pid(state: &Path) -> io::Result<()> {
    fs::write(state.join("daemon.pid"), format!("{}\n", std::process::id()))
}

fn read_pid(state: &Path) -> Option<Pid> {
    let text = fs::read_to_string(state.join("daemon.pid")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// Ends machines by the handles they wrote, then whatever was just about to write one.
async fn end_machines(name: &str, state: &Path) -> Result<(), SandboxError> {
    let machines = Places::new(state).machines();
    let listed = match fs::read_dir(&machines) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect::<Vec<_>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SandboxError::file(machines)(error)),
    };
    for _ in 0..KILL_LOOKS {
        let mut alive = false;
        for machine in listed.iter().filter_map(|dir| find(dir)) {
            alive = true;
            machine.power_cut().map_err(SandboxError::file(&machines))?;
        }
        for pid in unpublished(&machines) {
            alive = true;
            let _ = kill_process(pid, Signal::KILL); // gone already is what was wanted
        }
        if !alive {
            return Ok(());
        }
        clock::sleep(LOOK_EVERY).await;
    }
    Err(SandboxError::StillUp {
        name: name.to_owned(),
        what: "a machine does not die".to_owned(),
    })
}

/// First processes of machines (`rehull sandbox machine <folder>`) below this folder, and who waits for them.
fn unpublished(machines: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter_map(|process| {
        let pid = process
            .file_name()
            .to_str()?
            .parse()
            .ok()
            .and_then(Pid::from_raw)?;
        let command = fs::read(process.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        let folder = words.windows(3).find_map(|three| match three {
            [b"sandbox", b"machine", folder] => {
                Some(PathBuf::from(String::from_utf8_lossy(folder).into_owned()))
            }
            _ => None,
        })?;
        folder.starts_with(machines).then_some(pid)
    });
    ours.collect()
}
