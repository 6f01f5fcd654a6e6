//! How a run ended. Fails closed: what does not add up is [`Verdict::Doubtful`], never a success.

use serde::{Deserialize, Serialize};

use super::lock::LockInfo;
use super::message::{Diagnostic, Said, Severity, Summary};
use super::summaries::{self, LOCK};
use super::tally::{Counter, Tally};

/// What Terraform was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// `init`.
    Init,
    /// `plan -detailed-exitcode`.
    Plan,
    /// `apply` of a saved plan.
    Apply,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this code.
    Exit(i32),
    /// Killed by this signal.
    Signal(i32),
    /// It is gone, and so is whoever was to write down how: the computer went down, or all of it was killed together.
    Unseen,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `init` is done.
    Initialised,
    /// The plan is empty; also no output, move or import.
    NoChange,
    /// The plan has changes.
    Changes,
    /// Every announced change is done.
    Applied,
    /// Nothing was sent to a provider, for a reason of the configuration, the provider or the credentials.
    Errored,
    /// Another run has the state; `None`: the backend cannot say who.
    LockBusy(Option<LockInfo>),
    /// A signal came while it waited for the lock: it never had the state.
    LockInterrupted,
    /// The state has changed since the plan was made.
    Stale,
    /// The plan is of another state.
    LineageMismatch,
    /// The configuration wants other providers than the lock file names, or what is offered has another checksum.
    LockfileMismatch,
    /// The plan is of another version of Terraform.
    VersionMismatch,
    /// The file is no plan, or it cannot be read.
    BadPlanFile,
    /// The plan had errors itself.
    Incomplete,
    /// A signal came and it wound up: the state is saved, and the lock is free.
    Interrupted,
    /// Some changes are done and others are not.
    PartialApply,
    /// Changes are done, and the state that says so lies in `errored.tfstate` only.
    StateNotSaved,
    /// It was killed: the lock stays, and of what was begun the state says nothing.
    KilledBySignal(i32),
    /// It is gone, and nobody saw how it ended. As bad as killed.
    Unseen,
    /// `init` is missing.
    NotInitialised,
    /// A provider is not installed, or it is nowhere to be had.
    PluginMissing,
    /// The provider does not keep to its own plan; some changes may be done.
    InconsistentFinalPlan,
    /// The end, the stream and the counts contradict each other.
    Doubtful(String),
}

/// Verdict, progress and what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What came of it.
    pub verdict: Verdict,
    /// How far an apply came.
    pub tally: Tally,
    /// Errors first.
    pub diagnostics: Vec<Diagnostic>,
    /// Who spoke: `Terraform 1.11.4`.
    pub program: Option<String>,
}

/// A run that is listened to, line by line.
#[derive(Clone, Debug)]
pub struct Run {
    command: Command,
    counter: Counter,
    diagnostics: Vec<Diagnostic>,
    program: Option<String>,
    ui: Option<String>,
    summary: Option<Summary>,
    interrupted: bool,
}

/// The version of the stream that is understood; minors add words (hashicorp/terraform: machine-readable-ui).
const UI_MAJOR: &str = "1";

impl Run {
    /// Before its first line.
    #[must_use]
    pub fn of(command: Command) -> Self {
        Self {
            command,
            counter: Counter::default(),
            diagnostics: Vec::new(),
            program: None,
            ui: None,
            summary: None,
            interrupted: false,
        }
    }

