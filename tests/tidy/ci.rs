//! What CI runs: pinned actions, and no test that passes because a program was not there.

use super::files::{Outcome, judge, text_files};

const WORKFLOW: &str = ".github/workflows/ci.yml";
/// What a job needs that calls these targets, beside what `tools/setup.sh` installs.
const NEEDS: [(&str, &[&str]); 2] = [
    (
        "- run: make test\n",
        &["hashicorp/setup-terraform@", "actions/setup-go@"],
    ),
    ("- run: make check\n", &["hashicorp/setup-terraform@"]),
];

pub(crate) fn has_what_it_tests_with() -> Outcome {
    let texts = text_files()?;
    let Some(file) = texts.iter().find(|file| file.path == WORKFLOW) else {
        return judge([format!("{WORKFLOW} is not there")]);
    };
    let mut problems = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let Some(used) = line.trim().strip_prefix("- uses: ") else {
            continue;
        };
        let pin = used.split('@').nth(1).and_then(|rest| rest.split(' ').next());
        let is_pinned = |pin: &str| pin.len() == 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !pin.is_some_and(is_pinned) {
            let rule = "an action is used by a name that can be moved";
            problems.push(file.problem(index + 1, rule, "pin it by the 40 digits of its commit"));
        }
    }
    if !file.text.contains("\n  REHULL_REQUIRE_TERRAFORM: \"1\"\n") {
        let rule = "without `REHULL_REQUIRE_TERRAFORM` a test that finds no Terraform passes";
        problems.push(file.problem(1, rule, "set it for all jobs"));
    }
    for job in file.text.split("\n    steps:\n").skip(1) {
        for (target, needs) in NEEDS {
            let Some((before, _)) = job.split_once(target) else {
                continue;
            };
            for need in needs.iter().filter(|need| !before.contains(**need)) {
                let rule = format!("`{}` is called without {need}", target.trim());
                problems.push(file.problem(1, &rule, "add the step before it"));
            }
        }
    }
    judge(problems)
}
