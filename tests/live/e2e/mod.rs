//! The real program against real machines with real etcd, by the command line only.
//!
//! Everything that a person types is a run of the `rehull` binary; the tests look behind its back only to do harm (a
//! power cut, a terminated machine, a frozen process) and to count what is left.

mod alarm;
mod answer;
mod approval;
mod bad_input;
mod boot;
pub(crate) mod cloud;
mod crash_loop;
mod deaths;
mod downgrade;
mod faults;
mod holders;
mod kills;
pub(crate) mod legs;
pub(crate) mod load;
mod losses;
mod matrix;
mod meanwhile;
pub(crate) mod rig;
mod runbooks;
mod second_member;
mod secrets;
mod signals;
mod terraform;
mod upgrade;
