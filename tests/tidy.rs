//! The walls and the sizes of this repository, as tests.
//!
//! A rule that lives in good will is broken in the first busy week. Each message names file and line, the rule and what
//! to do; each wall carries an example that it must reject, so that a wall cannot quietly stop working.

#[path = "tidy/ci.rs"]
mod ci;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/fuzz.rs"]
mod fuzz;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/walls.rs"]
mod walls;

use files::{Outcome, judge, rust_files, text_files, too_long};
use scan::{after, before, items, line_of, mask, methods_of, without_tests, words};
use walls::{CLOCKS, PROCESSES, PURITY, TERMINAL, UNFINISHED, VENDORS, WIRING, Wall};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const TRAIT_METHODS_MAX: usize = 8;
const MAIN_LINES_MAX: usize = 30;
const README_LINES_MAX: usize = 150;

#[test]
fn vendor_crates_stay_behind_their_adapters() -> Outcome {
    hold(VENDORS)
}

#[test]
fn processes_are_started_only_by_terraform_and_the_sandbox() -> Outcome {
    hold(PROCESSES)
}

#[test]
fn time_comes_in_through_the_clock() -> Outcome {
    hold(CLOCKS)
}

#[test]
fn only_commands_and_reports_write_to_the_terminal() -> Outcome {
    hold(TERMINAL)
}

#[test]
fn the_core_is_pure() -> Outcome {
    hold(PURITY)
}

#[test]
fn adapters_are_built_in_one_place() -> Outcome {
    hold(WIRING)
}

#[test]
fn ci_has_what_it_tests_with_and_pins_it() -> Outcome {
    ci::has_what_it_tests_with()
}

#[test]
fn nothing_unfinished_is_committed() -> Outcome {
    hold(UNFINISHED)
}

#[test]
fn every_source_file_can_be_read_in_one_sitting() -> Outcome {
    judge(rust_files()?.iter().filter_map(|file| {
        let max = if file.path == "src/main.rs" {
            MAIN_LINES_MAX
        } else {
            FILE_LINES_MAX
        };
        too_long(file, max, "split it by purpose, one concept a file")
    }))
}

#[test]
fn every_function_fits_on_one_screen() -> Outcome {
    judge(rust_files()?.iter().flat_map(|file| {
        let code = mask(&file.text);
        let long = items(&code, "fn").filter(|item| item.line_count > FUNCTION_LINES_MAX);
        long.map(|item| {
            file.problem(
                item.line,
                &format!(
                    "`{}` has {} lines, the limit is {FUNCTION_LINES_MAX}",
                    item.name, item.line_count
                ),
                "give a part of it a name of its own",
            )
        })
        .collect::<Vec<_>>()
    }))
}

#[test]
fn no_trait_has_more_than_eight_methods() -> Outcome {
    judge(rust_files()?.iter().flat_map(|file| {
        let code = mask(&file.text);
        let wide = items(&code, "trait").filter(|item| methods_of(&item.body) > TRAIT_METHODS_MAX);
        wide.map(|item| {
            let count = methods_of(&item.body);
            let rule = format!(
                "trait `{}` has {count} methods, the limit is {TRAIT_METHODS_MAX}",
                item.name
            );
            file.problem(item.line, &rule, "split it by who calls it")
        })
        .collect::<Vec<_>>()
    }))
}

#[test]
fn every_silenced_lint_gives_its_reason() -> Outcome {
    judge(rust_files()?.iter().flat_map(|file| {
        let code = mask(&file.text);
        silenced_without_reason(&code)
            .map(|line| {
                file.problem(
                    line,
                    "a lint is silenced without a reason",
                    "add `reason = \"…\"`, or mend the code",
                )
            })
            .collect::<Vec<_>>()
    }))
}

#[test]
fn no_text_has_tabs_or_trailing_spaces() -> Outcome {
    judge(text_files()?.iter().flat_map(|file| {
        file.text.lines().enumerate().filter_map(|(index, line)| {
            let rule = match line {
                line if line.ends_with([' ', '\t']) => "trailing space",
                line if line.contains('\t') && !file.path.ends_with("Makefile") => "tab",
                _ => return None,
            };
            Some(file.problem(index + 1, rule, "remove it; in a literal write \\t"))
        })
    }))
}

#[test]
fn the_readme_stays_short() -> Outcome {
    let files = text_files()?;
    let readme = files.iter().filter(|file| file.path == "README.md");
    judge(readme.filter_map(|file| too_long(file, README_LINES_MAX, "move it to docs/ and link it")))
}

#[test]
fn every_link_of_a_document_leads_somewhere() -> Outcome {
    docs::links_lead_somewhere()
}

#[test]
fn every_test_that_a_document_names_exists() -> Outcome {
    docs::named_tests_exist()
}

#[test]
fn every_fuzz_target_is_built_and_has_seeds() -> Outcome {
    fuzz::targets_are_built_and_have_seeds()
}

