//! The fuzz targets without a fuzzer: every seed, and changed seeds and noise from a fixed start.
//!
//! What libFuzzer runs for hours (`make fuzz`) runs here for seconds, on the stable compiler, so that a reader that
//! has learned to panic is noticed by whoever taught it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod change;
mod smoke;
#[path = "../../../../fuzz/targets/mod.rs"]
mod targets;
