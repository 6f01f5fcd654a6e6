//! `rehull plan`: the whole plan, before anybody agrees to it.

use rehull_core::plan::RolloutKind;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::{self, Asked, Planned};
use super::wire::{self, World};
use super::wish::{Format, Planning};
use super::{rollouts, unfinished};
use crate::report::{self, json};

/// Plans and shows it. Blockers make the exit code say that a person has to act first.
///
/// # Errors
/// There is no plan, and why.
pub fn run(console: &Console, environment: &Environment, asked: &Planning) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&asked.file)?;
    let wanted = Asked {
        kind: asked.kind.clone(),
        again: asked.again,
    };
    let Planned { plan, .. } = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        let planned = planning::plan(console, &world, &file, &wanted).await;
        match rollouts::unfinished(&world, &file.desired.cluster).await {
            Ok(Some(open)) => unfinished::first(planned, &open),
            Ok(None) => planned,
            // What the planner refuses has its place in the file: it says more than a journal that cannot be read.
            Err(unread) => planned.and(Err(unread)),
        }
    })?;
    match console.format {
        Format::Json => console.answer_json(&json::plan(&plan, plan.envelope.digest().as_str()))?,
        Format::Text | Format::Markdown => {
            let apply = apply_command(&wanted, &file);
            let offer = report::plan::Offer {
                apply: Some(&apply),
                all_notes: asked.all_notes,
            };
            console.answer(&report::plan::text(&plan, &offer, console.out_paint()))?;
        }
    }
    Ok(if plan.forecast.blockers.is_empty() {
        Exit::Ok
    } else {
        Exit::NeedsPerson
    })
}

/// The command that carries out what was asked for.
#[must_use]
pub fn apply_command(asked: &Asked, file: &ClusterFile) -> String {
    let file = file.path.display();
    let mut command = match &asked.kind {
        RolloutKind::Upgrade => format!("rehull apply {file}"),
        RolloutKind::Bootstrap => format!("rehull apply {file} --bootstrap"),
        RolloutKind::Heal { slot } => format!("rehull etcd heal {slot} {file}"),
        RolloutKind::Replace { slot } => format!("rehull etcd replace {slot} {file}"),
        RolloutKind::Rollback { of } => format!("rehull rollback {of} --file {file}"),
    };
    if asked.again {
        command.push_str(" --again");
    }
    command
}
