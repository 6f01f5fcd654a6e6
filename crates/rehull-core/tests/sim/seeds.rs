//! Bad days drawn from seeds, and the runs that failed once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::domain::waiting::StopReason;
use rehull_core::sim::coverage::Coverage;
use rehull_core::sim::fault::Happening;
use rehull_core::sim::{
    End, Ended, Happened, Scenario, Verdict, drawn, drawn_by_terraform, drawn_for_a_control_plane,
    drawn_for_workers, story, write_scenario,
};

use crate::bench::{everywhere, number, play, scenarios};
use crate::{cells, coverage, days, edits, lies};

/// Seeds of the default tests; `make sim SEEDS=…` for more.
const SEEDS: u64 = 20_000;
/// Those with Terraform.
const TERRAFORMS: u64 = 1_000;
/// Seeds of the default tests with a control plane: half an hour each, five times as long as etcd alone.
const CONTROL_PLANES: u64 = 500;
/// Seeds of the default tests with workers.
const WORKERS: u64 = 200;
/// After so many failures there is enough to mend.
const FAILURES_MAX: usize = 5;
/// One of so many seeds has five members: they take twice as long.
const OF_FIVE: u64 = 5;
/// In the soak, for so many seeds one is played once more: with Terraform, for a person, and the longer ones less often.
const OF_TERRAFORM: u64 = 5;
const OF_A_PERSON: u64 = 5;
const OF_LIES: u64 = 5;
const OF_A_CONTROL_PLANE: u64 = 20;
const OF_WORKERS: u64 = 40;

const STRATEGIES: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

/// The run of a seed.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let members = if seed % OF_FIVE == OF_FIVE - 1 { 5 } else { 3 };
    let strategy = STRATEGIES[usize::try_from(seed % 3).unwrap()];
    let plain = Scenario::plain(strategy, members, seed);
    let scenario = plain.with(drawn(seed, members));
    Scenario {
        about: format!("Drawn from seed {seed}"),
        ..scenario
    }
}

/// The run of a seed where Terraform makes the versions: the same bad day, and another one for Terraform.
pub(crate) fn scenario_by_terraform(seed: u64) -> Scenario {
    let scenario = scenario(seed).by_terraform();
    let faults = drawn_by_terraform(seed, scenario.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with Terraform"),
        ..scenario.with(faults)
    }
}

/// The run of a seed where etcd is new already and the control plane is not.
pub(crate) fn scenario_of_a_control_plane(seed: u64) -> Scenario {
    let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, seed).with_control_plane();
    let faults = drawn_for_a_control_plane(seed, plain.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with a control plane"),
        from: plain.to,
        ..plain.with(faults)
    }
}

/// The run of a seed where etcd is new already and the workers are not.
pub(crate) fn scenario_of_workers(seed: u64) -> Scenario {
    let mut plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, seed).with_workers();
    // Two or three machines over one, two or three zones.
    if let Some(workers) = &mut plain.workers {
        workers.zones = u8::try_from(seed % 3).unwrap() + 1;
        workers.machines = u8::try_from(seed % 2).unwrap() + 2;
    }
    let faults = drawn_for_workers(seed, plain.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with workers"),
        from: plain.to,
        ..plain.with(faults)
    }
}

/// What is wrong with a run whose faults have all ended long before its bound: it breaks no promise, and finishes with
/// every member new and nothing left over.
pub(crate) fn wrong(scenario: &Scenario, verdict: &Verdict) -> Option<String> {
    let members = usize::from(scenario.members);
    let servers = scenario
        .control_plane
        .map_or(0, |wanted| usize::from(wanted.machines));
    let all_new = verdict.members == vec![Some(scenario.to); members]
        && serve_what_is_wanted(scenario, verdict)
        && run_what_is_wanted(scenario, verdict);
    let workers = verdict.workers.as_ref().map_or(0, |found| found.kubelets.len());
    let whole = all_new && verdict.machines == members + servers + workers;
    let whole = whole || was_harmed_at_the_end(verdict);
    match (&verdict.end, verdict.breaches.as_slice()) {
        (_, [first, ..]) => Some(format!("breach of I{}: {}", first.invariant, first.what)),
        (End::Finished, []) if whole => None,
        (End::Stopped(ended), []) if all_members_are_lost(ended, verdict, servers + workers) => None,
        (End::Finished, []) => Some(format!(
            "finished with {:?}, {} machines",
            verdict.members, verdict.machines
        )),
        (end, []) => Some(format!("{end:?}")),
    }
}

/// Nothing is left of etcd but its data: whatever a bad day has cost, that is for a person, and nothing may be started.
fn all_members_are_lost(ended: &Ended, verdict: &Verdict, others: usize) -> bool {
    let stopped = matches!(
        ended,
        Ended::Stopped {
            reason: StopReason::QuorumLost { .. },
            ..
        }
    );
    stopped && verdict.machines <= others && verdict.members.iter().all(Option::is_none)
}

