//! Errors of the core's executor, journal and lease as failures.

use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::{ContentDigest, RolloutId};
use rehull_core::executor::RunError;
use rehull_core::executor::identity::WrongTarget;
use rehull_core::executor::lease::{Holding, LeaseError, LeaseRecord, LeaseTimes};
use rehull_core::executor::open::OpenError;
use rehull_core::journal::JournalError;
use rehull_core::ports::StoreError;

use super::Failure;
use crate::cli::exit::Exit;
use crate::cli::lease::NO_ROLLOUT;
use crate::report::numbers::{between, duration};

impl Failure {
    /// No such rollout.
    #[must_use]
    pub fn unknown_rollout(rollout: &RolloutId) -> Self {
        let message = format!("there is no rollout `{rollout}` in this store");
        let help = "`rehull status FILE` names the rollouts of a cluster";
        Self::new(Exit::Usage, "rollout::unknown", message).help(help)
    }

    /// A journal that cannot be read or written.
    #[must_use]
    pub fn journal(error: &JournalError) -> Self {
        let (exit, code, help) = match error {
            JournalError::Corrupt { .. } => (
                Exit::NeedsPerson,
                "journal::corrupt",
                "it is not what was written: keep a copy and look at the object (under `store` of the cluster file); nothing was performed",
            ),
            JournalError::Gap { .. } => (
                Exit::NeedsPerson,
                "journal::gap",
                "restore the object (bucket versioning keeps it); what was intended in it is not known",
            ),
            JournalError::NewerFormat { .. } => (
                Exit::Refused,
                "journal::newer_format",
                "use the rehull that wrote it, or a newer one",
            ),
            JournalError::Foreign { .. } => (
                Exit::NeedsPerson,
                "journal::foreign",
                "this store belongs to another cluster: correct `store`",
            ),
            JournalError::Fenced { .. } => (
                Exit::LeaseHeld,
                "journal::fenced",
                "another process has taken over; `rehull status` says who",
            ),
            JournalError::Unwritten { source, .. } | JournalError::Unread(source) => {
                return Self::of_store(error, source);
            }
            JournalError::Contradiction(_) => (
                Exit::NeedsPerson,
                "journal::contradiction",
                "this is a fault in rehull: please report it with the journal",
            ),
        };
        Self::new(exit, code, error.to_string())
            .because_of_source(error)
            .help(help)
    }

    fn of_store(error: &JournalError, source: &StoreError) -> Self {
        let mut failure = Self::store(source);
        if let Some(super::Problem::Plain { message, .. }) = failure.problems.first_mut() {
            *message = error.to_string();
        }
        failure
    }

    /// A rollout that can be neither begun nor continued.
    #[must_use]
    pub fn open(error: &OpenError) -> Self {
        let (exit, code, help) = match error {
            OpenError::NotFound { .. } => (
                Exit::Usage,
                "rollout::unknown",
                "`rehull status FILE` names the rollouts",
            ),
            OpenError::Exists { .. } => (
                Exit::Refused,
                "rollout::exists",
                "somebody else was faster; plan again",
            ),
            OpenError::Closed { .. } => (
                Exit::Refused,
                "rollout::closed",
                "there is nothing left to do; `rehull report` shows what happened",
            ),
            OpenError::PlanChanged { .. } => (
                Exit::NeedsPerson,
                "rollout::plan_changed",
                "somebody wrote over the approved plan: restore the object",
            ),
            OpenError::Foreign { .. } => (
                Exit::NeedsPerson,
                "rollout::foreign",
                "this store belongs to another cluster: correct `store`",
            ),
            OpenError::NewerFormat { .. } => (
                Exit::Refused,
                "rollout::newer_format",
                "use the rehull that wrote it, or a newer one",
            ),
            OpenError::Unreadable { .. } => (
                Exit::NeedsPerson,
                "rollout::unreadable",
                "the object is not a plan: restore it",
            ),
            OpenError::LeaseLost { .. } => (
                Exit::LeaseHeld,
                "lease::lost",
                "nothing was begun; `rehull status` says who works on this cluster",
            ),
            OpenError::Store(source) => return Self::store(source),
            OpenError::Journal { source, .. } => return Self::journal(source),
        };
        Self::new(exit, code, error.to_string())
            .because_of_source(error)
            .help(help)
    }

