//! What a campaign of runs has touched: which fault struck in which phase, what was waited for, why runs stopped.
//!
//! The phase is the one that rehull's own events had told when the fault struck; `begin` is before the first of them,
//! `between` after a step was done.

use std::collections::BTreeMap;

use super::chronicle::{Happened, Moment};
use super::fault::{Happening, RequestTrouble};
use super::process::Ended;
use super::verdict::{End, Verdict};
use crate::domain::phase::Phase;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::event::What;

/// Before the first word, and between two steps.
const BEGIN: &str = "begin";
const BETWEEN: &str = "between";

/// Counts of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Runs.
    pub runs: u64,
    cells: BTreeMap<(&'static str, &'static str), u64>,
    waits: BTreeMap<&'static str, u64>,
    stops: BTreeMap<&'static str, u64>,
    ends: BTreeMap<&'static str, u64>,
}

/// Every word of a fault: of the world, then at requests.
#[must_use]
pub fn faults() -> Vec<&'static str> {
    let world = Happening::NAMES.into_iter();
    let requests = RequestTrouble::ALL
        .into_iter()
        .map(|how| request_word(how.name()));
    world.chain(requests).collect()
}

/// Every word of a phase, in the order of the dance.
#[must_use]
pub fn phases() -> Vec<&'static str> {
    let dance = Phase::ALL.into_iter().map(Phase::word);
    std::iter::once(BEGIN).chain(dance).chain([BETWEEN]).collect()
}

/// EC2 can throttle everything, or one request.
fn request_word(name: &'static str) -> &'static str {
    if name == "throttle" { "throttle-one" } else { name }
}

/// Every fault that struck in a run and the phase in which it did, in the order of time.
#[must_use]
pub fn struck(verdict: &Verdict) -> Vec<(&'static str, &'static str)> {
    let mut phase = BEGIN;
    let mut cells = Vec::new();
    for moment in &verdict.moments {
        cells.extend(fault_of(&moment.what).map(|fault| (fault, phase)));
        phase = next_phase(&moment.what).unwrap_or(phase);
    }
    cells
}

/// The fault that begins with this.
fn fault_of(what: &Happened) -> Option<&'static str> {
    match what {
        Happened::World { what, begins: true } => Some(what.name()),
        Happened::Trouble { how, .. } => Some(request_word(how.name())),
        Happened::World { begins: false, .. }
        | Happened::Ended(_)
        | Happened::Told(_)
        | Happened::Began
        | Happened::Voters => None,
    }
}

/// The phase that begins with this.
fn next_phase(what: &Happened) -> Option<&'static str> {
    let Happened::Told(event) = what else { return None };
    match &event.what {
        What::Acting { action, .. } => Phase::of_action(action).map(Phase::word),
        What::Waiting { waiting, .. } => {
            let mut phases = waiting.iter().filter_map(|wait| Phase::of_wait(&wait.on));
            phases.next().map(Phase::word)
        }
        What::StepDone { .. } => Some(BETWEEN),
        What::Started { .. }
        | What::Acted { .. }
        | What::Stalled { .. }
        | What::Stopped { .. }
        | What::Finished => None,
    }
}

impl Coverage {
    /// Adds a run.
    pub fn add(&mut self, verdict: &Verdict) {
        self.runs = self.runs.saturating_add(1);
        count(&mut self.ends, end(&verdict.end));
        for cell in struck(verdict) {
            count(&mut self.cells, cell);
        }
        for moment in &verdict.moments {
            self.hear(moment);
        }
    }

    fn hear(&mut self, moment: &Moment) {
        if let Happened::Ended(Ended::Stopped { reason, .. }) = &moment.what {
            count(&mut self.stops, reason.name());
        }
        if let Happened::Told(event) = &moment.what
            && let What::Waiting { waiting, .. } = &event.what
        {
            for wait in waiting {
                count(&mut self.waits, wait.on.name());
            }
        }
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        self.runs = self.runs.saturating_add(other.runs);
        sum(&mut self.cells, &other.cells);
        sum(&mut self.waits, &other.waits);
        sum(&mut self.stops, &other.stops);
        sum(&mut self.ends, &other.ends);
    }

    /// How often this fault struck in this phase.
    #[must_use]
    pub fn cell(&self, fault: &str, phase: &str) -> u64 {
        let of = |((f, p), _): &(&(&'static str, &'static str), &u64)| *f == fault && *p == phase;
        self.cells.iter().find(of).map_or(0, |(_, times)| *times)
    }

    /// Cells that were hit at least once.
    #[must_use]
    pub fn cells_hit(&self) -> usize {
        self.cells.len()
    }

    /// Fault and phase of every cell that was never hit.
    #[must_use]
    pub fn cells_missed(&self) -> Vec<(&'static str, &'static str)> {
        let of = |fault| phases().into_iter().map(move |phase| (fault, phase));
        let all = faults().into_iter().flat_map(of);
        all.filter(|cell| !self.cells.contains_key(cell)).collect()
    }

    /// Kinds of waits that nobody waited for.
    #[must_use]
    pub fn waits_unreached(&self) -> Vec<&'static str> {
        let known = WaitingOn::NAMES.into_iter();
        known.filter(|name| !self.waits.contains_key(name)).collect()
    }

    /// Reasons that nobody stopped for.
    #[must_use]
    pub fn stops_unreached(&self) -> Vec<&'static str> {
        let known = StopReason::NAMES.into_iter();
        known.filter(|name| !self.stops.contains_key(name)).collect()
    }

    /// The whole table, for a terminal of 160 columns; ends in a newline.
    #[must_use]
    pub fn table(&self) -> String {
        let phases = phases();
        let mut text = format!(
            "{} runs: {}\n\n{:<20}",
            self.runs,
            listed(&self.ends),
            "fault × phase"
        );
        for phase in &phases {
            text.push_str(&format!("{phase:>10}"));
        }
        text.push('\n');
        for fault in faults() {
            text.push_str(&format!("{fault:<20}"));
            for phase in &phases {
                let times = self.cell(fault, phase);
                let shown = if times == 0 {
                    "·".to_owned()
                } else {
                    times.to_string()
                };
                text.push_str(&format!("{shown:>10}"));
            }
            text.push('\n');
        }
        let all = faults().len().saturating_mul(phases.len());
        text.push_str(&format!("\n{} of {all} cells hit\n", self.cells_hit()));
        text.push_str(&format!("waits: {}\n", listed(&self.waits)));
        text.push_str(&format!(
            "waits not reached: {}\n",
            named(&self.waits_unreached())
        ));
        text.push_str(&format!("stops: {}\n", listed(&self.stops)));
        text.push_str(&format!(
            "stops not reached: {}\n",
            named(&self.stops_unreached())
        ));
        text
    }
}

fn end(end: &End) -> &'static str {
    match end {
        End::Finished => "finished",
        End::Aborted => "aborted",
        End::Stopped(_) => "left to a person",
        End::Endless(_) => "without an end",
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let times = counts.entry(key).or_default();
    *times = times.saturating_add(1);
}

fn sum<K: Ord + Copy>(counts: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (key, more) in others {
        let times = counts.entry(*key).or_default();
        *times = times.saturating_add(*more);
    }
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let each = counts.iter().map(|(name, times)| format!("{name} {times}"));
    let each: Vec<String> = each.collect();
    named(&each.iter().map(String::as_str).collect::<Vec<_>>())
}

fn named(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
