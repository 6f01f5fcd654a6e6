//! A rollout as markdown: for the comment on a pull request, and for the record.

use rehull_core::event::Event;

use super::groups;
use super::halt;
use super::numbers::{duration, tenths};
use super::paint::Paint;
use super::plain;
use super::summary::{
    LoadVerdict, has_stalls, holds, load_words, margin, snapshot, stall, troubles, unmeasured, used_phases,
    versions,
};
use super::timeline::{Outcome, Timeline};

/// `timeline` is the story of `events`. The verdict first, then the table, then what happened line by line behind a fold.
#[must_use]
pub fn rollout(events: &[Event], timeline: &Timeline, load: Option<&LoadVerdict>) -> String {
    let mut out = format!("### {}\n\n", headline(timeline));
    out.push_str(&format!("{}\n\n", timeline.headline));
    if !timeline.steps.is_empty() {
        out.push_str(&table(timeline));
    }
    for line in groups::lines(timeline) {
        out.push_str(&format!("\nGroup {}\n", escape(&line)));
    }
    let holds = holds(timeline);
    if !holds.is_empty() {
        out.push_str(&format!("\nHeld by: {holds}\n"));
    }
    if let Some(line) = unmeasured(timeline) {
        out.push_str(&format!("\nLongest write stall: {line}\n"));
    }
    if let Some(kept) = &timeline.snapshot {
        out.push_str(&format!(
            "\nSnapshot before the first change: {}\n",
            snapshot(kept)
        ));
    }
    if let Some(load) = load {
        out.push_str(&format!("\nUnder load: {}\n", load_words(load).join(" · ")));
    }
    let troubles = troubles(timeline);
    if !troubles.is_empty() {
        out.push_str("\nAttempts that did not succeed:\n\n");
        out.extend(troubles.iter().map(|line| format!("- {}\n", escape(line))));
    }
    if let Some(text) = halt::text(timeline, Paint::Plain) {
        out.push_str(&format!("\n```text\n{text}```\n"));
    }
    out.push_str(&format!(
        "\n<details><summary>{} events</summary>\n\n```text\n",
        events.len()
    ));
    out.push_str(&story(events));
    out.push_str("```\n\n</details>\n");
    out
}

fn headline(timeline: &Timeline) -> String {
    let id = timeline.rollout.as_ref().map_or("rollout", |id| id.as_str());
    let time = duration(timeline.worked());
    match &timeline.outcome {
        Outcome::Finished => format!("✅ `{id}` done in {time}"),
        Outcome::Stopped { rest, .. } if rest.at_rest => format!("⚠️ `{id}` stopped at rest after {time}"),
        Outcome::Stopped { rest, .. } => format!("🛑 `{id}` stopped, NOT at rest, margin {}", rest.margin),
        Outcome::Open => format!("`{id}` is open after {time}"),
    }
}

fn table(timeline: &Timeline) -> String {
    let phases = used_phases(timeline);
    let words: Vec<&str> = phases.iter().map(|phase| phase.word()).collect();
    let stalls: &[&str] = if has_stalls(timeline) {
        &["longest write stall"]
    } else {
        &[]
    };
    let head = [
        &["member", "from → to", "total s"],
        words.as_slice(),
        &["margin"],
        stalls,
    ];
    let mut out = row(&head.concat());
    let last_rules: &[&str] = if has_stalls(timeline) { &["---:"] } else { &[] };
    let rules: Vec<&str> = std::iter::repeat_n("---:", phases.len()).collect();
    out.push_str(&row(&[
        &["---", "---", "---:"],
        rules.as_slice(),
        &["---"],
        last_rules,
    ]
    .concat()));
    for step in timeline.in_order() {
        let total = if step.done_at.is_some() {
            tenths(step.total())
        } else {
            "–".to_owned()
        };
        let mut cells = vec![step.outline.slot.to_string(), versions(step), total];
        cells.extend(
            phases
                .iter()
                .map(|phase| step.phases.get(phase).map_or_else(String::new, |s| tenths(*s))),
        );
        cells.push(step.margin.map_or_else(String::new, margin));
        if has_stalls(timeline) {
            cells.push(stall(step));
        }
        out.push_str(&row(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    out
}

fn row(cells: &[&str]) -> String {
    format!(
        "| {} |\n",
        cells
            .iter()
            .map(|cell| escape(cell))
            .collect::<Vec<_>>()
            .join(" | ")
    )
}

/// Words of other programs may hold anything; a pipe would break the table and a tag the page.
fn escape(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace(['\n', '\r'], " ")
}

fn story(events: &[Event]) -> String {
    let mut timeline = Timeline::default();
    let mut out = String::new();
    for event in events {
        timeline.apply(event);
        // The text stands in a code block: nothing in it may close the block.
        out.push_str(&plain::lines(event, &timeline, Paint::Plain).replace("```", "'''"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_verdict_and_the_table_come_before_the_fold() {
        let text = rollout(
            &fixture::halted_at_rest(),
            &Timeline::of(&fixture::halted_at_rest()),
            None,
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_stall_that_nobody_watched_all_the_time_is_a_least_value() {
        let events = fixture::killed_and_resumed();
        let mut timeline = Timeline::of(&events);
        for step in &mut timeline.steps {
            step.stall = Some(std::time::Duration::from_millis(1_185));
        }
        let text = rollout(&events, &timeline, None);
        assert!(text.contains("| ≥ 1,185 ms |"), "{text}");
        let line = "\nLongest write stall: the longest while rehull watched; nobody measured: etcd-b 1 h\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn words_of_others_cannot_break_the_table() {
        assert_eq!(escape("a|b<script>\nc"), "a\\|b&lt;script> c");
    }
}
