//! Too many lines for a tired reader: what is like everything else goes first, and the story says what went.

use std::collections::BTreeSet;
use std::time::Duration;

use super::lines::{Kind, Line, span};

/// A wait that is shorter is not told: nobody would look up.
const SHORT: Duration = Duration::from_secs(5);
/// Shorter than the boot of a machine: the first to go where room is short.
const MIDDLING: Duration = Duration::from_secs(20);

/// What is left, and what was left out.
pub(super) struct Folded {
    pub(super) lines: Vec<Line>,
    short_waits: usize,
    waits: usize,
    steps: usize,
    middle: usize,
}

/// At most `room` lines: first the shortest waits go, then undisturbed steps become a line, then all waits go, and what
/// is still too long loses its middle.
pub(super) fn fold(mut lines: Vec<Line>, room: usize) -> Folded {
    let mut folded = Folded {
        lines: Vec::new(),
        short_waits: 0,
        waits: 0,
        steps: 0,
        middle: 0,
    };
    let all = lines.len();
    lines.retain(|line| line.waited().is_none_or(|waited| waited >= SHORT));
    folded.short_waits = all.saturating_sub(lines.len());
    folded.waits = drop_waits(&mut lines, room, MIDDLING);
    while lines.len() > room
        && let Some((first, done)) = calm_step(&lines)
    {
        fold_step(&mut lines, first, done);
        folded.steps = folded.steps.saturating_add(1);
    }
    let more = drop_waits(&mut lines, room, Duration::MAX);
    folded.waits = folded.waits.saturating_add(more);
    folded.middle = drop_middle(&mut lines, room);
    folded.lines = lines;
    folded
}

fn drop_middle(lines: &mut Vec<Line>, room: usize) -> usize {
    if lines.len() <= room {
        return 0;
    }
    let dropped = lines.len().saturating_sub(room).saturating_add(1);
    let keep = room.saturating_mul(3) / 5;
    let at = lines.get(keep).map(|line| line.at).unwrap_or_default();
    let gap = Line {
        at,
        kind: Kind::Trouble,
        step: None,
        who: "…".to_owned(),
        parts: vec![format!("{dropped} lines folded")],
        last: at,
    };
    lines.splice(keep..keep.saturating_add(dropped), [gap]);
    dropped
}

/// The last step that was done without anything happening meanwhile: its first line and the one that says so. The first
/// step of a story stays, so that a reader sees the dance once.
fn calm_step(lines: &[Line]) -> Option<(usize, usize)> {
    let mut calm = Vec::new();
    for (done, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.kind == Kind::Done)
    {
        let begins = |other: &Line| {
            other.step == line.step && other.parts.iter().any(|part| part.starts_with("launch"))
        };
        let Some(first) = lines.iter().take(done).rposition(begins) else {
            continue;
        };
        let meanwhile = lines.get(first..done).unwrap_or_default();
        if first < done && meanwhile.iter().all(|line| line.kind != Kind::Trouble) {
            calm.push((first, done));
        }
    }
    let first_of_all = lines.iter().find(|line| line.kind == Kind::Done)?.step.clone();
    calm.retain(|(_, done)| lines.get(*done).is_some_and(|line| line.step != first_of_all));
    calm.pop()
}

/// All lines of a step up to its end become one, where the first stood.
fn fold_step(lines: &mut Vec<Line>, first: usize, done: usize) {
    let (Some(begin), Some(end)) = (lines.get(first).cloned(), lines.get(done).cloned()) else {
        return;
    };
    let (mut actions, mut waits, mut index) = (0_usize, 0_usize, 0_usize);
    lines.retain(|line| {
        let goes = (first..=done).contains(&index) && line.step == begin.step;
        index = index.saturating_add(1);
        match line.kind {
            Kind::Action if goes => actions = actions.saturating_add(line.parts.len()),
            Kind::Wait if goes => waits = waits.saturating_add(1),
            Kind::Action | Kind::Wait | Kind::Done | Kind::Trouble => {}
        }
        !goes
    });
    let took = end.at.saturating_sub(begin.at).as_secs();
    let line = Line {
        kind: Kind::Done,
        last: end.at,
        parts: vec![format!(
            "done in {} ({actions} actions, {waits} waits)",
            span(took)
        )],
        ..begin
    };
    lines.insert(first.min(lines.len()), line);
}

/// The shortest waits below a bound, as many as have to go; how many went.
fn drop_waits(lines: &mut Vec<Line>, room: usize, below: Duration) -> usize {
    let waits = lines.iter().enumerate();
    let mut by_length: Vec<(Duration, usize)> = waits
        .filter_map(|(index, line)| Some((line.waited()?, index)))
        .filter(|(waited, _)| *waited < below)
        .collect();
    by_length.sort_unstable();
    let excess = lines.len().saturating_sub(room);
    let gone: BTreeSet<usize> = by_length
        .into_iter()
        .take(excess)
        .map(|(_, index)| index)
        .collect();
    let mut index = 0_usize;
    lines.retain(|_| {
        let stays = !gone.contains(&index);
        index = index.saturating_add(1);
        stays
    });
    gone.len()
}

impl Folded {
    /// What was left out; empty if nothing was.
    pub(super) fn note(&self) -> String {
        let parts = [
            (self.short_waits, "waits under 5 s"),
            (self.waits, "longer waits"),
            (self.steps, "undisturbed steps folded into a line"),
            (self.middle, "lines in the middle"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if said.is_empty() {
            return "       nothing is left out".to_owned();
        }
        format!("       left out: {}", said.join(", "))
    }
}
