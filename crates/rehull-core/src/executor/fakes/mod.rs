//! Stand-ins for tests: a store in memory, a clock that jumps to the next timer, a runtime of thirty lines, and the
//! modelled cluster behind the ports.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "test support"
)]

mod beside;
mod clock;
mod ec2;
mod etcd;
mod store;
mod world;

pub(crate) use beside::{FakeAttention, FakeEvents, FakeLease};
pub(crate) use clock::{FakeClock, Run, beside, block_on, poll_up_to, run_polls, yield_now};
pub(crate) use store::{FakeStore, Fault};
pub(crate) use world::{CallFault, FakeWorld};
