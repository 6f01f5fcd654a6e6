//! What is meant: the command line and the environment, read once and turned into values of the domain.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use rehull_core::domain::ids::SlotName;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::typed::{self, Command, Output, Typed};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// For pull requests.
    Markdown,
}

/// One run of the program.
#[derive(Debug)]
pub struct Invocation {
    /// Where and how to write.
    pub console: Console,
    /// Debug log, if asked for.
    pub log: Option<PathBuf>,
    /// What to do.
    pub wish: Wish,
}

/// A command with everything it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `check`; no file means all of `clusters/`.
    Check(Vec<PathBuf>),
    /// `schema`.
    Schema,
    /// `render --variables`.
    ListVariables,
    /// `render` of a cluster file.
    Render(PathBuf, Rendering),
    /// `version`.
    Version,
}

/// Which part of a rendering is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// One line per slot.
    Overview,
    /// The user data of one slot.
    Slot(SlotName),
    /// The variables file of Terraform.
    Tfvars,
}

/// Reads a command line. What clap says by itself (help, version, misspelt options) comes back as its error.
///
/// # Errors
/// Help and version texts, and everything that is no command line.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let typed = Typed::try_parse_from(arguments)?;
    let format = match typed.global.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
        Output::Markdown => Format::Markdown,
    };
    let console = Console::new(format, typed.global.quiet, typed.global.no_color);
    Ok(Invocation {
        console,
        log: typed.global.log,
        wish: wish(typed.command),
    })
}

fn wish(command: Command) -> Wish {
    match command {
        Command::Check(check) => Wish::Check(check.files),
        Command::Schema => Wish::Schema,
        Command::Render(render) => rendering(render),
        Command::Version => Wish::Version,
    }
}

fn rendering(typed: typed::Render) -> Wish {
    let rendering = match (typed.slot, typed.tfvars) {
        (Some(slot), _) => Rendering::Slot(SlotName::new(slot)),
        (None, true) => Rendering::Tfvars,
        (None, false) => Rendering::Overview,
    };
    // clap lets `--variables` stand only without a file, and nothing else without one.
    typed
        .file
        .map_or(Wish::ListVariables, |file| Wish::Render(file, rendering))
}

impl Wish {
    /// `markdown` is a form of reports; elsewhere it would be a surprise.
    ///
    /// # Errors
    /// The format does not exist for this command.
    pub fn takes(&self, format: Format) -> Result<(), Failure> {
        match (self, format) {
            (_, Format::Text | Format::Json) => Ok(()),
            (
                Self::Check(_) | Self::Schema | Self::ListVariables | Self::Render(..) | Self::Version,
                Format::Markdown,
            ) => {
                let failure = Failure::new(
                    Exit::Usage,
                    "usage::output",
                    "only `rehull report` writes markdown",
                );
                Err(failure.help("use `--output text` or `--output json`"))
            }
        }
    }
}

/// The environment of the process as it was at the start. It may hold secrets, so it cannot be printed.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads it, once; values that are no UTF-8 are left out.
    #[must_use]
    pub fn read() -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The value of a variable; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
