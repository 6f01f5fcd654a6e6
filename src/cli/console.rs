//! Where a command writes: the answer to stdout, everything else to stderr. A reader that went away is no error.

use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;
use rehull_core::domain::ids::ContentDigest;
use serde_json::Value;

use super::diagnostics::Look;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::Format;
use crate::report::paint::Paint;

/// The terminal (or pipe, or file) of one command.
#[derive(Clone, Debug)]
pub struct Console {
    /// How the answer is written.
    pub format: Format,
    /// Only the answer and errors.
    pub quiet: bool,
    out_paint: Paint,
    err_paint: Paint,
    live: bool,
    mute: bool,
}

impl Console {
    /// Looks at both streams once. Colour only where a terminal reads, and neither `--no-color` nor `NO_COLOR` is set.
    #[must_use]
    pub fn new(format: Format, quiet: bool, no_color: bool) -> Self {
        let paint = |choice: ColorChoice| {
            if no_color || choice == ColorChoice::Never {
                Paint::Plain
            } else {
                Paint::Colour
            }
        };
        Self {
            format,
            quiet,
            out_paint: paint(anstream::AutoStream::choice(&io::stdout())),
            err_paint: paint(anstream::AutoStream::choice(&io::stderr())),
            live: io::stderr().is_terminal(),
            mute: false,
        }
    }

    /// Colours of stdout.
    #[must_use]
    pub const fn out_paint(&self) -> Paint {
        self.out_paint
    }

    /// Colours of stderr.
    #[must_use]
    pub const fn err_paint(&self) -> Paint {
        self.err_paint
    }

    /// A person watches stderr, so lines may move.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// The same for a command within a command: only failures are shown, the outer one has the answer.
    #[must_use]
    pub fn muted(&self) -> Self {
        Self {
            quiet: true,
            mute: true,
            format: Format::Text,
            ..self.clone()
        }
    }

    /// Writes a part of the answer, as it is.
    ///
    /// # Errors
    /// The stream is broken for another reason than a reader that has gone.
    pub fn answer(&self, text: &str) -> Result<(), Failure> {
        if self.mute {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        settle(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Writes a document as the answer, readable and ending in a newline.
    ///
    /// # Errors
    /// As [`Console::answer`].
    pub fn answer_json(&self, document: &Value) -> Result<(), Failure> {
        self.answer(&format!("{document:#}\n"))
    }

    /// Says something on the way; silent with `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
        }
    }

    /// Asks a person at the terminal; only `yes` agrees.
    #[must_use]
    pub fn agrees(&self, question: &str) -> bool {
        let _ = io::stderr()
            .lock()
            .write_all(format!("{question} (yes/no) ").as_bytes());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// Asks whether what was shown is carried out. Where nobody can be asked, `command` with its digest is what to type.
    ///
    /// # Errors
    /// Nobody is here.
    pub fn consents(&self, command: &str, digest: &ContentDigest) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() || !self.is_live() {
            let failure = Failure::new(Exit::Usage, "apply::not_agreed", "nobody is here to be asked");
            return Err(failure.help(format!("{command} --plan-digest {digest}")));
        }
        Ok(self.agrees("carry it out?"))
    }

    /// Shows a failure: text on stderr, with `--output json` also a document on stdout.
    pub fn fail(&self, failure: &Failure) {
        self.show(failure);
        if self.format == Format::Json {
            let _ = self.answer_json(&failure.json());
        }
    }

    /// Shows a failure on stderr only: the answer is written by somebody else.
    pub fn show(&self, failure: &Failure) {
        let look = match self.err_paint {
            Paint::Plain => Look::Plain,
            Paint::Colour => Look::Terminal { columns: columns() },
        };
        let _ = io::stderr().lock().write_all(failure.text(look).as_bytes());
    }
}

fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stderr())
        .map_or(100, |size| usize::from(size.ws_col))
        .max(40)
}

fn settle(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Refused, "output::broken", "cannot write the answer").because(&error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
