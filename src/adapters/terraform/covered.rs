//! What a plan was made from, as digests: of each folder of the tree of modules the files that Terraform reads, and those that
//! an evaluation may read ([`reads`](super::reads)). What lies beside them, logs of a run for example, is no part of it. A file
//! that is read from elsewhere is one of the folder whose module reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rehull_core::domain::ids::ContentDigest;
use rehull_core::tfplan::Sources;
use sha2::{Digest as _, Sha256};

use super::error::TerraformError;
use super::leads::{self, LOG};
use super::listed::clean;
use super::modules::{FETCHED, Module, from};
use super::reads::{self, Base, Reach, Read};
use super::sources::{self, Source};
use super::unfit::Unfit;

/// What programs keep beside the sources: of Terraform (the modules in it are folders of their own here), git and rehull. A
/// path that is computed is not followed into them.
const KEPT: [&str; 3] = [".terraform", ".git", ".rehull"];
/// More than people write. A path that begins far above the sources could mean all files of a computer.
const FILES_MAX: usize = 10_000;
/// Variables that nobody names on the command line.
const VARIABLES: [&str; 2] = ["terraform.tfvars", "terraform.tfvars.json"];
const VARIABLES_BY_END: [&str; 2] = [".auto.tfvars", ".auto.tfvars.json"];
/// What may hold secrets in clear, by a part of its name.
const SECRET: [&str; 2] = [".tfvars", ".tfstate"];

/// Of each folder of this tree, by the folder as the root module sees it.
///
/// # Errors
/// One of its files cannot be read.
pub(super) fn sources(tree: &[Module]) -> Result<Sources, Unfit> {
    let Some(root) = tree.first() else {
        return Ok(Sources::default());
    };
    let mut collected = Collected {
        root: &root.whole,
        folders: BTreeMap::new(),
        sources: Sources::default(),
    };
    for file in variables(&root.folder)? {
        let name = file.file_name().unwrap_or_default();
        collected.file(&root.seen, &root.whole.join(name))?;
    }
    let mut read = Vec::new();
    for module in tree {
        for (file, source) in sources::of(&module.folder)? {
            let name = file.file_name().unwrap_or_default();
            collected.file(&package(&module.seen), &module.whole.join(name))?;
            for call in reads::of(&source) {
                collected.call(module, &file, &call)?;
            }
            read.push((file, source));
        }
    }
    collected.leads(&read);
    Ok(collected.digests())
}

/// Files of variables that Terraform takes without being told.
fn variables(root: &Path) -> Result<Vec<PathBuf>, TerraformError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(TerraformError::file(root))? {
        let path = entry.map_err(TerraformError::file(root))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_one =
            VARIABLES.contains(&name.as_ref()) || VARIABLES_BY_END.iter().any(|end| name.ends_with(end));
        if is_one {
            found.push(path);
        }
    }
    Ok(found)
}

/// What was fetched may be a folder of something larger.
fn package(seen: &Path) -> PathBuf {
    let inside = seen.strip_prefix(FETCHED).ok();
    let fetched = inside.and_then(|inside| inside.components().next());
    fetched.map_or_else(|| seen.to_owned(), |name| Path::new(FETCHED).join(name))
}

struct Collected<'r> {
    root: &'r Path,
    /// Names and contents of files, by folder.
    folders: BTreeMap<PathBuf, BTreeMap<String, String>>,
    sources: Sources,
}

