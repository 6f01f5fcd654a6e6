//! Starting, finding and ending a machine from outside.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use super::handle::MachineHandle;
use crate::sandbox::clock;

/// What a machine is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Directory of this machine; made if absent. Starting again in the same directory is a reboot.
    pub dir: PathBuf,
    /// Instance id, `i-…`.
    pub instance: String,
    /// Host name.
    pub hostname: String,
    /// Plain user data.
    pub user_data: String,
    /// Where the metadata service answers, for example `http://127.20.3.1:1338`; given to the guest by its image.
    pub imds_endpoint: String,
    /// Where S3 answers; given to the guest by its image.
    pub s3_endpoint: String,
    /// Region; the guest learns it from its metadata only.
    pub region: String,
}

/// A machine that was started. Dropping it leaves the machine running.
#[derive(Debug)]
pub struct MachineProcess {
    handle: MachineHandle,
}

/// A root directory is laid out in well under a second; a host that swaps gets ten.
const START_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl MachineProcess {
    /// Powers a machine on and returns once its first process is up; user data runs after that.
    ///
    /// # Errors
    /// The directory cannot be written, or the kernel refuses namespaces or mounts: the error carries the console.
    pub async fn start(spec: &MachineSpec) -> io::Result<Self> {
        Self::start_with(spec, &std::env::current_exe()?).await
    }

    /// [`start`](Self::start) with another `rehull` than the running program: tests are not `rehull` themselves.
    ///
    /// # Errors
    /// See [`start`](Self::start).
    pub async fn start_with(spec: &MachineSpec, rehull: &Path) -> io::Result<Self> {
        fs::create_dir_all(&spec.dir)?;
        let dir = spec.dir.canonicalize()?;
        match fs::remove_file(dir.join("agent.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(dir.join("machine.json"), serde_json::to_vec_pretty(spec)?)?;
        let mut unshare = launch(&dir, rehull)?;
        let mut waited = Duration::ZERO;
        let handle = loop {
            if let Some(handle) = read_handle(&dir) {
                break handle;
            }
            if let Some(status) = unshare.try_wait()? {
                return Err(io::Error::other(format!(
                    "the machine ended with {status}: {}",
                    last_words(&dir)
                )));
            }
            if waited >= START_PATIENCE {
                unshare.kill().await?; // its child goes with it (--kill-child)
                return Err(io::Error::other(format!(
                    "the machine is not up after 10 s: {}",
                    last_words(&dir)
                )));
            }
            clock::sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        };
        // Somebody must wait for the child, or every ended machine stays a zombie of this process.
        tokio::spawn(async move { unshare.wait().await });
        Ok(Self { handle })
    }

    /// Names the machine across a restart of the daemon.
    #[must_use]
    pub fn handle(&self) -> MachineHandle {
        self.handle
    }

    /// Takes over a machine that an earlier daemon started; `None`: it does not run any more, or the pid is another's.
    #[must_use]
    pub fn adopt(handle: MachineHandle) -> Option<Self> {
        handle.is_running().then_some(Self { handle })
    }

    /// The first process is alive.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.handle.is_running()
    }

    /// SIGKILL to the first process: the kernel kills everything in the machine, nothing gets a signal it could handle.
    ///
    /// # Errors
    /// The kernel refuses the signal. A machine that is gone already is success.
    pub fn power_cut(&self) -> io::Result<()> {
        self.handle.signal(Signal::KILL)
    }

    /// Like the power button: units are stopped in reverse order, then the machine ends.
    ///
    /// # Errors
    /// The kernel refuses the signal. A machine that is gone already is success.
    pub fn ask_shutdown(&self) -> io::Result<()> {
        self.handle.signal(Signal::TERM)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox owns the processes of its machines"
)]
fn launch(dir: &Path, rehull: &Path) -> io::Result<Child> {
    let console = File::options()
        .create(true)
        .append(true)
        .open(dir.join("console.log"))?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--uts", "--pid", "--fork", "--kill-child"]);
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
        .arg(rehull)
        .args(["sandbox", "machine"])
        .arg(dir)
        .env_clear()
        .env("PATH", super::agent::PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(console.try_clone()?)
        .stderr(console)
        .process_group(0); // an interrupt at the daemon's terminal is not a power cut
    unshare.spawn()
}

fn read_handle(dir: &Path) -> Option<MachineHandle> {
    serde_json::from_slice(&fs::read(dir.join("agent.json")).ok()?).ok()
}

fn last_words(dir: &Path) -> String {
    let console = fs::read(dir.join("console.log")).unwrap_or_default();
    let console = String::from_utf8_lossy(&console);
    let lines: Vec<&str> = console.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<&str>>().join(" · ")
}
