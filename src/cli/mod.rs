//! The command line: what was typed, what is meant, one file per command.
//!
//! [`main`] reads the command line, runs one command and turns its outcome into an exit code. A command takes what it
//! needs, answers on its [`console::Console`] and fails with a [`failure::Failure`]; only [`wire`] builds adapters.

pub mod adopt;
pub mod apply;
pub mod args;
pub mod ask;
pub mod catalog;
pub mod check;
pub mod cluster_file;
pub mod console;
pub mod diagnostics;
pub mod drive;
pub mod environment;
pub mod event_log;
pub mod exit;
pub mod failure;
pub mod identity;
pub mod infrastructure;
pub mod init;
pub mod lease;
pub mod local;
pub mod log;
mod opening;
pub mod plan;
pub mod planning;
pub mod rehearse;
pub mod render;
pub mod replay;
pub mod report;
pub mod resume;
pub mod rollouts;
pub mod sandbox;
pub mod schema;
pub mod signals;
pub mod snapshot;
pub mod status;
pub mod toolbox;
mod typed;
pub mod unfinished;
pub mod unlock;
pub mod version;
mod wind_up;
pub mod wire;
pub mod wish;
mod worked;

use std::process::ExitCode;

use args::Invocation;
use environment::Environment;
use exit::Exit;
use failure::Failure;
use wish::{SandboxWish, Wish};

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    match args::read(std::env::args_os()) {
        Ok(invocation) => run(&invocation).into(),
        // clap knows where each of its texts belongs: help and version to stdout, mistakes to stderr.
        Err(said) => {
            let exit = if said.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = said.print();
            exit.into()
        }
    }
}

fn run(invocation: &Invocation) -> Exit {
    let outcome = invocation
        .wish
        .takes(invocation.console.format)
        .and_then(|()| command(invocation));
    outcome.unwrap_or_else(|failure| {
        invocation.console.fail(&failure);
        failure.exit
    })
}

fn command(invocation: &Invocation) -> Result<Exit, Failure> {
    let console = &invocation.console;
    if let Some(path) = &invocation.log {
        log::start(path)?;
    }
    let environment = Environment::read().with(invocation.fault);
    match &invocation.wish {
        Wish::Check(files) => check::run(console, files),
        Wish::Schema => schema::run(console),
        Wish::LookUp(asked) => catalog::run(console, asked),
        Wish::ListVariables => render::variables(console),
        Wish::Render(file, rendering) => render::run(console, file, rendering),
        Wish::Plan(asked) => plan::run(console, &environment, asked),
        Wish::Rehearse(asked) => rehearse::run(console, asked),
        Wish::Replay(asked) => replay::run(console, asked),
        Wish::Apply(change) => apply::run(console, &environment, change),
        Wish::Status(subject) => status::run(console, &environment, subject),
        Wish::Resume(of) => resume::run(console, &environment, of),
        Wish::Ask(of, wish) => ask::run(console, &environment, of, *wish),
        Wish::Report(of) => report::run(console, &environment, of),
        Wish::EtcdStatus(file) => status::etcd(console, &environment, file),
        Wish::EtcdSnapshot(file) => snapshot::run(console, &environment, file),
        Wish::Sandbox(SandboxWish::Up(up)) => sandbox::up::run(console, &environment, up),
        Wish::Sandbox(SandboxWish::Down(place)) => sandbox::down::run(console, place),
        Wish::Sandbox(SandboxWish::Demo(demo)) => sandbox::demo::run(console, &environment, demo),
        Wish::Sandbox(SandboxWish::Pin(pin)) => sandbox::pin::run(console, &environment, pin),
        Wish::Sandbox(SandboxWish::Harm(harmed)) => sandbox::harm::run(console, harmed),
        Wish::Sandbox(SandboxWish::Status(place)) => sandbox::status::run(console, place),
        Wish::Infrastructure(asked) => infrastructure::run(console, &environment, asked),
        Wish::Init(asked) => init::run(console, asked),
        Wish::Adopt(asked) => adopt::run(console, asked),
        Wish::VerifyHandover(asked) => adopt::verify(console, asked),
        Wish::Unlock(asked) => unlock::run(console, &environment, asked),
        Wish::Version => version::run(console),
    }
}
