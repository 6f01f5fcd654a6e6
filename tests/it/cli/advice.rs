//! What documents, help and messages tell people to type exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::help::commands;
use super::{rehull, root};

/// Where people are told what to type.
const PLACES: [&str; 9] = [
    "src",
    "crates",
    "docs",
    "examples",
    "templates",
    "tools",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
];
const ENDINGS: [&str; 7] = ["rs", "md", "yaml", "hbs", "sh", "json", "txt"];

/// Quoted, and yet sentences.
const SENTENCES: [&str; 3] = ["\"rehull cluster file", "\"rehull cannot use", "\"rehull sha256:"];

/// Started by the sandbox for itself; nobody types them.
const INTERNAL: [&str; 3] = ["sandbox serve", "sandbox machine", "sandbox guest"];

/// Every command that exists, groups included.
fn known() -> BTreeSet<String> {
    let below = |path: &[&str]| {
        let help = rehull(&root(), &[path, &["--help"]].concat()).out;
        commands(&help)
    };
    let mut known: BTreeSet<String> = INTERNAL.map(str::to_owned).into();
    for command in below(&[]) {
        for part in below(&[&command]) {
            known.insert(format!("{command} {part}"));
        }
        known.insert(command);
    }
    known.insert("help".to_owned());
    known
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path.file_name().is_some_and(|name| name == "Makefile")
        || path
            .extension()
            .is_some_and(|end| ENDINGS.iter().any(|one| end == *one))
    {
        found.push(path.to_owned());
    }
}

/// The words after each `rehull` of a line that is meant to be typed: quoted, or after a colon, a bar or "then".
/// "rehull does this" is a sentence.
fn advised(line: &str) -> Vec<Vec<&str>> {
    const BEFORE: [&str; 6] = ["`", "\"", ": ", "| ", "then ", "$ "];
    let typed = |(at, _): (usize, &str)| {
        let (before, after) = line.split_at(at);
        let is_sentence = SENTENCES.iter().any(|text| line.contains(text));
        let is_typed = BEFORE.iter().any(|end| before.ends_with(end)) || before.is_empty();
        let is_typed = is_typed && !is_sentence;
        let word = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
        let words = after
            .trim_start_matches("rehull ")
            .split([' ', '`', '"', ',', ')', ';', '.', ':', '\n']);
        let words: Vec<&str> = words
            .take(2)
            .take_while(|text| !text.is_empty() && word(text))
            .collect();
        (is_typed && !words.is_empty()).then_some(words)
    };
    line.match_indices("rehull ").filter_map(typed).collect()
}

#[test]
fn every_command_that_is_advised_exists() {
    let known = known();
    assert!(
        known.contains("etcd heal") && known.contains("apply"),
        "{known:?}"
    );
    let mut found = Vec::new();
    for place in PLACES {
        files(&root().join(place), &mut found);
    }
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            for words in advised(line) {
                seen += 1;
                let is_group = ["etcd", "sandbox"].contains(&words[0]) && words.len() > 1;
                let command = if is_group {
                    words.join(" ")
                } else {
                    words[0].to_owned()
                };
                if !known.contains(&command) {
                    wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} commands are advised anywhere?");
    assert!(wrong.is_empty(), "no such command:\n{}", wrong.join("\n"));
}

#[test]
fn a_sentence_is_not_taken_for_a_command_and_a_command_is_not_missed() {
    assert_eq!(advised("use `rehull etcd restore`, or"), [["etcd", "restore"]]);
    assert_eq!(
        advised("first: rehull hold, then rehull tend x"),
        [vec!["hold"], vec!["tend", "x"]]
    );
    assert_eq!(advised("so rehull reads it"), Vec::<Vec<&str>>::new());
    assert_eq!(advised("`rehull {command}`"), Vec::<Vec<&str>>::new());
}
