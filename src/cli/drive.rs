//! Works on one rollout in this process: lease, journal, loop, and everything that is shown of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::ProgressDrawTarget;
use rehull_core::domain::ids::RolloutId;
use rehull_core::domain::observed::Request;
use rehull_core::domain::waiting::StopReason;
use rehull_core::event::{Event, EventSink};
use rehull_core::executor::lease::{self, Acquired, Claim, Holding, LeaseKeeper};
use rehull_core::executor::{Driver, Opened, Outcome, Rules, RunError, Watch};
use rehull_core::journal::Scope;
use rehull_core::plan::{Envelope, RolloutKind, RolloutPlan};

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::lease::{Kept, begin};
use super::log::LogSink;
use super::opening::not_begun;
use super::signals::Signals;
use super::wire::{self, World};
use super::wish::Format;
use super::worked::Worked;
use super::{event_log, local, log, rollouts};
use crate::report::json::JsonLines;
use crate::report::numbers::{about, duration};
use crate::report::paint::Paint;
use crate::report::plain::Plain;
use crate::report::progress::Progress;
use crate::report::sinks::{Fan, Fresh, Recorder};
use crate::report::steps::Steps;
use crate::report::timeline::Timeline;
use crate::report::{halt, json, summary};

/// How often a process that waits for the lease of a dead one says so, in seconds.
const TELL_EVERY_S: u64 = 15;

/// Everything that is needed to work on one rollout.
pub struct Session<'a> {
    /// Where it is shown.
    pub console: &'a Console,
    /// The open doors.
    pub world: &'a World,
    /// The cluster.
    pub file: &'a ClusterFile,
    /// The rollout.
    pub rollout: RolloutId,
    /// Who works.
    pub identity: &'a Identity,
    /// What is shown on the way.
    pub view: View,
}

/// What is shown of a rollout while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Every event.
    Events,
    /// Finished steps only.
    Steps,
}

/// How the work on a rollout begins.
pub enum Entry {
    /// With this plan.
    Begin(Approved),
    /// With this plan, in place of that rollout, which stopped half-way.
    TurnBack(Approved, RolloutId),
    /// Where somebody stopped, or was stopped.
    Resume,
    /// The same, to fulfil this wish for rest, which was posted already: nothing new is begun.
    Rest(Request),
}

/// A plan that somebody agreed to.
pub struct Approved {
    /// As it was shown.
    pub plan: Box<RolloutPlan>,
    /// Also what a rollback has taken back.
    pub again: bool,
}

/// How the work on a rollout ended.
pub struct Ended {
    /// How the process ends.
    pub exit: Result<Exit, Failure>,
    /// Everything that happened, from the first process on.
    pub timeline: Timeline,
}

