//! One tick of the loop, from the look to the settled actions.

use std::time::Duration;

use jiff::Timestamp;

use super::driver::Driver;
use super::rest::rest;
use super::retry::{self, Gated};
use super::settle;
use crate::audit::{self, Violation};
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::observed::{Observed, Request};
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
use crate::journal::{ActionPast, JournalError, JournalView, Record, RecordBody};
use crate::mutant::mutant;
use crate::plan::RolloutPlan;
use crate::ports::Silence;
use crate::rollout::{self, Goal, Next, Reading};

/// After an action the world is looked at again soon, but not in a circle that never breathes.
const AFTER_ACTION: Duration = Duration::from_millis(200);
/// The shortest pause between two looks.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// How soon the world is looked at again for an action in doubt.
const DOUBT_GLANCE: Duration = Duration::from_secs(2);
/// How soon a lease that is too short is looked at again.
const LEASE_GLANCE: Duration = Duration::from_secs(1);

/// See [`rollout::decide_on`].
pub type Decide = fn(&Reading<'_>, &JournalView, Goal) -> Next;
/// See [`audit::check_next`].
pub type Check = fn(&RolloutPlan, &Observed, &[(StepId, Action)]) -> Result<(), Violation>;

/// Who decides, and who checks the decision.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Chooses.
    pub decide: Decide,
    /// Judges what was chosen, sharing no code with it.
    pub check: Check,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            decide: rollout::decide_on,
            check: audit::check_next,
        }
    }
}

/// What follows a tick.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Again(Duration),
    Finished,
    AtRest(Vec<Request>),
    Stop(StopReason),
}

/// What a tick is about to do.
struct Todo {
    gated: Gated,
    waiting: Vec<Waiting>,
    records: Vec<Record>,
    recheck: Duration,
}

/// What the lease allows now.
enum LeaseHolds {
    Long,
    /// Nothing may be sent; at this instant it counts as lost.
    TooShort(Timestamp),
    Gone(StopReason),
}

