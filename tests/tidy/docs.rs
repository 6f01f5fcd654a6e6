//! What documents point at: files that exist, and tests that exist.

use std::path::{Component, Path, PathBuf};

use super::files::{File, Outcome, exists, judge, rust_files, text_files};

/// Shorter names in backticks are fields and functions; nobody names a test in so few words.
const TEST_NAME_WORDS_MIN: usize = 5;

pub(crate) fn links_lead_somewhere() -> Outcome {
    let mut problems = Vec::new();
    for file in text_files()?.iter().filter(|file| file.has_extension("md")) {
        for (line, target) in links(file) {
            if !exists(&beside(&file.path, &target))? {
                let rule = format!("the link to `{target}` leads nowhere");
                problems.push(file.problem(line, &rule, "correct it, or write what it promises"));
            }
        }
    }
    judge(problems)
}

pub(crate) fn named_tests_exist() -> Outcome {
    let sources = rust_files()?;
    let is_test = |name: &str| {
        sources
            .iter()
            .any(|file| file.text.contains(&format!("fn {name}(")))
    };
    let mut problems = Vec::new();
    for file in text_files()?.iter().filter(|file| file.has_extension("md")) {
        for (index, line) in file.text.lines().enumerate() {
            for name in line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|text| is_test_name(text))
            {
                if !is_test(name) {
                    let rule = format!("there is no test `{name}`");
                    problems.push(file.problem(index + 1, &rule, "name the test that holds it now"));
                }
            }
        }
    }
    judge(problems)
}

fn is_test_name(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    text.chars().all(is_word) && text.split('_').count() >= TEST_NAME_WORDS_MIN
}

/// Line and path of every relative link, without its anchor.
fn links(file: &File) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push((index + 1, target.to_owned()));
            }
        }
    }
    links
}

/// The target as a path of the repository.
fn beside(document: &str, target: &str) -> PathBuf {
    let mut path = PathBuf::from(document);
    path.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

#[test]
fn a_link_is_read_from_beside_its_document_and_without_its_anchor() {
    let file = File {
        path: "docs/decisions/README.md".to_owned(),
        text: "see [one](0001-pure-core.md#why), [two](../fidelity.md)\nand [three](https://example.com/x)"
            .to_owned(),
    };
    let found = links(&file);
    assert_eq!(
        found,
        [
            (1, "0001-pure-core.md".to_owned()),
            (1, "../fidelity.md".to_owned())
        ]
    );
    assert_eq!(
        beside(&file.path, "../fidelity.md"),
        Path::new("docs/fidelity.md")
    );
    assert!(is_test_name("a_member_is_stopped_before_it") && !is_test_name("lease_ttl"));
}
