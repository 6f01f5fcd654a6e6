//! The processes of a sandbox, found by what they were started with: files that name them can be missing, half written
//! or older than a reused pid.

use std::fs;
use std::path::Path;

use super::machine::MachineHandle;

/// Daemons of this folder: `sandbox serve --state <folder>`.
pub(super) fn daemons(state: &Path) -> Vec<MachineHandle> {
    running(|words| {
        words.windows(4).any(|four| match four {
            [b"sandbox", b"serve", b"--state", folder] => is(folder, state),
            _ => false,
        })
    })
}

/// First processes of machines (`sandbox machine <folder of the machine>`) in or below this folder, and who waits for
/// them.
pub(super) fn machines(folder: &Path) -> Vec<MachineHandle> {
    running(|words| {
        words.windows(3).any(|three| match three {
            [b"sandbox", b"machine", machine] => path(machine).starts_with(folder),
            _ => false,
        })
    })
}

/// Start times are read before command lines: a pid that is reused in between is signalled by nobody.
fn running(is_ours: impl Fn(&[&[u8]]) -> bool) -> Vec<MachineHandle> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let handle = MachineHandle::of(pid)?;
        let command = fs::read(process.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        is_ours(&words).then_some(handle)
    });
    ours.collect()
}

fn is(folder: &[u8], state: &Path) -> bool {
    path(folder) == state
}

fn path(word: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(word))
}

/// Everything in the pid namespace of a machine's first process.
pub(super) fn of_machine(first: MachineHandle) -> Vec<MachineHandle> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Some(own) = namespace(&first.pid.to_string()) else {
        return Vec::new();
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = processes.filter_map(|process| {
        let name = process.file_name();
        let pid = name.to_str()?;
        let handle = MachineHandle::of(pid.parse().ok()?)?;
        (namespace(pid)? == own).then_some(handle)
    });
    inside.collect()
}
