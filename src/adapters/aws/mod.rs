//! AWS through its SDK: EC2 machines, slots and launch templates, Auto Scaling groups, targets of load balancers, S3
//! objects, and who we are.
//!
//! Nothing of the SDK leaves this module and `store_s3`: answers become nouns of `rehull_core` in `convert`, errors
//! become a `PortError` or a `StoreError` once, in `error`. Mutations are sent once and never repeated by the SDK: what
//! may have happened is settled by looking, not by sending again.

mod addresses;
mod blobs;
mod client;
mod codes;
mod convert;
mod error;
mod groups;
mod launch_templates;
mod machines;
#[cfg(test)]
mod replay;
mod request_ids;
mod slot_parts;
mod targets;
#[cfg(test)]
mod tests;

pub use addresses::AwsAddresses;
pub use blobs::{BlobFact, Blobs};
pub use client::{AccessKeys, AwsClients};
pub(super) use error::{ObjectCall, store_error};
pub use groups::AwsGroups;
pub use launch_templates::AwsLaunchTemplates;
pub use machines::AwsMachines;
pub use slot_parts::AwsSlotParts;
pub use targets::AwsTargets;
