//! Brings a sandbox up: a folder, a detached daemon, and the wait until it answers.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::clock;
use super::down::clear;
use super::error::SandboxError;
use super::info::Info;
use super::options::{ControlPlaneOptions, Options, UpOptions};
use super::ready;
use super::status::is_at_work;

/// Certificates and the world take a fraction of a second; a busy computer gets a minute.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Starts a sandbox and returns when it answers.
///
/// A sandbox whose daemon has died is started again as it was, machines included. What an interrupted `up` left behind
/// is cleared first; what this one leaves behind when it fails is cleared too.
pub async fn up(up: &UpOptions) -> Result<Info, SandboxError> {
    let options = Options::of(up, seed())?;
    fs::create_dir_all(&up.dir).map_err(SandboxError::file(&up.dir))?;
    let dir = up.dir.canonicalize().map_err(SandboxError::file(&up.dir))?;
    let state = dir.join(&options.name);
    if is_at_work(&state).await? {
        return Err(SandboxError::Running { state });
    }
    if Info::load(&state)?.is_some() {
        same(&Options::load(&state)?, &options)?;
        return start(&up.rehull, &state).await;
    }
    clear(&options.name, &state).await?;
    let fresh = async {
        DirBuilder::new()
            .mode(0o700)
            .create(&state)
            .map_err(SandboxError::file(&state))?;
        options.save(&state).map_err(SandboxError::file(&state))?;
        start(&up.rehull, &state).await
    };
    match fresh.await {
        Ok(info) => Ok(info),
        Err(error) => {
            clear(&options.name, &state).await?;
            Err(error)
        }
    }
}

/// Ids of two sandboxes should differ, or the leftovers of one could be taken for the other's.
fn seed() -> u64 {
    u64::try_from(clock::now().as_nanosecond().rem_euclid(i128::from(i64::MAX))).unwrap_or_default()
}

/// What was asked must be what is there, the seed aside.
fn same(there: &Options, asked: &Options) -> Result<(), SandboxError> {
    let asked = Options {
        seed: there.seed,
        binaries: there.binaries.clone(),
        control_plane: match (&asked.control_plane, &there.control_plane) {
            (Some(asked), Some(there)) => Some(ControlPlaneOptions {
                binaries: there.binaries.clone(),
                ..asked.clone()
            }),
            (asked, _) => asked.clone(),
        },
        ..asked.clone()
    };
    if *there == asked {
        Ok(())
    } else {
        Err(SandboxError::Differs { name: asked.name })
    }
}

async fn start(rehull: &Path, state: &Path) -> Result<Info, SandboxError> {
    let log = state.join("daemon.log");
    ready::forget(state).map_err(SandboxError::file(state))?;
    let mut daemon = spawn(rehull, state, &log).map_err(SandboxError::file(rehull))?;
    let mut waited = Duration::ZERO;
    loop {
        if ready::is(state, daemon.id())
            && let Some(info) = Info::load(state)?
        {
            return Ok(info);
        }
        if let Some(status) = daemon.try_wait().map_err(SandboxError::file(rehull))? {
            return Err(SandboxError::NotUp {
                why: format!("{status}: {}", last_words(&log)),
            });
        }
        if waited >= PATIENCE {
            let _ = daemon.kill(); // gone already is what was wanted
            let _ = daemon.wait();
            let why = format!("no answer within {} s: {}", PATIENCE.as_secs(), last_words(&log));
            return Err(SandboxError::NotUp { why });
        }
        clock::sleep(LOOK_EVERY).await;
        waited = waited.saturating_add(LOOK_EVERY);
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox owns its daemon")]
fn spawn(rehull: &Path, state: &Path, log: &Path) -> io::Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut daemon = Command::new(rehull);
    daemon
        .args(["sandbox", "serve", "--state"])
        .arg(state)
        .current_dir("/");
    daemon.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    daemon.spawn()
}

fn last_words(log: &PathBuf) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}
