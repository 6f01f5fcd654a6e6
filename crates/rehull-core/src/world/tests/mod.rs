//! The world in virtual time: no test here waits.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an answer of another kind fails the test, whichever it is"
)]

mod balancing;
mod behaviours;
mod bench;
mod effects;
mod fleet;
mod group_holds;
mod group_hooks;
mod group_life;
mod group_moves;
mod groups;
mod identity;
mod instances;
mod interfaces;
mod metadata;
mod networks;
mod permissions;
mod s3;
mod single_holder;
mod targets;
mod templates;
mod volumes;
