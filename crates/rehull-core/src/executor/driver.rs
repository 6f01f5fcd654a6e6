//! The loop: observe → decide → check → intend → perform → settle → tell.
//!
//! It owns no fact about the world between two ticks and no decision about it at all. What it adds is order: nothing is
//! sent before its intent is durable, nothing while the lease could end under it, nothing after a signal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::grace::Grace;
use super::open::Opened;
use super::patience::Patience;
use super::ports::{Ports, Scene, Watch};
use super::repeat::Repeats;
use super::rest::{rest, unseen};
use super::tick::{Flow, Rules};
use super::{identity, mailbox, observe::observe};
use crate::domain::ids::StepId;
use crate::domain::observed::{Observed, Request, Wish};
use crate::domain::waiting::{StopReason, Waiting};
use crate::event::{Rest, What};
use crate::journal::{Journal, JournalError, Record, RecordBody};
use crate::mutant::mutant;
use crate::plan::RolloutPlan;
use crate::ports::LeaseNow;
use crate::rollout::{Goal, Reading};

/// Segments of a stale holder that may still have arrived between reading the journal and the first own one.
const ATTACH_ATTEMPTS_MAX: u32 = 3;

/// What a request is answered when it was fulfilled with something left over.
pub const NOT_AT_REST: &str = "stopped, not at rest";

/// How a run ended. It can be resumed from everything but `Finished` and an abort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The plan is done; nothing is owed.
    Finished,
    /// A stop point.
    Stopped {
        /// Why.
        reason: StopReason,
        /// Whether it may be left like this.
        rest: Rest,
        /// A call may still be on its way. The lease must then not be released: it runs out by itself.
        in_flight: bool,
    },
}

/// The run could not go on, and could not write down why.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Credentials, store and plan do not belong together; nothing was touched.
    #[error("this is not the cluster that the plan is for")]
    Target(#[from] identity::WrongTarget),
    /// The journal takes no more; nothing was started after that.
    #[error("the journal cannot be written")]
    Journal {
        /// Why.
        #[source]
        source: JournalError,
        /// Whether it may be left like this.
        rest: Box<Rest>,
        /// As in [`Outcome::Stopped`].
        in_flight: bool,
    },
}

/// One process working on one rollout.
pub struct Driver<'a> {
    pub(super) ports: Ports<'a>,
    pub(super) watch: Watch<'a>,
    pub(super) rules: Rules,
    pub(super) plan: Arc<RolloutPlan>,
    scene: Scene,
    pub(super) journal: Journal<'a>,
    pub(super) grace: Grace,
    pub(super) seen: Option<Arc<Observed>>,
    /// Monotonic time at which the last look was over; etcd was asked last in it.
    pub(super) seen_at: Duration,
    /// Voters that may still fail, at the last look.
    pub(super) margin: i64,
    /// Monotonic time since which the lease is too short to send anything, and when it counts as lost.
    pub(super) lease_short: Option<(Duration, Timestamp)>,
    /// Wishes that were heard: a mailbox that cannot be read for a moment does not take them back.
    wishes: BTreeMap<String, Request>,
    /// Monotonic time since which the goal is reached and it does not look like a resting place.
    pub(super) restless: Option<Duration>,
    pub(super) patience: Patience,
    pub(super) repeats: Repeats,
    pub(super) told_waiting: Option<(Vec<Waiting>, i64)>,
    pub(super) told_done: BTreeSet<StepId>,
    /// New machines and old ones of each group.
    pub(super) told_rolled: BTreeMap<StepId, (u32, u32)>,
}

impl<'a> Driver<'a> {
    /// From [`super::open::begin`] or [`super::open::resume`].
    #[must_use]
    pub fn new(opened: Opened<'a>, ports: Ports<'a>, watch: Watch<'a>, rules: Rules) -> Self {
        Self {
            ports,
            watch,
            rules,
            scene: Scene::of(&opened.plan, &opened.journal.scope().rollout),
            plan: Arc::new(opened.plan),
            journal: opened.journal,
            grace: Grace::default(),
            seen: None,
            seen_at: Duration::ZERO,
            margin: 0,
            lease_short: None,
            wishes: BTreeMap::new(),
            restless: None,
            patience: Patience::default(),
            repeats: Repeats::default(),
            told_waiting: None,
            told_done: BTreeSet::new(),
            told_rolled: BTreeMap::new(),
        }
    }

