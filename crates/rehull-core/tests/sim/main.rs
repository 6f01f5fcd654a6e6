//! Scenarios: whole rollouts in virtual time, told as stories that a reviewer reads in the diff.
//!
//! `scenarios/*.yaml` are what can go wrong, and `scenarios/snapshots/` how rehull gets through it. `crashes` kills and
//! repeats at every request of each of them, `seeds` draws bad days by the thousand, `coverage` says what all of that
//! has touched, and `regressions/*.yaml` are the runs that failed once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets the unexpected shall fail loudly, and a campaign prints what it has touched"
)]

/// A quarter of a simulated rollout is memory that is taken and given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bench;
mod cells;
mod coverage;
mod crashes;
mod days;
mod edits;
mod lies;
mod scenarios;
mod seeds;
mod twice;
