//! Folds events into the story of a rollout: which step spent how long in which phase, and what held it.
//!
//! Nothing here reads a clock; every duration is the distance between two events. Time between a stop and the
//! resume that follows belongs to nobody: a rollout that rested for a night did not take a night.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::action::Action;
use rehull_core::domain::fleet::Join;
use rehull_core::domain::ids::{RolloutId, StepId};
use rehull_core::domain::observed::SnapshotFact;
use rehull_core::domain::waiting::{StopReason, Waiting};
use rehull_core::event::{Event, GroupOutline, Rest, StepOutline, What};
use rehull_core::plan::RolloutPlan;
use rehull_core::ports::PortError;

use super::groups;
pub use super::groups::GroupStory;
use super::numbers::between;
use super::phase::{Phase, hold};
pub use super::story::{MarginStory, StepStory};

/// An attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// Step.
    pub step: StepId,
    /// What was tried.
    pub action: Action,
    /// From 1.
    pub attempt: u32,
    /// Why not.
    pub error: PortError,
}

/// Where the rollout is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// No end was seen: it runs, or its process was killed.
    #[default]
    Open,
    /// Done.
    Finished,
    /// At a stop point.
    Stopped {
        /// Why.
        reason: StopReason,
        /// Safe to leave?
        rest: Rest,
    },
}

/// A snapshot and where it can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `s3://bucket/prefix/` in front of its key.
    pub place: String,
    /// What it is.
    pub fact: SnapshotFact,
}

/// The story so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Which rollout; `None` before the first event.
    pub rollout: Option<RolloutId>,
    /// Its plan in one line.
    pub headline: String,
    /// First event.
    pub first_at: Option<Timestamp>,
    /// Last event.
    pub last_at: Option<Timestamp>,
    /// Steps in forecast order.
    pub steps: Vec<StepStory>,
    /// Groups whose machines are replaced after them.
    pub groups: Vec<GroupStory>,
    /// All waits of the last tick.
    pub waiting: Vec<Waiting>,
    /// Last margin seen.
    pub margin: Option<i64>,
    /// Time per hold (`bake`, `snapshot`, `gates` …), whatever else went on meanwhile.
    pub holds: BTreeMap<&'static str, Duration>,
    /// Attempts that did not succeed.
    pub troubles: Vec<Trouble>,
    /// Times it was resumed.
    pub resumes: u32,
    /// Time between a stop (or a kill) and the resume after it.
    pub away: Duration,
    /// Where it is.
    pub outcome: Outcome,
    /// Its journal was closed before its end: `aborted`, or `superseded by …`. Events do not tell; whoever has read
    /// the journal sets it.
    pub over: Option<String>,
    /// There was no cluster before it: machines are created, and none is replaced.
    pub creates: bool,
    /// The snapshot before its first change and the place it lies in, once it is known.
    pub snapshot: Option<Kept>,
    /// Its plan leaves no member of the old minor: whoever has read the plan sets it.
    pub ends_old_minor: bool,
    waits_since: Option<Timestamp>,
    /// Up to here it is told how long writes waited.
    measured_until: Option<Timestamp>,
}

