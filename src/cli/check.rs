//! `rehull check`: everything that can be judged without a network.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::Format;
use crate::report::json::OUTPUT_FORMAT;
use crate::report::numbers::plural;
use crate::report::paint::Tone;

/// Where cluster files live by convention.
const FOLDER: &str = "clusters";

/// Checks all files and shows every mistake of every file.
///
/// # Errors
/// There is nothing to check, or the answer cannot be written.
pub fn run(console: &Console, files: &[PathBuf]) -> Result<Exit, Failure> {
    let files = if files.is_empty() {
        by_convention()?
    } else {
        files.to_vec()
    };
    let mut exit = Exit::Ok;
    let mut answers = Vec::new();
    for file in &files {
        let answer = match checked(file) {
            Ok(sound) => {
                if console.format == Format::Text {
                    console.answer(&format!(
                        "{} {}\n",
                        console.out_paint().tone(Tone::Good, "✓"),
                        line(&sound)
                    ))?;
                }
                json!({ "file": file, "sound": true })
            }
            Err(failure) => {
                exit = failure.exit;
                console.show(&failure);
                let Value::Object(mut answer) = failure.json() else {
                    continue;
                };
                answer.retain(|key, _| key == "problems");
                answer.insert("file".to_owned(), json!(file));
                answer.insert("sound".to_owned(), json!(false));
                Value::Object(answer)
            }
        };
        answers.push(answer);
    }
    if console.format == Format::Json {
        console.answer_json(&json!({ "format": OUTPUT_FORMAT, "kind": "check", "files": answers }))?;
    }
    Ok(exit)
}

/// Sound means: it is understood, and every slot of it renders.
fn checked(path: &Path) -> Result<ClusterFile, Failure> {
    let file = ClusterFile::read(path)?;
    file.render()?;
    file.render_groups()?;
    Ok(file)
}

fn line(file: &ClusterFile) -> String {
    let desired = &file.desired;
    let members = plural(desired.etcd.slots.len(), "member", "members");
    let strategy = desired.etcd.strategy.as_str();
    let servers = desired.control_plane.as_ref();
    let servers = servers.map_or_else(String::new, |role| format!(" · Kubernetes {}", role.version));
    let workers = desired.workers.as_ref().map_or_else(String::new, |workers| {
        let groups = plural(workers.groups.len(), "group", "groups");
        format!(" · {groups} of workers")
    });
    format!(
        "{}: {} · etcd {} · {members}, {strategy}{servers}{workers}",
        file.path.display(),
        desired.cluster,
        desired.etcd.version
    )
}

fn by_convention() -> Result<Vec<PathBuf>, Failure> {
    let yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(yaml).collect())
        .unwrap_or_default();
    files.sort();
    if files.is_empty() {
        let failure = Failure::new(
            Exit::Usage,
            "check::no_file",
            format!("there is no cluster file in `{FOLDER}/`"),
        );
        return Err(failure.help("name one: `rehull check FILE`"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_sound_and_told_in_a_line() {
        for (example, told) in [
            ("three-etcd", "dev · etcd 3.6.14 · 3 members, remove-then-add"),
            ("control-plane", "remove-then-add · Kubernetes 1.34.2"),
            ("workers", "Kubernetes 1.34.2 · 2 groups of workers"),
        ] {
            let path = format!("{}/examples/{example}/cluster.yaml", env!("CARGO_MANIFEST_DIR"));
            let file = checked(Path::new(&path)).unwrap_or_else(|failure| panic!("{}", failure.json()));
            assert!(line(&file).ends_with(told), "{}", line(&file));
        }
    }
}
