//! The simulator at work.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly, and shows how far it came"
)]

mod seeds;

use super::fault::{Happening, RequestFault, RequestTrouble, WorldFault};
use super::*;
use crate::domain::ids::SlotName;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::executor::Rules;

const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

/// The default tests disturb every so many requests, each kind of trouble beginning at another one.
const SAMPLE: usize = 17;

/// Finished, with every member new and nothing left over.
fn assert_upgraded(verdict: &Verdict, scenario: &Scenario, case: &str) {
    let members = usize::from(scenario.members);
    assert_eq!(verdict.end, End::Finished, "{case}");
    assert_eq!(verdict.breaches, [], "{case}");
    assert_eq!(verdict.members, vec![Some(scenario.to); members], "{case}");
    assert_eq!(verdict.machines, members, "{case}");
}

#[test]
fn an_undisturbed_upgrade_finishes_and_breaks_no_promise() {
    for strategy in ALL {
        for members in [3, 5] {
            let scenario = Scenario::plain(strategy, members, 1);
            let prepared = prepare(&scenario).unwrap();
            let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
            assert_upgraded(&verdict, &scenario, &format!("{strategy:?} {members}"));
            assert_eq!(verdict.processes, 1);
        }
    }
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_one_another() {
    let scenario = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 7);
    let prepared = prepare(&scenario).unwrap();
    let tell = |seed| {
        let scenario = Scenario {
            seed,
            ..scenario.clone()
        };
        prepared.upgrade(&scenario, Rules::default()).unwrap().events
    };
    assert_eq!(tell(7), tell(7));
    assert_ne!(tell(7), tell(8));
}

/// Whatever happens to a single request, the upgrade ends as if it had not happened. Every `step`-th one is disturbed.
fn single_requests(strategy: EtcdStrategy, step: usize) {
    disturbed(&Scenario::plain(strategy, 3, 3), step, None);
}

/// The same up to the first request of a kind.
fn disturbed(plain: &Scenario, step: usize, before: Option<&str>) {
    let prepared = prepare(plain).unwrap();
    let requests = prepared.upgrade(plain, Rules::default()).unwrap().requests;
    assert!(requests.len() > 50, "{requests:?}");
    let first = before.and_then(|what| requests.iter().position(|passed| passed.what == what));
    let end = first.unwrap_or(requests.len());
    for (offset, how) in RequestTrouble::ALL.into_iter().enumerate() {
        for nth in (offset % step..end).step_by(step) {
            let nth = u64::try_from(nth).unwrap();
            let faults = Faults {
                requests: vec![RequestFault { nth, how }],
                ..Faults::default()
            };
            let scenario = plain.clone().with(faults);
            let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
            let what = verdict.requests.iter().find(|passed| passed.trouble.is_some());
            let strategy = plain.strategy;
            let case = format!(
                "{strategy:?} {how:?} at request {nth}, {:?}",
                what.map(|passed| passed.what)
            );
            assert!(what.is_some(), "nothing happened: {case}");
            assert_upgraded(&verdict, &scenario, &case);
            // A write to the store whose fate nobody knows may end a process; what is merely heard twice never does.
            let expected = match how {
                RequestTrouble::KillBefore | RequestTrouble::KillAfter => 2..=2,
                RequestTrouble::Twice => 1..=1,
                _ => 1..=2,
            };
            assert!(
                expected.contains(&verdict.processes),
                "{}: {case}",
                verdict.processes
            );
        }
    }
}

#[test]
fn whatever_happens_to_a_single_request_the_upgrade_ends_the_same() {
    for strategy in ALL {
        single_requests(strategy, SAMPLE);
    }
}

#[test]
fn whatever_happens_to_a_single_request_while_terraform_works_the_upgrade_ends_the_same() {
    let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 3).by_terraform();
    disturbed(&plain, 1, Some("RunInstances"));
}

mod everywhere {
    //! The same at every request: minutes of work.

    use super::*;

    #[test]
    #[ignore = "soak: `make soak` disturbs every request"]
    fn whatever_happens_to_any_request_of_remove_then_add_it_ends_the_same() {
        single_requests(EtcdStrategy::RemoveThenAdd, 1);
    }

    #[test]
    #[ignore = "soak: `make soak` disturbs every request"]
    fn whatever_happens_to_any_request_of_reattach_it_ends_the_same() {
        single_requests(EtcdStrategy::Reattach, 1);
    }

    #[test]
    #[ignore = "soak: `make soak` disturbs every request"]
    fn whatever_happens_to_any_request_of_learner_first_it_ends_the_same() {
        single_requests(EtcdStrategy::LearnerFirst, 1);
    }
}

