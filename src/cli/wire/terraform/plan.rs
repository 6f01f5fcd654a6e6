//! Terraform's part of a plan: what it would do, judged, and as fingerprints in the envelope.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rehull_core::domain::desired::TerraformModule;
use rehull_core::domain::ids::{ContentDigest, LaunchTemplateName};
use rehull_core::domain::observed::Observed;
use rehull_core::domain::terraform::{TerraformChange, TerraformStage};
use rehull_core::plan::{RolloutKind, RolloutPlan};
use rehull_core::tfplan::{Action, Belongs, Decision, Verdict};
use rehull_core::tfrun::Said;

use crate::adapters::clock::pause;
use crate::adapters::scratch::Scratch;
use crate::adapters::terraform::{Attempt, Proposal, Tell, Terraform, TerraformRuns, Unfit, refused};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire::{SCRATCH, World};

/// Whoever only plans is told after a minute who has the lock; a rollout waits longer.
pub(super) const PATIENCE_S: u32 = 60;
/// It takes seconds, and nobody is shown how far it is.
pub(super) const NOBODY: Tell<'static> = &|_, _, _| {};
/// A sandbox lists a new launch template after seconds.
const SHOWN_LOOKS: u32 = 150;
const SHOWN_EVERY: Duration = Duration::from_millis(200);
/// Read by every plan in the module's folder.
const VARIABLES: &str = "rehull.auto.tfvars.json";

/// Says, once, that it waits for somebody else's lock, and for how long: a minute of silence looks like a program that hangs.
pub(super) fn patiently(
    console: &Console,
    terraform: &Terraform,
) -> impl Fn(TerraformStage, &[Said], Option<&Path>) + Send + Sync {
    let waits = format!(
        "terraform in {} waits for the lock of its state, at most {} s; then it is told who has it",
        terraform.module.display(),
        terraform.lock_timeout
    );
    let console = console.clone();
    let is_said = AtomicBool::new(false);
    move |_, said, _| {
        let has_to_wait = said.iter().any(|said| matches!(said, Said::WaitsForLock));
        if has_to_wait && !is_said.swap(true, Ordering::Relaxed) {
            console.say(&waits);
        }
    }
}

/// Asks Terraform what it would do and puts that into the plan. Also where EC2 lists all versions, or no machine has to be
/// replaced: after a rollback and its revert, say, the module is behind the cluster, and a person's next plan is not empty.
///
/// # Errors
/// It would do something else than move launch templates to what was rendered, or cannot say.
pub async fn complete(
    console: &Console,
    world: &World,
    file: &ClusterFile,
    seen: &Observed,
    plan: &mut RolloutPlan,
) -> Result<(), Failure> {
    let (Some(module), Some(runs)) = (&file.desired.terraform, world.terraform()) else {
        return Ok(());
    };
    // Healing and going back take versions that exist; without a text there is nothing to make one from.
    if plan.user_data.is_empty() {
        return Ok(());
    }
    if let (Some(name), None) = (&module.digest_key, &runs.judge().key) {
        if plan.envelope.replaces() {
            return Err(no_key(name));
        }
        // Whoever only looks at a cluster that is done has nothing to approve.
        return Ok(());
    }
    let change = file.terraform_change()?;
    committed(file, &runs.terraform().module, &change)?;
    let of = Belongs::Rollout(plan.envelope.digest_beside_terraform());
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let folder = scratch.path().join("run");
    let terraform = runs.terraform().with_patience(PATIENCE_S);
    let judge = runs.judge();
    let tell = patiently(console, &terraform);
    let proposed = match Attempt::begin(&terraform, &folder, Some(&change.variables), &tell) {
        Ok(attempt) => {
            let mode = judge.upgrade(&change);
            attempt.propose(mode, of, judge.key.as_ref()).await
        }
        Err(unfit) => Err(unfit),
    };
    let proposal = proposed.map_err(|unfit| unfinished(module, runs, &unfit))?;
    let Proposal::Plan(decision, _) = proposal else {
        if missing(seen, plan).is_empty() {
            return Ok(());
        }
        return Err(nothing(module, seen, plan));
    };
    if decision.verdict == Verdict::Refused {
        if plan.envelope.kind != RolloutKind::Bootstrap && knows_nothing(&decision) {
            return Err(no_state(module, runs, decision.changes.len()));
        }
        let created = plan.envelope.kind == RolloutKind::Bootstrap;
        let unfit = refused(&decision).unwrap_or_else(|| Unfit {
            why: "the plan is refused".to_owned(),
            help: String::new(),
        });
        return Err(not_allowed(module, &unfit, created));
    }
    plan.envelope.terraform = decision.manifest;
    plan.terraform = Some(change);
    Ok(())
}

/// What people and pipelines plan with, if it is there, says the same: or their next plan would take this one back.
fn committed(file: &ClusterFile, module: &Path, change: &TerraformChange) -> Result<(), Failure> {
    let path = module.join(VARIABLES);
    match fs::read_to_string(&path) {
        Ok(text) if text == change.variables => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::unreadable(&path, &error)),
        Ok(_) => {
            let (path, cluster) = (path.display(), file.path.display());
            let message = format!(
                "`{path}` is not what `{cluster}` renders: whoever plans with it next would take this change back"
            );
            let failure = Failure::new(Exit::Usage, "terraform::stale_variables", message);
            Err(failure.help(format!("rehull render --tfvars {cluster} > {path}")))
        }
    }
}

pub(super) fn scratch() -> std::io::Result<Scratch> {
    Scratch::create(Path::new(SCRATCH), "terraform-")
}

