//! The doors to machines that live in groups, where the cluster file names a control plane.

use rehull_core::domain::control_plane::ControlPlaneRole;
use rehull_core::executor::ServingPorts;

use super::tls::{self, Shown};
use crate::adapters::apiservers::ApiServers;
use crate::adapters::aws::{AwsAddresses, AwsClients, AwsGroups, AwsTargets};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;

/// Auto Scaling, load balancing and the servers themselves.
pub(super) struct Serving {
    groups: AwsGroups,
    targets: AwsTargets,
    servers: ApiServers,
}

impl Serving {
    /// Opens them; nothing is asked yet.
    ///
    /// # Errors
    /// The certificate cannot be read or used.
    pub(super) async fn connect(
        file: &ClusterFile,
        role: &ControlPlaneRole,
        environment: &Environment,
        clients: &AwsClients,
    ) -> Result<Self, Failure> {
        let shown = Shown::Servers;
        let pem = tls::client_tls((file, shown, &role.client_tls), environment, clients).await?;
        let servers = ApiServers::new(AwsAddresses::new(clients.clone()), pem);
        Ok(Self {
            groups: AwsGroups::new(clients.clone()),
            targets: AwsTargets::new(clients.clone()),
            servers: servers.map_err(|error| tls::unusable(file, shown, &error.to_string()))?,
        })
    }

    pub(super) fn ports(&self) -> ServingPorts<'_> {
        ServingPorts {
            groups: &self.groups,
            targets: &self.targets,
            servers: &self.servers,
        }
    }
}
