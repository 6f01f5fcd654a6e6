//! Every way a command can fail: what happened, why, what to type next, and the exit code. Errors of all parts are
//! turned into a [`Failure`] here and nowhere else.

mod rollout;
mod sandbox;

use std::io;
use std::path::Path;

use rehull_core::config::{Mistake, Spans, Wrong};
use rehull_core::plan::Refusal;
use rehull_core::render::RenderError;
use serde_json::{Value, json};

use crate::cli::diagnostics::{self, Look};
use crate::cli::exit::Exit;
use crate::report::json::OUTPUT_FORMAT;
use crate::report::paint::{Paint, Tone};

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What is shown, at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub enum Problem {
    /// A sentence, its causes and what to do.
    Plain {
        /// Stable word for scripts, for example `store::denied`.
        code: &'static str,
        /// What happened; names are quoted.
        message: String,
        /// Why, outermost first.
        because: Vec<String>,
        /// What to type next.
        help: Option<String>,
    },
    /// A place in a file.
    InFile {
        /// What and where.
        mistake: Box<Mistake>,
        /// The file as it was read.
        text: String,
    },
}

/// What to do about a file that cannot be read.
const UNREADABLE: [(io::ErrorKind, &str); 4] = [
    (
        io::ErrorKind::NotFound,
        "check the path: it is looked for from the folder that the command runs in",
    ),
    (
        io::ErrorKind::PermissionDenied,
        "give this user the right to read it, and to enter its folders",
    ),
    (io::ErrorKind::IsADirectory, "name a file, not a folder"),
    (
        io::ErrorKind::InvalidData,
        "it is no text in UTF-8: name another file, or convert it",
    ),
];

impl Failure {
    /// One sentence, with the causes that `error` carries.
    #[must_use]
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            exit,
            problems: vec![Problem::Plain {
                code,
                message,
                because: Vec::new(),
                help: None,
            }],
        }
    }

    /// Adds the causes of an error: each says only its own part.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        if let Some(Problem::Plain { because, .. }) = self.problems.first_mut() {
            let mut next = Some(error);
            while let Some(error) = next {
                because.push(error.to_string());
                next = error.source();
            }
        }
        self
    }

    /// Adds the causes behind an error whose own sentence is the message.
    #[must_use]
    pub fn because_of_source(self, error: &dyn std::error::Error) -> Self {
        match error.source() {
            Some(source) => self.because(source),
            None => self,
        }
    }

    /// Adds one more cause, in words.
    #[must_use]
    pub fn note(mut self, text: String) -> Self {
        if let Some(Problem::Plain { because, .. }) = self.problems.first_mut() {
            because.push(text);
        }
        self
    }

    /// Adds what to type next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        if let Some(Problem::Plain { help, .. }) = self.problems.first_mut() {
            *help = Some(text.into());
        }
        self
    }

    /// Mistakes in a cluster file.
    #[must_use]
    pub fn in_file(mistakes: Vec<Mistake>, text: &str) -> Self {
        let problem = |mistake| Problem::InFile {
            mistake: Box::new(mistake),
            text: text.to_owned(),
        };
        Self {
            exit: Exit::Usage,
            problems: mistakes.into_iter().map(problem).collect(),
        }
    }

    /// A file that cannot be read.
    #[must_use]
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        let failure = Self::new(
            Exit::Usage,
            "file::unreadable",
            format!("cannot read `{}`", path.display()),
        );
        let known = UNREADABLE.iter().find(|(kind, _)| *kind == error.kind());
        let help = known.map_or("name another file, or mend what the system says", |(_, help)| {
            *help
        });
        failure.because(error).help(help)
    }

    /// A file that cannot be written.
    #[must_use]
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        let failure = Self::new(
            Exit::Refused,
            "file::unwritable",
            format!("cannot write `{}`", path.display()),
        );
        failure
            .because(error)
            .help("make room or give this user the right to write there, then run it again")
    }

    /// A template that does not render.
    #[must_use]
    pub fn render(error: &RenderError) -> Self {
        let (code, help) = match error {
            RenderError::Template { help, .. } => ("render::template", help.as_str()),
            RenderError::UnsafeText { .. } => ("render::unsafe_text", "change the value in the cluster file"),
            RenderError::NotCloudConfig { .. } => (
                "render::cloud_config",
                "look at all of it with `rehull render FILE --slot SLOT`, which prints it all the same, then mend the template",
            ),
            RenderError::TooBig { .. } => {
                ("render::too_big", "move the biggest files to the artefact bucket")
            }
        };
        let help = if help.is_empty() {
            "mend that line; `rehull render --variables` lists what a template may use"
        } else {
            help
        };
        Self::new(Exit::Usage, code, error.to_string()).help(help)
    }

    /// Everything that stands against a plan. Refusals that name a key of the cluster file get a caret there.
    #[must_use]
    pub fn refusals(refusals: Vec<Refusal>, file: &str, text: &str) -> Self {
        let needs_person = refusals.iter().any(|refusal| refusal.needs_human);
        let spans = Spans::of(text);
        let problem = |refusal: Refusal| match refusal.pointer {
            Some(pointer) if spans.value(&pointer).is_some() => {
                let wrong = Wrong::new(refusal.code, refusal.message, refusal.label).help(refusal.help);
                let mistake = Box::new(Mistake::at(file, &spans, &pointer, wrong));
                Problem::InFile {
                    mistake,
                    text: text.to_owned(),
                }
            }
            Some(_) | None => {
                let (code, message, help) = (refusal.code, refusal.message, Some(refusal.help));
                Problem::Plain {
                    code,
                    message,
                    because: Vec::new(),
                    help,
                }
            }
        };
        let exit = if needs_person {
            Exit::NeedsPerson
        } else {
            Exit::Refused
        };
        Self {
            exit,
            problems: refusals.into_iter().map(problem).collect(),
        }
    }

    /// All of it, for people.
    #[must_use]
    pub fn text(&self, look: Look) -> String {
        let paint = if look == Look::Plain {
            Paint::Plain
        } else {
            Paint::Colour
        };
        self.problems
            .iter()
            .map(|problem| problem.text(look, paint))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// All of it, for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "format": OUTPUT_FORMAT,
            "kind": "error",
            "exit": self.exit.code(),
            "problems": self.problems.iter().map(Problem::json).collect::<Vec<_>>(),
        })
    }
}

