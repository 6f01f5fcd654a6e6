//! The doors of `rehull_core::ports`, opened onto the real world. Each adapter speaks one protocol and classifies its errors once.

pub mod apiservers;
pub mod artefacts;
pub mod aws;
pub mod clock;
pub mod etcd;
pub mod kube;
mod plain;
pub mod scratch;
pub mod snapshots_s3;
pub mod store_local;
pub mod store_s3;
pub mod terraform;
