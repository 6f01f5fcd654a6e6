//! Bad days after which a person may have to look, and whether bad days come while there is something to disturb.

use std::sync::Mutex;

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::{End, Happened, Scenario, Verdict, drawn_for_a_person};

use crate::bench::{everywhere, number, play};
use crate::seeds::{
    Drawn, campaign, scenario, scenario_by_terraform, scenario_of_a_control_plane, scenario_of_workers,
    was_harmed_at_the_end, wrong,
};

/// Seeds of the default tests.
const SEEDS: u64 = 2_000;
/// Days of each kind that are looked at.
const DAYS: u64 = 300;

/// The run of a seed with something that no rollout may get over by itself.
pub(crate) fn scenario_for_a_person(seed: u64) -> Scenario {
    let scenario = scenario(seed);
    let faults = drawn_for_a_person(seed, scenario.members);
    Scenario {
        about: format!("Drawn from seed {seed}, for a person"),
        ..scenario.with(faults)
    }
}

/// Whatever it is, no promise is broken, and it ends: done, at rest, or stopped with a reason that has a name.
pub(crate) fn wrong_for_a_person(scenario: &Scenario, verdict: &Verdict) -> Option<String> {
    match (&verdict.end, verdict.breaches.as_slice()) {
        (End::Stopped(_) | End::Aborted | End::NoWayBack(_), []) => None,
        (End::WentBack, []) => is_not_as_before(scenario, verdict),
        (End::Finished | End::Endless(_), []) | (_, [_, ..]) => wrong(scenario, verdict),
    }
}

/// Who went back has nothing left of the new release.
fn is_not_as_before(scenario: &Scenario, verdict: &Verdict) -> Option<String> {
    let is_old = |member: &Option<EtcdVersion>| *member == Some(scenario.from);
    let is_done = verdict.members.iter().all(is_old) || was_harmed_at_the_end(verdict);
    (!is_done).then(|| format!("went back, and the members are {:?}", verdict.members))
}

#[test]
fn whatever_a_day_for_a_person_brings_no_promise_is_broken_and_it_ends_with_a_reason() {
    let seeds = number("REHULL_SIM_PERSONS", SEEDS);
    let (_, failures) = campaign(0, seeds, scenario_for_a_person, wrong_for_a_person);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is drawn for a time when the rollout is over tests nothing.
#[test]
fn a_bad_day_is_over_before_the_rollout_is() {
    let kinds: [(&str, Drawn); 5] = [
        ("etcd", scenario),
        ("by Terraform", scenario_by_terraform),
        ("a control plane", scenario_of_a_control_plane),
        ("workers", scenario_of_workers),
        ("for a person", scenario_for_a_person),
    ];
    for (kind, drawn) in kinds {
        let all = Mutex::new((0_usize, 0_usize, 0_u64));
        everywhere(DAYS, |seed| {
            let scenario = drawn(seed);
            let verdict = play(&scenario);
            let begun = verdict
                .moments
                .iter()
                .filter(|moment| matches!(moment.what, Happened::World { begins: true, .. }));
            let begun = begun.count();
            let struck = verdict.requests.iter().any(|passed| passed.trouble.is_some());
            let mut all = all.lock().unwrap();
            all.0 += scenario.faults.world.len();
            all.1 += begun;
            all.2 += u64::from(begun == 0 && !struck);
        });
        let (drawn, begun, calm) = all.into_inner().unwrap();
        println!("{kind}: {begun} of {drawn} faults came in time, nothing came in {calm} of {DAYS} runs");
        assert!(begun * 5 >= drawn * 4, "{kind}: {begun} of {drawn} came in time");
        assert!(calm * 20 <= DAYS, "{kind}: nothing came in {calm} of {DAYS}");
    }
}
