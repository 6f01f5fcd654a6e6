//! Many seeds, each with its own faults: no promise is broken, and every rollout is finished in the end.
//!
//! The seeds are split into parts, so that the test threads share them.

use super::*;

/// Seeds of one part: 19,500 rollouts in all, a minute and a half of each of two cores. `tests/sim` draws more, other
/// kinds of clusters among them.
const SEEDS: u64 = 3_250;
/// In the soak each part has so many times as many.
const SOAK: u64 = 6;

/// Rollouts with the seeds of one part.
fn part(strategy: EtcdStrategy, number: u64, seeds: u64) {
    let plain = Scenario::plain(strategy, 3, 5);
    let prepared = prepare(&plain).unwrap();
    let mut bad = Vec::new();
    for seed in number * seeds..(number + 1) * seeds {
        let scenario = Scenario {
            seed,
            ..plain.clone()
        }
        .with(drawn(seed, plain.members));
        let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
        if verdict.end != End::Finished || !verdict.breaches.is_empty() {
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
