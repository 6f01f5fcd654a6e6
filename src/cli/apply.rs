//! `rehull apply`, and every other command that carries out a plan: `rollback`, `etcd replace`, `etcd heal`.

use std::path::{Path, PathBuf};

use rehull_core::domain::ids::RolloutId;
use rehull_core::executor::open;
use rehull_core::journal::Scope;
use rehull_core::plan::{RolloutKind, RolloutPlan};
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::drive::{Approved, Entry, Session, View};
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::plan::apply_command;
use super::planning::{self, Asked, Planned};
use super::rollouts;
use super::toolbox::Release;
use super::wire::{self, Pins, World};
use super::wish::{Change, Format};
use super::{lease, local, toolbox, unfinished};
use crate::report::json::OUTPUT_FORMAT;
use crate::report::plan::{Offer, text};

/// Plans again, compares with what was approved, and works until there is a reason to stop.
///
/// # Errors
/// There is no plan, it is not the approved one, nobody agreed, or the rollout can be neither begun nor continued.
pub fn run(console: &Console, environment: &Environment, change: &Change) -> Result<Exit, Failure> {
    let path = cluster_file(change)?;
    if let Some(swapped) = swapped(&change.kind, &path) {
        return Err(swapped);
    }
    let file = ClusterFile::read(&path)?;
    member_exists(&change.kind, &file)?;
    let runtime = wire::runtime()?;
    let ended = runtime.block_on(carry_out(console, environment, change, &file));
    // After a second signal calls may still be on their way: the process ends without them.
    runtime.shutdown_background();
    ended
}

/// A slip in the name of a member is a slip in the command line: nobody is asked anything before it is mended.
fn member_exists(kind: &RolloutKind, file: &ClusterFile) -> Result<(), Failure> {
    let (RolloutKind::Heal { slot } | RolloutKind::Replace { slot }) = kind else {
        return Ok(());
    };
    file.has_member(slot)
}

/// `etcd heal FILE MEMBER`: what stands for the member is a file, and what stands for the file is none.
fn swapped(kind: &RolloutKind, path: &Path) -> Option<Failure> {
    let (verb, slot) = match kind {
        RolloutKind::Heal { slot } => ("heal", slot),
        RolloutKind::Replace { slot } => ("replace", slot),
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Rollback { .. } => return None,
    };
    if path.exists() || !Path::new(slot.as_str()).is_file() {
        return None;
    }
    let member = path.display();
    let message = format!("`{slot}` is a file, and `{member}` is none: the member comes first");
    let failure = Failure::new(Exit::Usage, "usage::member", message);
    Some(failure.help(format!("rehull etcd {verb} {member} {slot}")))
}

fn cluster_file(change: &Change) -> Result<PathBuf, Failure> {
    match (&change.file, &change.kind) {
        (Some(file), _) => Ok(file.clone()),
        (None, RolloutKind::Rollback { of }) => local::cluster_file(&RolloutId::new(of.as_str()), None),
        (None, _) => Err(Failure::new(Exit::Usage, "usage::file", "which cluster file?")),
    }
}

async fn carry_out(
    console: &Console,
    environment: &Environment,
    change: &Change,
    file: &ClusterFile,
) -> Result<Exit, Failure> {
    let identity = Identity::of_this_process(environment)?;
    let world = World::connect(file, environment).await?;
    let unfinished = rollouts::unfinished(&world, &file.desired.cluster).await?;
    if let Some(open) = &unfinished
        && !takes_its_place(&world, file, &change.kind, open).await
    {
        // Whoever works on it is the news; only a rollout that nobody holds has to be ended first.
        let holder = lease::held(world.store().as_ref()).await?;
        let now = world.clock().now();
        return Err(holder.map_or_else(
            || Failure::unfinished(open),
            |record| Failure::leased(&record, now),
        ));
    }
    let asked = Asked {
        kind: change.kind.clone(),
        again: change.again,
    };
    let planned = planning::plan(console, &world, file, &asked).await;
    let Planned { plan, rollout } = match &unfinished {
        // What stands against it may only be what the open rollout has left.
        Some(open) if !is_free(&planned) => unfinished::first(planned, open)?,
        Some(_) | None => planned?,
    };
    if !plan.envelope.replaces() && plan.envelope.terraform.is_none() {
        return match unfinished {
            Some(open) => Err(nothing_to_go_back_to(&world, file, &open).await?),
            None => nothing_to_do(console, &plan),
        };
    }
    if !agreed(console, change, &apply_command(&asked, file), &plan)? {
        console.say("not agreed: nothing was touched");
        return Ok(Exit::Refused);
    }
    if publishes(&change.kind) {
        let version = file.desired.etcd.version;
        let folder = toolbox::release(environment, change.toolbox.as_ref(), Release::Etcd(version));
        let tell = |name: &str| console.say(&format!("published {name} {version}"));
        let pins = Pins::of_etcd(file);
        world.publish((file, pins), folder.as_deref(), &tell).await?;
        publish_servers((console, environment), &world, file, change).await?;
        publish_workers((console, environment), &world, file, change).await?;
    }
    let session = Session {
        console,
        world: &world,
        file,
        rollout,
        identity: &identity,
        view: View::Events,
    };
    let approved = Approved {
        plan: Box::new(plan),
        again: asked.again,
    };
    let entry = match unfinished {
        Some(of) => Entry::TurnBack(approved, of),
        None => Entry::Begin(approved),
    };
    session.run(entry).await
}

