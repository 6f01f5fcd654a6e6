//! What each likely fault would do, one line per fault and outcome.

use std::time::Duration;

use rehull_core::domain::ids::SlotName;
use rehull_core::domain::waiting::StopReason;
use rehull_core::sim::rehearse::{
    Ends, GroupWhatIfReport, Likely, Part, Phase, StopWhy, Tried, WhatIfReport,
};

use super::numbers::about;
use super::paint::{Paint, Tone};
use super::table::{Cell, Row, layout};
use super::words;

/// The table of the member that is replaced first; ends in a newline.
#[must_use]
pub fn text(what_if: &WhatIfReport, paint: Paint) -> String {
    let other = what_if.other.as_ref().map(SlotName::as_str);
    table(
        &format!("what if, while {} is replaced", what_if.member),
        (&what_if.runs, other),
        paint,
    )
}

/// The table of a group that is rolled; ends in a newline.
#[must_use]
pub fn text_of_group(what_if: &GroupWhatIfReport, paint: Paint) -> String {
    let title = format!("what if, while {} is rolled", what_if.group);
    table(&title, (&what_if.runs, None), paint)
}

fn table(title: &str, (runs, other): (&[Tried], Option<&str>), paint: Paint) -> String {
    let head = [title, "when", "then", "more work", "margin"];
    let head = head.map(|word| Cell::left(word).tone(Tone::Faint));
    // The quorum of the members says nothing about a group.
    let columns = if runs.iter().any(|tried| tried.part == Part::Etcd) {
        head.len()
    } else {
        head.len().saturating_sub(1)
    };
    let mut rows = vec![Row::Cells(head.into_iter().take(columns).collect())];
    let phases = phases(runs);
    for fault in Likely::ALL {
        let same = runs.iter().filter(|tried| tried.fault == fault);
        for (number, group) in groups(same).iter().enumerate() {
            let what = match group.first() {
                Some(tried) if number == 0 => sentence(tried, other),
                Some(_) | None => String::new(),
            };
            let mut cells = row(&what, group, &phases);
            cells.truncate(columns);
            rows.push(Row::Cells(cells));
        }
    }
    let mut out = layout(&rows, "  ", paint);
    let went_on = |tried: &Tried| tried.ends == Ends::Finished && !tried.stops.is_empty();
    if runs.iter().any(went_on) {
        out.push_str(
            "  what stops is finished by `rehull resume`; the time in between is not counted as work\n",
        );
    }
    out
}

/// Runs that came to the same.
fn groups<'a>(runs: impl Iterator<Item = &'a Tried>) -> Vec<Vec<&'a Tried>> {
    let mut groups: Vec<Vec<&Tried>> = Vec::new();
    for tried in runs {
        let key = |tried: &Tried| (outcome(tried), tried.lowest_margin < 0);
        let same = |group: &&mut Vec<&Tried>| group.first().is_some_and(|one| key(one) == key(tried));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(tried),
            None => groups.push(vec![tried]),
        }
    }
    groups
}

fn row(what: &str, group: &[&Tried], phases: &[Phase]) -> Vec<Cell> {
    let (then, tone) = group.first().map(|tried| outcome(tried)).unwrap_or_default();
    let longest = group.iter().filter_map(|tried| tried.longer_s).max();
    let lowest = group.iter().map(|tried| tried.lowest_margin).min().unwrap_or(0);
    vec![
        Cell::left(what),
        Cell::left(when(group, phases)),
        Cell::left(then).tone(tone),
        Cell::left(longest.map(more).unwrap_or_default()),
        Cell::right(lowest.to_string()).tone(if lowest < 0 { Tone::Bad } else { Tone::Normal }),
    ]
}

fn phases(runs: &[Tried]) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for tried in runs {
        if !phases.contains(&tried.phase) {
            phases.push(tried.phase);
        }
    }
    phases
}

/// `any time`, `launch`, `stop to join`, `launch, stop to join`.
fn when(group: &[&Tried], phases: &[Phase]) -> String {
    let is_in = |phase: &Phase| group.iter().any(|tried| tried.phase == *phase);
    if phases.iter().all(is_in) {
        return "any time".to_owned();
    }
    let runs = phases.chunk_by(|one, next| is_in(one) == is_in(next));
    let words = runs
        .filter(|run| run.first().is_some_and(is_in))
        .map(|run| match run {
            [first, .., last] => format!("{} to {}", first.word(), last.word()),
            [one] => one.word().to_owned(),
            [] => String::new(),
        });
    words.collect::<Vec<_>>().join(", ")
}

fn more(seconds: i64) -> String {
    let span = |seconds: i64| about(Duration::from_secs(seconds.unsigned_abs()));
    match seconds {
        // Another seed of luck, not of work.
        less if less < 0 => format!("− {}", span(less)),
        0 => "none".to_owned(),
        more => format!("+ {}", span(more)),
    }
}

