//! Every word of help in one snapshot: a changed option is seen in review, and the list of commands is complete.

use super::{rehull, root};

/// Names under `Commands:` of a help text.
pub(super) fn commands(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let name =
        |line: &str| (!line.starts_with("   ")).then(|| line.split_whitespace().next().map(str::to_owned))?;
    listed.filter_map(name).collect()
}

fn tree(path: &mut Vec<String>, out: &mut String) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let run = rehull(&root(), &arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    out.push_str(&format!("━━ rehull {}\n{}\n", arguments.join(" "), run.out));
    // Its own text is clap's, and below it stand the same commands again.
    for command in commands(&run.out).into_iter().filter(|command| command != "help") {
        path.push(command);
        tree(path, out);
        path.pop();
    }
}

#[test]
fn the_complete_help_is_known() {
    let mut out = String::new();
    tree(&mut Vec::new(), &mut out);
    insta::assert_snapshot!(out);
}

#[test]
fn a_toolbox_in_the_environment_does_not_make_the_option_a_required_one() {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rehull");
    let output = command
        .current_dir(root())
        .env_clear()
        .env("REHULL_TOOLBOX", "/nowhere")
        .args(["apply"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("Usage: rehull apply <FILE>"), "{said}");
    assert!(!said.contains("--toolbox"), "{said}");
}

#[test]
fn help_and_version_are_answers_and_mistakes_are_not() {
    let version = rehull(&root(), &["--version"]);
    assert_eq!((version.code, version.err.as_str()), (0, ""));
    assert_eq!(version.out, format!("rehull {}\n", env!("CARGO_PKG_VERSION")));

    let misspelt = rehull(&root(), &["chekc"]);
    assert_eq!((misspelt.code, misspelt.out.as_str()), (2, ""));
    assert!(misspelt.err.contains("check"), "{}", misspelt.err);
}

#[test]
fn a_value_that_is_none_shows_the_usage_of_its_own_command() {
    let run = rehull(&root(), &["resume", "no-rollout"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("Usage: rehull resume "), "{}", run.err);
    let helped = rehull(&root(), &["help", "etcd", "heal"]);
    assert_eq!(helped.code, 0, "{}", helped.err);
}
