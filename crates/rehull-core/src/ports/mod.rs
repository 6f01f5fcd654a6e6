//! The doors. Reads return what could be read and name the rest; mutations return a receipt or a [`PortError`].
//!
//! Every call is bounded by 20 s. No SDK type passes through here; each trait has at most eight methods.

mod aws;
mod error;
mod etcd;
mod groups;
mod nodes;
mod store;
mod terraform;

pub use aws::{LaunchRequest, LaunchTemplates, Machines, MadeVersion, SlotParts, TemplateContent};
pub use error::{PortError, Rule};
pub use etcd::{EtcdMembership, EtcdProbe, EtcdView, SnapshotJobs};
pub use groups::{Groups, Servers, Targets};
pub use nodes::{Evictions, Nodes, NodesView, Unevicted};
pub use store::{Clock, LeaseNow, LeaseState, Silence, Store, StoreError, Stored, Tag};
pub use terraform::{ApprovedRun, TerraformJobs};
