//! The text of a halt: why, whether it is safe to leave, what is left, what to type.

use rehull_core::domain::waiting::{LeftPod, PodHeld, StopReason};
use rehull_core::event::Rest;

use super::groups;
use super::no_return;
use super::numbers::plural;
use super::paint::{Paint, Tone};
use super::timeline::{GroupStory, Outcome, StepStory, Timeline};
use super::words;

/// The whole text, or nothing if the rollout has not stopped. Ends in a newline.
#[must_use]
pub fn text(timeline: &Timeline, paint: Paint) -> Option<String> {
    let Outcome::Stopped { reason, rest } = &timeline.outcome else {
        return None;
    };
    if let StopReason::LeaseLost { .. } = reason {
        // What this process saw last is of the time before it slept or was cut off.
        let headline = "halted · somebody else has taken this cluster over, and knows how it stands";
        let mut out = format!("{}\n", paint.tone(Tone::Care, headline));
        line(&mut out, "because", &words::because(reason));
        line(&mut out, "next", &next(timeline, reason, rest));
        return Some(out);
    }
    let mut out = format!("{}\n", headline(timeline, reason, rest, paint));
    line(&mut out, "because", &words::because(reason));
    let safe = if rest.at_rest { "at rest" } else { "NOT at rest" };
    line(&mut out, safe, &rest_words(rest));
    line(&mut out, "left", &left(timeline, rest));
    let no_return = no_return::ahead(timeline).or_else(|| no_return::passed(timeline).map(str::to_owned));
    line(&mut out, "no return", no_return.as_slice());
    line(&mut out, "next", &next(timeline, reason, rest));
    Some(out)
}

fn line(out: &mut String, label: &str, lines: &[String]) {
    for (number, text) in lines.iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        out.push_str(&format!("  {label:<11}  {text}\n"));
    }
}

fn headline(timeline: &Timeline, reason: &StopReason, rest: &Rest, paint: Paint) -> String {
    let word = match reason {
        StopReason::Asked { .. } => "stopped as asked",
        StopReason::QuorumLost { .. }
        | StopReason::OutsideEnvelope { .. }
        | StopReason::PastPointOfNoReturn { .. }
        | StopReason::BootRefused { .. }
        | StopReason::Deadline { .. }
        | StopReason::Refused { .. }
        | StopReason::Alarm { .. }
        | StopReason::NoCapacity { .. }
        | StopReason::NoLaunch { .. }
        | StopReason::Undrained { .. }
        | StopReason::Terraform { .. }
        | StopReason::LeaseLost { .. }
        | StopReason::StoreSilent { .. } => "halted",
    };
    let place = match timeline.current() {
        Some(step) => format!(
            "in step {} of {}, {}",
            timeline.done() + 1,
            timeline.steps.len(),
            step.outline.slot
        ),
        None => match groups::current(timeline) {
            Some(group) => format!("in {}, {}", group.outline.group, group.far()),
            None if timeline.steps.is_empty() => "before the first machine".to_owned(),
            None => format!("after step {} of {}", timeline.done(), timeline.steps.len()),
        },
    };
    let state = match (rest.at_rest, reason.needs_human()) {
        (true, false) => "nothing is broken, nothing is in flight",
        (true, true) => "nothing is in flight; a person must look",
        (false, false) => "NOT at rest",
        (false, true) => "NOT at rest; a person must look",
    };
    let tone = if rest.at_rest { Tone::Care } else { Tone::Bad };
    paint.tone(tone, &format!("{word} {place} · {state}"))
}

fn rest_words(rest: &Rest) -> Vec<String> {
    let margin = match rest.margin {
        _ if !rest.heard => "margin not known: no member could be asked from here".to_owned(),
        negative if negative < 0 => format!("margin {negative}: etcd has no quorum, nothing can be written"),
        0 => "margin 0: one more failure stops all writes".to_owned(),
        1 => "margin 1: one member may still fail".to_owned(),
        more => format!("margin {more}: {more} members may still fail"),
    };
    let mut lines = rest.left.clone();
    lines.push(margin);
    lines
}

