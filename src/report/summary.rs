//! The end table: member, from → to, seconds per phase, margins, what held it, and the load's own verdict.

use std::time::Duration;

use super::groups;
use super::numbers::{bytes, count, duration, millis, plural, tenths};
use super::paint::{Paint, Tone};
use super::phase::Phase;
use super::table::{Cell, Row, layout};
use super::timeline::{Kept, MarginStory, Outcome, StepStory, Timeline};

/// What a load that ran beside the rollout has measured. The rollout itself cannot know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadVerdict {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged writes that could not be read back afterwards.
    pub lost: u64,
    /// Longest time that any client with a time-out per try and a retry went without an acknowledged write.
    pub stall_max: Duration,
    /// Watches that ran all the time.
    pub watches: u32,
    /// Watches that missed an event or saw two in the wrong order.
    pub watches_broken: u32,
}

/// The table and the lines under it. Ends in a newline.
#[must_use]
pub fn text(timeline: &Timeline, load: Option<&LoadVerdict>, paint: Paint) -> String {
    let mut out = table(timeline, paint);
    out.push_str(&groups::table(timeline));
    let holds = holds(timeline);
    if !holds.is_empty() {
        out.push_str(&format!("  held by   {holds}\n"));
    }
    if let Some(line) = unmeasured(timeline) {
        out.push_str(&format!("  stall     {line}\n"));
    }
    for line in troubles(timeline) {
        out.push_str(&format!("  tried     {line}\n"));
    }
    if let Some(kept) = &timeline.snapshot {
        out.push_str(&format!("  snapshot  {}\n", snapshot(kept)));
    }
    out.push('\n');
    out.push_str(&verdict(timeline, load, paint));
    out
}

/// One row per step of etcd; columns in which nothing happened are left out.
fn table(timeline: &Timeline, paint: Paint) -> String {
    if timeline.steps.is_empty() {
        return String::new();
    }
    let phases = used_phases(timeline);
    let mut head = vec![
        Cell::left("member"),
        Cell::left("from → to"),
        Cell::right("total"),
    ];
    head.extend(phases.iter().map(|phase| Cell::right(phase.word())));
    if has_stalls(timeline) {
        head.push(Cell::right("stall"));
    }
    head.push(Cell::left("margin"));
    let head = head.into_iter().map(|cell| cell.tone(Tone::Faint)).collect();
    let mut rows = vec![Row::Cells(head)];
    rows.extend(
        timeline
            .in_order()
            .into_iter()
            .map(|step| Row::Cells(row(step, &phases, has_stalls(timeline)))),
    );
    layout(&rows, "  ", paint)
}

/// Phases in which any step spent time, in the order of the dance.
#[must_use]
pub fn used_phases(timeline: &Timeline) -> Vec<Phase> {
    let used = |phase: &Phase| timeline.steps.iter().any(|step| step.phases.contains_key(phase));
    Phase::ALL.into_iter().filter(used).collect()
}

/// Whether the longest wait of a write is known of any step.
#[must_use]
pub fn has_stalls(timeline: &Timeline) -> bool {
    timeline.steps.iter().any(|step| step.stall.is_some())
}

fn row(step: &StepStory, phases: &[Phase], stalls: bool) -> Vec<Cell> {
    let total = match (step.begun_at, step.done_at) {
        (None, _) => "–".to_owned(),
        (Some(_), None) => format!("{}…", tenths(step.total())),
        (Some(_), Some(_)) => tenths(step.total()),
    };
    let mut cells = vec![
        Cell::left(step.outline.slot.as_str()),
        Cell::left(versions(step)),
        Cell::right(total),
    ];
    for phase in phases {
        cells.push(Cell::right(
            step.phases
                .get(phase)
                .map_or_else(|| "–".to_owned(), |span| tenths(*span)),
        ));
    }
    if stalls {
        cells.push(Cell::right(stall(step)));
    }
    cells.push(Cell::left(step.margin.map_or_else(|| "–".to_owned(), margin)));
    cells
}

/// `1,480 ms`; `≥ 1,480 ms` where nobody measured for a part of the step.
#[must_use]
pub fn stall(step: &StepStory) -> String {
    match step.stall {
        None => "–".to_owned(),
        Some(longest) if step.unmeasured.is_zero() => millis(longest),
        Some(longest) => format!("≥ {}", millis(longest)),
    }
}

/// Whose longest stall is only the longest that somebody saw, and how long nobody looked.
#[must_use]
pub fn unmeasured(timeline: &Timeline) -> Option<String> {
    let parts: Vec<String> = timeline
        .in_order()
        .into_iter()
        .filter(|step| step.stall.is_some() && !step.unmeasured.is_zero())
        .map(|step| format!("{} {}", step.outline.slot, duration(step.unmeasured)))
        .collect();
    let parts = parts.join(", ");
    (!parts.is_empty()).then(|| format!("the longest while rehull watched; nobody measured: {parts}"))
}

