//! What of a module is refused before any of it is run, before `init` and before a plan, and what a person reads then.

use std::path::{Path, PathBuf};

use super::backend::FROM_OUTSIDE;
use super::modules::Module;
use super::unfit::Unfit;
use super::{asked, backend, hidden, locked, modules, scan, sources};

/// What a backend or a provider is told may start a program as soon as it is asked anything.
pub(super) fn before_init(module: &Path, passed_on: Option<&Path>) -> Result<(), Unfit> {
    if let Some(folder) = scan::own_plugins(module)? {
        let why = format!(
            "{} is there: its programs would be run as providers",
            folder.display()
        );
        let help = "remove it; a mirror of providers is named in the `.terraformrc` of whoever runs rehull";
        return Err(Unfit::new(why, help));
    }
    if let Some(found) = scan::named_files(module, passed_on)? {
        let why = format!("{found}: a file that it names can start a program");
        return Err(Unfit::new(why, FROM_OUTSIDE));
    }
    let own = [module.to_owned()];
    are_readable(&own)?;
    asked::backend(module, passed_on)?;
    // Left by an earlier `init`, and asked by the next one.
    backend::judge(module)?;
    let folders = modules::before_init(module)?;
    locked::judge(module, &folders)?;
    told_in_secret(&own)?;
    asked::data(&own)
}

/// Now the modules that it calls are here, and where its state is stands in a file.
pub(super) fn before_plan(module: &Path) -> Result<(), Unfit> {
    backend::judge(module)?;
    let folders = folders(&modules::tree(module)?);
    are_readable(&folders)?;
    locked::judge(module, &folders)?;
    told_in_secret(&folders)?;
    asked::data(&folders)?;
    match scan::untold(&folders)? {
        Some(found) => {
            let why = format!("{found}: it runs something that no plan tells of");
            let help = "take it out; what a machine has to do stands in its user data";
            Err(Unfit::new(why, help))
        }
        None => Ok(()),
    }
}

/// Where these modules lie.
pub(super) fn folders(tree: &[Module]) -> Vec<PathBuf> {
    tree.iter().map(|module| module.folder.clone()).collect()
}

/// Before anything is looked for in them.
fn are_readable(folders: &[PathBuf]) -> Result<(), Unfit> {
    folders
        .iter()
        .try_for_each(|folder| sources::of(folder).map(|_| ()))
}

fn told_in_secret(folders: &[PathBuf]) -> Result<(), Unfit> {
    match hidden::setting(folders)? {
        Some(found) => {
            let why = format!("{found}: no plan tells what the provider is told by it");
            let help = "write it as a plain block, so that the plan has it";
            Err(Unfit::new(why, help))
        }
        None => Ok(()),
    }
}