/// How many machines run what, and whether that may stay so.
fn left(timeline: &Timeline, rest: &Rest) -> Vec<String> {
    let done = timeline.done();
    // A step that is held, or whose replacement only boots, has changed nothing. A machine that was not there before runs
    // nothing until its step is over.
    let is_between = |step: &&StepStory| match step.outline.from {
        Some(_) => step.is_in_switch(),
        None => step.begun_at.is_some() && step.done_at.is_none(),
    };
    let between = timeline
        .steps
        .iter()
        .filter(|step| !rest.at_rest && is_between(step));
    let between: Vec<String> = between.map(|step| step.outline.slot.to_string()).collect();
    // The step of a spare is no machine more: it goes in the end.
    let of_machines = |step: &&StepStory| step.outline.from.is_some() || !has_old(timeline);
    let machines = timeline.steps.iter().filter(of_machines).count();
    let open = machines.saturating_sub(done).saturating_sub(between.len());
    let lasting = if rest.at_rest { ": legal for days" } else { "" };
    let groups = timeline.groups.iter().filter_map(GroupStory::left);
    let groups = groups.map(|runs| format!("{runs}{lasting}"));
    let Some(to) = timeline.steps.first().map(|step| step.outline.to) else {
        return groups.collect();
    };
    let from = timeline
        .steps
        .iter()
        .find(|step| step.done_at.is_none())
        .and_then(|step| step.outline.from);
    let old = match from {
        Some(from) if from != to => format!("on {from}"),
        Some(_) | None => "as before".to_owned(),
    };
    let mut parts: Vec<String> = match (done, open) {
        (0, 0) => Vec::new(),
        (0, open) => vec![format!("{} {old}", plural(open, "machine", "machines"))],
        (done, 0) => vec![format!("{} on {to}", plural(done, "machine", "machines"))],
        (done, open) => vec![
            format!("{} on {to}", plural(done, "machine", "machines")),
            format!("{open} {old}"),
        ],
    };
    if !between.is_empty() {
        parts.push(format!("{} in between", between.join(", ")));
    }
    let members = format!("{}{lasting}", parts.join(", "));
    std::iter::once(members).chain(groups).collect()
}

/// Some machine ran before this rollout: it is no bootstrap.
fn has_old(timeline: &Timeline) -> bool {
    timeline.steps.iter().any(|step| step.outline.from.is_some())
}

/// How a node gets empty.
fn let_go(pods: &[LeftPod]) -> &'static str {
    if pods.iter().any(|left| left.held == PodHeld::Stopping) {
        "let its pods go (where its kubelet answers no more, terminate its machine), then"
    } else {
        "let its pods go, or loosen their budgets, then"
    }
}

