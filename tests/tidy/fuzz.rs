//! Fuzz targets: each is built for libFuzzer and has something to begin with.

use std::path::PathBuf;

use super::files::{File, Outcome, exists, judge, rust_files, text_files};

const TARGETS: &str = "fuzz/targets/mod.rs";
const MANIFEST: &str = "fuzz/Cargo.toml";

pub(crate) fn targets_are_built_and_have_seeds() -> Outcome {
    let (sources, texts) = (rust_files()?, text_files()?);
    let text = |path: &str| texts.iter().find(|file| file.path == path);
    let (Some(list), Some(manifest)) = (text(TARGETS), text(MANIFEST)) else {
        return judge([format!("{TARGETS} or {MANIFEST} is not there")]);
    };
    let mut problems = Vec::new();
    for (line, name) in names(list) {
        let binary = format!("fuzz/fuzz_targets/{name}.rs");
        let calls = |file: &&File| file.path == binary && file.text.contains(&format!("run(\"{name}\""));
        let built = manifest
            .text
            .contains(&format!("path = \"fuzz_targets/{name}.rs\""));
        if sources.iter().find(calls).is_none() || !built {
            let rule = format!("no binary runs the fuzz target `{name}`");
            problems.push(list.problem(line, &rule, &format!("write {binary} and name it in {MANIFEST}")));
        }
        if !exists(&PathBuf::from(format!("fuzz/seeds/{name}")))? {
            let rule = format!("the fuzz target `{name}` has no seeds");
            problems.push(list.problem(
                line,
                &rule,
                "give it one input that it takes and one that it refuses",
            ));
        }
    }
    judge(problems)
}

fn names(list: &File) -> Vec<(usize, &str)> {
    let lines = list.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let name = line.trim().strip_prefix("name: \"")?.strip_suffix("\",")?;
            Some((index + 1, name))
        })
        .collect()
}

#[test]
fn the_list_of_targets_is_read_by_its_names() {
    let list = File {
        path: TARGETS.to_owned(),
        text: "    Target {\n        name: \"journal\",\n        run: journal::journal,\n    },\n".to_owned(),
    };
    assert_eq!(names(&list), [(2, "journal")]);
}