impl Session<'_> {
    /// Works until there is a reason to stop, shows the end, and says how the process ends.
    ///
    /// # Errors
    /// Somebody else holds the lease, or the rollout can be neither begun nor continued.
    pub async fn run(&self, entry: Entry) -> Result<Exit, Failure> {
        let Some(ended) = self.run_untold(entry).await? else {
            let id = &self.rollout;
            self.console.say(&format!(
                "ended at once: nobody has looked whether it is at rest   next: rehull status {id}   |   rehull resume {id}"
            ));
            return Ok(Exit::Interrupted);
        };
        let shown = self.show(&ended.timeline);
        match (ended.exit, shown) {
            (Ok(Exit::Ok), shown) => shown.map(|()| Exit::Ok),
            (exit, Ok(())) => exit,
            // How it ended matters more than that it could not be shown.
            (exit, Err(unshown)) => {
                self.console.show(&unshown);
                exit
            }
        }
    }

    /// The same, showing nothing at the end. `None`: a second signal came.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub async fn run_untold(&self, entry: Entry) -> Result<Option<Ended>, Failure> {
        let wake = self.world.wake();
        let quiet = self.console.clone();
        let signals = Signals::listen(move |name| {
            wake.wake();
            quiet.say(&format!(
                "{name}: stopping at the next stop point; once more ends at once"
            ));
        })?;
        let lease = tokio::select! {
            lease = self.lease(&entry) => lease?,
            () = signals.first() => return Err(not_begun()),
        };
        // Boxed: the whole loop lives in this future, and every caller would carry it on its stack.
        let work = Box::pin(self.work(entry, &lease, &signals));
        let worked = tokio::select! {
            worked = work => Some(worked),
            () = signals.second() => None,
        };
        lease.leave();
        let in_flight = worked.as_ref().is_none_or(|worked| worked.in_flight);
        self.let_go(&lease, in_flight).await;
        worked.map(|worked| worked.ended).transpose()
    }

    /// Gives the lease back if nothing is on its way any more, and says so if it cannot be given back.
    async fn let_go(&self, lease: &Kept, in_flight: bool) {
        let times = lease.keeper.times();
        if in_flight {
            let quiet = duration(times.quiet());
            self.console.say(&format!(
                "the lease is kept, a call may still be on its way: it runs out by itself in {quiet}"
            ));
        } else if let Err(error) = lease.keeper.release().await {
            tracing::info!(%error, "the lease was not given back and runs out by itself");
            let (store, ttl) = (self.world.store().place(), duration(times.ttl));
            self.console.say(&format!(
                "the lease could not be given back, {store} does not answer: it runs out by itself in {ttl}"
            ));
        }
    }

    async fn lease(&self, entry: &Entry) -> Result<Kept, Failure> {
        let store = self.world.store();
        let claim = Claim {
            holder: self.identity.holder.clone(),
            rollout: self.rollout.clone(),
            nonce: self.identity.nonce.clone(),
            ttl: self.file.desired.policy.lease_ttl,
        };
        let told_at = AtomicU64::new(u64::MAX);
        let tell = |holding: &Holding, left: Duration| {
            // Whoever reads a log needs a sign of life, not every look.
            if told_at.load(Ordering::Relaxed).saturating_sub(left.as_secs()) < TELL_EVERY_S {
                return;
            }
            told_at.store(left.as_secs(), Ordering::Relaxed);
            let (by, left) = (&holding.by, about(left));
            self.console.say(&format!(
                "waiting: the lease of {by}, {left} more without a sign of life; stopped and typed again it counts anew"
            ));
        };
        let acquired = match entry {
            Entry::Begin(_) => begin(store.as_ref(), self.world.clock(), &claim, &tell).await,
            Entry::Resume | Entry::Rest(_) | Entry::TurnBack(..) => {
                lease::take_over(store.as_ref(), self.world.clock(), &claim, &tell).await
            }
        };
        match acquired.map_err(|error| Failure::lease(&error))? {
            Acquired::Ours(grant) => Ok(Kept::of(self.world, grant)),
            Acquired::Held(holding) => Err(Failure::held(&holding, self.world.clock().now())),
        }
    }

    async fn work(&self, entry: Entry, lease: &Kept, signals: &Signals) -> Worked<Ended> {
        let wish = match &entry {
            Entry::Rest(request) => Some(request.clone()),
            Entry::Begin(_) | Entry::TurnBack(..) | Entry::Resume => None,
        };
        let prepared = self.prepare(entry, lease, signals).await;
        let (opened, earlier, folder) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                self.plan_no_further().await;
                return Worked::not_begun(failure);
            }
        };
        let store = self.world.store();
        let (event_log, written) = event_log::start(store, wire::clock(), &self.rollout).await;
        let before = Timeline::of(&earlier);
        let plan = opened.plan.clone();
        let recorder = Arc::new(Recorder::after(earlier));
        let live = self.live(opened.plan.forecast.total, &before);
        let memory: Arc<dyn EventSink> = recorder.clone();
        let fan = Fan(vec![
            memory,
            live,
            Arc::new(LogSink::default()),
            Arc::new(event_log),
        ]);
        let stalls = self.world.stalls(&opened.plan, &self.rollout, fan);
        let fresh = Fresh::after(&before, &stalls);
        let told = self.world.lease(Arc::<LeaseKeeper>::clone(&lease.keeper));
        let watch = Watch {
            lease: &told,
            times: lease.keeper.times(),
            attention: signals,
            events: &fresh,
        };
        let mut driver = Driver::new(opened, self.world.ports(), watch, Rules::default());
        if let Some(wish) = wish {
            driver = driver.asked(wish);
        }
        let outcome = driver.run(&self.identity.holder).await;
        let lives = self.terraform_lives().await;
        let mut worked = Worked::after(outcome, async |outcome| {
            stalls.end().await;
            wire::finish(written).await;
            let ended = self
                .ending(outcome, Timeline::of(&recorder.events()).of_plan(&plan))
                .await;
            let text = ending_text(&ended.timeline, Paint::Plain);
            // A copy for later: the journal has everything that is in it.
            if let Err(unwritten) = local::write(&folder.join("report.txt"), &text) {
                self.console.show(&unwritten);
            }
            Ok(ended)
        })
        .await;
        worked.in_flight |= lives;
        worked
    }

    async fn prepare<'a>(
        &'a self,
        entry: Entry,
        lease: &'a Kept,
        signals: &Signals,
    ) -> Result<(Opened<'a>, Vec<Event>, PathBuf), Failure> {
        let (opened, earlier) = self.open(entry, &lease.keeper, signals).await?;
        if takes_snapshot(&opened.plan.envelope) {
            self.world.fetch_restore_tool(self.file).await?;
        }
        let folder = local::remember(&self.rollout, &self.file.path)?;
        log::start(&folder.join("debug.log"))?;
        Ok((opened, earlier, folder))
    }

    pub(super) fn scope(&self) -> Scope {
        Scope {
            cluster: self.file.desired.cluster.clone(),
            rollout: self.rollout.clone(),
        }
    }

    /// JSON lines are an answer and go to stdout; what a person follows goes to stderr.
    fn live(&self, expected: Duration, before: &Timeline) -> Arc<dyn EventSink> {
        let paint = self.console.err_paint();
        let before = before.clone();
        match self.console.format {
            Format::Json => Arc::new(JsonLines::new(std::io::stdout())),
            Format::Text | Format::Markdown if self.console.quiet => Arc::new(Fan(Vec::new())),
            Format::Text | Format::Markdown if self.console.is_live() => {
                let progress = Progress::new(ProgressDrawTarget::stderr(), paint, Some(expected));
                Arc::new(progress.after(before))
            }
            Format::Text | Format::Markdown if self.view == View::Steps => {
                Arc::new(Steps::new(std::io::stderr(), paint).after(before))
            }
            Format::Text | Format::Markdown => Arc::new(Plain::new(std::io::stderr(), paint).after(before)),
        }
    }

    fn show(&self, timeline: &Timeline) -> Result<(), Failure> {
        match self.console.format {
            Format::Json => self
                .console
                .answer(&format!("{}\n", json::summary(timeline, None))),
            Format::Text | Format::Markdown => self
                .console
                .answer(&ending_text(timeline, self.console.out_paint())),
        }
    }

    async fn ending(&self, outcome: Result<Outcome, RunError>, mut timeline: Timeline) -> Ended {
        let exit = match outcome {
            Ok(Outcome::Finished) => Ok(Exit::Ok),
            Ok(Outcome::Stopped { reason, rest, .. }) => {
                timeline.over = self.over().await;
                Ok(stopped(&reason, timeline.over.is_some(), rest.at_rest))
            }
            Err(error) => Err(Failure::run(&error, &self.rollout)),
        };
        timeline.snapshot = rollouts::snapshot(self.world, &self.rollout).await;
        Ended { exit, timeline }
    }

    /// How the journal was closed, if it was.
    async fn over(&self) -> Option<String> {
        let view = rollouts::view(self.world, &self.scope()).await.ok()?;
        view.closed().map(|(outcome, _)| outcome.to_owned())
    }
}

