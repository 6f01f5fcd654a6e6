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
    Ok(on_this_machine(folder.as_deref(), &module.program))
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

/// Where the system tells of processes in files; elsewhere nothing is known, which is said.
fn on_this_machine(folder: Option<&Path>, program: &str) -> Owner {
    let unseen = || Owner::Unknown("the processes of this machine cannot be seen".to_owned());
    let Ok(processes) = fs::read_dir("/proc") else {
        return unseen();
    };
    let mut found = Owner::Gone;
    for process in processes.flatten() {
        let number = process.file_name().to_string_lossy().into_owned();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let line = match fs::read(process.path().join("cmdline")) {
            Ok(line) => line,
            // It has just ended.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) if !process.path().exists() => continue,
            Err(_) => return unseen(),
        };
        if !is_terraform(&line, program) {
            continue;
        }
        let words = format!(
            "process {number} ({})",
            String::from_utf8_lossy(&line).replace('\0', " ").trim()
        );
        let place = fs::read_link(process.path().join("cwd")).ok();
        if place.is_some() && place.as_deref() == folder {
            return Owner::Lives(words);
        }
        found = Owner::Unknown(format!("{words} may be the one that has it"));
    }
    found
}

fn is_terraform(line: &[u8], program: &str) -> bool {
    let words = String::from_utf8_lossy(line).into_owned();
    let mut parts = words.split('\0').take(2);
    // A script that runs it has its own name second.
    parts.any(|part| {
        let name = part.rsplit('/').next().unwrap_or_default();
        name == program || name.starts_with("terraform") || name.starts_with("tofu")
    })
}
