//! What of a module is refused before any of it is run, before `init` and before a plan, and what a person reads then.

use std::path::{Path, PathBuf};
use std::slice;

use super::unfit::Unfit;
use super::{asked, backend, hidden, scan, sources};

/// What a backend or a provider is told may start a program as soon as it is asked anything.
pub(super) fn before_init(module: &Path, backend: Option<&Path>) -> Result<(), Unfit> {
    if let Some(folder) = scan::own_plugins(module)? {
        let why = format!(
            "{} is there: its programs would be run as providers",
            folder.display()
        );
        let help = "remove it; a mirror of providers is named in the `.terraformrc` of whoever runs rehull";
        return Err(Unfit::new(why, help));
    }
    if let Some(found) = scan::named_files(module, backend)? {
        return Err(told_too_much(&format!(
            "{found}: a file that it names can start a program"
        )));
    }
    are_readable(slice::from_ref(&module.to_owned()))?;
    // Left by an earlier `init`, and asked by the next one.
    let left = backend::unknown(module)?;
    if let Some(found) = left.or(asked::backend(module, backend)?) {
        return Err(told_too_much(&found));
    }
    told_in_secret(slice::from_ref(&module.to_owned()))
}

/// Now the modules that it calls are here, and where its state is stands in a file.
pub(super) fn before_plan(module: &Path) -> Result<(), Unfit> {
    if let Some(found) = backend::unknown(module)? {
        return Err(told_too_much(&found));
    }
    let folders = scan::folders(module)?;
    are_readable(&folders)?;
    told_in_secret(&folders)?;
    if let Some(found) = asked::data(&folders)? {
        let why = format!("{found}: it may start a program while the plan is made");
        let help = "pass what it reads on as a variable; a state is read with the backend `s3` or `local` and an object of plain names";
        return Err(Unfit::new(why, help));
    }
    match scan::untold(module)? {
        Some(found) => {
            let why = format!("{found}: it runs something that no plan tells of");
            let help = "take it out; what a machine has to do stands in its user data";
            Err(Unfit::new(why, help))
        }
        None => Ok(()),
    }
}

/// Before anything is looked for in them.
fn are_readable(folders: &[PathBuf]) -> Result<(), Unfit> {
    match sources::unreadable(folders)? {
        Some(found) => {
            let why = format!("{found}: what Terraform would make of it cannot be told from here");
            let help = "mend it if Terraform cannot read it either; else write the line another way, and text of several lines outside of `terraform`, `provider` and `terraform_remote_state`";
            Err(Unfit::new(why, help))
        }
        None => Ok(()),
    }
}

fn told_too_much(why: &str) -> Unfit {
    let help = "take it out: credentials and whatever belongs to this computer come from the environment that rehull runs in";
    Unfit::new(why, help)
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
