//! The fold of a journal. It answers five questions and no others; it never says where we were.

mod drain;
mod excerpt;
mod hold;
mod marks;
mod past;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::FoldError;
use super::record::{Record, RecordBody};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::ids::{ContentDigest, Generation, SlotName, StepId};
use crate::domain::waiting::StopReason;
use crate::ports::PortError;
pub use past::{ActionPast, Doubt};

/// What decisions may ask of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalView {
    opened: Option<Opening>,
    holder: Option<(String, Timestamp)>,
    actions: BTreeMap<String, ActionPast>,
    marks: BTreeMap<String, Timestamp>,
    answered: BTreeMap<String, String>,
    halt: Option<Halt>,
    closed: Option<(String, Timestamp)>,
    /// Actions that were settled.
    #[serde(default)]
    settled: u64,
}

/// What the first record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// Digest of the approved envelope.
    pub envelope: ContentDigest,
    /// Digest of the whole plan object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<ContentDigest>,
    /// Version of rehull that began.
    pub rehull: String,
}

/// The last stop, while nobody has taken over since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: StopReason,
    /// It was a resting place.
    pub at_rest: bool,
}

impl JournalView {
    /// Folds records in their order.
    pub fn fold<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Self, FoldError> {
        let mut view = Self::default();
        for record in records {
            view.apply(record)?;
        }
        Ok(view)
    }

    /// Takes in the next record. After an error the view is as before.
    pub fn apply(&mut self, record: &Record) -> Result<(), FoldError> {
        let at = record.at;
        self.check_order(&record.body)?;
        match &record.body {
            RecordBody::Opened {
                envelope,
                plan,
                rehull,
            } => {
                self.opened = Some(Opening {
                    at,
                    envelope: envelope.clone(),
                    plan: plan.clone(),
                    rehull: rehull.clone(),
                });
            }
            RecordBody::Attached { holder } => {
                self.holder = Some((holder.clone(), at));
                self.halt = None;
            }
            RecordBody::Intended {
                step,
                action,
                attempt,
                ..
            } => {
                self.intend(at, step, action, *attempt)?;
            }
            RecordBody::Settled { key, attempt, error } => self.settle(at, key, *attempt, error.as_ref())?,
            RecordBody::Marked { mark } => {
                // The last one counts: it is written again only when the clock went back behind the first.
                self.marks.insert(mark.clone(), at);
            }
            RecordBody::Answered { request, answer } => {
                self.answered.insert(request.clone(), answer.clone());
            }
            RecordBody::Stopped { reason, at_rest } => {
                self.halt = Some(Halt {
                    at,
                    reason: reason.clone(),
                    at_rest: *at_rest,
                });
            }
            RecordBody::Closed { outcome } => self.closed = Some((outcome.clone(), at)),
        }
        Ok(())
    }

    fn check_order(&self, body: &RecordBody) -> Result<(), FoldError> {
        let opens = matches!(body, RecordBody::Opened { .. });
        match (&self.opened, opens) {
            (None, false) => Err(FoldError::Order("the first record is not `opened`")),
            (Some(_), true) => Err(FoldError::Order("the rollout was opened twice")),
            _ if self.closed.is_some() => Err(FoldError::Order("a record follows the end of the rollout")),
            _ => Ok(()),
        }
    }

    fn intend(
        &mut self,
        at: Timestamp,
        step: &StepId,
        action: &Action,
        attempt: u32,
    ) -> Result<(), FoldError> {
        let key = action.key();
        let expected = self.next_attempt(&key);
        if attempt != expected {
            return Err(FoldError::WrongAttempt {
                key,
                attempt,
                expected,
            });
        }
        let past = self.actions.entry(key).or_insert_with(|| ActionPast {
            step: step.clone(),
            action: action.clone(),
            former: None,
            attempts: 0,
            unsent: 0,
            intended_at: at,
            done_at: None,
            failed: None,
            in_doubt: false,
            doubt: None,
            failures: 0,
            nth_done: 0,
        });
        past.step = step.clone();
        let former = std::mem::replace(&mut past.action, action.clone());
        if past.done_at.is_some() && past.former.is_none() && !past.in_doubt {
            past.former = Some(former);
        }
        past.attempts = attempt;
        past.intended_at = at;
        past.in_doubt = true;
        Ok(())
    }

