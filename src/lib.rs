//! rehull's outside: the command line, the reporters and everything that talks to the world.
//!
//! Decisions live in `rehull-core`; nothing here decides what happens to a cluster. A command in [`cli`] asks
//! `cli::wire` for adapters, hands them to the core's executor and shows its events through [`report`].

pub mod adapters;
pub mod cli;
pub mod report;
pub mod sandbox;