/// The ways out of a rollout that stopped half-way and whose new member does not come up: going back, and where a single
/// member was to be brought back, trying that anew.
async fn takes_its_place(world: &World, file: &ClusterFile, kind: &RolloutKind, open: &RolloutId) -> bool {
    let member = match kind {
        RolloutKind::Rollback { of } => return *of == open.to_string(),
        RolloutKind::Heal { slot } | RolloutKind::Replace { slot } => slot,
        RolloutKind::Upgrade | RolloutKind::Bootstrap => return false,
    };
    let scope = Scope {
        cluster: file.desired.cluster.clone(),
        rollout: open.clone(),
    };
    let plan = open::read_plan(world.store().as_ref(), &scope)
        .await
        .ok()
        .flatten();
    plan.is_some_and(|plan| match &plan.envelope.kind {
        RolloutKind::Heal { slot } | RolloutKind::Replace { slot } => slot == member,
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Rollback { .. } => false,
    })
}

fn is_free(planned: &Result<Planned, Failure>) -> bool {
    planned
        .as_ref()
        .is_ok_and(|planned| planned.plan.forecast.blockers.is_empty())
}

async fn nothing_to_go_back_to(
    world: &World,
    file: &ClusterFile,
    open: &RolloutId,
) -> Result<Failure, Failure> {
    let scope = Scope {
        cluster: file.desired.cluster.clone(),
        rollout: open.clone(),
    };
    let history = rollouts::history(world, &scope).await?;
    Ok(unfinished::nothing_to_go_back_to(open, &history.timeline()))
}

/// Healing and going back boot content that was published when it was new.
fn publishes(kind: &RolloutKind) -> bool {
    match kind {
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Replace { .. } => true,
        RolloutKind::Heal { .. } | RolloutKind::Rollback { .. } => false,
    }
}

async fn publish_servers(
    (console, environment): (&Console, &Environment),
    world: &World,
    file: &ClusterFile,
    change: &Change,
) -> Result<(), Failure> {
    let (Some(role), Some(pins)) = (&file.desired.control_plane, Pins::of_servers(file)) else {
        return Ok(());
    };
    let version = role.version;
    let folder = toolbox::release(environment, change.toolbox.as_ref(), Release::Kubernetes(version));
    let tell = |name: &str| console.say(&format!("published {name} {version}"));
    world.publish((file, pins), folder.as_deref(), &tell).await
}

async fn publish_workers(
    (console, environment): (&Console, &Environment),
    world: &World,
    file: &ClusterFile,
    change: &Change,
) -> Result<(), Failure> {
    for (version, pins) in Pins::of_workers(file) {
        let folder = toolbox::release(environment, change.toolbox.as_ref(), Release::Kubernetes(version));
        let tell = |name: &str| console.say(&format!("published {name} {version}"));
        world.publish((file, pins), folder.as_deref(), &tell).await?;
    }
    Ok(())
}

/// A cluster that is what the file says and yet not well is no success: whoever reads exit codes must hear of it.
fn nothing_to_do(console: &Console, plan: &RolloutPlan) -> Result<Exit, Failure> {
    let well = plan.forecast.blockers.is_empty();
    match console.format {
        Format::Json => {
            let document = json!({ "format": OUTPUT_FORMAT, "kind": "nothing-to-do", "headline": plan.headline(), "blockers": plan.forecast.blockers });
            console.answer(&format!("{document}\n"))?;
        }
        Format::Text | Format::Markdown => {
            let offer = Offer {
                apply: None,
                all_notes: false,
            };
            console.answer(&text(plan, &offer, console.out_paint()))?;
        }
    }
    Ok(if well { Exit::Ok } else { Exit::NeedsPerson })
}

/// Shows the plan and finds out whether it is wanted: by its digest, by `--yes`, or by asking. `command` carries it out.
fn agreed(console: &Console, change: &Change, command: &str, plan: &RolloutPlan) -> Result<bool, Failure> {
    let digest = plan.envelope.digest();
    if let Some(approved) = &change.plan_digest
        && *approved != digest
    {
        return Err(Failure::other_digest(&digest, approved));
    }
    console.say(&text(
        plan,
        &Offer {
            apply: None,
            all_notes: false,
        },
        console.err_paint(),
    ));
    if !plan.forecast.blockers.is_empty() {
        let message = format!("blocked: {}", plan.forecast.blockers.join("; "));
        return Err(
            Failure::new(Exit::NeedsPerson, "plan::blocked", message).help("fix it, then run this again")
        );
    }
    if change.yes || change.plan_digest.is_some() {
        return Ok(true);
    }
    console.consents(command, &digest)
}
