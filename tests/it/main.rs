//! The integration tests: one binary, so that everything is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing, and starts the doubles it needs itself"
)]

mod aws_moto;
mod cli;
mod moto;
mod sandbox;
mod sandbox_ec2;
mod sandbox_s3;
mod store_contract;
mod store_local;
