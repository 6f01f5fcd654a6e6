//! One sandbox machine: a directory, and a process tree in mount, uts and pid namespaces of its own.
//!
//! Its first process is the boot agent, a stand-in for firmware, cloud-init and systemd: it lays out a root directory over
//! read-only mounts of this host, executes the user data word for word and supervises the units it writes. Power can be
//! cut (SIGKILL to the first process: everything in it dies) or the machine can be shut down. Its mounts end with it.
//!
//! ```text
//! <dir>/root/        what the machine sees as `/`           <dir>/console.log   what the agent says
//! <dir>/usr-local/   its /usr/local, with the stand-ins     <dir>/agent.json    pid and start time of its first process
//! <dir>/volumes/     which volumes are attached             <dir>/machine.json  what it was started with
//! ```

mod agent;
mod cloud_init;
mod control;
mod guest;
mod handle;
mod process;
mod reaper;
mod root;
mod supervisor;
mod unit;
mod volumes;

pub use agent::agent_main;
pub use guest::guest_main;
pub use handle::MachineHandle;
pub use process::{MachineProcess, MachineSpec};
pub use volumes::{Withdrawn, expose_volume, withdraw_volume};

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the two hidden commands `rehull sandbox machine DIR` (the agent, first process of a machine) and
/// `rehull sandbox guest TOOL …` (a stand-in inside a machine). `None`: the arguments ask for something else.
///
/// Call it before anything else in `main`: the agent must own its only thread, and a stand-in must start fast.
#[must_use]
pub fn run_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<String> = arguments
        .into_iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sandbox", "machine", dir] => Some(agent_main(dir.as_ref())),
        ["sandbox", "guest", tool, rest @ ..] => Some(guest_main(tool, rest)),
        _ => None,
    }
}
