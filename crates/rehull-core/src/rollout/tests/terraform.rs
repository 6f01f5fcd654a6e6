//! Launch template versions that Terraform makes: one run before the first machine, and nothing beside it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::fixture::{NEW, digest, plan, slot};
use super::model::Model;
use super::stories::{at, upgraded};
use super::{End, walk};
use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::ids::{ContentDigest, LaunchTemplateVersion, StepId};
use crate::domain::policy::EtcdStrategy;
use crate::domain::terraform::{MANIFEST_FORMAT, Manifest, TerraformProgress, TerraformRun, TerraformStage};
use crate::domain::waiting::StopReason;
use crate::plan::RolloutPlan;
use crate::rollout::{Goal, Next, decide};

pub(super) fn running() -> TerraformRun {
    TerraformRun::Running(TerraformProgress {
        stage: TerraformStage::Apply,
        done: 0,
        of: 3,
    })
}

fn by_terraform(count: usize) -> RolloutPlan {
    let mut plan = plan(count, EtcdStrategy::RemoveThenAdd);
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        key: None,
        facts: BTreeMap::new(),
        changes: BTreeMap::new(),
        outputs: BTreeMap::new(),
    };
    plan.envelope.terraform = Some(manifest);
    plan
}

fn approved(plan: &RolloutPlan) -> ContentDigest {
    plan.envelope.terraform.as_ref().unwrap().digest()
}

/// What EC2 shows once Terraform has made the versions of these slots.
fn made(model: &mut Model, slots: std::ops::Range<usize>) {
    for n in slots {
        let slot = slot(n);
        let version = TemplateVersion {
            version: LaunchTemplateVersion(NonZeroU64::new(2).unwrap()),
            digest: Some(digest(&slot.name, NEW)),
        };
        model
            .templates
            .entry(slot.launch_template)
            .or_default()
            .push(version);
    }
}

fn launches(model: &Model) -> usize {
    let launch = |key: &&String| key.starts_with("launch-machine ");
    model.story.iter().filter(launch).count()
}

fn begun(model: &Model) -> usize {
    let run = |key: &&String| key.starts_with("apply-terraform ");
    model.story.iter().filter(run).count()
}

#[test]
fn one_run_of_terraform_makes_all_versions_before_the_first_machine_is_launched() {
    let plan = by_terraform(3);
    let mut model = Model::healthy(3);
    assert!(matches!(
        walk(&mut model, &plan, Goal::Finish, 20),
        End::Waiting(_)
    ));
    assert_eq!(launches(&model), 0);
    made(&mut model, 0..3);
    // It is still planning once more: nothing is begun beside it.
    assert!(matches!(
        walk(&mut model, &plan, Goal::Finish, 20),
        End::Waiting(_)
    ));
    assert_eq!(launches(&model), 0);
    model.terraform = TerraformRun::Applied;
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 2000), End::Done);
    upgraded(&model, 3);
    assert_eq!(begun(&model), 1, "{:#?}", model.story);
    assert!(at(&model, "apply-terraform ") < at(&model, "launch-machine "));
    assert!(
        !model
            .story
            .iter()
            .any(|key| key.starts_with("create-template-version "))
    );
}

/// It goes on for a process that has died, of whose run it sees only what EC2 shows: that one may have broken off behind its
/// last version, or in a second plan that was not empty.
#[test]
fn who_finds_all_versions_of_a_run_whose_end_nobody_has_seen_begins_another_before_a_machine() {
    let plan = by_terraform(3);
    let run = Action::ApplyTerraform {
        approved: approved(&plan),
    };
    for (versions, is_seen, runs) in [(3, true, 0), (3, false, 1), (1, true, 1), (1, false, 1)] {
        let mut model = Model::healthy(3);
        let attempt = model.intend(&StepId::new("terraform"), &run);
        model.settle(&run, attempt, None);
        if is_seen {
            model.mark("terraform applied 1");
        }
        made(&mut model, 0..versions);
        model.attach();
        let before = begun(&model);
        walk(&mut model, &plan, Goal::Finish, 5);
        assert_eq!(begun(&model) - before, runs, "{versions}, seen: {is_seen}");
        assert_eq!(launches(&model) > 0, runs == 0, "{versions}, seen: {is_seen}");
    }
}

