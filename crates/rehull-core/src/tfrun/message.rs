//! One line of the stream. Its keys are those of Terraform 1.11 (`ui` version 1.2); a later minor adds words and takes none
//! away (hashicorp/terraform: website/docs/internals/machine-readable-ui).

use std::fmt;

use serde::Deserialize;

/// What one line says. Words that are not known here are no error: they are progress of a newer version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// First line: who speaks, in which version of the protocol.
    Version {
        /// `Terraform 1.11.4` or `OpenTofu 1.9.0`.
        program: String,
        /// `1.2`.
        ui: String,
    },
    /// A change that the plan holds; the apply of a saved plan says them again.
    Planned {
        /// Resource address.
        address: String,
        /// What.
        change: Change,
    },
    /// Terraform's own count at the end of a plan or apply.
    Summary(Summary),
    /// A change has been sent to the provider.
    Started {
        /// Resource address.
        address: String,
        /// What.
        change: Change,
    },
    /// A change is still going on; said every 10 s.
    Still {
        /// Resource address.
        address: String,
        /// Since when, in seconds.
        seconds: u64,
    },
    /// The provider has done it.
    Completed {
        /// Resource address.
        address: String,
        /// What.
        change: Change,
    },
    /// The provider has not; the reason follows as a diagnostic.
    Failed {
        /// Resource address.
        address: String,
        /// What.
        change: Change,
    },
    /// It waits for the lock of the state.
    WaitsForLock,
    /// It has heard a signal, and winds up.
    Interrupted,
    /// An error or a warning.
    Diagnostic(Diagnostic),
    /// Anything else, with its type.
    Other(String),
    /// No line of this protocol: a wrapper script, a provider that prints, half a line of a killed run.
    Unreadable,
}

/// What is done to a resource, in the words of the stream (the plan file has others).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing, said for moves.
    Noop,
    /// New.
    Create,
    /// A data source.
    Read,
    /// In place.
    Update,
    /// Away and new, in either order.
    Replace,
    /// Away.
    Delete,
    /// Another address in the state.
    Move,
    /// Into the state.
    Import,
    /// Out of the state; the thing itself stays.
    Remove,
    /// A word of a newer version.
    #[serde(other)]
    Unknown,
}

/// Counts. They leave out changes of outputs, moves and imports, so nothing is decided by them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
    /// Created, and replaced.
    pub add: u64,
    /// Changed in place.
    pub change: u64,
    /// Deleted, replaced, and forgotten.
    pub remove: u64,
}

/// Bad enough to end the run?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Yes.
    Error,
    /// No.
    Warning,
}

/// An error or a warning. Its detail may show values of variables, also sensitive ones, so it has no way to a reader: it is
/// looked at for what is known to stand in it, and stays in the file of the run (mode 0600).
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line, by which Terraform's own reasons are told apart.
    pub summary: String,
    /// Resource it is about.
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    range: Option<Range>,
}

impl Diagnostic {
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// `main.tf:12`, where it is about a place in the configuration.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let range = self.range.as_ref()?;
        Some(format!("{}:{}", range.filename, range.start.line))
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Diagnostic");
        shown.field("severity", &self.severity);
        shown.field("summary", &self.summary);
        shown.field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Position {
    line: u64,
}

/// The keys of every kind of line.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "@message")]
    message: String,
    terraform: Option<String>,
    tofu: Option<String>,
    ui: Option<String>,
    change: Option<PlannedChange>,
    changes: Option<Summary>,
    hook: Option<Hook>,
    diagnostic: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct PlannedChange {
    resource: Resource,
    action: Change,
}

#[derive(Deserialize)]
struct Hook {
    resource: Resource,
    action: Option<Change>,
    elapsed_seconds: Option<serde_json::Number>,
}

#[derive(Deserialize)]
struct Resource {
    addr: String,
}

/// The two texts that end with a signal (hashicorp/terraform: internal/command/views/operation.go).
const INTERRUPTED: [&str; 2] = ["Interrupt received", "Two interrupts received"];

impl Said {
    /// Reads one line.
    #[must_use]
    pub fn of(line: &str) -> Self {
        serde_json::from_str::<Line>(line)
            .ok()
            .and_then(Self::of_line)
            .unwrap_or(Self::Unreadable)
    }

    /// `None`: its type is known, but what belongs to it is missing.
    fn of_line(line: Line) -> Option<Self> {
        Some(match line.kind.as_str() {
            "version" => Self::Version {
                program: match (line.tofu, line.terraform) {
                    (Some(version), _) => format!("OpenTofu {version}"),
                    (None, version) => format!("Terraform {}", version?),
                },
                ui: line.ui?,
            },
            "planned_change" => {
                let PlannedChange { resource, action } = line.change?;
                Self::Planned {
                    address: resource.addr,
                    change: action,
                }
            }
            "change_summary" => Self::Summary(line.changes?),
            "apply_start" => of_hook(line.hook?, |address, change| Self::Started { address, change })?,
            "apply_complete" => of_hook(line.hook?, |address, change| Self::Completed { address, change })?,
            "apply_errored" => of_hook(line.hook?, |address, change| Self::Failed { address, change })?,
            "apply_progress" => {
                let hook = line.hook?;
                Self::Still {
                    seconds: whole(&hook.elapsed_seconds?)?,
                    address: hook.resource.addr,
                }
            }
            "state_lock_acquire" => Self::WaitsForLock,
            "diagnostic" => Self::Diagnostic(line.diagnostic?),
            "log"
                if INTERRUPTED
                    .iter()
                    .any(|text| line.message.trim_start().starts_with(text)) =>
            {
                Self::Interrupted
            }
            _ => Self::Other(line.kind),
        })
    }
}

fn of_hook(hook: Hook, said: impl FnOnce(String, Change) -> Said) -> Option<Said> {
    Some(said(hook.resource.addr, hook.action?))
}

/// A Go `float64`, of which the fraction is of no interest.
fn whole(number: &serde_json::Number) -> Option<u64> {
    number.to_string().split('.').next()?.parse().ok()
}
