//! Asks every target that a load balancer has to check, and tells the world when the answer is another one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rehull_core::world::{Check, Fact, TargetId, World};
use tokio::task::JoinHandle;

use super::LOOK_EVERY;
use super::ask::Question;
use crate::sandbox::clock;
use crate::sandbox::daemon::Mailbox;

/// Questions per interval. The world counts as if a check came once in an interval, at moments of its own, and wants to
/// know what such a check would hear: so the answer must be fresher than an interval.
const PER_INTERVAL: u32 = 10;
/// Nobody is asked more often.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// One target that is asked.
struct Asked {
    check: Check,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

/// The newest answer.
#[derive(Default)]
struct Heard(AtomicU8);

impl Heard {
    fn set(&self, passes: bool) {
        self.0.store(if passes { 2 } else { 1 }, Ordering::Relaxed);
    }

    /// `None`: nothing yet.
    fn get(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            word => Some(word == 2),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks until the future is dropped.
pub(super) async fn probe(mailbox: &Mailbox) -> io::Result<Infallible> {
    let mut asked: BTreeMap<TargetId, Asked> = BTreeMap::new();
    loop {
        let wanted = mailbox.look(World::checks).await?;
        asked.retain(|_, one| wanted.iter().any(|check| is_same(check, &one.check)));
        for check in wanted {
            let one = asked
                .entry(check.target.clone())
                .or_insert_with(|| Asked::begin(&check));
            // Compared with what the world knows, not with what was told before: it forgets at every registration.
            if let Some(passes) = one.heard.get().filter(|passes| *passes != check.passes) {
                tracing::info!(target = %check.target.instance, passes, "a health check changed its answer");
                mailbox.report(Fact::Probed {
                    target: check.target,
                    boot: check.boot,
                    passes,
                });
            }
        }
        clock::sleep(LOOK_EVERY).await;
    }
}

/// The same question to the same boot.
fn is_same(one: &Check, other: &Check) -> bool {
    let but_its_answer = |check: &Check| Check {
        passes: false,
        ..check.clone()
    };
    but_its_answer(one) == but_its_answer(other)
}

impl Asked {
    fn begin(check: &Check) -> Self {
        let heard = Arc::new(Heard::default());
        let (question, tell) = (Question::of(check), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            loop {
                tell.set(question.passes().await);
                clock::sleep(question.pause).await;
            }
        });
        Self {
            check: check.clone(),
            heard,
            task,
        }
    }
}

/// From the end of one question to the next one.
pub(super) fn pause(check: &Check) -> Duration {
    let interval = Duration::from_secs(check.how.interval.unsigned_abs());
    (interval / PER_INTERVAL).max(PAUSE_MIN)
}