    /// Begins with a wish that the caller itself has posted.
    #[must_use]
    pub fn asked(mut self, request: Request) -> Self {
        self.wishes.insert(request.id.clone(), request);
        self
    }

    /// Works until the plan is done or there is a reason to stop. `holder` is `user@host pid`.
    ///
    /// # Errors
    /// The wrong cluster (nothing was touched), or a journal that takes no more.
    pub async fn run(mut self, holder: &str) -> Result<Outcome, RunError> {
        identity::check_target(&self.ports, &self.plan.envelope).await?;
        let ended = self.run_to_end(holder).await;
        match ended {
            Ok(outcome) => Ok(outcome),
            Err(JournalError::Fenced { by, .. }) => {
                let holder = self
                    .watch
                    .lease
                    .lost_to()
                    .or(by)
                    .unwrap_or_else(|| "another process".to_owned());
                Ok(self.leave(StopReason::LeaseLost { holder }))
            }
            Err(source) => {
                let (rest, in_flight) = self.standing();
                Err(RunError::Journal {
                    source,
                    rest: Box::new(rest),
                    in_flight,
                })
            }
        }
    }

    async fn run_to_end(&mut self, holder: &str) -> Result<Outcome, JournalError> {
        let first = self.journal.view().holder().is_none();
        if let Some(lost) = self.attach(holder).await? {
            return Ok(self.leave(lost));
        }
        self.emit(What::started(&self.plan, first));
        loop {
            match self.tick().await? {
                // A signal that came during the tick has used up its wake-up.
                Flow::Again(_) if self.watch.attention.stop_asked().is_some() => {}
                Flow::Again(pause) => self.ports.clock.sleep(pause).await,
                Flow::Finished => return self.finish().await,
                Flow::AtRest(requests) => return self.end_at_rest(requests).await,
                Flow::Stop(reason @ (StopReason::LeaseLost { .. } | StopReason::StoreSilent { .. })) => {
                    return Ok(self.leave(reason));
                }
                Flow::Stop(reason) => return self.stop(reason).await,
            }
        }
    }

    /// The first segment of every process fences the one before it, before anything is looked at. The lease is read
    /// again after every reading of the journal and before every attempt: whoever took it since then reads the journal
    /// after us, so an attempt of ours either comes before that or is fenced, and is then not repeated.
    async fn attach(&mut self, holder: &str) -> Result<Option<StopReason>, JournalError> {
        let mut attempt = 1;
        loop {
            match self.watch.lease.confirm().await {
                LeaseNow::Ours => {}
                LeaseNow::Lost { to } => return Ok(Some(StopReason::LeaseLost { holder: to })),
                LeaseNow::Unread(error) => return Err(JournalError::Unread(error)),
            }
            let attached = self.record(RecordBody::Attached {
                holder: holder.to_owned(),
            });
            match self.journal.append(vec![attached]).await {
                Err(JournalError::Fenced { .. }) if attempt < ATTACH_ATTEMPTS_MAX => {
                    self.journal.reopen().await?;
                    attempt += 1;
                }
                done => return done.map(|()| None),
            }
        }
    }

    /// Looks at the world. False: a signal came before that was over.
    pub(super) async fn look(&mut self) -> bool {
        let look = observe(&self.ports, &self.scene);
        let Some(seen) = self
            .grace
            .give(look, self.ports.clock, self.watch.attention)
            .await
        else {
            return false;
        };
        let heard = seen.requests.iter().cloned();
        self.wishes
            .extend(heard.map(|request| (request.id.clone(), request)));
        self.seen = Some(Arc::new(seen));
        self.seen_at = self.ports.clock.monotonic();
        true
    }

    /// Requests that wait for an answer, and where they drive to.
    pub(super) fn goal(&self) -> (Goal, Vec<Request>) {
        let open = self
            .wishes
            .values()
            .filter(|request| !self.journal.view().is_answered(&request.id));
        let open: Vec<Request> = open.cloned().collect();
        mutant!(IgnoreAbort => return (Goal::Finish, open));
        (if open.is_empty() { Goal::Finish } else { Goal::Rest }, open)
    }

