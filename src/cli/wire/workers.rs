//! The doors to Kubernetes, where the cluster file names workers.

use rehull_core::domain::worker::WorkersRole;
use rehull_core::executor::KubePorts;

use super::tls::{self, Shown};
use crate::adapters::aws::AwsClients;
use crate::adapters::kube::KubeApi;
use crate::cli::cluster_file::ClusterFile;
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;

/// Opens the API; nothing is asked yet.
///
/// # Errors
/// The certificate cannot be read or used.
pub(super) async fn connect(
    file: &ClusterFile,
    role: &WorkersRole,
    environment: &Environment,
    clients: &AwsClients,
) -> Result<KubeApi, Failure> {
    let shown = Shown::Workers;
    let pem = tls::client_tls((file, shown, &role.client_tls), environment, clients).await?;
    let api = KubeApi::new(&role.server, &pem, &file.desired.aws.region);
    api.map_err(|error| tls::unusable(file, shown, &error.to_string()))
}

pub(super) fn ports(api: &KubeApi) -> KubePorts<'_> {
    KubePorts {
        view: api,
        nodes: api,
        evictions: api,
    }
}