fn outcome(tried: &Tried) -> (String, Tone) {
    let mut reasons: Vec<&str> = tried.stops.iter().map(|stop| short(&stop.why)).collect();
    reasons.dedup();
    let reasons = reasons.join(", then ");
    let safe = tried.stops.iter().all(|stop| stop.at_rest);
    let meanwhile = if safe { "at rest" } else { "NOT at rest" };
    match &tried.ends {
        Ends::Finished if tried.stops.is_empty() => ("finishes".to_owned(), Tone::Good),
        Ends::Finished => {
            let tone = if safe { Tone::Normal } else { Tone::Care };
            (format!("stops {meanwhile}: {reasons}"), tone)
        }
        Ends::Aborted if tried.at_rest => ("is given up, at rest".to_owned(), Tone::Good),
        Ends::Aborted => ("is given up, NOT at rest".to_owned(), Tone::Bad),
        Ends::WentBack => (ends(&tried.ends), Tone::Good),
        Ends::Stopped { .. } if tried.at_rest => (format!("{}, at rest", ends(&tried.ends)), Tone::Care),
        Ends::Stopped { .. } => (format!("{}, NOT at rest", ends(&tried.ends)), Tone::Bad),
        Ends::NoWayBack { .. } | Ends::Failed { .. } | Ends::Endless { .. } => (ends(&tried.ends), Tone::Bad),
    }
}

/// How a run ended, in words.
#[must_use]
pub fn ends(ends: &Ends) -> String {
    match ends {
        Ends::Finished => "finishes".to_owned(),
        Ends::Aborted => "is given up".to_owned(),
        Ends::WentBack => "goes back".to_owned(),
        Ends::NoWayBack { why } => format!("cannot go back: {why}"),
        Ends::Stopped { reason } => {
            let because = words::because(reason);
            format!(
                "stops for a person: {}",
                because.first().map_or("", String::as_str)
            )
        }
        Ends::Failed { why } => format!("fails: {why}"),
        Ends::Endless { why } => format!("never ends: {why}"),
    }
}

/// Why it stopped, in as few words as a column has; the whole sentence stands in the JSON.
fn short(why: &StopWhy) -> &'static str {
    let StopWhy::Stopped { reason } = why else {
        return "an error";
    };
    match reason {
        StopReason::Asked { .. } => "asked to",
        StopReason::QuorumLost { .. } => "no quorum",
        StopReason::OutsideEnvelope { .. } => "not as approved",
        StopReason::BootRefused { .. } => "a machine refused to boot",
        StopReason::Deadline { .. } => "a deadline",
        StopReason::Refused { .. } => "a request was refused",
        StopReason::PastPointOfNoReturn { .. } => "no way back",
        StopReason::Alarm { .. } => "an alarm",
        StopReason::NoCapacity { .. } => "no capacity",
        StopReason::NoLaunch { .. } => "a group cannot launch",
        StopReason::Undrained { .. } => "a node is not empty",
        StopReason::Terraform { .. } => "terraform",
        StopReason::LeaseLost { .. } => "the lease was lost",
        StopReason::StoreSilent { .. } => "the store is silent",
    }
}

fn sentence(tried: &Tried, other: Option<&str>) -> String {
    let lasts = about(Duration::from_secs(tried.lasts_s));
    let of_member = tried.part == Part::Etcd;
    match tried.fault {
        Likely::NoCapacity if of_member => format!("its zone has no capacity for {lasts}"),
        Likely::NoCapacity => format!("no zone has capacity for {lasts}"),
        Likely::NeverBoots => format!("what is launched within {lasts} never boots"),
        Likely::MemberDies => "its machine is terminated".to_owned(),
        Likely::OtherDies => format!(
            "the machine of {} is terminated",
            other.unwrap_or("another member")
        ),
        Likely::ServerDies => "a server is terminated".to_owned(),
        Likely::NodeDies => "a node is terminated, one that drains if any does".to_owned(),
        Likely::BudgetBlocks => format!("a PodDisruptionBudget lets no pod go for {lasts}"),
        Likely::ZoneLost if of_member => format!("its zone is lost for {lasts}"),
        Likely::ZoneLost => format!("a zone is lost for {lasts}"),
        Likely::LeaderFlip => "the leader changes".to_owned(),
        Likely::Throttling => format!("AWS throttles for {lasts}"),
        Likely::StoreDown => format!("the store is down for {lasts}"),
        Likely::CredentialsExpire => format!("the credentials are expired for {lasts}"),
        Likely::RehullKilled => "this program is killed and started again".to_owned(),
        Likely::Abort => "somebody types `rehull abort`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{group_what_ifs, no_capacity, tried, what_if};
    use super::*;

    #[test]
    fn of_a_group_no_quorum_margin_is_told() {
        let tables = group_what_ifs();
        let tables = tables.iter().map(|what_if| text_of_group(what_if, Paint::Plain));
        insta::assert_snapshot!(tables.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn runs_that_come_to_the_same_are_one_line() {
        insta::assert_snapshot!(text(&what_if(), Paint::Plain));
    }

    #[test]
    fn a_stop_that_is_not_at_rest_is_never_called_one() {
        let mut what_if = what_if();
        what_if.runs = vec![tried(
            Likely::NoCapacity,
            Phase::Launch,
            5,
            vec![no_capacity(false)],
        )];
        let shown = text(&what_if, Paint::Plain);
        assert!(shown.contains("stops NOT at rest: no capacity"), "{shown}");
    }
}
