//! The lock of the state that an upgrade applies: who has it, whether that one lives here, and freeing it.

use std::path::Path;

use rehull_core::tfrun::LockInfo;

use super::plan::{NOBODY, scratch, unfinished, unwritable_scratch};
use super::processes::on_this_machine;
use crate::adapters::terraform::{Attempt, TerraformRuns};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire::World;

/// Whose lock it is, as Terraform says when it wants it; `None`: it is free.
///
/// # Errors
/// The cluster file names no module, or Terraform cannot say.
pub async fn holder(world: &World, file: &ClusterFile) -> Result<Option<LockInfo>, Failure> {
    let (runs, module) = module(world, file)?;
    let change = file.terraform_change()?;
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let terraform = runs.terraform().with_patience(0);
    let found = match Attempt::begin(
        &terraform,
        &scratch.path().join("run"),
        Some(&change.variables),
        NOBODY,
    ) {
        Ok(attempt) => attempt.holder().await,
        Err(unfit) => Err(unfit),
    };
    found.map_err(|unfit| unfinished(module, runs, &unfit))
}

/// Frees exactly this lock.
///
/// # Errors
/// It is another one by now, or cannot be freed.
pub async fn free(world: &World, file: &ClusterFile, id: &str) -> Result<(), Failure> {
    let (runs, _) = module(world, file)?;
    let scratch = scratch().map_err(|error| unwritable_scratch(&error))?;
    let freed = runs
        .terraform()
        .force_unlock(&scratch.path().join("run"), id)
        .await;
    freed.map(drop).map_err(|error| {
        let message = format!("lock {id} was not freed: {error}");
        Failure::new(Exit::Refused, "terraform::unlock", message)
            .help("another run may have it by now: ask again who has it")
    })
}

/// What is known of the owner of a lock that was taken on this machine.
pub enum Owner {
    /// A run in this module lives: one of a rollout, or one that a person has started in its folder.
    Lives(String),
    /// It may live: something is at work that may be it, or the processes of this machine cannot be seen.
    Unknown(String),
    /// Nobody on this machine runs Terraform.
    Gone,
}

/// Whether somebody on this machine may have the lock.
pub fn owner(world: &World, file: &ClusterFile) -> Result<Owner, Failure> {
    let (runs, module) = module(world, file)?;
    if let Some(folder) = runs.any_alive() {
        return Ok(Owner::Lives(format!("the run in {}", folder.display())));
    }
    let folder = runs.terraform().module.canonicalize().ok();
    Ok(on_this_machine(
        Path::new("/proc"),
        folder.as_deref(),
        &module.program,
    ))
}

fn module<'w>(
    world: &'w World,
    file: &'w ClusterFile,
) -> Result<
    (
        &'w TerraformRuns,
        &'w rehull_core::domain::desired::TerraformModule,
    ),
    Failure,
> {
    if let (Some(runs), Some(module)) = (world.terraform(), &file.desired.terraform) {
        return Ok((runs, module));
    }
    let message = format!("`{}` names no module of Terraform", file.path.display());
    let failure = Failure::new(Exit::Usage, "terraform::no_module", message);
    Err(failure.help("only a state that rehull applies has a lock that it may free"))
}