impl Collected<'_> {
    /// What this call may read.
    fn call(&mut self, module: &Module, file: &Path, call: &Read) -> Result<(), TerraformError> {
        let own = package(&module.seen);
        let place = || {
            let line = call.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("`{}` in {}{line}", call.function, file.display())
        };
        let base = |base: Base| match base {
            Base::Module => module.whole.to_string_lossy().into_owned(),
            Base::Root => self.root.to_string_lossy().into_owned(),
            Base::Nowhere => String::new(),
        };
        let read = match &call.reach {
            Reach::One(from, path) => {
                let path = clean(Path::new(&format!("{}{path}", base(*from))));
                self.file(&own, &path)?;
                vec![path]
            }
            Reach::Some {
                base: Base::Nowhere, ..
            } => {
                let why = format!("{} computes a part of a whole path", place());
                self.sources.uncovered.get_or_insert(why);
                Vec::new()
            }
            Reach::Some {
                base: from,
                before,
                after,
                is_computed,
            } => {
                if *is_computed {
                    self.sources.computes.get_or_insert_with(place);
                }
                let begin = format!("{}{before}", base(*from));
                self.files(&own, &begin, after)?
            }
            Reach::Any => return self.any(module, place()),
        };
        for path in read.iter().filter(|_| call.is_template()) {
            let text = fs::read(path).unwrap_or_default();
            if reads::reads_itself(&String::from_utf8_lossy(&text)) {
                self.any(
                    module,
                    format!("the template {}", from(self.root, path).display()),
                )?;
            }
        }
        Ok(())
    }

    /// It may begin in the module's folder or in that of the root module.
    fn any(&mut self, module: &Module, place: String) -> Result<(), TerraformError> {
        self.sources.computes_all.get_or_insert(place);
        let own = package(&module.seen);
        let folders: BTreeSet<PathBuf> = [clean(&self.root.join(&own)), self.root.to_owned()].into();
        for folder in folders {
            self.files(&own, &format!("{}/", folder.display()), "")?;
        }
        Ok(())
    }

    /// All files whose whole path begins and ends so.
    fn files(&mut self, own: &Path, begin: &str, end: &str) -> Result<Vec<PathBuf>, TerraformError> {
        let (folder, name) = begin.rsplit_once('/').unwrap_or(("", begin));
        if [".", ".."].contains(&name) {
            let why = format!("{begin}… begins what is read, and may end elsewhere");
            self.sources.uncovered.get_or_insert(why);
        }
        let folder = clean(Path::new(&format!("{folder}/")));
        let mut walk = Walk {
            begin: name,
            end,
            above: BTreeSet::new(),
            found: Vec::new(),
            why: None,
        };
        walk.folder(&folder, Path::new(""))?;
        let (found, why) = (walk.found, walk.why);
        for path in &found {
            self.file(own, path)?;
        }
        let why = why.map(|(what, path)| format!("{what} stands at {}", from(self.root, &path).display()));
        self.sources.uncovered = self.sources.uncovered.take().or(why);
        Ok(found)
    }

    /// One that is not there says nothing.
    fn file(&mut self, own: &Path, path: &Path) -> Result<(), TerraformError> {
        let name = from(self.root, path).display().to_string();
        let Ok(kind) = fs::metadata(path) else {
            return Ok(());
        };
        if !kind.is_file() {
            if !kind.is_dir() {
                let why = format!("{name} is read, and is no file of a disk");
                self.sources.uncovered.get_or_insert(why);
            }
            return Ok(());
        }
        if SECRET.iter().any(|secret| name.contains(secret)) {
            self.sources.secret.get_or_insert_with(|| name.clone());
        }
        let mut hash = Sha256::new();
        let mut file = fs::File::open(path).map_err(TerraformError::file(path))?;
        io::copy(&mut file, &mut hash).map_err(TerraformError::file(path))?;
        let files = self.folders.entry(own.to_owned()).or_default();
        files.insert(name, hex::encode(hash.finalize()));
        Ok(())
    }

    /// Where a path is computed no text may lead it elsewhere.
    fn leads(&mut self, read: &[(PathBuf, Source)]) {
        let all = self.sources.computes_all.as_ref();
        let Some(place) = all.or(self.sources.computes.as_ref()) else {
            return;
        };
        for (file, source) in read {
            if let Some(line) = leads::first(source, all.is_some()) {
                let why = format!(
                    "{place} computes which file it reads, and a text in {}{line} may lead it elsewhere",
                    file.display()
                );
                self.sources.uncovered.get_or_insert(why);
                return;
            }
        }
    }

    /// Names are told with how long they are, so that no two folders have one text.
    fn digests(mut self) -> Sources {
        for (folder, files) in self.folders {
            let mut hash = Sha256::new();
            for (name, content) in files {
                hash.update(format!("{} {name} {content}\n", name.len()));
            }
            let digest = ContentDigest::new(format!("sha256:{}", hex::encode(hash.finalize())));
            self.sources.folders.insert(folder.display().to_string(), digest);
        }
        self.sources
    }
}

/// Through the folders below one.
struct Walk<'w> {
    /// How a path from there begins and ends.
    begin: &'w str,
    end: &'w str,
    /// Where it is now: a link may lead back.
    above: BTreeSet<PathBuf>,
    found: Vec<PathBuf>,
    /// Why not everything was found, and where.
    why: Option<(&'static str, PathBuf)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inside: &Path) -> Result<(), TerraformError> {
        // One that is not there has nothing in it.
        let Ok(whole) = fs::canonicalize(folder) else {
            return Ok(());
        };
        if !whole.is_dir() || !self.above.insert(whole.clone()) {
            return Ok(());
        }
        for entry in fs::read_dir(folder).map_err(TerraformError::file(folder))? {
            let entry = entry.map_err(TerraformError::file(folder))?;
            let (path, name) = (entry.path(), inside.join(entry.file_name()));
            let is_kept = KEPT.iter().any(|kept| entry.file_name() == *kept);
            // A link to nowhere is an editor's.
            let Ok(kind) = fs::metadata(&path) else {
                continue;
            };
            if kind.is_dir() && !is_kept && self.may_hold(&name) {
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                if is_link && self.leaves(&path) {
                    self.why.get_or_insert(("a link to another folder", path));
                } else {
                    self.folder(&path, &name)?;
                }
            } else if !kind.is_dir() && self.is_meant(&name) {
                if self.found.len() >= FILES_MAX {
                    self.why.get_or_insert(("more than can be looked through", path));
                    break;
                }
                self.found.push(path);
            }
        }
        self.above.remove(&whole);
        Ok(())
    }

    fn is_meant(&self, name: &Path) -> bool {
        let name = name.to_string_lossy();
        let is_log = name.ends_with(LOG) && !self.end.ends_with(LOG);
        let rest = name.strip_prefix(self.begin).filter(|_| !is_log);
        rest.is_some_and(|rest| rest.ends_with(self.end))
    }

    /// Something in this folder may be meant.
    fn may_hold(&self, name: &Path) -> bool {
        let name = format!("{}/", name.to_string_lossy());
        name.starts_with(self.begin) || self.begin.starts_with(&name)
    }

    /// It leads out of the folder where the walk began.
    fn leaves(&self, link: &Path) -> bool {
        let top = self.above.iter().min_by_key(|folder| folder.components().count());
        let to = fs::canonicalize(link).ok();
        !top.zip(to).is_some_and(|(top, to)| to.starts_with(top))
    }
}

#[cfg(test)]
mod tests;
