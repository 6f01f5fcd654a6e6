//! Live tests: real etcd processes with mutual TLS on loopback addresses. Real time passes here, and only here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing, and starts the processes it needs itself"
)]

mod adopt;
mod cli;
mod control_plane;
mod e2e;
mod etcd_flags;
mod etcd_gates;
mod etcd_load;
mod etcd_lost_answers;
mod etcd_refusals;
mod etcd_snapshot;
mod etcd_tls;
mod etcd_view;
mod machine;
mod sandbox;
mod support;
mod templates;
mod terraform;
