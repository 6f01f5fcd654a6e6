//! What is handed over may be cut off, something else, or endless.

use std::io::{self, Read};

use super::plans;
use super::*;

fn refused(text: &str) -> Unreadable {
    decide(text.as_bytes(), &upgrade(), &keyed())
        .map(|_| ())
        .unwrap_err()
}

#[test]
fn a_plan_cut_off_anywhere_is_no_plan() {
    let whole = plans::upgrade().to_string();
    for at in (0..whole.len())
        .step_by(97)
        .filter(|at| whole.is_char_boundary(*at))
    {
        assert!(
            matches!(refused(&whole[..at]), Unreadable::NotJson { .. }),
            "cut off at {at}"
        );
    }
}

#[test]
fn what_is_no_plan_is_told_with_its_place_and_without_its_text() {
    for (text, told) in [
        ("", "line 1, column"),
        ("Error: canary-hunter2", "line 1, column"),
        ("{} {}", "line 1, column"),
        ("\"canary-hunter2\"", "line 1, column"),
        ("[\"canary-hunter2\"]", "line 1, column"),
        ("{\"resource_changes\": \"canary-hunter2\"}", "line 1, column"),
        ("{\"errored\": \"canary-hunter2\"}", "line 1, column"),
    ] {
        let said = refused(text).to_string();
        assert!(said.contains(told) && !said.contains("canary"), "{text}: {said}");
    }
}

#[test]
fn a_part_of_the_plan_that_stands_twice_is_refused_because_readers_disagree_which_counts() {
    let text = plans::upgrade().to_string();
    let twice = text.replacen('{', "{\"errored\":false,", 1);
    assert!(matches!(refused(&twice), Unreadable::NotAPlan { .. }));
    let mut plan = plans::upgrade().to_string();
    let at = plan.find("\"actions\":[\"update\"]").unwrap();
    plan.insert_str(at, "\"actions\":[\"delete\"],");
    let decision = decide(plan.as_bytes(), &upgrade(), &keyed()).unwrap();
    assert_eq!(
        rules(&decision),
        ["gate::missing", "plan::unreadable_change"].into()
    );
}

#[test]
fn a_stream_that_breaks_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the pipe is gone"))
        }
    }
    let text = plans::upgrade().to_string();
    let half = text.as_bytes()[..text.len() / 2].chain(Broken);
    let error = decide(half, &upgrade(), &keyed()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Unreadable::Broken(source) if source.to_string() == "the pipe is gone"));
}

#[test]
fn a_configuration_before_the_changes_is_not_trusted_with_replacements() {
    let plan = plans::alone("aws_route", &["delete", "create"], "a");
    assert_eq!(judged(&plan, &infrastructure()).verdict, Verdict::Allowed);
    let changes = plan["resource_changes"].to_string();
    let mut rest = plan;
    rest.as_object_mut().unwrap().remove("resource_changes");
    let mut text = rest.to_string();
    text.truncate(text.len() - 1);
    text.push_str(&format!(",\"resource_changes\":{changes}}}"));
    let decision = decide(text.as_bytes(), &infrastructure(), &keyed()).unwrap();
    assert_eq!(rules(&decision), ["plan::unreadable_change"].into());
}
