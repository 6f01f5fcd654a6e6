//! From a held lease to an open journal. What was decided without the lease is looked at again under it: between the
//! plan that somebody agreed to and the lease, the world may have become another one.

use rehull_core::domain::ids::RolloutId;
use rehull_core::event::Event;
use rehull_core::executor::Opened;
use rehull_core::executor::lease::LeaseKeeper;
use rehull_core::executor::open::{self, Access};
use rehull_core::journal::Writer;
use rehull_core::plan::{self, RolloutPlan};

use super::drive::{Approved, Entry, Session};
use super::exit::Exit;
use super::failure::{Failure, Problem};
use super::plan::apply_command;
use super::planning::Asked;
use super::rollouts::History;
use super::signals::Signals;
use super::{local, planning, rollouts};

impl Session<'_> {
    pub(super) async fn open<'a>(
        &'a self,
        entry: Entry,
        lease: &'a LeaseKeeper,
        signals: &Signals,
    ) -> Result<(Opened<'a>, Vec<Event>), Failure> {
        let access = Access {
            store: self.world.store().as_ref(),
            clock: self.world.clock(),
            lease,
            scope: self.scope(),
            writer: Writer {
                nonce: self.identity.nonce.clone(),
                tail: self.world.tail,
            },
        };
        match entry {
            Entry::Begin(Approved { plan: shown, again }) => {
                self.nothing_but(None).await?;
                let asked = asked_for(&shown, again);
                let plan = self
                    .again(&shown, &apply_command(&asked, self.file), signals)
                    .await?;
                // Before the plan is stored: killed right after that, it must be found by its id alone.
                local::remember(&self.rollout, &self.file.path)?;
                let opened = open::begin(access, plan).await;
                Ok((opened.map_err(|error| Failure::open(&error))?, Vec::new()))
            }
            Entry::TurnBack(Approved { plan: shown, again }, of) => {
                self.nothing_but(Some(&of)).await?;
                let asked = asked_for(&shown, again);
                let plan = self
                    .again(&shown, &apply_command(&asked, self.file), signals)
                    .await?;
                local::remember(&self.rollout, &self.file.path)?;
                let closed = open::supersede(access.of(of), &self.rollout).await;
                closed.map_err(|error| Failure::open(&error))?;
                let opened = open::begin(access, plan).await;
                Ok((opened.map_err(|error| Failure::open(&error))?, Vec::new()))
            }
            Entry::Resume => {
                let (opened, events) = self.found(access).await?;
                // Whoever goes on from here begins the rollout: the same look as at its beginning.
                if opened.journal.view().is_untouched() {
                    let anew = apply_command(&asked_for(&opened.plan, false), self.file);
                    let first = format!("rehull abort {}, then {anew}", self.rollout);
                    self.again(&opened.plan, &first, signals).await?;
                }
                Ok((opened, events))
            }
            Entry::Rest(_) => self.found(access).await,
        }
    }

    async fn found<'a>(&'a self, access: Access<'a>) -> Result<(Opened<'a>, Vec<Event>), Failure> {
        let opened = open::resume(access).await;
        let opened = opened.map_err(|error| Failure::open(&error))?;
        for note in opened.journal.notes() {
            self.console.say(&format!("journal: {note}"));
        }
        // For the table at the end; a report that is incomplete must not keep a rollout from going on.
        let history = rollouts::history(self.world, &self.scope()).await;
        Ok((opened, history.map(History::into_told).unwrap_or_default()))
    }

    /// No other rollout was begun and left since the plan was made.
    async fn nothing_but(&self, expected: Option<&RolloutId>) -> Result<(), Failure> {
        let open = rollouts::unfinished(self.world, &self.file.desired.cluster).await?;
        match open {
            Some(open) if expected != Some(&open) => Err(Failure::unfinished(&open)),
            Some(_) | None => Ok(()),
        }
    }

    /// The plan made again from a fresh look, if it is still the one that was shown. `anew`: what has to be typed where it
    /// is another one. A signal ends the look: nothing has been begun by it.
    async fn again(
        &self,
        shown: &RolloutPlan,
        anew: &str,
        signals: &Signals,
    ) -> Result<RolloutPlan, Failure> {
        // Whether it is held was decided where it was agreed to.
        let asked = asked_for(shown, true);
        let planned = tokio::select! {
            planned = planning::plan(self.console, self.world, self.file, &asked) => planned,
            () = signals.first() => return Err(not_begun()),
        };
        let plan = planned.map_err(refused_now)?.plan;
        let differences = plan::differences(&shown.envelope, &plan.envelope);
        if plan.envelope.digest() != shown.envelope.digest() || !differences.is_empty() {
            return Err(self.differs(anew, differences));
        }
        if !plan.forecast.blockers.is_empty() {
            let message = format!(
                "blocked since the plan was shown, nothing was touched: {}",
                plan.forecast.blockers.join("; ")
            );
            let failure = Failure::new(Exit::NeedsPerson, "plan::blocked", message);
            return Err(failure.help("fix it, then run this again"));
        }
        Ok(plan)
    }

    fn differs(&self, anew: &str, differences: Vec<String>) -> Failure {
        let message =
            "the cluster, its file or rehull changed since this plan was shown: nothing was touched";
        let failure = Failure::new(Exit::Refused, "plan::changed", message);
        let failure = differences.into_iter().fold(failure, Failure::note);
        failure.help(format!(
            "look at the plan of now and agree to it: {anew}   |   rehull status {}",
            self.file.path.display()
        ))
    }
}

fn asked_for(shown: &RolloutPlan, again: bool) -> Asked {
    Asked {
        kind: shown.envelope.kind.clone(),
        again,
    }
}

/// A signal came before the first change, and before anything was written that could be resumed.
pub(super) fn not_begun() -> Failure {
    let message = "stopped before anything was begun";
    Failure::new(Exit::StopPoint, "rollout::not_begun", message)
}

/// What could be done when it was shown is refused now; the reasons follow.
fn refused_now(mut failure: Failure) -> Failure {
    let first = Problem::Plain {
        code: "plan::changed",
        message: "what was shown cannot be done any more: nothing was touched".to_owned(),
        because: Vec::new(),
        help: None,
    };
    failure.problems.insert(0, first);
    failure
}
