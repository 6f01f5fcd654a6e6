//! Bad days on which rehull is lied to: what it reads is old or missing, an answer comes late, machines boot with what is
//! not theirs.

use rehull_core::sim::{Scenario, drawn_with_lies};

use crate::bench::number;
use crate::seeds::{self, campaign};

/// Seeds of the default tests.
const SEEDS: u64 = 2_000;

/// The run of a seed with lies.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let plain = seeds::scenario(seed);
    let faults = drawn_with_lies(seed, plain.members);
    Scenario {
        about: format!("Drawn from seed {seed}, with lies"),
        ..plain.with(faults)
    }
}

#[test]
fn whatever_rehull_is_told_no_promise_is_broken_and_every_upgrade_finishes() {
    let count = number("REHULL_SIM_LIES", SEEDS);
    let (_, failures) = campaign(0, count, scenario, seeds::wrong);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
