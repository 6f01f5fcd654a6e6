//! A run, told in at most 40 lines: one line per action or wait, with the true time since the rollout began and the
//! true margin of etcd's quorum. A pure function of scenario and verdict.

mod fold;
mod lines;
mod words;

use std::time::Duration;

use super::chronicle::Moment;
use super::scenario::{Provisioner, Scenario};
use super::verdict::{End, Verdict};
use lines::Line;
pub(super) use words::ended;

/// Lines of a story, head and end included.
const LINES_MAX: usize = 40;
/// Longer sentences are cut: the story is read beside others, in a diff.
const WIDTH_MAX: usize = 110;

/// The whole story; ends in a newline.
///
/// Each line has minutes and seconds, the lowest margin until the next line (how many voters may still fail before
/// writes end), who, and what.
#[must_use]
pub fn story(scenario: &Scenario, verdict: &Verdict) -> String {
    let ends = endings(verdict);
    let room = LINES_MAX.saturating_sub(ends.len()).saturating_sub(2);
    let told = lines::of(&verdict.moments, verdict.took);
    let folded = fold::fold(told, room);
    let mut text = head(scenario);
    let lowest = |from: Duration, to: Option<Duration>| lowest_margin(&verdict.moments, from, to);
    for (index, line) in folded.lines.iter().enumerate() {
        let to = folded.lines.get(index.saturating_add(1)).map(|next| next.at);
        text.push_str(&shown(line, lowest(line.at, to)));
    }
    for end in ends {
        text.push_str(&clip(&end));
    }
    text.push_str(&clip(&folded.note()));
    text
}

fn head(scenario: &Scenario) -> String {
    let faults = match scenario.faults.len() {
        0 => "nothing goes wrong".to_owned(),
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    };
    let about = if scenario.about.is_empty() {
        String::new()
    } else {
        format!("{} · ", scenario.about)
    };
    let what = format!(
        "{about}{}{} {}, {} → {}, {}, seed {}",
        scenario.strategy.as_str(),
        by(scenario.provisioner),
        scenario.members,
        scenario.from,
        scenario.to,
        faults,
        scenario.seed
    );
    format!("{what}\n")
}

/// The default is not told.
const fn by(provisioner: Provisioner) -> &'static str {
    match provisioner {
        Provisioner::Api => "",
        Provisioner::Terraform => " by Terraform",
    }
}

/// The margin at an instant and its lowest until the next one.
fn lowest_margin(moments: &[Moment], from: Duration, to: Option<Duration>) -> i64 {
    let before = moments.iter().take_while(|moment| moment.at <= from).last();
    let within = moments
        .iter()
        .filter(|moment| moment.at > from && to.is_none_or(|to| moment.at < to));
    let margins = before
        .into_iter()
        .chain(within)
        .map(|moment| moment.standing.margin());
    margins.min().unwrap_or_default()
}

fn shown(line: &Line, margin: i64) -> String {
    let text = format!("{} {margin:>3}  {:<8} {}", clock(line.at), line.who, line.text());
    clip(&text)
}

/// Minutes and seconds.
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// One line of bounded length.
fn clip(text: &str) -> String {
    let text = text.replace('\n', " ");
    let text = text.trim_end();
    if text.chars().count() <= WIDTH_MAX {
        return format!("{text}\n");
    }
    let cut: String = text.chars().take(WIDTH_MAX.saturating_sub(1)).collect();
    format!("{}…\n", cut.trim_end())
}

/// How it ended, and what was broken.
fn endings(verdict: &Verdict) -> Vec<String> {
    let margin = lowest_margin(&verdict.moments, Duration::ZERO, None);
    let took = clock(verdict.took);
    let end = match &verdict.end {
        End::Finished => "finished".to_owned(),
        End::Aborted => "aborted, as asked".to_owned(),
        End::WentBack => "went back".to_owned(),
        End::NoWayBack(against) => format!("no way back: {}", against.join("; ")),
        End::Stopped(ended) => format!("left to a person: {}", words::ended(ended)),
        End::Endless(why) => format!("WITHOUT AN END: {why}"),
    };
    let mut ends = vec![format!("{took}  end: {end}")];
    if let End::Stopped(ended) = &verdict.end {
        ends.push(format!("       next: {}", words::next(ended)));
    }
    ends.push(format!(
        "       members {}; {}, {}; lowest margin {margin}",
        members(verdict),
        count(verdict.machines, "machine"),
        if verdict.processes == 1 {
            "1 process".to_owned()
        } else {
            format!("{} processes", verdict.processes)
        },
    ));
    for breach in verdict.breaches.iter().take(BREACHES_MAX) {
        ends.push(format!("BREACH of I{}: {}", breach.invariant, breach.what));
    }
    if verdict.breaches.len() > BREACHES_MAX {
        ends.push(format!(
            "and {} breaches more",
            verdict.breaches.len() - BREACHES_MAX
        ));
    }
    ends
}

const BREACHES_MAX: usize = 5;

fn members(verdict: &Verdict) -> String {
    let mut members = verdict.members.iter();
    if let Some(Some(first)) = members.next()
        && members.all(|member| *member == Some(*first))
    {
        return format!("all {first}");
    }
    let each = verdict.members.iter().map(|member| match member {
        Some(version) => version.to_string(),
        None => "none".to_owned(),
    });
    each.collect::<Vec<_>>().join(" ")
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