/// `3.5.33 → 3.6.14`, or the release alone where it does not change.
#[must_use]
pub fn versions(step: &StepStory) -> String {
    match step.outline.from {
        Some(from) if from != step.outline.to => format!("{from} → {}", step.outline.to),
        Some(_) | None => step.outline.to.to_string(),
    }
}

/// `1 → 0 → 1`.
#[must_use]
pub fn margin(story: MarginStory) -> String {
    format!("{} → {} → {}", story.before, story.lowest, story.after)
}

/// One line when a step is done: `✓ replaced in 9.8 s   boot 1.4 · stop 0.3 · …`.
#[must_use]
pub fn step_line(step: &StepStory, paint: Paint) -> String {
    let parts: Vec<String> = step
        .phases
        .iter()
        .map(|(phase, span)| format!("{} {}", phase.word(), tenths(*span)))
        .collect();
    let leader = step
        .leader_to
        .as_ref()
        .map(|to| format!("leader moved to {to}, "))
        .unwrap_or_default();
    let stall = step
        .stall
        .map(|stall| format!("   longest write stall {}{}", millis(stall), while_watched(step)))
        .unwrap_or_default();
    let margins = step
        .margin
        .map(|story| format!("   margin {}", margin(story)))
        .unwrap_or_default();
    format!(
        "{}  {} {leader}{} in {}   {}{margins}{stall}",
        step.outline.slot,
        paint.tone(Tone::Good, "✓"),
        if step.outline.spare {
            "spare, there and gone"
        } else {
            "replaced"
        },
        duration(step.total()),
        paint.tone(Tone::Faint, &parts.join(" · ")),
    )
}

fn while_watched(step: &StepStory) -> String {
    if step.unmeasured.is_zero() {
        return String::new();
    }
    format!(
        " while rehull watched; nobody measured {}",
        duration(step.unmeasured)
    )
}

