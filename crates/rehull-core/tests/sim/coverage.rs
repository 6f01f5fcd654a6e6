//! What scenarios and seeds have touched, and what they cannot.

use rehull_core::event::What;
use rehull_core::sim::coverage::{Coverage, faults, group_phases, phases};

use crate::bench::PLAYED;

/// Reasons to stop that no scenario meets.
pub(crate) const STOPS_UNREACHABLE: [&str; 0] = [];
/// Waits that no scenario waits for.
pub(crate) const WAITS_UNREACHABLE: [&str; 0] = [];

pub(crate) fn of_scenarios() -> Coverage {
    let mut coverage = Coverage::default();
    for played in PLAYED.values() {
        coverage.add(&played.verdict);
    }
    coverage
}

#[test]
fn every_wait_and_every_reason_to_stop_is_met_in_a_scenario() {
    let coverage = of_scenarios();
    println!("{}", coverage.table());
    assert_eq!(coverage.waits_unreached(), WAITS_UNREACHABLE);
    assert_eq!(coverage.stops_unreached(), STOPS_UNREACHABLE);
}

#[test]
fn every_fault_strikes_in_a_scenario() {
    let coverage = of_scenarios();
    let phases: Vec<_> = phases().into_iter().chain(group_phases()).collect();
    let missing = faults()
        .into_iter()
        .filter(|fault| phases.iter().all(|phase| coverage.cell(fault, phase) == 0));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn waits_and_reasons_are_named_as_in_the_journal() {
    let events = PLAYED.values().flat_map(|played| &played.verdict.events);
    for event in events {
        match &event.what {
            What::Waiting { waiting, .. } => {
                for wait in waiting {
                    assert_eq!(serde_json::to_value(&wait.on).unwrap()["on"], wait.on.name());
                }
            }
            What::Stopped { reason, .. } => {
                assert_eq!(serde_json::to_value(reason).unwrap()["stop"], reason.name());
            }
            _ => {}
        }
    }
}
