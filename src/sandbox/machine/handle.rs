//! A process that is named by pid and start time, so that a reused pid is never taken for it.

use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// First process of a machine, as seen from outside its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineHandle {
    /// Process id on this host.
    pub pid: i32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub start_ticks: u64,
}

impl MachineHandle {
    /// The process that has this pid now.
    pub(in crate::sandbox) fn of(pid: i32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let start_ticks = Stat::of(&line)?.start_ticks;
        Some(Self { pid, start_ticks })
    }

    /// The calling process, numbered by whatever `/proc` shows: before the agent mounts its own, that is the host.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let line = fs::read_to_string("/proc/self/stat")?;
        let pid = line.split(' ').next().and_then(|pid| pid.parse().ok());
        let start_ticks = Stat::of(&line).map(|stat| stat.start_ticks);
        match (pid, start_ticks) {
            (Some(pid), Some(start_ticks)) => Ok(Self { pid, start_ticks }),
            _ => Err(io::Error::other("/proc/self/stat has another format")),
        }
    }

    pub(in crate::sandbox) fn is_running(self) -> bool {
        let line = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // A zombie has ended; only its parent has not looked yet.
        Stat::of(&line).is_some_and(|stat| stat.start_ticks == self.start_ticks && stat.state != "Z")
    }

    /// Signals exactly this process: the pidfd is opened before the start time is compared.
    pub(in crate::sandbox) fn signal(self, signal: Signal) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid.max(0)) else {
            return Ok(());
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !self.is_running() {
            return Ok(());
        }
        match pidfd_send_signal(pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

struct Stat<'a> {
    state: &'a str,
    start_ticks: u64,
}

impl<'a> Stat<'a> {
    /// The name in parentheses may hold anything, so counting begins after the last one.
    fn of(line: &'a str) -> Option<Self> {
        let mut after_name = line.rsplit_once(") ")?.1.split(' ');
        let state = after_name.next()?;
        let start_ticks = after_name.nth(18)?.parse().ok()?;
        Some(Self { state, start_ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = Stat::of(line).unwrap();
        assert_eq!((stat.state, stat.start_ticks), ("S", 4711));
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let me = MachineHandle::of_this_process().unwrap();
        assert!(me.is_running());
        let other = MachineHandle {
            start_ticks: me.start_ticks + 1,
            ..me
        };
        assert!(!other.is_running());
        other.signal(Signal::KILL).unwrap();
    }
}