    fn settle(
        &mut self,
        at: Timestamp,
        key: &str,
        attempt: u32,
        error: Option<&PortError>,
    ) -> Result<(), FoldError> {
        let open = self
            .actions
            .get_mut(key)
            .filter(|past| past.in_doubt && past.attempts == attempt);
        let Some(past) = open else {
            return Err(FoldError::SettledWithoutIntended {
                key: key.to_owned(),
                attempt,
            });
        };
        past.doubt = None;
        past.in_doubt = false;
        match error {
            None => {
                self.settled = self.settled.saturating_add(1);
                past.nth_done = self.settled;
                past.done_at = Some(at);
                past.failed = None;
                past.failures = 0;
                past.former = None;
            }
            Some(PortError::OutcomeUnknown { why }) => {
                past.in_doubt = true;
                past.doubt = Some(Doubt { why: why.clone(), at });
                past.failures = past.failures.saturating_add(1);
            }
            Some(error) => {
                past.unsent = past
                    .unsent
                    .saturating_add(u32::from(matches!(error, PortError::NotSent { .. })));
                past.action = past.former.take().unwrap_or_else(|| past.action.clone());
                past.failed = Some((error.clone(), at));
                past.failures = past.failures.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Actions whose outcome is not known, oldest first.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<&ActionPast> {
        let mut open: Vec<&ActionPast> = self.actions.values().filter(|past| past.in_doubt).collect();
        open.sort_by_key(|past| past.intended_at);
        open
    }

    /// Nothing was ever intended: whoever goes on from here begins the rollout.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.actions.is_empty()
    }

    /// When this action was done.
    #[must_use]
    pub fn done_at(&self, key: &str) -> Option<Timestamp> {
        self.actions.get(key).and_then(|past| past.done_at)
    }

    /// When somebody was told this: when it was done, or, while that is in doubt, when it was last sent.
    #[must_use]
    pub fn told_at(&self, key: &str) -> Option<Timestamp> {
        self.actions.get(key)?.told_at()
    }

    /// Past of one action.
    #[must_use]
    pub fn past(&self, key: &str) -> Option<&ActionPast> {
        self.actions.get(key)
    }

    /// Content of the machine that was told last in this rollout to run the slot's member.
    #[must_use]
    pub fn told_to_go(&self, slot: &SlotName) -> Option<&ContentDigest> {
        let go = |past: &&ActionPast| matches!(&past.action, Action::Go { slot: of, .. } if of == slot);
        let told = self
            .actions
            .values()
            .filter(go)
            .filter_map(|past| past.done_at)
            .max()?;
        let launched = self.actions.values().filter_map(|past| {
            let Action::LaunchMachine { slot: of, digest, .. } = &past.action else {
                return None;
            };
            (of == slot).then_some((past.done_at?, digest))
        });
        let before = launched.filter(|(at, _)| *at <= told);
        before.max_by_key(|(at, _)| *at).map(|(_, digest)| digest)
    }

    /// This rollout has asked the slot's member to stop, or a machine to run it, or has changed its line in the list: it may be
    /// out by our doing.
    #[must_use]
    pub fn switches(&self, slot: &SlotName) -> bool {
        let switches = |action: &Action| {
            matches!(action, Action::AskStop { slot: of, .. }
                | Action::Go { slot: of, .. }
                | Action::RemoveMember { slot: of, .. }
                | Action::AddMember { slot: of, .. } if of == slot)
        };
        self.actions.values().any(|past| switches(&past.action))
    }

    /// When this rollout last launched a machine with this content for the slot and this generation of its data.
    #[must_use]
    pub fn launched_at(
        &self,
        slot: &SlotName,
        digest: &ContentDigest,
        generation: Generation,
    ) -> Option<Timestamp> {
        let launches = self.actions.values().filter(|past| {
            matches!(&past.action, Action::LaunchMachine { slot: of, digest: with, generation: data, .. }
                if of == slot && with == digest && *data == generation)
        });
        launches.filter_map(|past| past.done_at).max()
    }

    /// Launches that were done, and when.
    pub fn launches(&self) -> impl Iterator<Item = (&ActionPast, Timestamp)> {
        let launches = self.actions.values();
        let launches = launches.filter(|past| matches!(past.action, Action::LaunchMachine { .. }));
        launches.filter_map(|past| Some((past, past.done_at?)))
    }

    /// When this rollout last ended a machine of the slot, for whatever reason.
    #[must_use]
    pub fn terminated_at(&self, slot: &SlotName) -> Option<Timestamp> {
        let ends = self
            .actions
            .values()
            .filter(|past| matches!(&past.action, Action::TerminateMachine { slot: of, .. } if of == slot));
        ends.filter_map(|past| past.done_at).max()
    }

    /// When this rollout last ended a machine of the slot because it did not boot.
    #[must_use]
    pub fn gave_up_at(&self, slot: &SlotName) -> Option<Timestamp> {
        let ends = self.actions.values().filter(|past| {
            matches!(&past.action, Action::TerminateMachine { slot: of, why: TerminateWhy::DidNotBoot, .. }
                if of == slot)
        });
        ends.filter_map(|past| past.done_at).max()
    }

    /// The number of this action's next attempt, from 1.
    #[must_use]
    pub fn next_attempt(&self, key: &str) -> u32 {
        self.actions.get(key).map_or(1, ActionPast::next_attempt)
    }

    /// The mailbox request was answered.
    #[must_use]
    pub fn is_answered(&self, request: &str) -> bool {
        self.answered.contains_key(request)
    }

    /// What a mailbox request was answered.
    #[must_use]
    pub fn answer_to(&self, request: &str) -> Option<&str> {
        self.answered.get(request).map(String::as_str)
    }

    /// What was approved, and when it began; `None`: the journal is empty.
    #[must_use]
    pub fn opened(&self) -> Option<&Opening> {
        self.opened.as_ref()
    }

    /// Who attached last, and when.
    #[must_use]
    pub fn holder(&self) -> Option<(&str, Timestamp)> {
        self.holder.as_ref().map(|(holder, at)| (holder.as_str(), *at))
    }

    /// The stop that the rollout is at, if nobody has carried on since.
    #[must_use]
    pub fn halt(&self) -> Option<&Halt> {
        self.halt.as_ref()
    }

    /// `finished` or `aborted`, and when; `None`: the rollout is not over.
    #[must_use]
    pub fn closed(&self) -> Option<(&str, Timestamp)> {
        self.closed.as_ref().map(|(outcome, at)| (outcome.as_str(), *at))
    }
}
