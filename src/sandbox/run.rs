//! The hidden command `rehull sandbox serve --state FOLDER`: the daemon's own entry, before any command line is read.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::machine;
use super::serve::serve;

/// Runs the hidden commands of the sandbox: its daemon, and those of its machines. `None`: something else was asked.
#[must_use]
pub fn run_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match arguments.get(1..).unwrap_or_default() {
        [sandbox, serve, flag, state] if sandbox == "sandbox" && serve == "serve" && flag == "--state" => {
            Some(daemon_main(Path::new(state)))
        }
        _ => machine::run_if_asked(arguments),
    }
}

fn daemon_main(state: &Path) -> ExitCode {
    log_into(&state.join("daemon.log"));
    let served = std::env::current_exe()
        .map_err(|error| error.to_string())
        .and_then(|rehull| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime
                .block_on(serve(state, &rehull))
                .map_err(|error| chain(&error))
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Nobody reads the daemon's terminal. Without a log it serves all the same.
fn log_into(path: &Path) {
    if let Ok(file) = File::options().create(true).append(true).open(path) {
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Mutex::new(file));
        log.with_env_filter(EnvFilter::new("warn,rehull=info")).init();
    }
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
