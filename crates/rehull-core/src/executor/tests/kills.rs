//! Killed anywhere, resumed, same end.

use super::*;
use crate::event::What;
use crate::executor::fakes::{CallFault, Fault, Run, run_polls};

#[test]
fn a_whole_rollout_ends_with_three_new_machines_and_a_closed_journal() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let bench = Bench::with(strategy);
        assert_eq!(bench.run("one"), Outcome::Finished);
        bench.assert_upgraded(strategy.as_str());
        assert_eq!(bench.world.calls_of("launch-machine").len(), 3);
        let events = bench.events.all();
        assert!(matches!(events[0].what, What::Started { first: true, .. }));
        assert_eq!(events.last().unwrap().what, What::Finished);
        let done = events
            .iter()
            .filter(|event| matches!(event.what, What::StepDone { .. }))
            .count();
        assert_eq!(done, 3);
    }
}

#[test]
fn a_process_killed_at_any_await_is_continued_to_the_same_end() {
    let mut polls = 0;
    loop {
        polls += 1;
        let bench = Bench::new();
        if matches!(
            run_polls(&bench.world.clock, bench.process("killed"), polls),
            Run::Ended(_)
        ) {
            break;
        }
        let begun = bench.segments() > 0;
        if !begun || bench.journal().closed().is_none() {
            assert_eq!(bench.run("next"), Outcome::Finished, "killed after {polls} polls");
        }
        bench.assert_upgraded(&format!("killed after {polls} polls"));
        let machines = bench.world.model.lock().unwrap().machines.len();
        assert_eq!(
            machines, 6,
            "killed after {polls} polls: three old, three new, nothing else"
        );
    }
    assert!(polls > 300, "only {polls} awaits");
}

#[test]
fn a_process_killed_again_and_again_ends_all_the_same() {
    let bench = Bench::new();
    let mut processes = 0;
    loop {
        processes += 1;
        // Long enough for a few ticks, and every time another number of awaits.
        match run_polls(
            &bench.world.clock,
            bench.process(&format!("p{processes}")),
            25 + processes % 37,
        ) {
            Run::Ended(outcome) => break assert_eq!(outcome.unwrap(), Outcome::Finished),
            Run::Killed if bench.journal().closed().is_some() => break,
            Run::Killed => assert!(processes < 1000, "no end: {:#?}", bench.journal()),
        }
    }
    assert!(processes > 10, "only {processes} processes");
    bench.assert_upgraded("many kills");
}

#[test]
fn every_lost_answer_and_every_lost_request_of_a_call_is_settled_without_doing_it_twice() {
    let kinds = [
        "start-snapshot",
        "create-template-version",
        "launch-machine",
        "move-leader",
        "ask-stop",
        "remove-member",
        "detach-interface",
        "detach-volume",
        "attach-interface",
        "attach-volume",
        "add-member",
        "go",
        "verify-data",
        "terminate-machine",
    ];
    for kind in kinds {
        for fault in [CallFault::LostAnswer, CallFault::LostRequest] {
            let bench = Bench::new();
            for _ in 0..3 {
                bench.world.fail_next(kind, fault.clone());
            }
            assert_eq!(bench.run("one"), Outcome::Finished, "{kind} {fault:?}");
            bench.assert_upgraded(&format!("{kind} {fault:?}"));
            let launched = bench.world.model.lock().unwrap().machines.len();
            assert_eq!(
                launched, 6,
                "{kind} {fault:?}: three old, three new, nothing else"
            );
        }
    }
}

#[test]
fn a_lost_answer_of_every_single_segment_changes_nothing() {
    let bench = Bench::new();
    bench.run("one");
    let count = u64::try_from(bench.segments()).unwrap();
    for fault in [
        Fault::LostAnswer,
        Fault::OwnConflict,
        Fault::LostRequest,
        Fault::Unavailable,
    ] {
        let bench = Bench::new();
        for seq in 1..=count {
            bench
                .store()
                .fail_next(&keys::segment(&scope().rollout, seq), fault.clone());
        }
        assert_eq!(bench.run("one"), Outcome::Finished, "{fault:?}");
        bench.assert_upgraded(&format!("{fault:?}"));
    }
}

#[test]
fn an_action_that_was_intended_and_not_answered_is_sent_again_with_the_same_token() {
    for polls in 1.. {
        let bench = Bench::new();
        run_polls(&bench.world.clock, bench.process("killed"), polls);
        let doubt = bench.store().keys().iter().any(|key| key.contains("journal"))
            && bench
                .journal()
                .in_doubt()
                .iter()
                .any(|past| past.action.key().starts_with("launch"));
        if !doubt {
            continue;
        }
        bench.run("next");
        let intents: Vec<(String, u32, String)> = bench
            .records()
            .into_iter()
            .filter_map(|body| match body {
                RecordBody::Intended {
                    action,
                    attempt,
                    token,
                    ..
                } => Some((action.key(), attempt, token.to_string())),
                _ => None,
            })
            .filter(|(key, _, _)| key.starts_with("launch"))
            .collect();
        assert_eq!(intents[0], intents[1]);
        break;
    }
}
