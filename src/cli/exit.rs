//! Exit codes: part of the interface, never renumbered.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Ok,
    /// Failed or refused; nothing was left half done.
    Refused,
    /// The command line or the cluster file is wrong; nothing was touched.
    Usage,
    /// Blocked or halted: a person has to look before it can go on.
    NeedsPerson,
    /// Somebody else holds the cluster's lease.
    LeaseHeld,
    /// Stopped at a stop point as asked; `rehull resume` goes on. The number is `EX_TEMPFAIL` of sysexits.h.
    StopPoint,
    /// A second signal ended the process at once; the journal knows what was begun.
    Interrupted,
}

impl Exit {
    /// Every code, in ascending order.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Refused,
        Self::Usage,
        Self::NeedsPerson,
        Self::LeaseHeld,
        Self::StopPoint,
        Self::Interrupted,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NeedsPerson => 3,
            Self::LeaseHeld => 4,
            Self::StopPoint => 75,
            Self::Interrupted => 130,
        }
    }

    /// What it means, for the help text.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done, or nothing to do",
            Self::Refused => "failed or refused; nothing was left half done",
            Self::Usage => "the command line or the cluster file is wrong; nothing was touched",
            Self::NeedsPerson => "blocked or halted: a person has to look before it can go on",
            Self::LeaseHeld => "somebody else holds the cluster's lease",
            Self::StopPoint => "stopped at a stop point; `rehull resume` goes on",
            Self::Interrupted => "ended at once by a second signal; `rehull resume` settles what was begun",
        }
    }

    /// The last part of `rehull --help`.
    #[must_use]
    pub fn help() -> String {
        let lines = Self::ALL.map(|exit| format!("{:>5}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endings_share_a_number() {
        let mut codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
        assert!(codes.is_sorted());
    }
}
