//! The integration tests: one binary, so that everything is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing, and starts the doubles it needs itself"
)]

mod account;
mod aws_artefacts;
mod aws_credentials;
mod aws_faults;
mod aws_groups;
mod aws_machines;
mod aws_moto;
mod aws_operations;
mod aws_parts;
mod aws_sandbox;
mod aws_snapshots;
mod cli;
mod journal_contract;
mod journal_local;
mod journal_s3;
mod lease_contract;
mod moto;
mod provider_operations;
mod sandbox;
mod sandbox_ec2;
mod sandbox_s3;
mod store_contract;
mod store_local;