/// An earlier rollout has made them, or a person; Terraform has something to do all the same, and that was approved.
#[test]
fn what_was_approved_is_applied_also_if_all_versions_are_there() {
    let plan = by_terraform(3);
    let mut model = Model::healthy(3);
    made(&mut model, 0..3);
    model.attach();
    walk(&mut model, &plan, Goal::Finish, 5);
    assert_eq!((begun(&model), launches(&model)), (1, 0));
    model.terraform = TerraformRun::Applied;
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 2000), End::Done);
    assert_eq!(begun(&model), 1);
}

/// After a rollback and its revert, say: machines and versions are there, and only the module is behind.
#[test]
fn terraform_alone_is_a_rollout_without_a_machine() {
    let mut plan = by_terraform(3);
    for planned in &mut plan.envelope.slots {
        planned.to = planned.from.clone().unwrap();
        planned.reasons.clear();
    }
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, 5);
    assert_eq!(begun(&model), 1);
    model.terraform = TerraformRun::Applied;
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 5), End::Done);
    assert_eq!(model.story.len(), 1, "{:#?}", model.story);
}

#[test]
fn a_run_that_failed_stops_the_rollout_even_if_it_has_made_all_versions() {
    let plan = by_terraform(3);
    for versions in [0, 3] {
        let mut model = Model::healthy(3);
        made(&mut model, 0..versions);
        let (why, help) = ("the state is locked".to_owned(), "wait".to_owned());
        model.terraform = TerraformRun::Failed {
            why: why.clone(),
            help: help.clone(),
        };
        assert_eq!(
            walk(&mut model, &plan, Goal::Finish, 20),
            End::Stopped(StopReason::Terraform { why, help })
        );
        assert_eq!(launches(&model), 0);
    }
}

#[test]
fn versions_that_ec2_does_not_list_after_five_minutes_are_a_reason_to_stop_and_named() {
    let plan = by_terraform(3);
    let mut model = Model::healthy(3);
    made(&mut model, 0..2);
    model.terraform = TerraformRun::Applied;
    assert!(matches!(
        walk(&mut model, &plan, Goal::Finish, 290),
        End::Waiting(_)
    ));
    let End::Stopped(StopReason::Terraform { why, .. }) = walk(&mut model, &plan, Goal::Finish, 20) else {
        panic!("it waits for ever");
    };
    let (lacks, has) = (slot(2).launch_template, slot(0).launch_template);
    assert!(
        why.contains(lacks.as_str()) && !why.contains(has.as_str()),
        "{why}"
    );
}

#[test]
fn the_run_is_named_by_what_was_approved() {
    let plan = by_terraform(3);
    let model = Model::healthy(3);
    let Next::Continue { act, waiting, .. } = decide(&plan, &model.observe(), &model.journal(), Goal::Finish)
    else {
        panic!("there is something to do");
    };
    let approved = approved(&plan);
    assert!(act.iter().any(|(_, action)| *action
        == Action::ApplyTerraform {
            approved: approved.clone()
        }));
    assert!(waiting.iter().any(|waiting| waiting.on.name() == "terraform"));
    let mut other = plan;
    other.envelope.terraform.as_mut().unwrap().key = Some("env:K".to_owned());
    assert_ne!(super::terraform::approved(&other), approved);
}

#[test]
fn on_the_way_to_rest_no_run_is_begun() {
    let plan = by_terraform(3);
    let mut model = Model::healthy(3);
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 20), End::Done);
    assert_eq!(model.story, Vec::<String>::new());
}

/// A rollout that is over must not have a run at work that nobody reads the end of.
#[test]
fn a_run_on_its_way_is_waited_for_before_a_rest_and_its_end_is_enough_whatever_it_is() {
    let plan = by_terraform(3);
    let failed = TerraformRun::Failed {
        why: String::new(),
        help: String::new(),
    };
    for end in [TerraformRun::Applied, failed] {
        let mut model = Model::healthy(3);
        walk(&mut model, &plan, Goal::Finish, 5);
        assert_eq!(model.terraform, running());
        let waits = walk(&mut model, &plan, Goal::Rest, 20);
        assert!(
            matches!(&waits, End::Waiting(last) if last.contains("Terraform")),
            "{waits:?}"
        );
        model.terraform = end;
        assert_eq!(walk(&mut model, &plan, Goal::Rest, 20), End::Done);
        assert_eq!(launches(&model), 0);
    }
}
