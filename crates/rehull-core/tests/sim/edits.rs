//! Bad days on which somebody edits a group while rehull rolls it, or Auto Scaling evens out its zones.

use rehull_core::domain::waiting::StopReason;
use rehull_core::sim::fault::Happening;
use rehull_core::sim::{
    End, Ended, Happened, Scenario, Verdict, drawn_for_an_edited_control_plane, drawn_for_edited_workers,
};

use crate::bench::number;
use crate::seeds::{self, campaign};

/// Seeds of the default tests.
const CONTROL_PLANES: u64 = 150;
const WORKERS: u64 = 150;

/// Where somebody sets a size between a request of rehull's and its next look, or before a request that is late, the group
/// has what came last, and nothing that AWS tells says whose it was (`open/README.md`).
const WHOSE_SIZE: &str = "the sizes of";

fn may_cross(scenario: &Scenario) -> bool {
    let sets = |what: &Happening| {
        matches!(
            what,
            Happening::ScaleIn | Happening::ScaleOut | Happening::MaxLowered
        )
    };
    let mut world = scenario.faults.world.iter().map(|fault| &fault.what);
    !scenario.faults.requests.is_empty() && world.any(sets)
}

/// The run of a seed with a control plane whose group is edited.
pub(crate) fn scenario_of_servers(seed: u64) -> Scenario {
    let plain = seeds::scenario_of_a_control_plane(seed);
    let faults = drawn_for_an_edited_control_plane(seed, plain.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with a control plane whose group is edited"),
        ..plain.with(faults)
    }
}

/// The run of a seed with workers whose first group is edited.
pub(crate) fn scenario_of_workers(seed: u64) -> Scenario {
    let plain = seeds::scenario_of_workers(seed);
    let faults = drawn_for_edited_workers(seed, plain.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with workers whose group is edited"),
        ..plain.with(faults)
    }
}

/// No promise is broken, whoever edits what, and everything is new in the end. What is still on its way then is the
/// group's; that its sizes are those that people want is the oracle's business. A control plane that shall have fewer
/// servers than there were is for a person.
pub(crate) fn wrong(scenario: &Scenario, verdict: &Verdict) -> Option<String> {
    let first = verdict.breaches.first();
    if first.is_some_and(|first| first.what.contains(WHOSE_SIZE)) && may_cross(scenario) {
        return None;
    }
    if let Some(first) = first {
        return Some(format!("breach of I{}: {}", first.invariant, first.what));
    }
    match &verdict.end {
        End::Finished => left_over(scenario, verdict),
        End::Stopped(ended) if is_smaller(ended) && wants_less(verdict) => None,
        End::Aborted | End::WentBack | End::NoWayBack(_) | End::Stopped(_) | End::Endless(_) => {
            seeds::wrong(scenario, verdict)
        }
    }
}

fn left_over(scenario: &Scenario, verdict: &Verdict) -> Option<String> {
    let servers = scenario.control_plane.zip(verdict.control_plane.as_ref());
    let workers = scenario.workers.zip(verdict.workers.as_ref());
    if servers.is_some_and(|(wanted, found)| found.releases.iter().any(|release| *release != wanted.to)) {
        return Some(format!("finished with {:?}", verdict.control_plane));
    }
    let is_left = workers.is_some_and(|(wanted, found)| {
        !found.altered.is_empty() || found.kubelets.iter().any(|release| *release != wanted.to)
    });
    is_left.then(|| format!("finished with {:?}", verdict.workers))
}

fn is_smaller(ended: &Ended) -> bool {
    matches!(ended, Ended::Stopped { reason: StopReason::OutsideEnvelope { what }, .. }
        if what.contains("somebody has set the desired capacity"))
}

fn wants_less(verdict: &Verdict) -> bool {
    let less = |what: &Happening| matches!(what, Happening::ScaleIn | Happening::MaxLowered);
    let mut moments = verdict.moments.iter();
    moments.any(|moment| matches!(&moment.what, Happened::World { what, begins: true } if less(what)))
}

#[test]
fn whoever_edits_the_group_of_a_control_plane_no_promise_is_broken_and_it_ends_with_a_reason() {
    let seeds = number("REHULL_SIM_EDITED_CONTROL_PLANES", CONTROL_PLANES);
    let (_, failures) = campaign(0, seeds, scenario_of_servers, wrong);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whoever_edits_the_group_of_workers_no_promise_is_broken_and_every_upgrade_finishes() {
    let seeds = number("REHULL_SIM_EDITED_WORKERS", WORKERS);
    let (_, failures) = campaign(0, seeds, scenario_of_workers, wrong);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