    async fn finish(&mut self) -> Result<Outcome, JournalError> {
        let (_, requests) = self.goal();
        let mut records = self.answers(&requests, "the rollout has finished");
        records.push(self.record(RecordBody::Closed {
            outcome: "finished".to_owned(),
        }));
        self.journal.append(records).await?;
        self.empty_mailbox(&requests).await;
        self.emit(What::Finished);
        Ok(Outcome::Finished)
    }

    /// What was asked for is reached. Only now are the requests answered, so that a holder killed on the way here
    /// leaves them to the next one.
    async fn end_at_rest(&mut self, requests: Vec<Request>) -> Result<Outcome, JournalError> {
        let abort = requests.iter().find(|request| request.wish == Wish::Abort);
        let how = match (abort, requests.first()) {
            (Some(abort), _) => format!("abort by {}", abort.by),
            (None, Some(pause)) => format!("pause by {}", pause.by),
            (None, None) => "a request".to_owned(),
        };
        let reason = StopReason::Asked { how };
        let (rest, in_flight) = self.standing();
        let mut records = self.answers(&requests, if rest.at_rest { "at rest" } else { NOT_AT_REST });
        records.push(self.record(if abort.is_some() {
            RecordBody::Closed {
                outcome: "aborted".to_owned(),
            }
        } else {
            RecordBody::Stopped {
                reason: reason.clone(),
                at_rest: rest.at_rest,
            }
        }));
        self.journal.append(records).await?;
        self.empty_mailbox(&requests).await;
        self.emit(What::Stopped {
            reason: reason.clone(),
            rest: rest.clone(),
        });
        Ok(Outcome::Stopped {
            reason,
            rest,
            in_flight,
        })
    }

    async fn stop(&mut self, reason: StopReason) -> Result<Outcome, JournalError> {
        // Actions may have come through since the last look; what is said now is what somebody goes to bed with.
        let looked = self.look().await;
        let (plan, seen) = (self.plan.clone(), self.seen.clone());
        if let Some(seen) = seen.filter(|_| looked) {
            self.tell_progress(&Reading::of(&plan, &seen));
        }
        let (mut rest, in_flight) = self.standing();
        if !looked {
            rest.at_rest = false;
            rest.left
                .push("the cluster was not looked at again before the end".to_owned());
        }
        let stopped = self.record(RecordBody::Stopped {
            reason: reason.clone(),
            at_rest: rest.at_rest,
        });
        self.journal.append(vec![stopped]).await?;
        self.emit(What::Stopped {
            reason: reason.clone(),
            rest: rest.clone(),
        });
        Ok(Outcome::Stopped {
            reason,
            rest,
            in_flight,
        })
    }

    /// Ends without a word in the journal: it is not ours any more, or nobody listens.
    fn leave(&mut self, reason: StopReason) -> Outcome {
        let (mut rest, in_flight) = self.standing();
        if let StopReason::LeaseLost { .. } | StopReason::StoreSilent { .. } = reason {
            // However calm it was when it was looked at the last time: that is not known any more.
            rest.at_rest = false;
            rest.left
                .push("whoever has the lease now may be at work on it".to_owned());
        }
        self.emit(What::Stopped {
            reason: reason.clone(),
            rest: rest.clone(),
        });
        Outcome::Stopped {
            reason,
            rest,
            in_flight,
        }
    }

    fn standing(&self) -> (Rest, bool) {
        let journal = self.journal.view();
        let rest = self
            .seen
            .as_ref()
            .map_or_else(unseen, |seen| rest(&self.plan, seen, journal));
        (rest, !journal.in_doubt().is_empty())
    }

    fn answers(&self, requests: &[Request], answer: &str) -> Vec<Record> {
        let answered = |request: &Request| {
            self.record(RecordBody::Answered {
                request: request.id.clone(),
                answer: answer.to_owned(),
            })
        };
        requests.iter().map(answered).collect()
    }

    /// The journal has the answers; a request that cannot be deleted is never read as open again.
    async fn empty_mailbox(&self, requests: &[Request]) {
        for request in requests {
            let _ = mailbox::remove(self.ports.store, &request.id).await;
        }
    }

    pub(super) fn record(&self, body: RecordBody) -> Record {
        Record {
            at: self.ports.clock.now(),
            body,
        }
    }
}
