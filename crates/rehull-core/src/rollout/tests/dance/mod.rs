//! The dance, checked in every state: [`decide`] and the audit in all worlds that they can come to with a bounded number
//! of faults.
//!
//! Why, what is left out and what was not taken instead: `docs/decisions/0011-every-state-of-the-dance.md`.

mod checker;
mod decision;
mod faults;
mod journal;
mod mutants;
mod notes;
mod scene;
mod state;
mod step;
mod steps;
mod words;

use checker::Checker;
use decision::Rules;
use faults::Faults;
use scene::Scene;

use crate::audit::check_next;
use crate::domain::policy::EtcdStrategy::{self, LearnerFirst, Reattach, RemoveThenAdd};
use crate::rollout::decide;

const REAL: Rules = Rules {
    decide,
    check: check_next,
};

/// One member may be harmed at a time, and nothing goes wrong.
const NOTHING: Faults = Faults {
    freezes: 0,
    losses: 0,
    at_once: 1,
    crashes: 0,
    strays: 0,
    lost: 0,
    failed: 0,
    late: 0,
    refused: 0,
    elections: 0,
    aborts: 0,
};

const ALL: [EtcdStrategy; 3] = [RemoveThenAdd, Reattach, LearnerFirst];

/// Every property in every state, or the shortest path to the first that does not hold.
#[allow(clippy::print_stdout, reason = "the figures are a result")]
fn holds(count: usize, strategy: EtcdStrategy, left: Faults) {
    let scene = Scene::new(count, strategy);
    let what = format!("{count} voters, {}, {left}", strategy.as_str());
    match Checker::new(&scene, REAL).run(vec![scene.beginning()], left) {
        Ok(figures) => println!("{what}: {figures}"),
        Err(counterexample) => panic!("{what}\n{counterexample}"),
    }
}

#[test]
fn calls_that_fail_and_answers_that_are_lost_change_nothing_in_the_end() {
    for strategy in ALL {
        holds(
            3,
            strategy,
            Faults {
                lost: 1,
                failed: 1,
                ..NOTHING
            },
        );
        holds(5, strategy, Faults { lost: 1, ..NOTHING });
    }
}

#[test]
fn a_rehull_that_is_killed_or_overtaken_leaves_nothing_behind_that_hurts() {
    for strategy in ALL {
        holds(
            3,
            strategy,
            Faults {
                crashes: 1,
                lost: 1,
                ..NOTHING
            },
        );
    }
    for strategy in [Reattach, LearnerFirst] {
        holds(3, strategy, Faults { strays: 1, ..NOTHING });
    }
    // With a freeze that may not happen either: the same without it is among these states.
    holds(
        3,
        RemoveThenAdd,
        Faults {
            strays: 1,
            freezes: 1,
            ..NOTHING
        },
    );
}

#[test]
fn of_five_members_too_a_rehull_that_is_killed_or_overtaken_leaves_nothing_behind_that_hurts() {
    for strategy in [RemoveThenAdd, Reattach] {
        holds(
            5,
            strategy,
            Faults {
                crashes: 1,
                ..NOTHING
            },
        );
    }
    holds(5, RemoveThenAdd, Faults { strays: 1, ..NOTHING });
}

#[test]
#[ignore = "soak: 52,039 states at most, half a minute in a release build beside other work"]
fn of_five_members_too_a_rehull_that_is_killed_or_overtaken_hurts_in_no_strategy() {
    for strategy in ALL {
        holds(5, strategy, Faults { strays: 1, ..NOTHING });
    }
    holds(
        5,
        LearnerFirst,
        Faults {
            crashes: 1,
            ..NOTHING
        },
    );
}

#[test]
fn a_member_that_freezes_at_any_moment_is_waited_for_and_nothing_is_begun_meanwhile() {
    for strategy in ALL {
        holds(
            3,
            strategy,
            Faults {
                freezes: 1,
                crashes: 1,
                ..NOTHING
            },
        );
        holds(
            3,
            strategy,
            Faults {
                freezes: 1,
                elections: 1,
                ..NOTHING
            },
        );
    }
    holds(
        5,
        RemoveThenAdd,
        Faults {
            freezes: 1,
            ..NOTHING
        },
    );
}

#[test]
fn a_machine_that_is_lost_at_any_moment_comes_back_and_the_rollout_can_be_finished() {
    for strategy in ALL {
        holds(3, strategy, Faults { losses: 1, ..NOTHING });
    }
}

#[test]
fn patience_that_ends_early_and_machines_that_refuse_stop_by_name_and_can_be_resumed() {
    for strategy in [RemoveThenAdd, Reattach] {
        holds(3, strategy, Faults { late: 1, ..NOTHING });
        holds(
            3,
            strategy,
            Faults {
                refused: 1,
                ..NOTHING
            },
        );
    }
}

#[test]
fn an_abort_at_any_moment_leads_to_a_resting_place() {
    for strategy in ALL {
        holds(
            3,
            strategy,
            Faults {
                aborts: 1,
                freezes: 1,
                ..NOTHING
            },
        );
    }
}

#[test]
#[ignore = "soak: minutes"]
fn two_of_five_members_that_freeze_at_any_moments_cost_no_quorum_by_our_doing() {
    for strategy in [RemoveThenAdd, Reattach] {
        holds(
            5,
            strategy,
            Faults {
                freezes: 2,
                at_once: 2,
                ..NOTHING
            },
        );
    }
}

#[test]
#[ignore = "soak: minutes"]
fn a_lost_machine_and_another_fault_at_any_moments_are_survived() {
    let loss = Faults { losses: 1, ..NOTHING };
    for strategy in [RemoveThenAdd, Reattach] {
        holds(3, strategy, Faults { crashes: 1, ..loss });
        holds(3, strategy, Faults { freezes: 1, ..loss });
        holds(3, strategy, Faults { late: 1, ..loss });
        holds(3, strategy, Faults { refused: 1, ..loss });
        holds(3, strategy, Faults { strays: 1, ..loss });
        holds(3, strategy, Faults { aborts: 1, ..loss });
        holds(5, strategy, loss);
    }
}

#[test]
#[ignore = "soak: minutes"]
fn two_faults_of_different_kinds_at_any_moments_are_survived() {
    let late = Faults { late: 1, ..NOTHING };
    for strategy in [RemoveThenAdd, Reattach] {
        holds(3, strategy, Faults { freezes: 1, ..late });
        holds(3, strategy, Faults { refused: 1, ..late });
        let left = Faults {
            freezes: 2,
            crashes: 1,
            ..NOTHING
        };
        holds(3, strategy, left);
    }
}