impl Problem {
    fn text(&self, look: Look, paint: Paint) -> String {
        match self {
            Self::InFile { mistake, text } => diagnostics::render(std::slice::from_ref(mistake), text, look),
            Self::Plain {
                code,
                message,
                because,
                help,
            } => {
                let mut lines = message.lines();
                let head = format!("error[{code}]:");
                let mut out = format!(
                    "{} {}\n",
                    paint.tone(Tone::Bad, &head),
                    lines.next().unwrap_or_default()
                );
                out.extend(lines.map(|line| format!("  {line}\n")));
                out.extend(because.iter().map(|cause| format!("  because: {cause}\n")));
                out.extend(
                    help.iter()
                        .map(|help| format!("  {} {help}\n", paint.tone(Tone::Strong, "help:"))),
                );
                out
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::InFile { mistake, .. } => json!(mistake),
            Self::Plain {
                code,
                message,
                because,
                help,
            } => {
                json!({ "code": code, "message": message, "because": because, "help": help })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_what_to_type() {
        let full = io::Error::new(io::ErrorKind::StorageFull, "no space left on device");
        let failure = Failure::unwritable(Path::new("out/etcd-a.yaml"), &full);
        insta::assert_snapshot!(failure.text(Look::Plain), @r"
        error[file::unwritable]: cannot write `out/etcd-a.yaml`
          because: no space left on device
          help: make room or give this user the right to write there, then run it again
        ");
        assert_eq!(failure.exit, Exit::Refused);
    }

    #[test]
    fn a_file_that_cannot_be_read_says_what_to_look_at() {
        let absent = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let failure = Failure::unreadable(Path::new("clusters/dvv.yaml"), &absent);
        insta::assert_snapshot!(failure.text(Look::Plain), @r"
        error[file::unreadable]: cannot read `clusters/dvv.yaml`
          because: no such file
          help: check the path: it is looked for from the folder that the command runs in
        ");
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::IsADirectory,
            io::ErrorKind::InvalidData,
            io::ErrorKind::Other,
        ] {
            let text = Failure::unreadable(Path::new("x"), &kind.into()).text(Look::Plain);
            assert!(text.contains("help: "), "{text}");
        }
    }

    #[test]
    fn a_refusal_that_names_a_key_points_into_the_file_and_one_that_needs_a_person_says_so() {
        let text = "format: 1\ncluster: dev\netcd:\n  version: 3.6.14\n";
        let refusal = |pointer: Option<&str>, needs_human| Refusal {
            code: "plan::etcd_hop",
            message: "etcd 3.6.14 cannot follow 3.4.34".to_owned(),
            help: "pin 3.5.33 first".to_owned(),
            pointer: pointer.map(str::to_owned),
            label: "pinned here; the members run 3.4.34".to_owned(),
            needs_human,
        };
        let refusals = vec![refusal(Some("/etcd/version"), false), refusal(None, true)];
        let failure = Failure::refusals(refusals, "clusters/dev.yaml", text);
        assert_eq!(failure.exit, Exit::NeedsPerson);
        let shown = failure.text(Look::Plain);
        assert!(shown.contains("clusters/dev.yaml:4:12"), "{shown}");
        assert!(
            shown.contains("╰── pinned here; the members run 3.4.34"),
            "{shown}"
        );
        assert!(shown.contains("help: pin 3.5.33 first"), "{shown}");
    }
}
