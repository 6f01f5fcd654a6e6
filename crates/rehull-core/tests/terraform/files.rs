//! The folders of `terraform/`, parsed, and how a problem in one is told.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hcl_edit::structure::{Block, Body};

/// One `.tf` file.
pub(crate) struct File {
    /// From the root of the repository.
    pub(crate) path: String,
    /// As it stands there.
    pub(crate) text: String,
    /// With the place of everything.
    pub(crate) body: Body,
}

/// What Terraform calls a module: one folder, all files together.
pub(crate) struct Folder {
    /// From the root of the repository.
    pub(crate) path: String,
    /// In the order of their names.
    pub(crate) files: Vec<File>,
}

impl File {
    /// # Panics
    /// If the text is no HCL.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let body = hcl_edit::parser::parse_body(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            body,
        }
    }

    /// `path:line: what`.
    pub(crate) fn problem(&self, at: Option<Range<usize>>, what: &str) -> String {
        let start = at.map_or(0, |range| range.start);
        let line = self.text[..start].matches('\n').count() + 1;
        format!("{}:{line}: {what}", self.path)
    }
}

impl Folder {
    /// All blocks of a kind, with their file.
    pub(crate) fn blocks<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a File, &'a Block)> {
        let files = self.files.iter();
        files.flat_map(move |file| file.body.get_blocks(kind).map(move |block| (file, block)))
    }

    /// Names of all blocks of a kind with one label.
    pub(crate) fn names(&self, kind: &str) -> Vec<String> {
        self.blocks(kind).map(|(_, block)| label(block, 0)).collect()
    }

    /// Last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

/// The label of a block; empty if it has none there.
pub(crate) fn label(block: &Block, index: usize) -> String {
    block
        .labels
        .get(index)
        .map(|label| label.as_str().to_owned())
        .unwrap_or_default()
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every folder below `terraform/` that holds `.tf` files.
pub(crate) fn read() -> Vec<Folder> {
    let mut folders: BTreeMap<String, Vec<File>> = BTreeMap::new();
    let mut open = vec!["terraform".to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("{folder}/{name}");
            // Terraform keeps what it installed in `.terraform`.
            if !name.starts_with('.') && root().join(&path).is_dir() {
                open.push(path);
            } else if Path::new(&path).extension().is_some_and(|ending| ending == "tf") {
                let file = File::parse(&path, &text(&path));
                folders.entry(folder.clone()).or_default().push(file);
            }
        }
    }
    let mut folders: Vec<Folder> = folders
        .into_iter()
        .map(|(path, mut files)| {
            files.sort_by(|one, other| one.path.cmp(&other.path));
            Folder { path, files }
        })
        .collect();
    folders.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(
        folders.len() > 15,
        "only {} folders: is this the repository?",
        folders.len()
    );
    folders
}

const ENVIRONMENTS: [&str; 3] = ["dev", "stag", "prod"];
const STATES: [&str; 3] = ["base", "groups", "templates"];
/// Endings of files that hold data of one environment.
const DATA: [&str; 3] = ["terraform.tfvars", "state.s3.tfbackend", ".terraform.lock.hcl"];

/// Every file of an environment that is not data and is not the same in `dev`.
pub(crate) fn differences_between_environments() -> Vec<String> {
    let mut problems = Vec::new();
    for environment in ENVIRONMENTS {
        let folder = format!("terraform/environments/{environment}");
        let found = names(&folder);
        if found != STATES {
            problems.push(format!("{folder}: has {found:?}, and the states are {STATES:?}"));
        }
        for state in STATES {
            let (first, other) = (
                format!("terraform/environments/dev/{state}"),
                format!("{folder}/{state}"),
            );
            let (files, others) = (code(&first), code(&other));
            if files != others {
                problems.push(format!("{other}: has {others:?}, dev has {files:?}"));
                continue;
            }
            let differ = files
                .iter()
                .filter(|file| text(&format!("{first}/{file}")) != text(&format!("{other}/{file}")));
            problems.extend(differ.map(|file| {
                format!("{other}/{file}: differs from dev; what differs between environments is data and stands in terraform.tfvars")
            }));
            problems.extend(
                ["terraform.tfvars", "state.s3.tfbackend"]
                    .into_iter()
                    .filter(|file| !root().join(&other).join(file).is_file())
                    .map(|file| format!("{other}: has no {file}")),
            );
        }
    }
    problems
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What is no data, and not what Terraform or rehull left there.
fn code(folder: &str) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| {
        !DATA.contains(&name.as_str()) && name != ".terraform" && name != "rehull.auto.tfvars.json"
    });
    names
}