fn stopped(reason: &StopReason, over: bool, at_rest: bool) -> Exit {
    match reason {
        // An abort that leaves a member out: a person has to heal it.
        StopReason::Asked { .. } if over && !at_rest => Exit::NeedsPerson,
        // An abort ends a rollout for good: there is nothing to resume.
        StopReason::Asked { .. } if over => Exit::Refused,
        StopReason::Asked { .. } => Exit::StopPoint,
        StopReason::LeaseLost { .. } => Exit::LeaseHeld,
        StopReason::QuorumLost { .. }
        | StopReason::OutsideEnvelope { .. }
        | StopReason::PastPointOfNoReturn { .. }
        | StopReason::BootRefused { .. }
        | StopReason::Deadline { .. }
        | StopReason::Refused { .. }
        | StopReason::Alarm { .. }
        | StopReason::NoCapacity { .. }
        | StopReason::NoLaunch { .. }
        | StopReason::Undrained { .. }
        | StopReason::Terraform { .. }
        | StopReason::StoreSilent { .. } => Exit::NeedsPerson,
    }
}

/// The first change of these is preceded by a snapshot, which is test-restored here.
fn takes_snapshot(envelope: &Envelope) -> bool {
    let kind = match envelope.kind {
        RolloutKind::Upgrade | RolloutKind::Replace { .. } | RolloutKind::Rollback { .. } => true,
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
    };
    kind && envelope.policy.snapshot
}

/// What stands on the screen when a rollout has ended, now or in the past.
#[must_use]
pub fn ending_text(timeline: &Timeline, paint: Paint) -> String {
    let table = summary::text(timeline, None, paint);
    match halt::text(timeline, paint) {
        Some(halt) => format!("{table}\n{halt}"),
        None => table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_with_a_member_out_needs_a_person_and_a_lease_that_went_to_another_one_does_not() {
        let asked = StopReason::Asked {
            how: "abort by ann".to_owned(),
        };
        assert_eq!(stopped(&asked, true, false), Exit::NeedsPerson);
        assert_eq!(stopped(&asked, true, true), Exit::Refused);
        assert_eq!(stopped(&asked, false, false), Exit::StopPoint);
        let lost = StopReason::LeaseLost {
            holder: "bob@host 8".to_owned(),
        };
        assert_eq!(stopped(&lost, true, false), Exit::LeaseHeld);
    }
}