impl Timeline {
    /// The story told by these events.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.apply(event);
        }
        timeline
    }

    /// One more event.
    pub fn apply(&mut self, event: &Event) {
        let at = event.at;
        self.rollout.get_or_insert_with(|| event.rollout.clone());
        self.first_at.get_or_insert(at);
        match &event.what {
            What::Started {
                first,
                summary,
                steps,
                groups,
            } => self.start(at, *first, (summary, steps, groups)),
            What::Acting { step, action, .. } => self.acting(at, step, action),
            What::Acted {
                step,
                action,
                attempt,
                error,
            } => {
                if let Some(error) = error {
                    let (step, action, error) = (step.clone(), action.clone(), error.clone());
                    self.troubles.push(Trouble {
                        at,
                        step,
                        action,
                        attempt: *attempt,
                        error,
                    });
                }
            }
            What::Waiting { waiting, margin } => self.wait(at, waiting, *margin),
            What::Stalled { step, longest_ms } => self.stalled(at, step, Duration::from_millis(*longest_ms)),
            What::Rolled { step, new, old } => {
                if let Some(group) = groups::of(&mut self.groups, step) {
                    group.count(*new, *old);
                }
            }
            What::StepDone { step } => self.step_done(at, step),
            What::Stopped { reason, rest } => {
                self.pause(at);
                self.margin = Some(rest.margin);
                self.outcome = Outcome::Stopped {
                    reason: reason.clone(),
                    rest: rest.clone(),
                };
            }
            What::Finished => {
                self.pause(at);
                // A bootstrap brings its members up together and tells no single one as done.
                for story in self.steps.iter_mut().filter(|story| story.begun_at.is_some()) {
                    story.done_at.get_or_insert(at);
                }
                for group in &mut self.groups {
                    group.done_at.get_or_insert(at);
                }
                self.outcome = Outcome::Finished;
            }
        }
        self.last_at = Some(at);
    }

    /// The same story of a rollout whose journal was closed before its end.
    #[must_use]
    pub fn closed_as(self, over: Option<String>) -> Self {
        Self { over, ..self }
    }

    /// The same, with what only the plan says.
    #[must_use]
    pub fn of_plan(self, plan: &RolloutPlan) -> Self {
        let ends_old_minor = plan.envelope.ends_the_old_minor();
        Self {
            ends_old_minor,
            ..self
        }
    }

    /// The same with the snapshot that was taken before its first change.
    #[must_use]
    pub fn with_snapshot(self, snapshot: Option<Kept>) -> Self {
        Self { snapshot, ..self }
    }

    /// Time the rollout was worked on.
    #[must_use]
    pub fn worked(&self) -> Duration {
        match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => between(first, last).saturating_sub(self.away),
            _ => Duration::ZERO,
        }
    }

    /// Steps in the order in which they were begun; those not begun last, in forecast order.
    #[must_use]
    pub fn in_order(&self) -> Vec<&StepStory> {
        let mut steps: Vec<&StepStory> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.begun_at.unwrap_or(Timestamp::MAX));
        steps
    }

    /// The step that is begun and not done; of several the one begun first.
    #[must_use]
    pub fn current(&self) -> Option<&StepStory> {
        self.in_order()
            .into_iter()
            .find(|step| step.begun_at.is_some() && step.done_at.is_none())
    }

    /// The step whose switch has begun and is not over: there is one at most.
    #[must_use]
    pub fn in_switch(&self) -> Option<&StepStory> {
        self.steps.iter().find(|step| step.is_in_switch())
    }

    /// Steps that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.done_at.is_some()).count()
    }

    /// All steps are done, those of groups, too.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let groups = self.groups.iter().all(|group| group.done_at.is_some());
        groups && self.done() == self.steps.len()
    }

    /// Machines that were replaced, and how many are to be: the spare is none of them, and a group that nobody has
    /// counted has none.
    #[must_use]
    pub fn replaced(&self) -> (usize, usize) {
        let members = self.steps.iter().filter(|step| !step.outline.spare);
        let members = members.map(|step| (usize::from(step.done_at.is_some()), 1));
        let groups = self.groups.iter().filter_map(GroupStory::replaced);
        let number = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let groups = groups.map(|(done, all)| (number(done), number(all)));
        members
            .chain(groups)
            .fold((0, 0), |sum, (done, all)| (sum.0 + done, sum.1 + all))
    }

    fn start(
        &mut self,
        at: Timestamp,
        first: bool,
        (summary, outlines, groups): (&str, &[StepOutline], &[GroupOutline]),
    ) {
        summary.clone_into(&mut self.headline);
        groups::add(&mut self.groups, groups);
        for outline in outlines {
            if !self.steps.iter().any(|known| known.outline.step == outline.step) {
                self.steps.push(StepStory::new(outline));
            }
        }
        if !first && let Some(last) = self.last_at {
            // After a kill there is no stop event: the last sign of life is where the time away begins.
            self.pause(last);
            self.resumes = self.resumes.saturating_add(1);
            self.away += between(last, at);
            groups::leave(&mut self.groups, between(last, at));
            self.leave_unmeasured(at);
        }
        self.outcome = Outcome::Open;
    }

    /// Writes are watched by the process that works, and it tells the longest wait when it stops: from the last figure
    /// that was told to this resume nobody knows anything.
    fn leave_unmeasured(&mut self, at: Timestamp) {
        let told = self.measured_until.replace(at);
        for story in self.steps.iter_mut().filter(|story| story.done_at.is_none()) {
            if let Some(begun) = story.begun_at {
                story.unmeasured += between(told.map_or(begun, |told| told.max(begun)), at);
            }
        }
    }

    /// What was measured after a step's end is nothing that the step has cost.
    fn stalled(&mut self, at: Timestamp, step: &StepId, longest: Duration) {
        self.measured_until = Some(at);
        if let Some(story) = self.step_mut(step).filter(|story| story.done_at.is_none()) {
            story.stall = story.stall.max(Some(longest));
        }
    }

    fn acting(&mut self, at: Timestamp, step: &StepId, action: &Action) {
        self.account_holds(at);
        if let Action::LaunchMachine { join, .. } = action {
            self.creates |= *join == Join::Bootstrap;
        }
        for spare in self
            .steps
            .iter_mut()
            .filter(|story| story.outline.spare && story.outline.step != *step)
        {
            spare.leave(at); // it votes, and waits for the others
        }
        let held = |wait: &Waiting| wait.step == *step && hold(&wait.on).is_some();
        self.waiting.retain(|wait| !held(wait)); // it acts, so nothing holds it any more
        if let Some(group) = groups::of(&mut self.groups, step) {
            group.begun_at.get_or_insert(at);
        }
        if let Some(phase) = Phase::of_action(action)
            && let Some(story) = self.step_mut(step)
        {
            story.enter(at, phase);
            if let Action::MoveLeader { to, .. } = action {
                story.leader_to = Some(to.clone());
            }
        }
    }

    fn wait(&mut self, at: Timestamp, waiting: &[Waiting], margin: i64) {
        self.account_holds(at);
        waiting.clone_into(&mut self.waiting);
        let before = self.margin.unwrap_or(margin);
        for wait in waiting {
            let first_of_step = waiting.iter().find(|other| other.step == wait.step);
            if first_of_step != Some(wait) {
                continue; // a step is in one phase; its first wait names it
            }
            if let Some(phase) = Phase::of_wait(&wait.on)
                && let Some(story) = self.step_mut(&wait.step)
                && story.done_at.is_none()
                && story.phase() != Some(phase)
            {
                story.enter(at, phase);
            }
        }
        for story in &mut self.steps {
            if story.begun_at.is_some() && story.done_at.is_none() {
                story.see_margin(before, margin);
            }
        }
        self.margin = Some(margin);
    }

    fn step_done(&mut self, at: Timestamp, step: &StepId) {
        let margin = self.margin;
        if let Some(group) = groups::of(&mut self.groups, step) {
            group.done_at.get_or_insert(at);
        }
        // A process that takes over tells again what it finds done: the step is as long ago as it was.
        if let Some(story) = self.step_mut(step).filter(|story| story.done_at.is_none()) {
            story.leave(at);
            story.done_at = Some(at);
            if let Some(now) = margin {
                story.see_margin(now, now);
            }
        }
    }

    fn pause(&mut self, at: Timestamp) {
        self.account_holds(at);
        self.waiting.clear();
        self.waits_since = None;
        for story in &mut self.steps {
            story.leave(at);
        }
    }

    /// Adds the time since the last look to every hold that was on.
    fn account_holds(&mut self, at: Timestamp) {
        let since = self.waits_since.replace(at).unwrap_or(at);
        let mut on: Vec<&'static str> = self.waiting.iter().filter_map(|wait| hold(&wait.on)).collect();
        on.sort_unstable();
        on.dedup();
        for word in on {
            *self.holds.entry(word).or_default() += between(since, at);
        }
    }

    fn step_mut(&mut self, step: &StepId) -> Option<&mut StepStory> {
        self.steps.iter_mut().find(|story| story.outline.step == *step)
    }
}
