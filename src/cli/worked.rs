//! The end of the work on a rollout, seen from its lease.

use rehull_core::executor::{Outcome, RunError};

use super::failure::Failure;

/// What is left when the work has ended, in whatever way.
pub(super) struct Worked<T> {
    /// A call may still be on its way: the lease runs out by itself.
    pub(super) in_flight: bool,
    pub(super) ended: Result<T, Failure>,
}

impl<T> Worked<T> {
    /// Nothing was sent by a session that could not begin.
    pub(super) const fn not_begun(failure: Failure) -> Self {
        Self {
            in_flight: false,
            ended: Err(failure),
        }
    }

    /// Whether something is in flight is settled before anything is told: a report that cannot be written, a disk that
    /// is full, a reader that has gone change nothing about the lease.
    pub(super) async fn after(
        outcome: Result<Outcome, RunError>,
        tell: impl AsyncFnOnce(Result<Outcome, RunError>) -> Result<T, Failure>,
    ) -> Self {
        let in_flight = match &outcome {
            Ok(Outcome::Finished) | Err(RunError::Target(_)) => false,
            Ok(Outcome::Stopped { in_flight, .. }) | Err(RunError::Journal { in_flight, .. }) => *in_flight,
        };
        Self {
            in_flight,
            ended: tell(outcome).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::waiting::StopReason;
    use rehull_core::event::Rest;

    use super::*;
    use crate::cli::exit::Exit;

    fn stopped(in_flight: bool) -> Outcome {
        let rest = Rest {
            at_rest: false,
            left: Vec::new(),
            margin: 0,
            heard: true,
        };
        let how = "SIGTERM".to_owned();
        Outcome::Stopped {
            reason: StopReason::Asked { how },
            rest,
            in_flight,
        }
    }

    #[tokio::test]
    async fn a_report_that_cannot_be_written_does_not_give_back_the_lease_of_a_call_in_flight() {
        for in_flight in [true, false] {
            let worked: Worked<()> = Worked::after(Ok(stopped(in_flight)), async |_| {
                Err(Failure::new(Exit::Refused, "file::unwritable", "disk full"))
            })
            .await;
            assert_eq!(worked.in_flight, in_flight);
            assert!(worked.ended.is_err());
        }
    }
}