/// `bake 5.0 s · snapshot 1.0 s`; what took no time that anybody could notice is left out.
#[must_use]
pub fn holds(timeline: &Timeline) -> String {
    let noticed = timeline
        .holds
        .iter()
        .filter(|(_, span)| **span >= Duration::from_millis(100));
    noticed
        .map(|(word, span)| format!("{word} {}", duration(*span)))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Attempts that did not succeed, one line per step and action, the last words of the other side.
#[must_use]
pub fn troubles(timeline: &Timeline) -> Vec<String> {
    let mut lines: Vec<(String, u32, String)> = Vec::new();
    for trouble in &timeline.troubles {
        let what = format!("{} · {}", trouble.step, trouble.action.verb());
        match lines.iter_mut().find(|(known, _, _)| *known == what) {
            Some((_, times, last)) => {
                *times = times.saturating_add(1);
                *last = trouble.error.to_string();
            }
            None => lines.push((what, 1, trouble.error.to_string())),
        }
    }
    let times = |n: u32| {
        if n == 1 {
            "once".to_owned()
        } else {
            format!("{n} times")
        }
    };
    lines
        .into_iter()
        .map(|(what, n, last)| format!("{what} failed {}, last: {last}", times(n)))
        .collect()
}

/// Where the way back lies: place and key, size, revision, and how it was proved to restore.
#[must_use]
pub fn snapshot(kept: &Kept) -> String {
    let Kept { place, fact } = kept;
    format!(
        "{place}{}, {}, revision {}, test-restored by {}",
        fact.key,
        bytes(fact.bytes),
        fact.revision,
        fact.restored_by
    )
}

/// The last line: done, stopped or open; time; what the load says.
#[must_use]
pub fn verdict(timeline: &Timeline, load: Option<&LoadVerdict>, paint: Paint) -> String {
    let word = match timeline.outcome {
        Outcome::Finished => paint.tone(Tone::Good, "done"),
        Outcome::Stopped { .. } => paint.tone(Tone::Care, "stopped"),
        Outcome::Open => paint.tone(Tone::Care, "open"),
    };
    let mut parts = vec![duration(timeline.worked())];
    let (done, all) = timeline.replaced();
    let verb = if timeline.creates { "created" } else { "replaced" };
    parts.push(format!("{done} of {} {verb}", plural(all, "machine", "machines")));
    if timeline.resumes > 0 {
        let times = plural(
            usize::try_from(timeline.resumes).unwrap_or(usize::MAX),
            "time",
            "times",
        );
        parts.push(format!("resumed {times} (away for {})", duration(timeline.away)));
    }
    if let Some(load) = load {
        parts.extend(load_words(load));
    }
    format!("{word}     {}\n", parts.join(" · "))
}

/// The load's verdict, in parts.
#[must_use]
pub fn load_words(load: &LoadVerdict) -> Vec<String> {
    let watches = match (load.watches, load.watches_broken) {
        (0, _) => None,
        (all, 0) => Some(format!("{all} watches complete and in order")),
        (all, broken) => Some(format!("{broken} of {all} watches BROKEN")),
    };
    let mut parts = vec![
        format!("{} writes acknowledged", count(load.acknowledged)),
        format!("{} writes lost", count(load.lost)),
        format!("longest write stall {}", millis(load.stall_max)),
    ];
    parts.extend(watches);
    parts
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::action::Action;
    use rehull_core::domain::fleet::Join;
    use rehull_core::domain::observed::SnapshotFact;
    use rehull_core::event::What;

    use super::super::fixture;
    use super::*;

    fn shown(events: &[rehull_core::event::Event], load: Option<&LoadVerdict>) -> String {
        text(&Timeline::of(events), load, Paint::Plain)
    }

    #[test]
    fn a_whole_rollout_is_a_table_of_members_and_phases() {
        let load = LoadVerdict {
            acknowledged: 58_114,
            lost: 0,
            stall_max: Duration::from_millis(44),
            watches: 3,
            watches_broken: 0,
        };
        insta::assert_snapshot!(shown(&fixture::whole_rollout(), Some(&load)));
    }

    #[test]
    fn the_snapshot_is_named_with_key_size_revision_and_how_it_was_proved() {
        let fact = SnapshotFact {
            format: 1,
            key: "dev-2026-11-21-01/snapshot-1.db".to_owned(),
            bytes: 20_480,
            sha256: "ab".repeat(32),
            revision: 412,
            restored_by: "etcdutl 3.6.14 snapshot restore".to_owned(),
        };
        let place = "s3://snapshots/etcd/".to_owned();
        let timeline = Timeline::of(&fixture::halted_at_rest()).with_snapshot(Some(Kept { place, fact }));
        let shown = text(&timeline, None, Paint::Plain);
        let line = "  snapshot  s3://snapshots/etcd/dev-2026-11-21-01/snapshot-1.db, 20 KiB, revision 412, test-restored by etcdutl 3.6.14 snapshot restore\n";
        assert!(shown.contains(line), "{shown}");
    }

    #[test]
    fn time_between_a_kill_and_the_resume_belongs_to_no_phase() {
        insta::assert_snapshot!(shown(&fixture::killed_and_resumed(), None));
    }

    #[test]
    fn the_longest_stall_of_a_step_that_nobody_watched_all_the_time_says_so() {
        let mut timeline = Timeline::of(&fixture::killed_and_resumed());
        assert_eq!(
            unmeasured(&timeline),
            None,
            "where nothing is measured nothing is missing"
        );
        for step in &mut timeline.steps {
            step.stall = Some(Duration::from_millis(1_185));
        }
        let text = text(&timeline, None, Paint::Plain);
        // Begun at 0.2 s, killed at 3.3 s without a word, resumed an hour later.
        let line = "  stall     the longest while rehull watched; nobody measured: etcd-b 1 h\n";
        assert!(text.contains(line), "{text}");
        assert_eq!(text.matches("≥ 1,185 ms").count(), 1, "{text}");
        assert_eq!(text.matches("1,185 ms").count(), 3, "{text}");
        let told: Vec<String> = timeline
            .in_order()
            .into_iter()
            .map(|step| step_line(step, Paint::Plain))
            .collect();
        assert!(
            told[0].ends_with("longest write stall 1,185 ms while rehull watched; nobody measured 1 h"),
            "{told:?}"
        );
        assert!(told[1].ends_with("longest write stall 1,185 ms"), "{told:?}");
    }

    #[test]
    fn a_creation_says_that_machines_were_created() {
        let mut events = fixture::whole_rollout();
        for event in &mut events {
            if let What::Acting { action, .. } = &mut event.what
                && let Action::LaunchMachine { join, .. } = action
            {
                *join = Join::Bootstrap;
            }
        }
        let shown = shown(&events, None);
        assert!(shown.contains("3 of 3 machines created"), "{shown}");
    }

    #[test]
    fn a_halt_shows_what_is_done_and_what_is_not() {
        insta::assert_snapshot!(shown(&fixture::halted_at_rest(), None));
    }

    #[test]
    fn a_finished_step_fits_on_one_line() {
        let timeline = Timeline::of(&fixture::whole_rollout());
        let lines: Vec<String> = timeline
            .in_order()
            .into_iter()
            .map(|step| step_line(step, Paint::Plain))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
