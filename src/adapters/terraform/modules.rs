//! The tree of modules, as Terraform walks it: from the root module by the `source` of each call, and by the list that an
//! earlier `init` has left (`.terraform/modules/modules.json`), which says where a call leads before its source is looked at.
//!
//! Before `init` whatever can be reached is read, and a list that maps a call to another folder than `init` would is refused.
//! After it the list is whole, and what it has besides (of tests, or left over) is no part of the tree: that of a used checkout is
//! that of a fresh one. What a module calls that is fetched only now nobody has read before `init` fetches that as well; it is
//! bound by the environment of every run (`rehull_core::tfrun::ALWAYS`), and read before a plan.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::called::{self, Call, Place};
use super::error::TerraformError;
use super::listed::{FILE as LIST, Record, by_text, clean, list};
use super::unfit::Unfit;

/// Where `init` puts what it fetches, each in a folder of the name of its call.
pub(super) const FETCHED: &str = ".terraform/modules";
/// Calls in calls: none of this depth comes to an end.
const DEPTH_MAX: usize = 32;

/// One module that a plan is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Names of the calls that lead to it, with points between them; of the root module none.
    pub(super) key: String,
    /// Where it is read.
    pub(super) folder: PathBuf,
    /// The same as a whole path without `..` in it.
    pub(super) whole: PathBuf,
    /// The same as the root module sees it, which is `.` itself.
    pub(super) seen: PathBuf,
}

impl Module {
    fn key_of(&self, call: &Call) -> String {
        if self.key.is_empty() {
            call.name.clone()
        } else {
            format!("{}.{}", self.key, call.name)
        }
    }
}

/// What begins in the names of a module, as the addresses of a plan have them.
pub(super) fn prefix(key: &str) -> String {
    let names = key.split('.').filter(|name| !name.is_empty());
    names.flat_map(|name| ["module.", name, "."]).collect()
}

/// Every module that a plan is made of, the root module first. To be asked after `init`.
///
/// # Errors
/// What one calls cannot be told, or leads elsewhere than `init` leads.
pub(super) fn tree(root: &Path) -> Result<Vec<Module>, Unfit> {
    let walk = Walk::of(root)?;
    let mut tree = Vec::new();
    let mut open = vec![walk.root_module()];
    while let Some(module) = open.pop() {
        for call in called::calls(&module.folder)? {
            let Listed::At(inner) = walk.listed(&module, &call)? else {
                let why = format!(
                    "`module \"{}\"` in {} has no folder in {LIST}",
                    call.name,
                    call.file.display()
                );
                return Err(Unfit::new(why, "run `terraform init`, and look at what it says"));
            };
            open.push(inner);
        }
        tree.push(module);
    }
    Ok(tree)
}

/// Folders of the root module and of those that it calls, as far as that can be told. A module that would be fetched from where
/// nobody knows what it runs is refused, wherever it is called, in tests as well: `init` fetches those, too. To be asked
/// before `init`.
///
/// # Errors
/// A call that is not known, or that leads elsewhere than `init` leads.
pub(super) fn before_init(root: &Path) -> Result<Vec<PathBuf>, Unfit> {
    let walk = Walk::of(root)?;
    let module = walk.root_module();
    let mut folders = Vec::new();
    walk.down(&module, called::calls(&module.folder)?, &mut folders)?;
    folders.push(module.folder.clone());
    let mut of_tests = Vec::new();
    walk.down(&module, called::calls_of_tests(&module.folder)?, &mut of_tests)?;
    Ok(folders)
}

/// A root module with its list.
struct Walk {
    /// As it was named.
    given: PathBuf,
    /// Its whole path.
    root: PathBuf,
    list: BTreeMap<String, Record>,
}

/// Where a call leads by the list.
enum Listed {
    /// Here.
    At(Module),
    /// It was of another source then, or its folder is gone: `init` writes it anew, and what lies below it.
    Anew,
}

impl Walk {
    fn of(root: &Path) -> Result<Self, Unfit> {
        let whole = fs::canonicalize(root).map_err(TerraformError::file(root))?;
        Ok(Self {
            given: root.to_owned(),
            list: list(root)?,
            root: whole,
        })
    }

    fn root_module(&self) -> Module {
        Module {
            key: String::new(),
            folder: self.given.clone(),
            whole: self.root.clone(),
            seen: PathBuf::from("."),
        }
    }

    fn at(&self, key: String, whole: PathBuf) -> Module {
        let seen = from(&self.root, &whole);
        Module {
            key,
            folder: self.given.join(&seen),
            whole,
            seen,
        }
    }

