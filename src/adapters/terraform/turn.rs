//! When an apply may begin: the lease of the cluster is ours, and nobody has the lock of the state.
//!
//! Terraform could wait for the lock by itself, and then it would apply under a lease that was asked for minutes ago and may
//! have gone to somebody else. So an apply that finds the lock taken ends at once; the wait is here, and after it the lease
//! is asked again.

use std::time::Duration;

use rehull_core::ports::{LeaseNow, LeaseState};

use super::attempt::{Applied, Attempt};
use super::files::PlanFile;
use super::unfit::Unfit;
use crate::adapters::clock::pause;

/// Between two tries: Terraform starts for each of them, and reads the lock of its backend.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Applies exactly this plan as soon as nobody has the lock of the state, for as long as the attempt waits for a lock at all.
/// A plan that the other one has made stale meanwhile is refused by Terraform, which says so.
///
/// # Errors
/// The lease has gone, somebody still has the lock, or not every announced change is known to be done.
pub async fn apply(attempt: &Attempt<'_>, file: &PlanFile, lease: &dyn LeaseState) -> Result<(), Unfit> {
    apply_after(attempt, file, lease, pause).await
}

async fn apply_after(
    attempt: &Attempt<'_>,
    file: &PlanFile,
    lease: &dyn LeaseState,
    wait: impl AsyncFn(Duration),
) -> Result<(), Unfit> {
    let mut left = attempt.patience();
    loop {
        still_ours(lease).await?;
        let busy = match attempt.apply(file).await? {
            Applied::All => return Ok(()),
            Applied::LockBusy(busy) => busy,
        };
        if left.is_zero() {
            return Err(busy);
        }
        attempt.waits_for_lock();
        let next = left.min(ASK_EVERY);
        wait(next).await;
        left = left.saturating_sub(next);
    }
}

/// The plan has taken its time, and a process that was stopped meanwhile, or whose computer slept, does not notice by itself
/// that somebody else is at work.
async fn still_ours(lease: &dyn LeaseState) -> Result<(), Unfit> {
    match lease.confirm().await {
        LeaseNow::Ours => Ok(()),
        LeaseNow::Lost { to } => Err(not_ours(&format!("the lease has gone to {to}"))),
        LeaseNow::Unread(error) => {
            let why = format!("the store does not say whose the lease is: {error}");
            Err(not_ours(&why))
        }
    }
}

fn not_ours(why: &str) -> Unfit {
    let help = "look who works on the cluster (rehull status), and resume what is still open";
    Unfit::new(format!("nothing was applied: {why}"), help)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use rehull_core::domain::terraform::TerraformStage;
    use rehull_core::ports::Silence;
    use rehull_core::tfrun::Said;

    use super::*;
    use crate::adapters::terraform::Job;
    use crate::adapters::terraform::rig::Rig;

    async fn applies(rig: &Rig, lease: &Lease, hear: &Heard) -> Result<(), Unfit> {
        let tell = |stage: TerraformStage, said: &[Said], job: Option<&Path>| hear.hear(stage, said, job);
        let folder = rig.dir.path().join("attempt");
        let attempt = Attempt::begin(&rig.terraform, &folder, None, &tell).unwrap();
        apply_after(&attempt, &rig.plan(), lease, async |_| {}).await
    }

    /// Ours so many times, and then gone.
    struct Lease {
        ours: usize,
        asked: AtomicUsize,
    }

    impl Lease {
        const fn ours(ours: usize) -> Self {
            Self {
                ours,
                asked: AtomicUsize::new(0),
            }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl LeaseState for Lease {
        fn remaining(&self) -> Duration {
            Duration::ZERO
        }

        fn lost_to(&self) -> Option<String> {
            None
        }

        fn silence(&self) -> Option<Silence> {
            None
        }

        async fn confirm(&self) -> LeaseNow {
            if self.asked.fetch_add(1, Ordering::Relaxed) < self.ours {
                LeaseNow::Ours
            } else {
                LeaseNow::Lost {
                    to: "somebody@else".to_owned(),
                }
            }
        }
    }

    /// What is told, and whether the first run that is told of gets an interrupt.
    #[derive(Default)]
    struct Heard {
        waits: Mutex<Vec<TerraformStage>>,
        interrupts: bool,
    }

    impl Heard {
        fn hear(&self, stage: TerraformStage, said: &[Said], job: Option<&Path>) {
            if said.contains(&Said::WaitsForLock) {
                assert_eq!(job, None, "nothing runs while it waits");
                self.waits.lock().unwrap().push(stage);
            }
            if let Some(job) = job.filter(|_| self.interrupts) {
                let _ = Job::attach(job).unwrap().interrupt();
            }
        }
    }

    #[tokio::test]
    async fn an_apply_does_not_wait_for_the_lock_itself_and_the_lease_is_asked_before_every_try() {
        let rig = Rig::new(2, 300);
        let (lease, heard) = (Lease::ours(9), Heard::default());
        applies(&rig, &lease, &heard).await.unwrap();
        let calls = rig.calls();
        assert_eq!(calls.len(), 3);
        assert!(
            calls
                .iter()
                .all(|call| call.starts_with("apply ") && call.contains(" -lock-timeout=0s ")),
            "{calls:?}"
        );
        assert_eq!(lease.asked(), 3);
        // Nothing is applied while it waits: whoever interrupts it then has nothing to wait for.
        assert_eq!(*heard.waits.lock().unwrap(), [TerraformStage::Lock; 2]);
    }

    #[tokio::test]
    async fn who_loses_the_lease_while_the_lock_is_taken_begins_no_other_apply() {
        let rig = Rig::new(2, 300);
        let unfit = applies(&rig, &Lease::ours(2), &Heard::default())
            .await
            .unwrap_err();
        assert_eq!(
            unfit.why,
            "nothing was applied: the lease has gone to somebody@else"
        );
        assert_eq!(rig.calls().len(), 2);
    }

    #[tokio::test]
    async fn it_waits_no_longer_than_the_attempt_is_told_to_and_then_names_the_holder() {
        for (lock_timeout, tries) in [(0, 1), (12, 4)] {
            let rig = Rig::new(1_000, lock_timeout);
            let unfit = applies(&rig, &Lease::ours(1_000), &Heard::default())
                .await
                .unwrap_err();
            assert!(
                unfit
                    .why
                    .contains("the state is locked by somebody@example since "),
                "{}",
                unfit.why
            );
            assert!(unfit.help.contains("rehull unlock FILE ID"), "{}", unfit.help);
            assert_eq!(rig.calls().len(), tries, "{lock_timeout} s");
            // The stream of the last one says it once more.
            let stream = fs::read_to_string(rig.dir.path().join("attempt/apply/stream.jsonl")).unwrap();
            assert!(stream.contains("somebody@example"), "{stream}");
        }
    }

    #[tokio::test]
    async fn an_apply_that_was_interrupted_while_the_lock_was_taken_is_not_tried_again() {
        let rig = Rig::new(5, 300);
        let heard = Heard {
            interrupts: true,
            ..Heard::default()
        };
        applies(&rig, &Lease::ours(9), &heard).await.unwrap_err();
        assert!(rig.calls().len() <= 1, "{:?}", rig.calls());
    }
}
