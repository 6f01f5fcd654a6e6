//! A control plane in a sandbox: what stands around its machines, and the group that launches them.
//!
//! [`lay`] makes what Terraform would have made: a security group, a load balancer with its target group and listener.
//! [`keys`] signs what the machines and their operator need. [`FirstVersion`] becomes the launch template and the
//! group; what the machines run is in their user data, and that is somebody else's.

mod keys;
mod lay;
mod raise;

pub(super) use keys::{FILES, lay as lay_keys};
pub(super) use lay::Laid;
pub use raise::FirstVersion;
pub(super) use raise::Ground;

/// Port of the apiservers and of their load balancer; binaries of a machine, as `DIR/kubernetes/VERSION/BINARY`.
pub use rehull_core::domain::control_plane::{COMPONENTS as BINARIES, SECURE_PORT as API_SERVER_PORT};

/// Zones in which it has machines.
pub(super) const ZONES: usize = 3;

use super::layout::Layout;

/// Names that both the sandbox and a cluster file use.
impl Layout {
    /// Auto Scaling group, launch template and instance profile.
    #[must_use]
    pub fn control_plane(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// Load balancer and target group.
    #[must_use]
    pub fn api_server(&self) -> String {
        format!("{}-apiserver", self.name)
    }

    /// What clients of the apiservers connect to.
    #[must_use]
    pub fn api_server_url(&self) -> String {
        format!("https://{}:{API_SERVER_PORT}", self.balancer_address(0))
    }
}
