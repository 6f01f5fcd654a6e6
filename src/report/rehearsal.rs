//! A rehearsal as a tired person reads it: how long, how thin, and what each likely fault would do.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use rehull_core::sim::rehearse::{Distribution, GroupTime, Part, Report};

use super::numbers::{about, plural};
use super::paint::{Paint, Tone};
use super::table::{Cell, Row, layout};
use super::what_if;

/// A rehearsal and what the report itself does not know.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What came of it.
    pub report: &'a Report,
    /// Cluster file.
    pub file: &'a Path,
    /// Nobody has said what runs now.
    pub from_is_assumed: bool,
}

/// The whole text; ends in a newline.
#[must_use]
pub fn text(told: &Told<'_>, paint: Paint) -> String {
    let report = told.report;
    let cluster = paint.tone(Tone::Strong, &report.cluster);
    let mut out = format!("{cluster}   {}\n", report.headline);
    if report.parts.is_empty() {
        out.push_str("nothing to rehearse: no machine would be replaced\n");
        out.push_str(&assumptions(told));
        return out;
    }
    let runs = plural(report.seeds.len(), "run", "runs");
    let _ = writeln!(
        out,
        "{runs} in the simulator with the waits of AWS; no real machine was asked\n"
    );
    out.push_str(&alarms(report, paint));
    out.push_str(&times(report, paint));
    if rolls(report, Part::Etcd) {
        out.push('\n');
        out.push_str(&margin(report, paint));
    }
    if let Some(what_if) = &report.what_if {
        out.push('\n');
        out.push_str(&what_if::text(what_if, paint));
    }
    for what_if in &report.group_what_ifs {
        out.push('\n');
        out.push_str(&what_if::text_of_group(what_if, paint));
    }
    out.push_str(&assumptions(told));
    out
}

fn rolls(report: &Report, part: Part) -> bool {
    report.parts.iter().any(|rolled| rolled.part == part)
}

/// What must not be overlooked comes first.
fn alarms(report: &Report, paint: Paint) -> String {
    let cross = paint.tone(Tone::Bad, "✗");
    let mut out = String::new();
    for run in &report.unfinished {
        let ends = what_if::ends(&run.ends);
        let _ = writeln!(
            out,
            "{cross} undisturbed, and yet it does not finish (seed {}): {ends}",
            run.seed
        );
    }
    for breach in &report.breaches {
        let _ = writeln!(out, "{cross} a promise was broken: {breach}");
    }
    if !out.is_empty() {
        out.push_str(
            "  do not apply this; a broken promise is a bug: please report it, with the cluster file\n\n",
        );
    }
    out
}

fn times(report: &Report, paint: Paint) -> String {
    let head = ["step", "half of the runs", "95 of 100", "longest"];
    let mut rows = vec![Row::Cells(
        head.map(|word| Cell::left(word).tone(Tone::Faint)).to_vec(),
    )];
    // A snapshot of a model takes no time that anybody could see.
    for step in report.steps.iter().filter(|step| step.time.max_s > 0) {
        let name = step
            .slot
            .as_ref()
            .map_or(step.step.as_str(), |slot| slot.as_str());
        let mut cells = vec![Cell::left(name)];
        cells.extend(columns(&step.time));
        rows.push(Row::Cells(cells));
        if step.point_of_no_return {
            let mark = paint.tone(Tone::Care, "└");
            let after = if report.bakes { ", after the bake" } else { "" };
            rows.push(Row::Note(format!("  {mark} point of no return{after}")));
        }
    }
    for part in &report.parts {
        let rows_of_part = of_part(report, part.part);
        let is_one = report.parts.len() == 1;
        let sums_up = part.part == Part::Etcd || rows_of_part.len() > 1;
        rows.extend(rows_of_part);
        if sums_up && !is_one {
            let side_by_side = if part.part == Part::Workers {
                ", side by side"
            } else {
                ""
            };
            let mut cells = vec![Cell::left(format!("{}{side_by_side}", part.part.word()))];
            cells.extend(columns(&part.time));
            rows.push(Row::Cells(
                cells.into_iter().map(|cell| cell.tone(Tone::Strong)).collect(),
            ));
        }
    }
    let mut cells = vec![Cell::left("total").tone(Tone::Strong)];
    cells.extend(columns(&report.total).map(|cell| cell.tone(Tone::Strong)));
    rows.push(Row::Cells(cells));
    layout(&rows, "  ", paint)
}

/// A line per group.
fn of_part(report: &Report, part: Part) -> Vec<Row> {
    let groups = report.groups.iter().filter(|group| group.part == part);
    let row = |group: &GroupTime| {
        let machines = plural(
            usize::try_from(group.machines).unwrap_or(usize::MAX),
            "machine",
            "machines",
        );
        let name = format!("{} {}, {machines}", part.word(), group.group);
        let mut cells = vec![Cell::left(name)];
        cells.extend(columns(&group.time));
        Row::Cells(cells)
    };
    groups.map(row).collect()
}

fn columns(time: &Distribution) -> [Cell; 3] {
    [time.p50_s, time.p95_s, time.max_s].map(|seconds| Cell::left(span(seconds)))
}

fn span(seconds: u64) -> String {
    about(Duration::from_secs(seconds))
}

