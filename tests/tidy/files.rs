//! The files of the repository that people write, and how a problem in one is reported.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }

    pub(crate) fn problem(&self, line: usize, rule: &str, instead: &str) -> String {
        format!("{}:{line}: {rule}\n    help: {instead}", self.path)
    }
}

pub(crate) fn too_long(file: &File, max: usize, instead: &str) -> Option<String> {
    let count = file.text.lines().count();
    (count > max).then(|| file.problem(max + 1, &format!("{count} lines, the limit is {max}"), instead))
}

pub(crate) fn rust_files() -> Result<Vec<File>, Untidy> {
    let sources = |file: &File| {
        file.has_extension("rs")
            && ["src/", "crates/", "tests/", "fuzz/"]
                .iter()
                .any(|top| file.path.starts_with(top))
    };
    let files: Vec<File> = text_files()?.into_iter().filter(sources).collect();
    if files.is_empty() {
        return Err(Untidy(format!(
            "no Rust file below {}: is this the repository?",
            root()?.display()
        )));
    }
    Ok(files)
}

/// Whether the repository has this file or folder.
pub(crate) fn exists(path: &Path) -> Result<bool, Untidy> {
    Ok(root()?.join(path).exists())
}

/// Text that people write here. Fixtures and seeds are other people's bytes and stay as they were captured.
pub(crate) fn text_files() -> Result<Vec<File>, Untidy> {
    const ENDINGS: [&str; 9] = [
        ".rs", ".md", ".toml", ".yml", ".yaml", ".sh", ".hbs", ".tf", "Makefile",
    ];
    let root = root()?;
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path
                .strip_prefix(&root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !path.is_symlink() && !is_skipped(&name) {
                folders.push(path);
            } else if path.is_file()
                && (name == ".ci/run" || ENDINGS.iter().any(|ending| name.ends_with(ending)))
            {
                files.push(File {
                    text: fs::read_to_string(&path)?,
                    path: name,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

const SKIPPED: [&str; 7] = [
    "target",
    "node_modules",
    "tests/fixtures",
    "fuzz/seeds",
    "fuzz/corpus",
    "fuzz/artifacts",
    "fuzz/target",
];

fn is_skipped(folder: &str) -> bool {
    let last = Path::new(folder)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let hidden = last.starts_with('.') && ![".github", ".ci"].contains(&last.as_str());
    hidden || SKIPPED.contains(&folder)
}

fn root() -> io::Result<PathBuf> {
    option_env!("CARGO_MANIFEST_DIR").map_or_else(std::env::current_dir, |path| Ok(PathBuf::from(path)))
}

/// All problems of one rule; its `Debug` is what the test harness prints.
pub(crate) struct Untidy(String);

pub(crate) type Outcome = Result<(), Untidy>;

pub(crate) fn judge(problems: impl IntoIterator<Item = String>) -> Outcome {
    let problems: Vec<String> = problems.into_iter().collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Untidy(problems.join("\n")))
    }
}

impl fmt::Debug for Untidy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\n{}", self.0)
    }
}

impl From<io::Error> for Untidy {
    fn from(error: io::Error) -> Self {
        Self(format!("cannot read the repository: {error}"))
    }
}