    /// Everything that these calls lead to.
    fn down(&self, from: &Module, calls: Vec<Call>, found: &mut Vec<PathBuf>) -> Result<(), Unfit> {
        let begun = Reached {
            module: from.clone(),
            is_listed: true,
            above: vec![from.whole.clone()],
        };
        let mut open: Vec<(Reached, Call)> = calls.into_iter().map(|call| (begun.clone(), call)).collect();
        while let Some((reached, call)) = open.pop() {
            let by_path = self.by_path(&reached.module, &call)?;
            let listed = if reached.is_listed {
                self.listed(&reached.module, &call)?
            } else {
                Listed::Anew
            };
            let (module, is_listed) = match (listed, by_path) {
                (Listed::At(module), _) => (module, true),
                (Listed::Anew, Some(module)) => (module, false),
                // It will be fetched.
                (Listed::Anew, None) => continue,
            };
            // One that calls itself Terraform never comes to the end of.
            if reached.above.contains(&module.whole) || reached.above.len() > DEPTH_MAX {
                continue;
            }
            let mut above = reached.above;
            above.push(module.whole.clone());
            found.push(module.folder.clone());
            let calls = called::calls(&module.folder)?.into_iter();
            let inner = Reached {
                module,
                is_listed,
                above,
            };
            open.extend(calls.map(|call| (inner.clone(), call)));
        }
        Ok(())
    }

    /// Where a call by a path leads: by its text first, and then by links (both as Terraform does it).
    fn by_path(&self, module: &Module, call: &Call) -> Result<Option<Module>, Unfit> {
        match call.place {
            Place::Fetched => Ok(None),
            Place::Path => {
                let there = clean(&module.whole.join(by_text(&call.from)));
                let folder = fs::canonicalize(&there).ok().filter(|folder| folder.is_dir());
                let folder = folder.ok_or_else(|| {
                    let (file, there) = (call.file.display(), from(&self.root, &there));
                    let why = format!(
                        "`module \"{}\"` in {file} leads to {}, and no folder can be read there",
                        call.name,
                        there.display()
                    );
                    Unfit::new(
                        why,
                        "mend its `source`: a path is read by its text, `..` takes away the name before it",
                    )
                })?;
                Ok(Some(self.at(module.key_of(call), folder)))
            }
        }
    }

    /// Where the list says that a call leads, if that is where `init` would have it lead.
    fn listed(&self, module: &Module, call: &Call) -> Result<Listed, Unfit> {
        let key = module.key_of(call);
        let record = self
            .list
            .get(&key)
            .filter(|record| !call.name.is_empty() && record.is_of(call));
        let Some(record) = record else {
            return Ok(Listed::Anew);
        };
        let folder = clean(&self.root.join(&record.dir));
        let is_its_own = match self.by_path(module, call)? {
            Some(by_path) => by_path.whole == folder,
            None => self.is_fetched(&folder, &key),
        };
        if !is_its_own {
            let why = format!(
                "{} says that `module \"{}\"` of {} lies in {}, and `init` writes no such thing",
                self.given.join(LIST).display(),
                call.name,
                call.file.display(),
                record.dir.display()
            );
            return Err(Unfit::new(why, "remove that file: `init` writes it anew"));
        }
        if !folder.is_dir() {
            return Ok(Listed::Anew);
        }
        Ok(Listed::At(self.at(key, folder)))
    }

    /// In the folder of its call, by its text and by links.
    fn is_fetched(&self, folder: &Path, key: &str) -> bool {
        let all = self.root.join(FETCHED);
        let is_real = match (fs::canonicalize(folder), fs::canonicalize(&all)) {
            (Ok(folder), Ok(all)) => folder.starts_with(all.join(key)),
            // Not there: it will be fetched.
            (Err(_), _) => true,
            (Ok(_), Err(_)) => false,
        };
        folder.starts_with(all.join(key)) && is_real
    }
}

/// On the way down.
#[derive(Clone)]
struct Reached {
    module: Module,
    /// What the list says of the calls of this one counts.
    is_listed: bool,
    /// Folders that led to it, its own at the end.
    above: Vec<PathBuf>,
}

/// One whole path from another: `../called`.
pub(super) fn from(root: &Path, to: &Path) -> PathBuf {
    let shared = root.components().zip(to.components());
    let shared = shared.take_while(|(one, other)| one == other).count();
    let up = root.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(shared)).collect();
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path
    }
}

#[cfg(test)]
mod tests;
