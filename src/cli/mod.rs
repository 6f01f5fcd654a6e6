//! The command line: what was typed, what is meant, one file per command.
//!
//! [`main`] reads the command line, runs one command and turns its outcome into an exit code. A command takes what it
//! needs, answers on its [`console::Console`] and fails with a [`failure::Failure`]; only [`wire`] builds adapters.

pub mod args;
pub mod check;
pub mod cluster_file;
pub mod console;
pub mod diagnostics;
pub mod exit;
pub mod failure;
pub mod render;
pub mod schema;
mod typed;
pub mod version;

use std::process::ExitCode;

use args::{Invocation, Wish};
use exit::Exit;
use failure::Failure;

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
    match &invocation.wish {
        Wish::Check(files) => check::run(console, files),
        Wish::Schema => schema::run(console),
        Wish::ListVariables => render::variables(console),
        Wish::Render(file, rendering) => render::run(console, file, rendering),
        Wish::Version => version::run(console),
    }
}
