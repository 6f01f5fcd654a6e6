//! The world in virtual time: no test here waits.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an answer of another kind fails the test, whichever it is"
)]

mod bench;
mod effects;
mod identity;
mod instances;
mod interfaces;
mod metadata;
mod s3;
mod single_holder;
mod templates;
mod volumes;
