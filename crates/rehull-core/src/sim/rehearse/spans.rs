//! How long each step of one run took, each part of the plan, and each group.

use std::collections::BTreeMap;
use std::time::Duration;

use super::as_it_is::Part;
use crate::domain::action::Action;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::StepId;
use crate::domain::waiting::Waiting;
use crate::event::{Event, What};
use crate::plan::RolloutPlan;
use crate::sim::chronicle::{Happened, Moment};

/// The part of the plan that a step belongs to. What belongs to no machine is about the members: the snapshot, say.
pub(super) fn part_of(plan: &RolloutPlan, step: &StepId) -> Part {
    let envelope = &plan.envelope;
    if envelope.servers().is_some_and(|servers| servers.step == *step) {
        Part::ControlPlane
    } else if envelope.worker_groups().any(|group| group.step == *step) {
        Part::Workers
    } else {
        Part::Etcd
    }
}

/// Parts are rolled one after the other: together as long as the whole.
pub(super) fn parts(plan: &RolloutPlan, steps: &BTreeMap<StepId, Duration>) -> BTreeMap<Part, Duration> {
    let mut parts: BTreeMap<Part, Duration> = BTreeMap::new();
    for (step, took) in steps {
        let part = parts.entry(part_of(plan, step)).or_default();
        *part = part.saturating_add(*took);
    }
    parts
}

fn told(moments: &[Moment]) -> impl Iterator<Item = (Duration, &Event)> {
    moments.iter().filter_map(|moment| match &moment.what {
        Happened::Told(event) => Some((moment.at, event.as_ref())),
        Happened::Began
        | Happened::Trouble { .. }
        | Happened::Ended(_)
        | Happened::World { .. }
        | Happened::Voters => None,
    })
}

/// Every moment belongs to the step that acted last, or that is waited for now.
pub(super) fn steps(moments: &[Moment], end: Duration) -> BTreeMap<StepId, Duration> {
    let mut spans: BTreeMap<StepId, Duration> = BTreeMap::new();
    let mut current: Option<StepId> = None;
    let mut since = Duration::ZERO;
    for (at, event) in told(moments) {
        let Some(next) = step_of(event, current.as_ref()).filter(|next| current.as_ref() != Some(*next))
        else {
            continue;
        };
        // What was before the first word belongs to whoever has it.
        if let Some(done) = current.replace(next.clone()) {
            *spans.entry(done).or_default() += at.saturating_sub(since);
            since = at;
        }
    }
    if let Some(last) = current {
        *spans.entry(last).or_default() += end.saturating_sub(since);
    }
    spans
}

/// Groups of workers are rolled side by side: from the first thing that is done to each until it is done.
pub(super) fn groups(moments: &[Moment]) -> BTreeMap<StepId, Duration> {
    let mut begun: BTreeMap<&StepId, Duration> = BTreeMap::new();
    let mut spans = BTreeMap::new();
    for (at, event) in told(moments) {
        match &event.what {
            What::Acting { step, action, .. } if is_of_a_group(action) => {
                begun.entry(step).or_insert(at);
            }
            What::StepDone { step } => {
                if let Some(since) = begun.get(step) {
                    spans.insert(step.clone(), at.saturating_sub(*since));
                }
            }
            What::Acting { .. }
            | What::Started { .. }
            | What::Acted { .. }
            | What::Waiting { .. }
            | What::Stalled { .. }
            | What::Rolled { .. }
            | What::Stopped { .. }
            | What::Finished => {}
        }
    }
    spans
}

/// Versions of launch templates are all made before anything else.
fn is_of_a_group(action: &Action) -> bool {
    match action {
        Action::Group(action) => !matches!(action, GroupAction::CreateVersion { .. }),
        Action::Node(_) => true,
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AskStop { .. }
        | Action::RemoveMember { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::AddMember { .. }
        | Action::Go { .. }
        | Action::PromoteMember { .. }
        | Action::TerminateMachine { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::RecordIdentity { .. } => false,
    }
}

fn step_of<'a>(event: &'a Event, current: Option<&StepId>) -> Option<&'a StepId> {
    match &event.what {
        What::Acting { action, .. } if is_a_group_s_version(action) => None,
        What::Acting { step, .. } => Some(step),
        What::Waiting { waiting, .. } => {
            let goes_on = |wait: &&Waiting| Some(&wait.step) == current;
            let wait = waiting.iter().find(goes_on).or(waiting.first());
            wait.map(|wait| &wait.step)
        }
        What::Started { .. }
        | What::Acted { .. }
        | What::Stalled { .. }
        | What::Rolled { .. }
        | What::StepDone { .. }
        | What::Stopped { .. }
        | What::Finished => None,
    }
}

/// It belongs to what is prepared with it.
fn is_a_group_s_version(action: &Action) -> bool {
    matches!(action, Action::Group(GroupAction::CreateVersion { .. }))
}