    /// Takes a line in, and says what is in it.
    pub fn hear(&mut self, line: &str) -> Said {
        let said = Said::of(line);
        self.counter.count(&said);
        match &said {
            Said::Version { program, ui } => {
                self.program = Some(program.clone());
                self.ui = Some(ui.clone());
            }
            Said::Summary(summary) => self.summary = Some(summary.clone()),
            Said::Interrupted => self.interrupted = true,
            Said::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic.clone()),
            Said::Planned { .. }
            | Said::Started { .. }
            | Said::Still { .. }
            | Said::Completed { .. }
            | Said::Failed { .. }
            | Said::WaitsForLock
            | Said::Other(_)
            | Said::Unreadable => {}
        }
        said
    }

    /// What came of it, now that the process has ended.
    #[must_use]
    pub fn end(mut self, ended: Ended) -> Outcome {
        self.diagnostics
            .sort_by_key(|diagnostic| diagnostic.severity == Severity::Warning);
        let tally = match self.command {
            Command::Apply => self.counter.tally(),
            Command::Init | Command::Plan => Tally::default(),
        };
        Outcome {
            verdict: self.verdict(ended, &tally),
            tally,
            diagnostics: self.diagnostics,
            program: self.program,
        }
    }

    fn verdict(&self, ended: Ended, tally: &Tally) -> Verdict {
        let code = match ended {
            Ended::Signal(signal) => return Verdict::KilledBySignal(signal),
            Ended::Unseen => return Verdict::Unseen,
            Ended::Exit(code) => code,
        };
        match self.ui.as_deref().map(|ui| ui.split('.').next()) {
            Some(Some(UI_MAJOR)) => {}
            Some(_) => return doubtful("its stream has a version that is not known here"),
            // Also a flag that it does not know ends it before its first line.
            None => return doubtful("it has said nothing that can be read"),
        }
        match (self.command, code) {
            (_, 1) => self.failure(tally),
            (_, _) if self.has_errors() => doubtful(&format!("it has told of errors, and ended with {code}")),
            (Command::Init, 0) => Verdict::Initialised,
            (Command::Plan, 0 | 2) if !self.has_summary("plan") => {
                doubtful("a plan without its last line, the counts")
            }
            (Command::Plan, 0) if self.counter.has_changes() => {
                doubtful("it has told of changes, and ended as if there were none")
            }
            (Command::Plan, 0) => Verdict::NoChange,
            // Without a change of a resource, too: outputs are none.
            (Command::Plan, 2) => Verdict::Changes,
            (Command::Apply, 0) if !self.has_summary("apply") => {
                doubtful("an apply without its last line, the counts")
            }
            (Command::Apply, 0) if !tally.is_complete() => {
                doubtful("it has ended well, and not every change was told to be done")
            }
            (Command::Apply, 0) => Verdict::Applied,
            (_, code) => doubtful(&format!("it has ended with {code}, which means nothing")),
        }
    }

    /// Exit code 1.
    fn failure(&self, tally: &Tally) -> Verdict {
        let errors = || {
            let all = self.diagnostics.iter();
            all.filter(|diagnostic| diagnostic.severity == Severity::Error)
        };
        if errors().next().is_none() && !self.interrupted {
            return doubtful("it has failed, and told of no error");
        }
        let lock = errors().find(|diagnostic| diagnostic.summary == LOCK);
        if let Some(diagnostic) = lock {
            return if self.interrupted {
                Verdict::LockInterrupted
            } else {
                Verdict::LockBusy(LockInfo::in_detail(diagnostic.detail()))
            };
        }
        let mut known =
            errors().filter_map(|diagnostic| summaries::verdict(&diagnostic.summary, diagnostic.detail()));
        let known = known
            .by_ref()
            .max_by_key(|verdict| *verdict == Verdict::StateNotSaved);
        match known {
            Some(verdict) => verdict,
            None if self.interrupted => Verdict::Interrupted,
            None if tally.has_begun() => Verdict::PartialApply,
            None => Verdict::Errored,
        }
    }

    fn has_errors(&self) -> bool {
        let mut all = self.diagnostics.iter();
        all.any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    fn has_summary(&self, operation: &str) -> bool {
        let summary = self.summary.as_ref();
        summary.is_some_and(|summary| summary.operation == operation)
    }
}

fn doubtful(why: &str) -> Verdict {
    Verdict::Doubtful(why.to_owned())
}
