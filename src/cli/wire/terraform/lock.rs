//! The lock of the state that an upgrade applies: who has it, whether that one lives here, and freeing it.

use std::fs;
use std::path::Path;

use rehull_core::render;
use rehull_core::tfrun::LockInfo;

use super::plan::{NOBODY, scratch, unfinished, unwritable_scratch};
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
    let change = render::terraform_change(&file.desired, &file.render()?);
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

/// A run of Terraform in this module that lives on this machine, for people: one of a rollout, or one that a person has
/// started in the module's folder.
pub fn alive(world: &World, file: &ClusterFile) -> Result<Option<String>, Failure> {
    let (runs, _) = module(world, file)?;
    if let Some(folder) = runs.any_alive() {
        return Ok(Some(format!("the run in {}", folder.display())));
    }
    let folder = runs.terraform().module.canonicalize();
    Ok(folder.ok().and_then(|folder| working_in(&folder)))
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

/// Where the system tells of processes in files; elsewhere only the runs of rollouts are known.
fn working_in(folder: &Path) -> Option<String> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
        .find_map(|process| {
            let line = fs::read(process.path().join("cmdline")).ok()?;
            let program = String::from_utf8_lossy(line.split(|byte| *byte == 0).next()?).into_owned();
            let name = Path::new(&program).file_name()?.to_str()?;
            let is_one = name.starts_with("terraform") || name.starts_with("tofu");
            is_one.then(|| format!("process {} ({program})", process.file_name().to_string_lossy()))
        })
}