/// Servers that are lost at the very end come back as the group launches them: later than the end.
fn serve_what_is_wanted(scenario: &Scenario, verdict: &Verdict) -> bool {
    let Some((wanted, found)) = scenario.control_plane.zip(verdict.control_plane.as_ref()) else {
        return true;
    };
    found.releases == vec![wanted.to; usize::from(wanted.machines)]
}

/// Every node is new, as many as there were and as many as somebody has asked for meanwhile, and open.
fn run_what_is_wanted(scenario: &Scenario, verdict: &Verdict) -> bool {
    let Some((wanted, found)) = scenario.workers.zip(verdict.workers.as_ref()) else {
        return true;
    };
    let more = verdict.moments.iter().filter(|moment| {
        let what = Happened::World {
            what: Happening::ScaleOut,
            begins: true,
        };
        moment.what == what
    });
    let nodes = usize::from(wanted.groups) * usize::from(wanted.machines) + more.count();
    found.kubelets == vec![wanted.to; nodes] && found.altered.is_empty()
}

/// A fault that takes a member out was still going on when rehull looked the last time, or came later: the rollout was
/// over, and who has been hit then may still be on its way up.
pub(crate) fn was_harmed_at_the_end(verdict: &Verdict) -> bool {
    let mut on: Vec<&Happening> = Vec::new();
    for moment in &verdict.moments {
        match &moment.what {
            Happened::World { what, begins: true } if what.harms_a_member() || what.harms_a_node() => {
                on.push(what);
            }
            Happened::World { what, begins: false } if moment.at < verdict.looked_at => {
                on.retain(|other| *other != what);
            }
            _ => {}
        }
    }
    !on.is_empty()
}

/// Takes fault after fault out while the run still fails.
pub(crate) fn minimised(scenario: &Scenario, fails: impl Fn(&Scenario) -> bool) -> Scenario {
    let mut least = scenario.clone();
    let mut number = 0;
    while number < least.faults.len() {
        let less = least.clone().with(least.faults.without(number));
        if fails(&less) {
            least = less;
        } else {
            number += 1;
        }
    }
    least
}

fn report(scenario: &Scenario, why: &str, wrong: Wrong) -> String {
    let least = minimised(scenario, |less| wrong(less, &play(less)).is_some());
    let seed = scenario.seed;
    let all = scenario.faults.len();
    format!(
        "seed {seed}: {why}\n\n{} of {all} faults are needed:\n{}\nsave this as crates/rehull-core/tests/sim/regressions/seed-{seed}.yaml:\n\n{}\n\
         and replay it: cargo test -p rehull-core --test sim regressions, or\n\
         rehull rehearse --scenario crates/rehull-core/tests/sim/regressions/seed-{seed}.yaml --seed {seed}\n",
        least.faults.len(),
        story(&least, &play(&least)),
        write_scenario(&least)
    )
}

/// The run of a seed.
pub(crate) type Drawn = fn(u64) -> Scenario;

/// Says what is wrong with a run, if anything is.
pub(crate) type Wrong = fn(&Scenario, &Verdict) -> Option<String>;

/// Plays seeds until there are enough failures; what they have touched.
pub(crate) fn campaign(first: u64, seeds: u64, scenario: Drawn, wrong: Wrong) -> (Coverage, Vec<String>) {
    let all = Mutex::new(Coverage::default());
    let failures = Mutex::new(Vec::new());
    let done = AtomicU64::new(0);
    everywhere(seeds, |job| {
        if failures.lock().unwrap().len() >= FAILURES_MAX {
            return;
        }
        let scenario = scenario(first + job);
        let verdict = play(&scenario);
        all.lock().unwrap().add(&verdict);
        if let Some(why) = wrong(&scenario, &verdict) {
            // Taking faults out may last: a person who waits wants to know already.
            println!("seed {} fails: {why}", scenario.seed);
            let report = report(&scenario, &why, wrong);
            failures.lock().unwrap().push(report);
        }
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(10_000) {
            println!("{done} of {seeds} seeds");
        }
    });
    (all.into_inner().unwrap(), failures.into_inner().unwrap())
}

