//! One cluster for all rows, and a witness of everything that a refused command could have changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rehull_core::ports::EtcdView as _;

use super::super::answer::Answer;
use super::super::cloud::Cloud;
use super::super::load::{pool, slots};
use super::super::rig::Sandbox;

/// A real cluster with a local store, so that the store can be copied and damaged like any folder.
pub(super) struct Desk {
    pub(super) sandbox: Sandbox,
    pub(super) cloud: Cloud,
    /// The cluster file without mistakes.
    sound: String,
}

/// Everything a refused command must leave as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Witness {
    members: Vec<String>,
    machines: Vec<String>,
    templates: Vec<String>,
    objects: BTreeMap<String, String>,
    store: BTreeMap<PathBuf, Vec<u8>>,
}

/// One bad input: what is wrong, what is typed, and what the answer must be.
pub(super) struct Row {
    pub(super) name: &'static str,
    edits: Vec<(String, String)>,
    command: Vec<String>,
    code: i32,
    says: Vec<String>,
    /// A text of the line that the answer must point at.
    at: Option<String>,
}

impl Row {
    /// `apply FILE --yes` on the sound file, until something is said otherwise.
    pub(super) fn new(name: &'static str, code: i32) -> Self {
        Self {
            name,
            edits: Vec::new(),
            command: ["apply", "FILE", "--yes"].map(str::to_owned).to_vec(),
            code,
            says: Vec::new(),
            at: None,
        }
    }

    /// Replaces a text of the cluster file, which must be there.
    pub(super) fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Other words than `apply FILE --yes`; `FILE` is the edited cluster file.
    pub(super) fn typed(mut self, line: &str) -> Self {
        self.command = line.split_whitespace().map(str::to_owned).collect();
        self
    }

    pub(super) fn says(mut self, words: &[&str]) -> Self {
        self.says.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// The answer points at the first line of the file that has this text.
    pub(super) fn at(mut self, text: &str) -> Self {
        self.at = Some(text.to_owned());
        self
    }
}

impl Desk {
    pub(super) async fn up() -> Option<Self> {
        let sandbox = Sandbox::up("bad-input", &["3.5.33"], 3).await?;
        sandbox.edit(
            "s3: { bucket: rehull-bad-input, prefix: store/ }",
            "local: { path: store }",
        );
        sandbox
            .run(&["apply", "cluster.yaml", "--bootstrap", "--yes"])
            .await
            .exits(0);
        let cloud = Cloud::of(&sandbox.info).await;
        let sound = fs::read_to_string(sandbox.info.cluster_file()).unwrap();
        Some(Self {
            sandbox,
            cloud,
            sound,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.sandbox.info.dir
    }

    /// A line of the cluster file, without its end, that begins like this.
    pub(super) fn line(&self, start: &str) -> String {
        let line = self
            .sound
            .lines()
            .find(|line| line.trim_start().starts_with(start));
        line.unwrap_or_else(|| panic!("no `{start}` in:\n{}", self.sound))
            .to_owned()
    }

    /// The first (or a later) value of a key.
    pub(super) fn value(&self, key: &str, nth: usize) -> String {
        let start = format!("{key}: ");
        let mut values = self
            .sound
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix(&start));
        values.nth(nth).unwrap_or_else(|| panic!("no `{key}`")).to_owned()
    }

    /// A copy of the store, for a row to damage.
    pub(super) fn store_copy(&self, name: &str) -> PathBuf {
        let copy = self.dir().join(name);
        copy_folder(&self.dir().join("store"), &copy);
        copy
    }

    pub(super) async fn witness(&self) -> Witness {
        let view = pool(&self.sandbox).observe(&slots(&self.sandbox)).await;
        let member = |(slot, endpoint): (_, &rehull_core::domain::etcd::Endpoint)| {
            let seen = endpoint
                .answer()
                .map(|answer| (answer.id, answer.version, answer.members.clone()));
            format!("{slot}: {seen:?}")
        };
        let machine = |machine: rehull::sandbox::MachineStatus| {
            format!("{} {:?} {:?}", machine.id, machine.slot, machine.state)
        };
        Witness {
            members: view.endpoints.iter().map(member).collect(),
            machines: self.sandbox.machines().await.into_iter().map(machine).collect(),
            templates: self.cloud.template_versions().await,
            objects: self.cloud.objects().await,
            store: contents(&self.dir().join("store")),
        }
    }

    async fn answer(&self, row: &Row) -> (Answer, String) {
        let mut text = self.sound.clone();
        for (from, to) in &row.edits {
            assert!(
                text.contains(from.as_str()),
                "{}: no `{from}` in:\n{text}",
                row.name
            );
            text = text.replace(from.as_str(), to);
        }
        // Beside the sound one, because certificates and keys lie there.
        fs::write(self.dir().join("bad.yaml"), &text).unwrap();
        let command: Vec<&str> = row
            .command
            .iter()
            .map(|word| if word == "FILE" { "bad.yaml" } else { word })
            .collect();
        (self.sandbox.run(&command).await, text)
    }

    /// Tries every row; all that went wrong is told at once.
    pub(super) async fn refuses(&self, rows: Vec<Row>) {
        let before = self.witness().await;
        let mut wrong = Vec::new();
        for row in &rows {
            let (answer, text) = self.answer(row).await;
            if answer.code != Some(row.code) {
                wrong.push(format!("{}: exit {:?}, not {}", row.name, answer.code, row.code));
            }
            let said = format!("{}{}", answer.out, answer.err);
            let place = row.at.as_ref().map(|at| {
                let line = text.lines().position(|line| line.contains(at.as_str()));
                format!("bad.yaml:{}:", line.expect("the line is in the file") + 1)
            });
            for words in row.says.iter().chain(&place) {
                if !said.contains(words.as_str()) {
                    wrong.push(format!("{}: does not say `{words}`", row.name));
                }
            }
            let after = self.witness().await;
            if after != before {
                wrong.push(format!(
                    "{}: changed something\n{before:#?}\n{after:#?}",
                    row.name
                ));
            }
            let is_told = std::env::var_os("REHULL_SHOW").is_some();
            if is_told || wrong.last().is_some_and(|last| last.starts_with(row.name)) {
                eprintln!("── {} ── {answer}", row.name);
            }
        }
        assert!(wrong.is_empty(), "{} rows:\n{}", rows.len(), wrong.join("\n"));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, bytes) in contents(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Files below a folder by their path in it, without what the store keeps for itself.
pub(super) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}
