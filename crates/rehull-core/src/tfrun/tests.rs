#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::outcome::{Command, Ended, Outcome, Run, Verdict};
use super::{LockInfo, Said, is_passed_on, is_passed_on_to_init, what_it_is, what_to_do};

type Streams = &'static [(&'static str, &'static str)];

macro_rules! recorded {
    ($folder:literal) => {
        recorded![
            $folder: "init", "plan-changes", "plan-nothing", "plan-state-only", "plan-error", "plan-refused",
            "plan-lock-busy", "plan-lock-interrupted", "plan-not-initialised", "plan-plugin-missing", "apply-done",
            "apply-state-only", "apply-stale", "apply-bad-plan-file", "apply-lineage-mismatch", "apply-incomplete",
            "apply-partial", "apply-interrupted", "apply-killed", "apply-state-not-saved"
        ]
    };
    ($folder:literal: $($name:literal),*) => {
        &[$(($name, include_str!(concat!("fixtures/", $folder, "/", $name, ".jsonl")))),*]
    };
}

const TERRAFORM: Streams = recorded!["1.11.4"];
/// Where a provider is needed that is not built in. OpenTofu's are not recorded: it says the same summaries.
const PROVIDERS: Streams = recorded![
    "1.11.4": "init-with-a-provider", "init-lock-file-missing", "init-lock-file-behind", "init-other-checksum",
    "init-plugin-gone", "init-plugin-withdrawn", "init-registry-unreachable", "plan-plugin-gone"
];
const OPENTOFU: Streams = recorded!["tofu-1.10.10"];

fn lines_of(streams: Streams, name: &str) -> Vec<&'static str> {
    let (_, text) = streams.iter().find(|(stream, _)| *stream == name).unwrap();
    text.lines().collect()
}

fn lines(name: &str) -> Vec<&'static str> {
    lines_of(TERRAFORM, name)
}

/// The last line of a recording says how the process ended.
fn ended(line: &str) -> Ended {
    let end: serde_json::Value = serde_json::from_str(line).unwrap();
    let number = |key: &str| end[key].as_i64().map(|number| i32::try_from(number).unwrap());
    match (number("exit"), number("signal")) {
        (Some(code), None) => Ended::Exit(code),
        (None, Some(signal)) => Ended::Signal(signal),
        _ => panic!("{line}"),
    }
}

fn hear(command: Command, lines: &[&str], ended: Ended) -> Outcome {
    let mut run = Run::of(command);
    for line in lines {
        run.hear(line);
    }
    run.end(ended)
}

fn command(name: &str) -> Command {
    match name.split('-').next() {
        Some("init") => Command::Init,
        Some("plan") => Command::Plan,
        Some("apply") => Command::Apply,
        _ => panic!("{name}"),
    }
}

fn replay(name: &str) -> Outcome {
    replay_of(TERRAFORM, name)
}

fn replay_of(streams: Streams, name: &str) -> Outcome {
    let lines = lines_of(streams, name);
    let (last, said) = lines.split_last().unwrap();
    hear(command(name), said, ended(last))
}

#[test]
fn every_recorded_end_is_told_apart() {
    for (streams, program) in [(TERRAFORM, "Terraform 1.11.4"), (OPENTOFU, "OpenTofu 1.10.10")] {
        every_end_is_told_apart(streams, program);
    }
}

fn every_end_is_told_apart(streams: Streams, program: &str) {
    let holder = LockInfo {
        who: "somebody@example".to_owned(),
        operation: "OperationTypeApply".to_owned(),
        path: "terraform.tfstate".to_owned(),
        ..LockInfo::default()
    };
    let expected = [
        ("init", Verdict::Initialised),
        ("plan-changes", Verdict::Changes),
        ("plan-nothing", Verdict::NoChange),
        ("plan-state-only", Verdict::Changes),
        ("plan-error", Verdict::Errored),
        ("plan-refused", Verdict::Errored),
        ("plan-lock-busy", Verdict::LockBusy(Some(holder))),
        ("plan-lock-interrupted", Verdict::LockInterrupted),
        ("plan-not-initialised", Verdict::NotInitialised),
        ("plan-plugin-missing", Verdict::LockfileMismatch),
        ("apply-done", Verdict::Applied),
        ("apply-state-only", Verdict::Applied),
        ("apply-stale", Verdict::Stale),
        ("apply-bad-plan-file", Verdict::BadPlanFile),
        ("apply-lineage-mismatch", Verdict::LineageMismatch),
        ("apply-incomplete", Verdict::Incomplete),
        ("apply-partial", Verdict::PartialApply),
        ("apply-interrupted", Verdict::Interrupted),
        ("apply-killed", Verdict::KilledBySignal(9)),
        ("apply-state-not-saved", Verdict::StateNotSaved),
    ];
    assert_eq!(expected.len(), streams.len());
    for (name, verdict) in expected {
        let mut outcome = replay_of(streams, name);
        if let Verdict::LockBusy(Some(info)) = &mut outcome.verdict {
            // These two are of the moment of the recording.
            assert_eq!(std::mem::take(&mut info.id).len(), 36, "{name}");
            assert!(std::mem::take(&mut info.created).ends_with(" UTC"), "{name}");
        }
        assert_eq!(outcome.verdict, verdict, "{name}: {}", what_it_is(&outcome));
        assert_eq!(outcome.program.as_deref(), Some(program), "{name}");
        let is_fine = matches!(
            verdict,
            Verdict::Initialised | Verdict::NoChange | Verdict::Changes | Verdict::Applied
        );
        assert_eq!(what_to_do(&outcome).is_none(), is_fine, "{name}");
    }
}