/// The list itself, what explains the words, and flags of programs whose authors chose theirs.
const EXEMPT: [&str; 4] = [
    "tests/tidy.rs",
    "docs/glossary.md",
    "crates/rehull-core/src/config/server_flags.rs",
    "crates/rehull-core/src/config/tests/control_plane.rs",
];

#[test]
fn the_control_plane_is_called_control_plane() -> Outcome {
    let files = text_files()?;
    let prose = files
        .iter()
        .filter(|file| file.has_extension("rs") || file.has_extension("md"));
    let judged = prose.filter(|file| !EXEMPT.contains(&file.path.as_str()));
    judge(judged.flat_map(|file| {
        let text = file.text.to_lowercase();
        let found: Vec<usize> = text
            .match_indices("master")
            .filter(|(at, _)| names_a_role(&text, *at))
            .map(|(at, _)| at)
            .collect();
        found
            .into_iter()
            .map(|at| {
                file.problem(
                    line_of(&text, at),
                    "`master` is not our word",
                    "say control plane, or leader for etcd",
                )
            })
            .collect::<Vec<_>>()
    }))
}

/// `kube-master`, `system:masters`, `…kubernetes.io/master` and `blob/master/` are other people's names; "mastery" is a word of its own.
fn names_a_role(text: &str, at: usize) -> bool {
    let rest = after(text, at + "master".len());
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    !before(text, at).ends_with(['-', ':', '/', '.'])
        && !before(text, at).ends_with(char::is_alphanumeric)
        && !rest.starts_with(['-', '/', '.'])
        && !rest.starts_with(char::is_alphanumeric)
}

#[test]
fn each_wall_rejects_its_own_example_and_nothing_in_comments_literals_or_tests() {
    for wall in [VENDORS, PROCESSES, CLOCKS, TERMINAL, PURITY, WIRING, UNFINISHED]
        .into_iter()
        .flatten()
    {
        let rejected = |text: &str| wall.hits(&without_tests(&mask(text))).len();
        assert_ne!(
            rejected(wall.rejects),
            0,
            "accepts `{}` though {}",
            wall.rejects,
            wall.rule
        );
        for harmless in [
            format!("// {}", wall.rejects),
            format!("/* /* nested */ {} */ struct A<'a>(&'a str);", wall.rejects),
            format!(
                "const C: char = '\"'; const T: &str = r#\"\" {}\"#;",
                wall.rejects
            ),
            format!(
                "fn kept() {{}}\n#[cfg(test)]\nmod tests {{\n    {}\n}}",
                wall.rejects
            ),
        ] {
            assert_eq!(
                rejected(&harmless),
                0,
                "rejects `{harmless}` though it is harmless"
            );
        }
    }
}

#[test]
fn a_module_of_ours_may_be_called_like_a_foreign_crate() {
    let kept =
        "use crate::adapters::kube::Nodes; use super::etcd_client; my_kube::go(); adapters::kube::connect();";
    assert!(VENDORS.iter().all(|wall| wall.hits(kept).is_empty()));
}

#[test]
fn items_are_measured_from_their_first_line_to_their_closing_brace() {
    let code = mask("trait T {\n fn a(&self) { fn inner() {} }\n fn b(&self, x: [u8; 2]) -> fn(u8);\n}\n");
    let measured: Vec<_> = items(&code, "fn")
        .map(|item| (item.name, item.line, item.line_count))
        .collect();
    assert_eq!(
        measured,
        [
            ("a".to_owned(), 2, 1),
            ("inner".to_owned(), 2, 1),
            ("b".to_owned(), 3, 1)
        ]
    );
    let traits: Vec<_> = items(&code, "trait")
        .map(|item| (item.line_count, methods_of(&item.body)))
        .collect();
    assert_eq!(traits, [(4, 2)]);
    assert_eq!(
        silenced_without_reason("#[allow(dead_code)]\n#[expect(x, reason = \"\")]\n").collect::<Vec<_>>(),
        [1]
    );
}

fn hold(walls: &[Wall]) -> Outcome {
    let files = rust_files()?;
    let mut problems = Vec::new();
    for wall in walls {
        for file in files.iter().filter(|file| wall.covers(&file.path)) {
            for (line, word) in wall.hits(&without_tests(&mask(&file.text))) {
                problems.push(file.problem(line, &format!("`{word}`: {}", wall.rule), wall.instead));
            }
        }
    }
    judge(problems)
}

fn silenced_without_reason(code: &str) -> impl Iterator<Item = usize> + '_ {
    let attributes = code
        .match_indices("#[")
        .chain(code.match_indices("#!["))
        .map(|(at, _)| at);
    attributes.filter_map(|at| {
        let attribute = after(code, at).split(']').next().unwrap_or_default();
        let silences = ["allow", "expect"]
            .into_iter()
            .any(|word| words(attribute, word).any(|at| after(attribute, at + word.len()).starts_with('(')));
        (silences && !attribute.contains("reason =")).then(|| line_of(code, at))
    })
}
