//! Makes the launch template versions of a rollout: one per slot and per group that changes, found again by its content digest.
//!
//! Either rehull makes them through the EC2 API, or one run of Terraform makes them all.

use std::time::Duration;

use super::situation::Situation;
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId};
use crate::domain::terraform::{Manifest, TerraformProgress, TerraformRun, TerraformStage};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::{ControlPlanePlan, SlotPlan, WorkerGroupPlan};

/// A new version is listed within seconds; the vendor's advice on eventual consistency is minutes.
const SHOWN_WITHIN: Duration = Duration::from_secs(300);

/// Proposes every version that is missing. True: all are there.
pub(crate) fn next(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) -> bool {
    let slots = now.all_slots().filter(|slot| slot.plan.changes());
    let slots = slots
        .map(|slot| slot.plan)
        .filter(|plan| now.template_version(plan).is_none())
        .map(Missing::of_slot);
    let servers = now.plan.envelope.servers().into_iter();
    let servers = servers
        .filter(|plan| !is_made(now, &plan.launch_template, &plan.to.digest))
        .map(Missing::of_servers);
    let workers = now.plan.envelope.worker_groups();
    let workers = workers
        .filter(|plan| !is_made(now, &plan.launch_template, &plan.to.digest))
        .map(Missing::of_workers);
    let missing: Vec<Missing<'_>> = slots.chain(servers).chain(workers).collect();
    if let Some(approved) = &now.plan.envelope.terraform {
        return by_terraform(now, journal, (approved, &missing), tick);
    }
    for version in &missing {
        tick.act(version.step, version.action.clone());
    }
    missing.is_empty()
}

/// A version that the rollout needs and EC2 does not show.
struct Missing<'a> {
    step: &'a StepId,
    template: &'a LaunchTemplateName,
    action: Action,
}

impl<'a> Missing<'a> {
    fn of_slot(plan: &'a SlotPlan) -> Self {
        let template = &plan.slot.launch_template;
        Self {
            step: &plan.step,
            template,
            action: Action::CreateTemplateVersion {
                slot: plan.slot.name.clone(),
                template: template.clone(),
                digest: plan.to.digest.clone(),
            },
        }
    }

    fn of_servers(plan: &'a ControlPlanePlan) -> Self {
        Self::of_group(&plan.step, &plan.group, (&plan.launch_template, &plan.to.digest))
    }

    fn of_workers(plan: &'a WorkerGroupPlan) -> Self {
        Self::of_group(&plan.step, &plan.group, (&plan.launch_template, &plan.to.digest))
    }

    fn of_group(
        step: &'a StepId,
        group: &GroupName,
        (template, digest): (&'a LaunchTemplateName, &ContentDigest),
    ) -> Self {
        Self {
            step,
            template,
            action: Action::Group(GroupAction::CreateVersion {
                group: group.clone(),
                template: template.clone(),
                digest: digest.clone(),
            }),
        }
    }
}

/// The launch template of a group has a version with the planned content.
fn is_made(now: &Situation<'_>, template: &LaunchTemplateName, digest: &ContentDigest) -> bool {
    let versions = now.seen.fleet.templates.get(template);
    versions.is_some_and(|all| all.iter().any(|known| known.digest.as_ref() == Some(digest)))
}

/// The step that Terraform's run belongs to.
pub(crate) fn step() -> StepId {
    StepId::new("terraform")
}

/// Before a rest: no run may be at work whose end nobody reads.
pub(crate) fn at_work(now: &Situation<'_>, tick: &mut Tick) {
    if let TerraformRun::Running(progress) = &now.seen.jobs.terraform {
        wait(&step(), Some(progress.clone()), tick);
    }
}

/// A run that is on its way is waited for even if all versions are there: nothing else is begun beside it, and a run that
/// fails after it has made them is still a reason to stop. What was approved is applied also where an earlier rollout left
/// all versions: the module would stay behind the cluster, and a person's next plan would not be empty.
fn by_terraform(
    now: &Situation<'_>,
    journal: &JournalView,
    (approved, missing): (&Manifest, &[Missing<'_>]),
    tick: &mut Tick,
) -> bool {
    let step = step();
    let run = Action::ApplyTerraform {
        approved: approved.digest(),
    };
    // Of this run: how an earlier one ended says nothing of it.
    let began = journal.past(&run.key()).map_or(0, |past| past.attempts);
    let applied = format!("terraform applied {began}");
    let is_known = journal.marked_at(&applied).is_some();
    match &now.seen.jobs.terraform {
        TerraformRun::Failed { .. } if mutant!(FailedRunIsApplied) && missing.is_empty() => return true,
        TerraformRun::Absent if mutant!(BegunIsApplied) && missing.is_empty() && began > 0 => return true,
        TerraformRun::Running(_) if mutant!(LaunchBesideTerraform) && missing.is_empty() => return true,
        TerraformRun::Running(progress) => wait(&step, Some(progress.clone()), tick),
        TerraformRun::Failed { why, help } => tick.stop(StopReason::Terraform {
            why: why.clone(),
            help: help.clone(),
        }),
        TerraformRun::Applied if missing.is_empty() => {
            if !is_known {
                tick.mark(applied);
            }
            return true;
        }
        // An earlier process has seen how it ended. Where nobody has, it may have broken off behind its last version.
        TerraformRun::Absent if missing.is_empty() && is_known => return true,
        TerraformRun::Absent => {
            tick.act(&step, run);
            wait(&step, Some(BEGINNING), tick);
        }
        TerraformRun::Applied => not_shown(now, journal, (missing, applied), tick),
    }
    false
}

const BEGINNING: TerraformProgress = TerraformProgress {
    stage: TerraformStage::Init,
    done: 0,
    of: 0,
};

fn wait(step: &StepId, progress: Option<TerraformProgress>, tick: &mut Tick) {
    tick.wait(step, WaitingOn::Terraform { progress });
}

/// Terraform says that nothing is left to change, and EC2 does not list it: soon it will, or the state is of another account.
fn not_shown(
    now: &Situation<'_>,
    journal: &JournalView,
    (missing, applied): (&[Missing<'_>], String),
    tick: &mut Tick,
) {
    let since = journal.marked_at(&applied).filter(|since| *since <= now.seen.at);
    if since.is_none() {
        tick.mark(applied);
    }
    let since = since.unwrap_or(now.seen.at);
    let until = since.checked_add(SHOWN_WITHIN).unwrap_or(since);
    if now.seen.at < until {
        return wait(&step(), None, tick);
    }
    let names: Vec<&str> = missing.iter().map(|version| version.template.as_str()).collect();
    tick.stop(StopReason::Terraform {
        why: format!(
            "nothing is left to change, and EC2 shows no version with the planned content of {}",
            names.join(", ")
        ),
        help: "look whether the state of this module is that of the cluster's account and region".to_owned(),
    });
}
