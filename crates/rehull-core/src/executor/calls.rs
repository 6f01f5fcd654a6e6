//! Calls of one tick: intents with their tokens, all sent at once, all settled in one segment.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::bound::bounded;
use super::driver::Driver;
use super::perform::{Context, perform};
use super::retry;
use crate::domain::action::Action;
use crate::domain::ids::{StepId, Token};
use crate::domain::observed::Observed;
use crate::domain::waiting::StopReason;
use crate::event::What;
use crate::journal::{JournalError, Record, RecordBody, token};
use crate::mutant::mutant;
use crate::ports::PortError;

/// No request rests on a look that is older: where writing the intent took so long, the world is looked at once more. A look
/// may itself take as long as its slowest part, so etcd is asked when everything else has answered.
const FRESH: Duration = Duration::from_secs(10);

/// An action that is about to be written down, and then performed.
#[derive(Clone)]
pub(super) struct Intent {
    step: StepId,
    action: Action,
    attempt: u32,
    token: Token,
}

impl Intent {
    pub(super) const fn action(&self) -> &Action {
        &self.action
    }
}

/// What came back, and when.
pub(super) type Answer = (Result<(), PortError>, Timestamp);

impl Driver<'_> {
    pub(super) fn intents(&self, ready: Vec<(StepId, Action)>) -> Vec<Intent> {
        let rollout = &self.journal.scope().rollout;
        let intend = |(step, action): (StepId, Action)| {
            let key = action.key();
            let attempt = self.journal.view().next_attempt(&key);
            let token = token(rollout, &step, &key, attempt);
            Intent {
                step,
                action,
                attempt,
                token,
            }
        };
        ready.into_iter().map(intend).collect()
    }

    pub(super) fn intended(&self, intent: &Intent) -> Record {
        let Intent {
            step,
            action,
            attempt,
            token,
        } = intent.clone();
        self.record(RecordBody::Intended {
            step,
            action,
            attempt,
            token,
        })
    }

    /// All calls at once; each is bounded by its adapter. After a signal they get what is left of the grace.
    pub(super) async fn perform_all(&self, seen: &Observed, intents: &[Intent]) -> Vec<Answer> {
        let slots: Vec<OnceLock<Answer>> = intents.iter().map(|_| OnceLock::new()).collect();
        let calls = intents.iter().zip(&slots).map(|(intent, slot)| async move {
            let answer = self.perform_one(seen, intent).await;
            slot.get_or_init(|| answer);
        });
        let _ = self
            .grace
            .give(join_all(calls), self.ports.clock, self.watch.attention)
            .await;
        let unanswered = || {
            let why = "stopped while the call was under way".to_owned();
            (Err(PortError::OutcomeUnknown { why }), self.ports.clock.now())
        };
        slots
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_else(unanswered))
            .collect()
    }

    async fn perform_one(&self, seen: &Observed, intent: &Intent) -> Answer {
        let Intent {
            step,
            action,
            attempt,
            token,
        } = intent;
        let (step, attempt) = (step.clone(), *attempt);
        self.emit(What::Acting {
            step: step.clone(),
            action: action.clone(),
            attempt,
        });
        let rollout = &self.journal.scope().rollout;
        // Once more, and last thing before the call: writing the intent took time.
        let result = if let Some(why) = self.must_not_send() {
            Err(PortError::NotSent { why })
        } else {
            let context = Context {
                ports: &self.ports,
                lease: self.watch.lease,
                plan: &self.plan,
                rollout,
                seen,
            };
            let bound = self.watch.times.call_bound;
            let call = bounded(perform(context, action, token), self.ports.clock, bound).await;
            call.unwrap_or_else(|| {
                let why = format!("no answer within {bound:?}, a third of the lease's time to live");
                Err(PortError::OutcomeUnknown { why })
            })
        };
        self.emit(What::Acted {
            step,
            action: action.clone(),
            attempt,
            error: result.clone().err(),
        });
        (result, self.ports.clock.now())
    }

    /// Writes all outcomes down; the first one that will not pass is a reason to stop.
    pub(super) async fn settle(
        &mut self,
        intents: &[Intent],
        answers: Vec<Answer>,
    ) -> Result<Option<StopReason>, JournalError> {
        let records = intents.iter().zip(&answers).map(|(intent, (result, at))| {
            let (key, error) = (intent.action.key(), result.clone().err());
            let error = error.filter(|_| !mutant!(FailedIsDone));
            Record {
                at: *at,
                body: RecordBody::Settled {
                    key,
                    attempt: intent.attempt,
                    error,
                },
            }
        });
        self.journal.append(records.collect()).await?;
        for (intent, (result, _)) in intents.iter().zip(answers) {
            let Err(error) = result else { continue };
            let failures = self
                .journal
                .view()
                .past(&intent.action.key())
                .map_or(1, |past| past.failures);
            if let Some(reason) = retry::verdict(&intent.action, &error, failures) {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    fn must_not_send(&self) -> Option<String> {
        mutant!(SendWithoutLease => return None);
        if let Some(how) = self.watch.attention.stop_asked() {
            return Some(format!("asked to stop: {how}"));
        }
        let age = self.ports.clock.monotonic().saturating_sub(self.seen_at);
        if age > FRESH {
            return Some(format!("what it rests on was seen {} s ago", age.as_secs()));
        }
        let remaining = self.watch.lease.remaining();
        (remaining <= self.watch.times.call_timeout).then(|| {
            format!(
                "the lease lives {} ms more, a call may take longer",
                remaining.as_millis()
            )
        })
    }
}
