//! Stand-ins for tests: a store in memory, a clock that jumps to the next timer, and a runtime of thirty lines.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support"
)]

mod clock;
mod store;

pub(crate) use clock::{FakeClock, Run, beside, block_on, run_polls, yield_now};
pub(crate) use store::{FakeStore, Fault};