fn margin(report: &Report, paint: Paint) -> String {
    let margin = &report.margin;
    let head = format!(
        "quorum margin: how many more members may fail (seed {}, of median length)\n",
        margin.median_seed
    );
    let line = |change: &rehull_core::sim::rehearse::MarginChange| {
        let tone = match change.margin {
            below if below < 0 => Tone::Bad,
            0 => Tone::Care,
            _ => Tone::Normal,
        };
        Row::Cells(vec![
            Cell::right(clock(change.at_ms)),
            Cell::right(change.margin.to_string()).tone(tone),
            Cell::left(&change.why),
        ])
    };
    let rows: Vec<Row> = margin.timeline.iter().map(line).collect();
    let mut out = head + &layout(&rows, "  ", paint);
    for (what, time) in [
        ("no quorum", &margin.longest_without_quorum),
        ("no member may fail", &margin.longest_at_zero),
    ] {
        // A single member has no margin at any time: only the time without it says anything.
        if time.max_s > 0 && !(report.members == 1 && what != "no quorum") {
            let _ = writeln!(
                out,
                "  {what}, longest at a time: {} in half of the runs, {} in 95 of 100, {} at most",
                span(time.p50_s),
                span(time.p95_s),
                span(time.max_s)
            );
        }
    }
    out
}

/// `1:05`, `1:02:05`: when, since the rollout began.
fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes}:{rest:02}")
    } else {
        format!("{hours}:{minutes:02}:{rest:02}")
    }
}

/// What was not asked and not known.
fn assumptions(told: &Told<'_>) -> String {
    let mut lines = Vec::new();
    let report = told.report;
    if told.from_is_assumed && rolls(report, Part::Etcd) {
        lines.push(format!(
            "the members run etcd {}; if they do not: rehull rehearse {} --from VERSION",
            report.from,
            told.file.display()
        ));
    }
    if let Some(stand_in) = &report.stand_in {
        lines.push(format!(
            "machines boot as with the built-in set {}: {} cannot be carried out by a model",
            stand_in.built_in, stand_in.template
        ));
    }
    for assumed in &report.assumed {
        let says = &assumed.says;
        lines.push(match &assumed.flag {
            Some(flag) => format!("{says}; if not: {flag}"),
            None => says.clone(),
        });
    }
    for left in &report.left_out {
        lines.push(format!("{} is not rehearsed: {}", left.group, left.why));
    }
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let label = if number == 0 { "\nassumed" } else { "       " };
        let _ = writeln!(out, "{label}   {line}");
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use rehull_core::domain::ids::GroupName;
    use rehull_core::domain::waiting::StopReason;
    use rehull_core::sim::rehearse::{Assumption, Ends, LeftOut, StandIn, Unfinished};

    use super::super::fixture::{rehearsal, whole_rehearsal};
    use super::*;

    fn shown(report: &Report, from_is_assumed: bool) -> String {
        let told = Told {
            report,
            file: Path::new("clusters/dev.yaml"),
            from_is_assumed,
        };
        text(&told, Paint::Plain)
    }

    #[test]
    fn a_rehearsal_fits_on_one_screen() {
        let shown = shown(&rehearsal(), false);
        assert!(shown.lines().count() <= 40, "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn what_was_assumed_stands_at_the_end() {
        let mut report = rehearsal();
        report.stand_in = Some(StandIn {
            template: "own.yaml.hbs".to_owned(),
            built_in: 2,
        });
        report.assumed = vec![
            Assumption {
                says: "dev-control-plane has 3 machines".to_owned(),
                flag: Some("--machines dev-control-plane=N".to_owned()),
            },
            Assumption {
                says: "groups lie in the zones of the members".to_owned(),
                flag: None,
            },
        ];
        report.left_out = vec![LeftOut {
            group: GroupName::new("dev-general"),
            why: "only etcd and control plane was asked for".to_owned(),
        }];
        let shown = shown(&report, true);
        let end = shown.split("\nassumed").nth(1).unwrap_or_default();
        insta::assert_snapshot!(end, @r"
           the members run etcd 3.5.33; if they do not: rehull rehearse clusters/dev.yaml --from VERSION
                  machines boot as with the built-in set 2: own.yaml.hbs cannot be carried out by a model
                  dev-control-plane has 3 machines; if not: --machines dev-control-plane=N
                  groups lie in the zones of the members
                  dev-general is not rehearsed: only etcd and control plane was asked for
        ");
    }

    #[test]
    fn every_part_of_a_whole_plan_has_its_times() {
        let shown = shown(&whole_rehearsal(), false);
        assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn a_rehearsal_that_goes_wrong_says_so_before_everything_else() {
        let mut report = rehearsal();
        report.unfinished = vec![Unfinished {
            seed: 12,
            ends: Ends::Stopped {
                reason: StopReason::Deadline {
                    what: "i-1 was not warm after 600 s".to_owned(),
                },
            },
        }];
        report.breaches = vec!["1 of 3 voters are left".to_owned()];
        let shown = shown(&report, false);
        let lines: Vec<&str> = shown.lines().skip(3).take(3).collect();
        assert_eq!(
            lines,
            [
                "✗ undisturbed, and yet it does not finish (seed 12): stops for a person: i-1 was not warm after 600 s",
                "✗ a promise was broken: 1 of 3 voters are left",
                "  do not apply this; a broken promise is a bug: please report it, with the cluster file",
            ]
        );
    }

    #[test]
    fn a_plan_without_steps_is_not_given_times() {
        let mut report = rehearsal();
        report.steps.clear();
        report.parts.clear();
        report.what_if = None;
        assert_eq!(
            shown(&report, false).lines().nth(1),
            Some("nothing to rehearse: no machine would be replaced")
        );
    }
}
