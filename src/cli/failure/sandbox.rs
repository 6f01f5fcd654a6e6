//! Errors of the sandbox as failures.

use super::Failure;
use crate::cli::exit::Exit;
use crate::sandbox::SandboxError;

impl Failure {
    /// A sandbox that could not be started, asked or taken down.
    #[must_use]
    pub fn sandbox(error: &SandboxError) -> Self {
        let (exit, code, help) = match error {
            SandboxError::File { .. } => (
                Exit::Refused,
                "sandbox::file",
                "check rights and room, then run it again",
            ),
            SandboxError::Listen { .. } => (
                Exit::Refused,
                "sandbox::listen",
                "something else uses this address",
            ),
            SandboxError::Format { .. } => (
                Exit::Refused,
                "sandbox::format",
                "take it down with the rehull that brought it up, then up again",
            ),
            SandboxError::Name { .. } => (Exit::Usage, "sandbox::name", "choose another: --name NAME"),
            SandboxError::Members { .. } => (
                Exit::Usage,
                "sandbox::members",
                "choose another number: --members N",
            ),
            SandboxError::Toolbox { .. } => (
                Exit::Usage,
                "sandbox::toolbox",
                "fill the toolbox: `tools/toolbox.sh etcd VERSION` (or `kubernetes VERSION`), or name another",
            ),
            SandboxError::Running { .. } => (
                Exit::Refused,
                "sandbox::running",
                "it is up already: `rehull sandbox status --name NAME`, or take it down: `rehull sandbox down --name NAME`",
            ),
            SandboxError::Differs { .. } => (
                Exit::Refused,
                "sandbox::differs",
                "take it down first, or choose another --name",
            ),
            SandboxError::Foreign { .. } => (
                Exit::Refused,
                "sandbox::foreign",
                "choose another --name or --dir, or move that folder away",
            ),
            SandboxError::NoMachine { .. } => (
                Exit::Usage,
                "sandbox::no_machine",
                "`rehull sandbox status` lists members and machines",
            ),
            SandboxError::Absent { .. } => (
                Exit::Usage,
                "sandbox::absent",
                "bring one up: `rehull sandbox up`",
            ),
            SandboxError::NotUp { .. } => (Exit::Refused, "sandbox::not_up", "the words above are its own"),
            SandboxError::Silent { .. } => (
                Exit::Refused,
                "sandbox::silent",
                "look at daemon.log in its folder; `sandbox up` starts it again",
            ),
            SandboxError::StillUp { .. } => (Exit::Refused, "sandbox::still_up", "run it again"),
        };
        Self::new(exit, code, error.to_string())
            .because_of_source(error)
            .help(help)
    }
}