/// What to type. A reason that a person must clear first says so before the command.
fn next(timeline: &Timeline, reason: &StopReason, rest: &Rest) -> Vec<String> {
    let id = timeline.rollout.as_ref().map_or("", |id| id.as_str());
    if let Some(over) = &timeline.over {
        let back = if timeline.done() > 0 && no_return::passed(timeline).is_none() {
            format!("   |   rehull rollback {id}")
        } else {
            String::new()
        };
        let mut lines = vec![format!(
            "this rollout is over ({over}): plan again{back}   |   rehull report {id}"
        )];
        // Of a rollout that somebody else has ended, what was seen here says nothing any more.
        if !rest.at_rest && matches!(reason, StopReason::Asked { .. }) {
            lines.insert(
                0,
                "what is out comes back by: rehull etcd heal MEMBER FILE; then".to_owned(),
            );
        }
        return lines;
    }
    let resume = format!("rehull resume {id}");
    let look = format!("rehull status {id}");
    let report = format!("rehull report {id}");
    let first = |what: &str, command: &str| vec![what.to_owned(), format!("{command}   |   {report}")];
    // A machine that does not come up is what a way back is for: before its switch nothing has to be undone but the
    // machine; after it, past the point of no return a rollback refuses by itself.
    let or_back = |what: &str| {
        if !has_old(timeline) {
            let mut lines = first(what, &resume);
            lines.push(format!(
                "as long as no volume is attached yet also: rehull abort {id}"
            ));
            return lines;
        }
        let mut lines = first(what, &format!("{resume}   |   rehull abort {id}"));
        if !timeline.is_whole() {
            lines.push(format!("or go back: rehull rollback {id}"));
        }
        lines
    };
    match reason {
        StopReason::Asked { .. } | StopReason::NoCapacity { .. } | StopReason::NoLaunch { .. } => {
            vec![format!("{resume}   |   rehull abort {id}   |   {report}")]
        }
        StopReason::QuorumLost { .. } => first(
            "start nothing and delete nothing; bring back members that still have their volume, then",
            &look,
        ),
        StopReason::OutsideEnvelope { .. } => first("find out who changed it and put it back, then", &resume),
        StopReason::PastPointOfNoReturn { .. } => vec![
            "nothing was taken out for it; etcd's own downgrade is the way: docs/runbooks/rollback-refused.md".to_owned(),
            report,
        ],
        StopReason::Undrained { pods, .. } => or_back(let_go(pods)),
        StopReason::Refused { .. } => first("fix the cause, then", &resume),
        StopReason::BootRefused { .. } => or_back("fix the cause, then"),
        StopReason::Deadline { .. } => or_back("find out why it takes so long, then"),
        StopReason::Alarm { .. } => first(
            "remove its cause and disarm it by hand: docs/runbooks/alarm.md; then",
            &resume,
        ),
        StopReason::Terraform { help, .. } if help.is_empty() => first("fix the cause, then", &resume),
        StopReason::Terraform { help, .. } => {
            first(&format!("{help}; then"), &format!("{resume}   |   rehull abort {id}"))
        }
        StopReason::LeaseLost { .. } => first("somebody else works on this cluster:", &look),
        StopReason::StoreSilent { .. } => first("when the store answers again:", &resume),
    }
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::ids::SlotName;
    use rehull_core::domain::waiting::{RedGate, WaitingOn};
    use rehull_core::event::What;

    use super::super::fixture;
    use super::*;

    fn shown(events: &[rehull_core::event::Event]) -> String {
        text(&Timeline::of(events), Paint::Plain).unwrap_or_default()
    }

    #[test]
    fn a_halt_at_rest_says_that_it_may_stay_so_for_days() {
        insta::assert_snapshot!(shown(&fixture::halted_at_rest()));
    }

    #[test]
    fn a_halt_inside_the_window_says_not_at_rest_and_the_margin() {
        insta::assert_snapshot!(shown(&fixture::halted_in_the_window()));
    }

    #[test]
    fn a_store_that_does_not_answer_is_named_and_nobody_is_blamed_for_it() {
        let mut timeline = Timeline::of(&fixture::halted_at_rest());
        if let Outcome::Stopped { reason, .. } = &mut timeline.outcome {
            *reason = StopReason::StoreSilent {
                store: "s3://bucket/store/".to_owned(),
                since: "2026-11-21T10:00:00Z".parse().unwrap_or_default(),
                why: "timed out".to_owned(),
            };
        }
        let text = text(&timeline, Paint::Plain).unwrap_or_default();
        let because = "because      the store s3://bucket/store/ does not answer since 2026-11-21T10:00:00Z: timed out\n";
        assert!(text.contains(because), "{text}");
        assert!(
            text.contains("it runs out by itself") && !text.contains("somebody else"),
            "{text}"
        );
    }

    #[test]
    fn a_rollout_that_is_over_is_not_offered_for_resuming() {
        let mut timeline = Timeline::of(&fixture::halted_at_rest());
        timeline.over = Some("aborted".to_owned());
        let text = text(&timeline, Paint::Plain).unwrap_or_default();
        assert!(
            !text.contains("rehull resume") && text.contains("over (aborted)"),
            "{text}"
        );
    }

    #[test]
    fn a_halt_in_the_switch_of_the_last_old_member_says_what_both_ways_on_cost() {
        let mut timeline = Timeline::of(&fixture::halted_in_the_window());
        timeline.steps.retain(|step| step.begun_at.is_some());
        assert!(
            !text(&timeline, Paint::Plain)
                .unwrap_or_default()
                .contains("no return")
        );
        let timeline = timeline.of_plan(&fixture::plan());
        let text = text(&timeline, Paint::Plain).unwrap_or_default();
        let said = "\n  no return    the nearest resting place is behind the point of no return: etcd-b, the last 3.5 member, ";
        assert!(text.contains(said), "{text}");
        let place = |what: &str| text.find(what).unwrap_or(usize::MAX);
        assert!(place("no return") < place("  next"), "{text}");
    }

    /// It is held by the gates because another member has fallen, and nothing of it was touched.
    #[test]
    fn a_step_that_was_only_held_leaves_its_machine_as_before() {
        let red = vec![RedGate {
            slot: Some(SlotName::new("etcd-c")),
            gate: "answers".to_owned(),
            seen: "connection refused".to_owned(),
            until: None,
        }];
        let rest = Rest {
            at_rest: false,
            heard: true,
            margin: 0,
            left: Vec::new(),
        };
        let reason = StopReason::Asked {
            how: "stop (Ctrl-C)".to_owned(),
        };
        let events = [
            fixture::event(0.0, fixture::started(true)),
            fixture::event(1.0, fixture::waiting("etcd-b", WaitingOn::Gate { red }, 0)),
            fixture::event(9.0, What::Stopped { reason, rest }),
        ];
        let text = text(&Timeline::of(&events), Paint::Plain).unwrap_or_default();
        assert!(text.contains("3 machines on 3.5.33\n"), "{text}");
        assert!(!text.contains("in between"), "{text}");
    }

    #[test]
    fn past_the_point_of_no_return_no_rollback_is_offered() {
        let mut timeline = Timeline::of(&fixture::halted_in_the_window()).of_plan(&fixture::plan());
        timeline.over = Some("aborted".to_owned());
        for step in &mut timeline.steps {
            step.done_at = timeline.last_at;
        }
        let text = text(&timeline, Paint::Plain).unwrap_or_default();
        assert!(
            text.contains("no return    the point of no return has passed"),
            "{text}"
        );
        assert!(!text.contains("rehull rollback"), "{text}");
    }

    #[test]
    fn an_abort_that_leaves_a_member_out_names_healing_and_a_rollout_that_others_ended_does_not() {
        let mut timeline = Timeline::of(&fixture::halted_in_the_window());
        timeline.over = Some("aborted".to_owned());
        let mut said = |reason: StopReason| {
            if let Outcome::Stopped { reason: told, .. } = &mut timeline.outcome {
                *told = reason;
            }
            text(&timeline, Paint::Plain).unwrap_or_default()
        };
        let how = "abort by ann".to_owned();
        assert!(said(StopReason::Asked { how }).contains("rehull etcd heal MEMBER FILE"));
        let holder = "ann@host 7".to_owned();
        let lost = said(StopReason::LeaseLost { holder });
        assert!(!lost.contains("heal"), "{lost}");
        // A woken holder knows nothing of what its successor has done.
        for stale in ["margin", "at rest", "machines"] {
            assert!(!lost.contains(stale), "{stale}: {lost}");
        }
    }

    #[test]
    fn a_creation_whose_machine_refuses_is_to_be_resumed_and_an_abort_has_its_condition() {
        let mut timeline = Timeline::of(&fixture::halted_in_the_window());
        for step in &mut timeline.steps {
            step.outline.from = None;
        }
        if let Outcome::Stopped { reason, .. } = &mut timeline.outcome {
            *reason = StopReason::BootRefused {
                machine: fixture::new("etcd-b"),
                code: "blank".to_owned(),
                text: "its volume is blank".to_owned(),
            };
        }
        let text = text(&timeline, Paint::Plain).unwrap_or_default();
        assert!(
            text.contains("as long as no volume is attached yet also: rehull abort"),
            "{text}"
        );
        assert!(!text.contains("rehull rollback"), "{text}");
    }

    #[test]
    fn a_rollout_that_runs_or_is_done_has_no_halt_text() {
        assert_eq!(text(&Timeline::of(&fixture::whole_rollout()), Paint::Plain), None);
    }
}