/// What to do is another thing for a lock file that a pull request has to change and for a registry that is not there.
#[test]
fn a_provider_that_is_nowhere_to_be_had_is_told_apart_from_a_lock_file_that_names_another_one() {
    let commit = "Commit the lock file in a pull request of its own";
    let reach = "make its registry or a mirror reachable";
    for (name, verdict, help) in [
        ("init-with-a-provider", Verdict::Initialised, None),
        ("init-lock-file-missing", Verdict::LockfileMismatch, Some(commit)),
        ("init-lock-file-behind", Verdict::LockfileMismatch, Some(commit)),
        ("init-other-checksum", Verdict::LockfileMismatch, Some(commit)),
        ("init-plugin-gone", Verdict::PluginMissing, Some(reach)),
        ("init-plugin-withdrawn", Verdict::PluginMissing, Some(reach)),
        ("init-registry-unreachable", Verdict::PluginMissing, Some(reach)),
        ("plan-plugin-gone", Verdict::PluginMissing, Some(reach)),
    ] {
        let outcome = replay_of(PROVIDERS, name);
        assert_eq!(outcome.verdict, verdict, "{name}: {}", what_it_is(&outcome));
        let said = what_to_do(&outcome);
        assert_eq!(said.is_some(), help.is_some(), "{name}");
        assert!(
            said.unwrap_or_default().contains(help.unwrap_or_default()),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn a_partial_apply_says_what_is_done_what_failed_and_what_was_not_begun() {
    let outcome = replay("apply-partial");
    let words = what_it_is(&outcome);
    assert_eq!(
        words,
        "applied in part: terraform_data.second: local-exec provisioner error (main.tf:8); done: terraform_data.beside, \
         terraform_data.first; failed: terraform_data.second; not begun: terraform_data.third"
    );
}

#[test]
fn what_was_begun_by_a_killed_run_is_unknown_and_has_to_be_looked_for() {
    let outcome = replay("apply-killed");
    assert_eq!(outcome.tally.unknown, ["terraform_data.beside"]);
    assert!(what_it_is(&outcome).contains("begun, and nobody knows how it ended: terraform_data.beside"));
}

/// A runner that dies takes the rest of the stream with it, at any line and in the middle of one.
#[test]
fn no_part_of_a_stream_is_taken_for_a_success() {
    let both = [TERRAFORM, OPENTOFU].into_iter();
    let all = both.flat_map(|streams| streams.iter().map(move |(name, _)| (streams, *name)));
    for (streams, name) in all {
        let lines = lines_of(streams, name);
        let (last, said) = lines.split_last().unwrap();
        let whole = replay_of(streams, name);
        for length in 0..said.len() {
            let mut cut = said[..length].to_vec();
            let half = said[length].split_at(said[length].len() / 2).0;
            cut.push(half);
            // The same end, and the one that a careless reader would take for fine.
            for end in [ended(last), Ended::Exit(0)] {
                let outcome = hear(command(name), &cut, end);
                let complete =
                    |outcome: &Outcome| matches!(outcome.verdict, Verdict::Applied | Verdict::NoChange);
                assert!(
                    !complete(&outcome) || outcome.verdict == whole.verdict,
                    "{name}, {length} lines, {end:?}: {:?}",
                    outcome.verdict
                );
            }
        }
    }
}

#[test]
fn an_exit_code_that_contradicts_the_stream_is_doubtful() {
    let doubtful = |name: &str, end| {
        let lines = lines(name);
        let (_, said) = lines.split_last().unwrap();
        let outcome = hear(command(name), said, end);
        assert!(
            matches!(outcome.verdict, Verdict::Doubtful(_)),
            "{name}: {outcome:?}"
        );
    };
    doubtful("plan-changes", Ended::Exit(0));
    doubtful("apply-partial", Ended::Exit(0));
    doubtful("apply-done", Ended::Exit(2));
    doubtful("apply-done", Ended::Exit(1));
    doubtful("plan-nothing", Ended::Exit(1));
    doubtful("plan-nothing", Ended::Exit(127));
    for end in [0, 1, 2] {
        let silent = hear(
            Command::Apply,
            &["Usage: terraform [global options]"],
            Ended::Exit(end),
        );
        assert!(matches!(silent.verdict, Verdict::Doubtful(_)), "{silent:?}");
    }
    let newer = r#"{"type":"version","terraform":"2.0.0","ui":"2.0"}"#;
    let outcome = hear(Command::Init, &[newer], Ended::Exit(0));
    assert!(matches!(outcome.verdict, Verdict::Doubtful(_)), "{outcome:?}");
}

const VERSION: &str = r#"{"type":"version","terraform":"1.11.4","ui":"1.2"}"#;

fn error(summary: &str) -> String {
    serde_json::json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": "?"}})
        .to_string()
}

/// Those that the recorder cannot bring about with the built-in provider; the texts are from the source.
#[test]
fn what_cannot_be_recorded_is_told_by_the_texts_of_the_source() {
    let cases = [
        ("Provider lock file not up to date", Verdict::LockfileMismatch),
        (
            "Provider produced inconsistent final plan",
            Verdict::InconsistentFinalPlan,
        ),
        (
            "plan file was created by Terraform 1.10.0, but this is 1.11.4; plan files cannot be transferred between different Terraform versions",
            Verdict::VersionMismatch,
        ),
        ("Module not installed", Verdict::NotInitialised),
    ];
    for (summary, verdict) in cases {
        let outcome = hear(Command::Apply, &[VERSION, &error(summary)], Ended::Exit(1));
        assert_eq!(outcome.verdict, verdict, "{summary}");
    }
}

/// A lost state is worse than whatever else is wrong.
#[test]
fn a_state_that_was_not_saved_is_told_before_any_other_reason() {
    let errors = [
        error("Provider produced inconsistent final plan"),
        error("Failed to persist state to backend"),
    ];
    let outcome = hear(Command::Apply, &[VERSION, &errors[0], &errors[1]], Ended::Exit(1));
    assert_eq!(outcome.verdict, Verdict::StateNotSaved);
}

/// Seen with 1.11.4: the error that refuses `-var` beside a saved plan shows both values, also of a sensitive variable.
#[test]
fn the_detail_of_a_diagnostic_has_no_way_to_a_reader() {
    let canary = "correct-horse-battery";
    let line = serde_json::json!({"type": "diagnostic", "diagnostic": {
        "severity": "error", "summary": "Can't change variable when applying a saved plan", "detail": canary,
        "snippet": {"code": canary, "values": [{"statement": canary}]}}});
    let outcome = hear(Command::Apply, &[VERSION, &line.to_string()], Ended::Exit(1));
    for shown in [
        format!("{outcome:?}"),
        format!("{:?}", Said::of(&line.to_string())),
        what_it_is(&outcome),
    ] {
        assert!(shown.contains("saved plan"), "{shown}");
        assert!(!shown.contains(canary), "{shown}");
    }
}

#[test]
fn words_of_a_newer_terraform_are_progress_and_no_error() {
    assert_eq!(
        Said::of(r#"{"type":"action_start"}"#),
        Said::Other("action_start".to_owned())
    );
    assert_eq!(Said::of("a wrapper's own words"), Said::Unreadable);
    // Known by name, but without what belongs to it.
    assert_eq!(Said::of(r#"{"type":"apply_start"}"#), Said::Unreadable);
}

#[test]
fn nothing_that_changes_what_a_command_means_reaches_terraform() {
    for name in [
        "TF_CLI_ARGS_plan",
        "TF_CLI_ARGS",
        "TF_VAR_secret",
        "TF_WORKSPACE",
        "TF_DATA_DIR",
        "TF_LOG",
        "TF_REATTACH_PROVIDERS",
        "TF_CLI_CONFIG_FILE",
        "GITHUB_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "LD_PRELOAD",
        "GIT_SSH_COMMAND",
    ] {
        assert!(!is_passed_on(name) && !is_passed_on_to_init(name), "{name}");
    }
    for name in ["PATH", "HOME", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTPS_PROXY"] {
        assert!(is_passed_on(name) && is_passed_on_to_init(name), "{name}");
    }
}

/// A module behind `git@` is fetched with the keys of an agent, one of a private registry with its token; providers, which a
/// plan starts, get neither.
#[test]
fn keys_and_tokens_for_modules_reach_init_alone() {
    for name in ["SSH_AUTH_SOCK", "TF_TOKEN_app_terraform_io"] {
        assert!(is_passed_on_to_init(name) && !is_passed_on(name), "{name}");
    }
}
