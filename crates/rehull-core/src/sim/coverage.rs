//! What a campaign of runs has touched: which fault struck in which phase, what was waited for, why runs stopped.
//!
//! The phase is the one that rehull's own events had told when the fault struck; `begin` is before the first of them,
//! `between` after a step was done. A group has phases of its own, and a table of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::chronicle::{Happened, Moment};
use super::fault::{Happening, RequestTrouble};
use super::process::Ended;
use super::verdict::{End, Verdict};
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::phase::{GroupPhase, Phase};
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
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

/// Every word of a phase of a group, in its order.
#[must_use]
pub fn group_phases() -> Vec<&'static str> {
    GroupPhase::ALL.into_iter().map(GroupPhase::word).collect()
}

/// Why a fault cannot be felt in this phase; `None`: it can.
#[must_use]
pub fn unfillable(fault: &str, phase: &str) -> Option<&'static str> {
    let of_terraform = OF_TERRAFORM.contains(&fault) && group_phases().contains(&phase);
    of_terraform.then_some("no run of Terraform goes on while a group is rolled")
}

/// What befalls a run of Terraform and nothing else.
const OF_TERRAFORM: [&str; 5] = [
    "plan-dies",
    "apply-dies",
    "plan-changed",
    "state-locked",
    "terraform-slow",
];

/// EC2 can throttle everything, or one request.
fn request_word(name: &'static str) -> &'static str {
    if name == "throttle" { "throttle-one" } else { name }
}

/// Every fault that struck in a run and the phase in which it did, in the order of time.
#[must_use]
pub fn struck(verdict: &Verdict) -> Vec<(&'static str, &'static str)> {
    let mut phase = BEGIN;
    let mut groups = BTreeSet::new();
    let mut cells = Vec::new();
    for moment in &verdict.moments {
        cells.extend(fault_of(&moment.what).map(|fault| (fault, phase)));
        phase = next_phase(&moment.what, &mut groups).unwrap_or(phase);
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

/// The phase that begins with this. `groups`: steps in which something was done to a group.
fn next_phase(what: &Happened, groups: &mut BTreeSet<StepId>) -> Option<&'static str> {
    let Happened::Told(event) = what else { return None };
    match &event.what {
        What::Acting {
            step,
            action: Action::Group(action),
            ..
        } => {
            groups.insert(step.clone());
            Some(GroupPhase::of_action(action).word())
        }
        What::Acting {
            action: Action::Node(action),
            ..
        } => GroupPhase::of_node(action).map(GroupPhase::word),
        What::Acting { action, .. } => Phase::of_action(action).map(Phase::word),
        What::Waiting { waiting, .. } => {
            let of_group = |wait: &Waiting| GroupPhase::of_wait(&wait.on).map(GroupPhase::word);
            let phase = |wait: &Waiting| {
                if groups.contains(&wait.step) {
                    of_group(wait)
                } else {
                    Phase::of_wait(&wait.on).map(Phase::word)
                }
            };
            waiting.iter().find_map(phase)
        }
        What::StepDone { .. } => Some(BETWEEN),
        What::Started { .. }
        | What::Acted { .. }
        | What::Stalled { .. }
        | What::Rolled { .. }
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

    /// Fault and phase of every cell that was never hit and could be.
    #[must_use]
    pub fn cells_missed(&self) -> Vec<(&'static str, &'static str)> {
        let missed = fillable().into_iter();
        missed.filter(|cell| !self.cells.contains_key(cell)).collect()
    }

    fn by_phase(&self, head: &str, phases: &[&str]) -> String {
        let mut text = format!("\n{head:<20}");
        for phase in phases {
            text.push_str(&format!("{phase:>10}"));
        }
        text.push('\n');
        for fault in faults() {
            text.push_str(&format!("{fault:<20}"));
            for phase in phases {
                let shown = match self.cell(fault, phase) {
                    0 if unfillable(fault, phase).is_some() => "-".to_owned(),
                    0 => "·".to_owned(),
                    times => times.to_string(),
                };
                text.push_str(&format!("{shown:>10}"));
            }
            text.push('\n');
        }
        text
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

    /// Both tables, for a terminal of 160 columns; ends in a newline.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{} runs: {}\n", self.runs, listed(&self.ends));
        text.push_str(&self.by_phase("fault × phase", &phases()));
        text.push_str(&self.by_phase("of a group", &group_phases()));
        let all = fillable().len();
        text.push_str(&format!("\n{} of {all} cells hit\n", self.cells_hit()));
        text.push_str(&format!("cells that cannot be hit (-): {}\n", reasons()));
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

/// Every cell that can be hit.
fn fillable() -> Vec<(&'static str, &'static str)> {
    let columns = || phases().into_iter().chain(group_phases());
    let all = faults()
        .into_iter()
        .flat_map(|fault| columns().map(move |phase| (fault, phase)));
    all.filter(|(fault, phase)| unfillable(fault, phase).is_none())
        .collect()
}

/// Why those that cannot be hit cannot.
fn reasons() -> String {
    let columns = || phases().into_iter().chain(group_phases());
    let all = faults()
        .into_iter()
        .flat_map(|fault| columns().map(move |phase| (fault, phase)));
    let reasons: BTreeSet<&str> = all
        .filter_map(|(fault, phase)| unfillable(fault, phase))
        .collect();
    named(&reasons.into_iter().collect::<Vec<_>>())
}

fn end(end: &End) -> &'static str {
    match end {
        End::Finished => "finished",
        End::Aborted => "aborted",
        End::WentBack => "went back",
        End::NoWayBack(_) => "no way back",
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