impl Driver<'_> {
    pub(super) async fn tick(&mut self) -> Result<Flow, JournalError> {
        if let Some(how) = self.watch.attention.stop_asked() {
            return Ok(Flow::Stop(StopReason::Asked { how }));
        }
        let looked = self.look().await;
        let (plan, seen) = (self.plan.clone(), self.seen.clone());
        let reading = seen.as_deref().map(|seen| Reading::of(&plan, seen));
        if let Some(reading) = reading.as_ref().filter(|_| looked) {
            self.tell_progress(reading);
        }
        if let Some(how) = self.watch.attention.stop_asked() {
            return Ok(Flow::Stop(StopReason::Asked { how }));
        }
        let Some(reading) = reading else {
            return Ok(Flow::Again(PAUSE_MIN));
        };
        let seen = reading.seen();
        let (goal, requests) = self.goal();
        match (self.rules.decide)(&reading, self.journal.view(), goal) {
            Next::Stop(reason) => Ok(Flow::Stop(reason)),
            Next::Done => self.done(&reading, goal, requests).await,
            Next::Continue {
                act,
                waiting,
                mark,
                recheck,
            } => {
                let mut records = settle::by_looking(&act, seen, self.journal.view(), self.late());
                records.extend(self.marks(mark, seen));
                let gated = retry::gate(act, self.journal.view(), seen.at);
                let todo = Todo {
                    gated,
                    waiting,
                    records,
                    recheck,
                };
                self.act(seen, todo).await
            }
        }
    }

    /// A lost request that has not shown an effect by then never will: its sender's connection is long dead.
    fn late(&self) -> Duration {
        self.watch.times.quiet().saturating_mul(2)
    }

    /// The goal is reached, but nothing ends while an action of ours may still come true.
    async fn done(
        &mut self,
        reading: &Reading<'_>,
        goal: Goal,
        requests: Vec<Request>,
    ) -> Result<Flow, JournalError> {
        let seen = reading.seen();
        let looked = settle::by_looking(&[], seen, self.journal.view(), self.late());
        if !looked.is_empty() {
            // What is known now may be what something was held back for.
            self.journal.append(looked).await?;
            return Ok(Flow::Again(DOUBT_GLANCE));
        }
        let open = self.may_still_come_true(seen);
        if !open.is_empty() {
            self.tell_waiting(open);
            return Ok(Flow::Again(DOUBT_GLANCE));
        }
        if goal == Goal::Rest && !self.settled_at_rest(seen) {
            return Ok(Flow::Again(DOUBT_GLANCE));
        }
        let finished = goal == Goal::Finish
            || (self.rules.decide)(reading, self.journal.view(), Goal::Finish) == Next::Done;
        Ok(if finished {
            Flow::Finished
        } else {
            Flow::AtRest(requests)
        })
    }

    /// Actions in doubt, and machines that were launched and are not shown yet.
    fn may_still_come_true(&self, seen: &Observed) -> Vec<Waiting> {
        let journal = self.journal.view();
        let waiting = |past: &ActionPast, why: &str, at| Waiting {
            step: past.step.clone(),
            on: WaitingOn::Retry {
                action: past.action.key(),
                why: why.to_owned(),
                at,
            },
        };
        let doubts = journal.in_doubt().into_iter().map(|past| {
            let late = past.intended_at.checked_add(self.late());
            let at = late.unwrap_or(past.intended_at);
            waiting(past, "not known whether it happened", at)
        });
        let unseen = settle::not_shown_yet(seen, journal).into_iter();
        let unseen = unseen.map(|(past, until)| waiting(past, "done, and not shown by EC2 yet", until));
        doubts.chain(unseen).collect()
    }

    /// One late answer must not make a member that serves one that has to be healed: what does not look like a resting
    /// place is looked at for a settling time.
    fn settled_at_rest(&mut self, seen: &Observed) -> bool {
        if rest(&self.plan, seen, self.journal.view()).at_rest {
            return true;
        }
        let now = self.ports.clock.monotonic();
        let since = *self.restless.get_or_insert(now);
        now.saturating_sub(since) >= self.plan.envelope.policy.settle
    }

    /// Marks that are new. One that lies in the future was written before the clock went back: its wait starts again.
    fn marks(&self, mark: Vec<String>, seen: &Observed) -> Vec<Record> {
        let mut names: Vec<String> = Vec::new();
        for name in mark {
            let known = self
                .journal
                .view()
                .marked_at(&name)
                .is_some_and(|at| at <= seen.at);
            if !known && !names.contains(&name) {
                names.push(name);
            }
        }
        let at = seen.at;
        names
            .into_iter()
            .map(|mark| Record {
                at,
                body: RecordBody::Marked { mark },
            })
            .collect()
    }

    async fn act(&mut self, seen: &Observed, todo: Todo) -> Result<Flow, JournalError> {
        let Todo {
            gated,
            mut waiting,
            mut records,
            recheck,
        } = todo;
        let Gated {
            mut ready,
            waiting: held,
            until,
        } = gated;
        waiting.extend(held);
        if let Err(violation) = (self.rules.check)(&self.plan, seen, &ready) {
            return Ok(Flow::Stop(StopReason::OutsideEnvelope {
                what: violation.to_string(),
            }));
        }
        match self.lease_holds() {
            LeaseHolds::Long => {}
            LeaseHolds::Gone(reason) => return Ok(Flow::Stop(reason)),
            LeaseHolds::TooShort(until) => {
                ready.clear();
                waiting.push(waiting_for_lease(until, self.watch.lease.silence()));
            }
        }
        let repeats = self.take_repeats(&mut ready);
        let mut intents = self.intents(ready);
        records.extend(intents.iter().map(|intent| self.intended(intent)));
        mutant!(AppendAfterAct => if !intents.is_empty() { return self.act_first(seen, &intents, records).await });
        self.journal.append(records).await?;
        if intents.is_empty() && repeats.is_empty() {
            let over = self.patience_is_over(&waiting, seen.at);
            self.tell_waiting(waiting);
            let again = || Flow::Again(self.pause(recheck, until, seen.at));
            return Ok(over.map_or_else(again, Flow::Stop));
        }
        self.patience.begin_anew();
        self.tell_waiting(waiting);
        let written = intents.len();
        intents.extend(repeats);
        let mut answers = self.perform_all(seen, &intents).await;
        let of_repeats = answers.split_off(written.min(answers.len()));
        let repeats = intents.split_off(written);
        let stop = self.settle(&intents, answers).await?;
        let stop = stop.or_else(|| self.repeated(&repeats, of_repeats));
        Ok(stop.map_or(Flow::Again(AFTER_ACTION), Flow::Stop))
    }

    fn patience_is_over(&mut self, waiting: &[Waiting], wall: Timestamp) -> Option<StopReason> {
        let now = self.ports.clock.monotonic();
        let limit = self.plan.envelope.policy.join_deadline;
        let what = self.patience.is_over(waiting, (wall, now), limit)?;
        Some(StopReason::Deadline { what })
    }

    /// A lease that is only too short is waited for: a store that was away for half a minute is no reason to end. One
    /// that stays too short for two of its lives is as good as lost.
    fn lease_holds(&mut self) -> LeaseHolds {
        mutant!(SendWithoutLease => return LeaseHolds::Long);
        if let Some(holder) = self.watch.lease.lost_to() {
            return LeaseHolds::Gone(StopReason::LeaseLost { holder });
        }
        if self.watch.lease.remaining() > self.watch.times.call_timeout {
            self.lease_short = None;
            return LeaseHolds::Long;
        }
        let (now, wall) = (self.ports.clock.monotonic(), self.ports.clock.now());
        let bound = self.watch.times.ttl.saturating_mul(2);
        let (since, until) = *self
            .lease_short
            .get_or_insert_with(|| (now, wall.checked_add(bound).unwrap_or(wall)));
        let short_for = now.saturating_sub(since);
        if short_for > bound {
            let reason = match self.watch.lease.silence() {
                Some(Silence { store, since, why }) => StopReason::StoreSilent { store, since, why },
                None => StopReason::LeaseLost {
                    holder: format!(
                        "nobody known: it could not be renewed for {} s",
                        short_for.as_secs()
                    ),
                },
            };
            return LeaseHolds::Gone(reason);
        }
        LeaseHolds::TooShort(until)
    }

    fn pause(&self, recheck: Duration, until: Option<Timestamp>, now: Timestamp) -> Duration {
        let free = until.and_then(|until| Duration::try_from(until.duration_since(now)).ok());
        let short = self.lease_short.map(|_| LEASE_GLANCE);
        [free, short]
            .into_iter()
            .flatten()
            .fold(recheck, Duration::min)
            .max(PAUSE_MIN)
    }
}

fn waiting_for_lease(until: Timestamp, silence: Option<Silence>) -> Waiting {
    let action = "renew the lease".to_owned();
    let why = match silence {
        Some(Silence { store, since, .. }) => format!("the store {store} does not answer since {since:.0}"),
        None => "it does not outlive a call".to_owned(),
    };
    let on = WaitingOn::Retry {
        action,
        why,
        at: until,
    };
    Waiting {
        step: StepId::new("cluster"),
        on,
    }
}