pub(super) fn unwritable_scratch(error: &std::io::Error) -> Failure {
    Failure::unwritable(Path::new(SCRATCH), error)
}

/// Changing slots whose version EC2 does not list.
fn missing<'p>(seen: &Observed, plan: &'p RolloutPlan) -> Vec<&'p LaunchTemplateName> {
    let envelope = &plan.envelope;
    let slots = envelope.all_slots().filter(|slot| slot.changes());
    let slots = slots.map(|slot| (&slot.slot.launch_template, &slot.to.digest));
    let servers = envelope.servers().into_iter();
    let servers = servers.map(|planned| (&planned.launch_template, &planned.to.digest));
    let workers = envelope.worker_groups();
    let workers = workers.map(|planned| (&planned.launch_template, &planned.to.digest));
    let listed = |template: &LaunchTemplateName, digest: &ContentDigest| {
        let versions = seen.fleet.templates.get(template);
        versions.is_some_and(|all| all.iter().any(|version| version.digest.as_ref() == Some(digest)))
    };
    let missing = slots
        .chain(servers)
        .chain(workers)
        .filter(|(template, digest)| !listed(template, digest));
    missing.map(|(template, _)| template).collect()
}

pub(super) fn no_key(name: &str) -> Failure {
    let message = format!(
        "the key for fingerprints of Terraform's plan is not here: `{name}` is not set, or has less than 16 bytes"
    );
    Failure::new(Exit::Usage, "terraform::no_key", message).help(format!(
        "set {name}; whoever plans and whoever applies need the same: openssl rand -hex 32"
    ))
}

pub(super) fn unfinished(module: &TerraformModule, runs: &TerraformRuns, unfit: &Unfit) -> Failure {
    let message = format!(
        "terraform in {}: {}",
        runs.terraform().module.display(),
        unfit.why
    );
    let failure = Failure::new(Exit::Refused, "terraform::not_planned", message);
    let help = if unfit.help.is_empty() {
        format!(
            "look at it: {} -chdir={} plan",
            module.program,
            runs.terraform().module.display()
        )
    } else {
        unfit.help.clone()
    };
    failure.help(format!("{help}; nothing was changed"))
}

fn not_allowed(module: &TerraformModule, unfit: &Unfit, created: bool) -> Failure {
    let failure = Failure::new(Exit::Refused, "terraform::refused", unfit.why.clone());
    failure.help(if created {
        format!("launch templates are made by hand once, before the cluster: docs/terraform.md; then this plan changes them in place ({})", module.templates)
    } else {
        format!("{}; nothing was changed", unfit.help)
    })
}

/// Whatever Terraform would do, it would create.
fn knows_nothing(decision: &Decision) -> bool {
    !decision.changes.is_empty()
        && decision
            .changes
            .iter()
            .all(|change| change.action == Action::Create)
}

fn no_state(module: &TerraformModule, runs: &TerraformRuns, objects: usize) -> Failure {
    let folder = runs.terraform().module.display();
    let message = format!(
        "the state of {folder} knows none of its {objects} objects, and the cluster runs on them: it was lost, or it is another one"
    );
    let failure = Failure::new(Exit::NeedsPerson, "terraform::no_state", message);
    failure.help(format!(
        "compare the backend with the one that made them ({} -chdir={folder} state list); of a versioned bucket an earlier version of the state object comes back; nothing was changed",
        module.program
    ))
}

fn nothing(module: &TerraformModule, seen: &Observed, plan: &RolloutPlan) -> Failure {
    let names: Vec<&str> = missing(seen, plan)
        .into_iter()
        .map(LaunchTemplateName::as_str)
        .collect();
    let message = format!(
        "Terraform has nothing to change, and EC2 lists no version with the planned content of {}",
        names.join(", ")
    );
    Failure::new(Exit::NeedsPerson, "terraform::nothing", message).help(format!(
        "look whether the state of {} is that of this account and region, and whether somebody deleted a version",
        module.templates
    ))
}

/// Makes the launch templates of a sandbox that has none yet, as a person does once before a cluster exists: everything after
/// that goes through the gate, which lets nothing be created.
///
/// # Errors
/// Terraform cannot, or the sandbox does not show what it has made.
pub async fn first_templates(
    console: &Console,
    environment: &Environment,
    path: &Path,
) -> Result<(), Failure> {
    let file = ClusterFile::read(path)?;
    let Some(module) = &file.desired.terraform else {
        return Ok(());
    };
    let world = World::connect(&file, environment).await?;
    let Some(runs) = world.terraform() else {
        return Ok(());
    };
    console.say(&format!(
        "making the launch templates: {} apply in {}",
        module.program,
        runs.terraform().module.display()
    ));
    let change = file.terraform_change()?;
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let made = match Attempt::begin(
        runs.terraform(),
        &scratch.path().join("run"),
        Some(&change.variables),
        NOBODY,
    ) {
        Ok(attempt) => attempt.make().await,
        Err(unfit) => Err(unfit),
    };
    made.map_err(|unfit| unfinished(module, runs, &unfit))?;
    let templates: Vec<_> = change
        .roles
        .iter()
        .map(|role| role.launch_template.clone())
        .collect();
    for _ in 0..SHOWN_LOOKS {
        let seen = world.ports().templates.observe(&templates).await.value;
        if templates.iter().all(|template| seen.contains_key(template)) {
            return Ok(());
        }
        pause(SHOWN_EVERY).await;
    }
    let message = "Terraform has made the launch templates, and the sandbox does not show them";
    let failure = Failure::new(Exit::Refused, "sandbox::templates", message);
    Err(failure.help("its daemon.log says why"))
}