/// The one of this word, and a cluster in which it can be felt.
fn happening(word: &str) -> (Happening, Scenario) {
    // The first machine is launched in the first second, in the zone of etcd-c.
    let slot = if word == "no-capacity" { "etcd-c" } else { "etcd-b" };
    // What AWS tells is never so old.
    let seconds = if word == "stale-reads" { 8 } else { 300 };
    let what = Happening::named(
        word,
        Some(SlotName::new(slot)),
        Some("NOSPACE".to_owned()),
        Some(seconds),
    );
    let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 4);
    let scenario = match word {
        "server-lost" | "listener-gone" => plain.with_control_plane(),
        "node-lost" | "kubelet-hangs" | "budget-blocks" | "scale-out" | "zone-added" | "version-edited"
        | "max-lowered" | "processes-resumed" | "scale-in" => plain.with_workers(),
        "plan-dies" | "apply-dies" | "plan-changed" | "state-locked" | "terraform-slow" => {
            plain.by_terraform()
        }
        _ => plain,
    };
    (what.unwrap(), scenario)
}

#[test]
fn everything_that_can_happen_is_felt() {
    for word in Happening::NAMES {
        let (what, plain) = happening(word);
        let prepared = prepare(&plain).unwrap();
        let undisturbed = prepared.upgrade(&plain, Rules::default()).unwrap();
        let felt = (1..900).step_by(40).any(|at_s| {
            let faults = Faults {
                world: vec![WorldFault {
                    at_s,
                    for_s: 120,
                    what: what.clone(),
                }],
                ..Faults::default()
            };
            let verdict = prepared
                .upgrade(&plain.clone().with(faults), Rules::default())
                .unwrap();
            assert_eq!(verdict.breaches, [], "{what:?} at {at_s}");
            assert!(
                !matches!(verdict.end, End::Endless(_)),
                "{what:?} at {at_s}: {:?}",
                verdict.end
            );
            verdict.events != undisturbed.events || verdict.processes > 1
        });
        assert!(felt, "{what:?}");
    }
}

#[test]
fn a_scenario_that_cannot_be_simulated_says_why_in_words() {
    let from = |from: &str, to: &str| {
        let scenario = Scenario {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            ..Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 1)
        };
        prepare(&scenario).err().unwrap().to_string()
    };
    for (why, wanted) in [
        (from("3.4.23", "3.6.14"), "3.4.23"),
        (from("3.3.27", "3.4.23"), "its cluster file is refused"),
    ] {
        println!("{why}");
        assert!(why.contains(wanted), "{why}");
        assert!(!why.contains(['{', '[']), "{why}");
    }
}

#[test]
fn an_abort_at_any_second_of_the_first_step_leaves_no_machine_behind() {
    let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 11);
    let prepared = prepare(&plain).unwrap();
    for at_s in 0..90 {
        let faults = Faults {
            world: vec![WorldFault {
                at_s,
                for_s: 0,
                what: Happening::AskAbort,
            }],
            ..Faults::default()
        };
        let verdict = prepared
            .upgrade(&plain.clone().with(faults), Rules::default())
            .unwrap();
        assert_eq!(verdict.end, End::Aborted, "at {at_s}");
        assert_eq!(verdict.breaches, [], "at {at_s}");
        assert_eq!(verdict.machines, 3, "at {at_s}");
    }
}

/// What is decided while an action is in doubt may be nothing at all: that is no end.
#[test]
fn a_rollout_is_not_finished_by_what_was_decided_before_its_last_doubt_was_settled() {
    let plain = Scenario {
        from: EtcdVersion::new(3, 6, 14),
        workers: Some(Workers {
            surge: 0,
            ..Workers::new(1, 3)
        }),
        ..Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 1)
    };
    let prepared = prepare(&plain).unwrap();
    let requests = prepared.upgrade(&plain, Rules::default()).unwrap().requests;
    let appends = (0..requests.len()).filter(|nth| requests[*nth].what == "append segment");
    for nth in appends {
        let nth = u64::try_from(nth).unwrap();
        let how = RequestTrouble::KillAfter;
        let faults = Faults {
            requests: vec![RequestFault { nth, how }],
            ..Faults::default()
        };
        let verdict = prepared
            .upgrade(&plain.clone().with(faults), Rules::default())
            .unwrap();
        assert_eq!(verdict.breaches, [], "killed after request {nth}");
        assert_eq!(verdict.end, End::Finished, "killed after request {nth}");
    }
}

mod mutants;
mod window;