#[test]
fn whatever_a_bad_day_brings_no_promise_is_broken_and_every_upgrade_finishes() {
    let seeds = number("REHULL_SIM_MEMBERS", SEEDS);
    let (_, failures) = campaign(0, seeds, scenario, wrong);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whatever_a_bad_day_brings_to_terraform_no_promise_is_broken_and_every_upgrade_finishes() {
    let (_, failures) = campaign(
        0,
        number("REHULL_SIM_TERRAFORM", TERRAFORMS),
        scenario_by_terraform,
        wrong,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whatever_a_bad_day_brings_to_a_control_plane_no_promise_is_broken_and_every_upgrade_finishes() {
    let seeds = number("REHULL_SIM_CONTROL_PLANES", CONTROL_PLANES);
    let (_, failures) = campaign(0, seeds, scenario_of_a_control_plane, wrong);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whatever_a_bad_day_brings_to_workers_no_promise_is_broken_and_every_upgrade_finishes() {
    let (_, failures) = campaign(
        0,
        number("REHULL_SIM_WORKERS", WORKERS),
        scenario_of_workers,
        wrong,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "soak: `make sim SEEDS=1000000`"]
fn a_campaign_of_bad_days_breaks_no_promise_and_every_upgrade_finishes() {
    let (first, seeds) = (number("REHULL_SIM_FROM", 0), number("REHULL_SIM_SEEDS", 1_000));
    let mut all = coverage::of_scenarios();
    all.merge(cells::coverage());
    let mut failures = Vec::new();
    let kinds: [(u64, Drawn, Wrong); 8] = [
        (1, scenario, wrong),
        (OF_TERRAFORM, scenario_by_terraform, wrong),
        (OF_A_PERSON, days::scenario_for_a_person, days::wrong_for_a_person),
        (OF_A_CONTROL_PLANE, scenario_of_a_control_plane, wrong),
        (OF_WORKERS, scenario_of_workers, wrong),
        (OF_A_CONTROL_PLANE, edits::scenario_of_servers, edits::wrong),
        (OF_WORKERS, edits::scenario_of_workers, edits::wrong),
        (OF_LIES, lies::scenario, wrong),
    ];
    for (of, scenario, wrong) in kinds {
        let (touched, more) = campaign(first, seeds / of, scenario, wrong);
        all.merge(&touched);
        failures.extend(more);
    }
    println!("{}", all.table());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(all.cells_missed(), [("", ""); 0]);
    assert_eq!(all.waits_unreached(), coverage::WAITS_UNREACHABLE);
    assert_eq!(all.stops_unreached(), coverage::STOPS_UNREACHABLE);
}

/// What a run in a file of this name may come to.
fn judge_of(name: &str) -> Wrong {
    match name.rsplit_once('-') {
        Some((_, "edited")) => edits::wrong,
        Some((_, "person")) => days::wrong_for_a_person,
        Some(_) | None => wrong,
    }
}

#[test]
fn what_failed_once_does_not_fail_again_regressions() {
    for (name, scenario) in scenarios("regressions") {
        let verdict = play(&scenario);
        let why = judge_of(&name)(&scenario, &verdict);
        assert!(
            why.is_none(),
            "{name}: {}\n{}",
            why.unwrap_or_default(),
            story(&scenario, &verdict)
        );
    }
}

#[test]
fn a_member_that_is_hit_after_the_last_look_is_no_failure_and_one_that_was_hit_before_is() {
    for name in ["seed-186877", "seed-193575"] {
        let scenario = &scenarios("regressions")[name];
        let mut verdict = play(scenario);
        let told = story(scenario, &verdict);
        assert_eq!(verdict.end, End::Finished, "{told}");
        assert!(verdict.members.contains(&None), "{told}");
        assert_eq!(wrong(scenario, &verdict), None, "{told}");
        verdict.looked_at = verdict.took;
        assert!(wrong(scenario, &verdict).is_some(), "{told}");
    }
}

#[test]
fn a_cluster_of_which_no_machine_is_left_is_for_a_person_and_one_with_a_machine_left_is_a_failure() {
    for name in ["seed-6256-terraform", "seed-31948-terraform"] {
        let scenario = &scenarios("regressions")[name];
        let mut verdict = play(scenario);
        let told = story(scenario, &verdict);
        assert!(matches!(verdict.end, End::Stopped(_)), "{told}");
        assert_eq!(wrong(scenario, &verdict), None, "{told}");
        verdict.machines = 1;
        assert!(wrong(scenario, &verdict).is_some(), "{told}");
    }
}

#[test]
#[ignore = "what is open fails: run it by its name when something is mended"]
fn what_is_open_comes_to_a_good_end() {
    for (name, scenario) in scenarios("open") {
        let verdict = play(&scenario);
        let why = judge_of(&name)(&scenario, &verdict);
        assert!(
            why.is_none(),
            "{name}: {}\n{}",
            why.unwrap_or_default(),
            story(&scenario, &verdict)
        );
    }
}

#[test]
fn a_failing_mix_is_minimised_to_what_makes_it_fail() {
    let scenario = scenario(4);
    let faults = scenario.faults.len();
    assert!(faults > 1, "{faults}");
    let last = scenario.faults.world.last().unwrap().clone();
    let smaller = minimised(&scenario, |less| less.faults.world.contains(&last));
    assert_eq!(smaller.faults.world, [last]);
    assert_eq!(smaller.faults.len(), 1);
}

#[test]
#[ignore = "shows the runs of one seed: REHULL_SIM_FROM"]
fn a_seed_is_told() {
    let seed = number("REHULL_SIM_FROM", 0);
    for scenario in [
        scenario,
        scenario_by_terraform,
        scenario_of_a_control_plane,
        scenario_of_workers,
        edits::scenario_of_servers,
        edits::scenario_of_workers,
        lies::scenario,
    ] {
        let scenario = scenario(seed);
        let verdict = play(&scenario);
        println!(
            "{}\n{:?}\n{}",
            story(&scenario, &verdict),
            wrong(&scenario, &verdict),
            write_scenario(&scenario)
        );
    }
}
