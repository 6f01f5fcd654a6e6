//! Many seeds, each with its own faults: no promise is broken, and every rollout is finished in the end.
//!
//! The seeds are split into parts, so that the test threads share them.

use super::*;
use crate::domain::waiting::StopReason;

/// Seeds of one part: 19,500 rollouts in all, a minute and a half of each of two cores. `tests/sim` draws 500 more.
const SEEDS: u64 = 3_250;
/// In the soak each part has so many times as many.
const SOAK: u64 = 6;

/// In so many seeds one may be left to a person.
const ONE_STOP_IN: usize = 600;

/// Left to a person for one of two reasons that are known and open, each a stop with nothing harmed: an old member was
/// lost after the cluster version had risen, and its release cannot start any more; or a machine that was to bring a
/// member back finds the slot's parts at the one that was to replace it.
fn is_open(end: &End) -> bool {
    let End::Stopped(ended) = end else { return false };
    let Ended::Stopped { reason, .. } = ended.as_ref() else {
        return false;
    };
    match reason {
        StopReason::PastPointOfNoReturn { .. } => true,
        StopReason::OutsideEnvelope { what } => what.contains("which is no live machine of that slot"),
        _ => false,
    }
}

/// Rollouts with the seeds of one part.
fn part(strategy: EtcdStrategy, number: u64, seeds: u64) {
    let plain = Scenario::plain(strategy, 3, 5);
    let prepared = prepare(&plain).unwrap();
    let (mut bad, mut stops) = (Vec::new(), Vec::new());
    for seed in number * seeds..(number + 1) * seeds {
        let scenario = Scenario {
            seed,
            ..plain.clone()
        }
        .with(drawn(seed, plain.members));
        let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
        if verdict.breaches.is_empty() && is_open(&verdict.end) {
            stops.push(format!("seed {seed}: {:?} by {:?}", verdict.end, scenario.faults));
        } else if verdict.end != End::Finished || !verdict.breaches.is_empty() {
            bad.push(format!(
                "{strategy:?} seed {seed}: {:?} after {:?}, {} processes, {:?}\n    {:?}",
                verdict.end, verdict.took, verdict.processes, verdict.breaches, scenario.faults
            ));
        }
    }
    for line in &bad {
        println!("{line}");
    }
    assert!(bad.is_empty(), "{} of {seeds}", bad.len());
    for line in &stops {
        println!("left to a person: {line}");
    }
    let allowed = usize::try_from(seeds).unwrap().div_ceil(ONE_STOP_IN);
    assert!(
        stops.len() <= allowed,
        "{} of {seeds} are left to a person",
        stops.len()
    );
}

macro_rules! parts {
    ($($name:ident: $strategy:ident, $number:literal;)+) => {
        $(
            #[test]
            fn $name() {
                part(EtcdStrategy::$strategy, $number, SEEDS);
            }
        )+

        mod soak {
            use super::*;

            $(
                #[test]
                #[ignore = "soak: `make soak` draws more seeds"]
                fn $name() {
                    part(EtcdStrategy::$strategy, $number, SEEDS * SOAK);
                }
            )+
        }
    };
}

parts! {
    whatever_happens_remove_then_add_keeps_its_promises_and_ends_1: RemoveThenAdd, 0;
    whatever_happens_remove_then_add_keeps_its_promises_and_ends_2: RemoveThenAdd, 1;
    whatever_happens_reattach_keeps_its_promises_and_ends_1: Reattach, 0;
    whatever_happens_reattach_keeps_its_promises_and_ends_2: Reattach, 1;
    whatever_happens_learner_first_keeps_its_promises_and_ends_1: LearnerFirst, 0;
    whatever_happens_learner_first_keeps_its_promises_and_ends_2: LearnerFirst, 1;
}