    /// A run that could not write down why it ended, or that found another cluster.
    #[must_use]
    pub fn run(error: &RunError, rollout: &RolloutId) -> Self {
        match error {
            RunError::Target(wrong) => Self::target(wrong),
            RunError::Journal { source, rest, .. } => {
                let failure = Self::journal(source);
                let place = if rest.at_rest { "at rest" } else { "NOT at rest" };
                let left = rest.left.join("; ");
                failure
                    .note(format!("{place}, margin {}: {left}", rest.margin))
                    .note("nothing was started after that; the lease runs out by itself if it cannot be given back".to_owned())
                    .help(format!("when the store answers again: rehull resume {rollout}"))
            }
        }
    }

    fn target(error: &WrongTarget) -> Self {
        let help = "nothing was touched; check `aws`, `store` and the credentials against each other";
        Self::new(Exit::NeedsPerson, "rollout::wrong_target", error.to_string())
            .because_of_source(error)
            .help(help)
    }

    /// A lease that can be neither had nor judged.
    #[must_use]
    pub fn lease(error: &LeaseError) -> Self {
        match error {
            LeaseError::Store(source) => Self::store(source),
            LeaseError::NewerFormat { .. } | LeaseError::Unreadable { .. } => {
                let help = "look at the object; delete it only if you know that nobody works on this cluster";
                Self::new(Exit::NeedsPerson, "lease::unreadable", error.to_string()).help(help)
            }
        }
    }

    /// Somebody else works on this cluster.
    #[must_use]
    pub fn held(holding: &Holding, now: Timestamp) -> Self {
        let times = (holding.since, now, holding.ttl);
        Self::at_work(&holding.by, &holding.rollout, times)
    }

    /// The same, from the lease as it lies in the store.
    #[must_use]
    pub fn leased(record: &LeaseRecord, now: Timestamp) -> Self {
        let times = (record.since, now, record.ttl());
        Self::at_work(&record.holder, &record.rollout, times)
    }

    fn at_work(by: &str, rollout: &RolloutId, (since, now, ttl): (Timestamp, Timestamp, Duration)) -> Self {
        let (length, quiet) = (
            duration(between(since, now)),
            duration(LeaseTimes::of(ttl).quiet()),
        );
        if rollout.as_str() == NO_ROLLOUT {
            let message = format!("{by} works on what is around this cluster since {length} ({since})");
            let help = format!(
                "wait until it has ended; if that process is dead: the same once more, it waits for {quiet} without a sign of life and takes over"
            );
            return Self::new(Exit::LeaseHeld, "lease::held", message).help(help);
        }
        let message = format!("{by} works on this cluster since {length} ({since}): rollout {rollout}");
        let help = format!(
            "look with `rehull status {rollout}`; if that process is dead: `rehull resume {rollout}` takes over after {quiet} without a sign of life, counted from when it is typed, each time anew"
        );
        Self::new(Exit::LeaseHeld, "lease::held", message).help(help)
    }

    /// A rollout that must be ended before another may begin.
    #[must_use]
    pub fn unfinished(rollout: &RolloutId) -> Self {
        let message = format!("rollout `{rollout}` is not over: another one may not begin beside it");
        let help =
            format!("rehull resume {rollout}   |   rehull abort {rollout}   |   rehull status {rollout}");
        Self::new(Exit::Refused, "rollout::unfinished", message).help(help)
    }

    /// The plan is not the one that was approved.
    #[must_use]
    pub fn other_digest(found: &ContentDigest, approved: &ContentDigest) -> Self {
        let message = format!("the plan has digest {found}, approved was {approved}");
        let help =
            "the cluster file, the machines or rehull changed since: plan again and have that approved";
        Self::new(Exit::Refused, "plan::other_digest", message).help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::diagnostics::Look;

    #[test]
    fn whoever_meets_a_held_lease_is_told_how_long_a_takeover_waits_and_from_when() {
        let record = LeaseRecord {
            format: 1,
            holder: "ann@vm 380".to_owned(),
            rollout: RolloutId::new("dev-2026-11-21-01"),
            nonce: "n".to_owned(),
            epoch: 1,
            beat: 3,
            ttl_ms: 60_000,
            since: Timestamp::UNIX_EPOCH,
            renewed_at: Timestamp::UNIX_EPOCH,
            released: false,
        };
        // Silent for longer than its time to live: that alone takes nothing over, the taker waits by its own clock.
        let now = Timestamp::from_second(74).expect("in range");
        let text = Failure::leased(&record, now).text(Look::Plain);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains(
                "takes over after 1 min 25 s without a sign of life, counted from when it is typed"
            ),
            "{text}"
        );
        assert!(!text.contains("has been silent"), "{text}");
    }
}
