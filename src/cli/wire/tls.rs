//! rehull's own certificates, for etcd, for apiservers one by one and for the API behind its load balancer: from files beside the cluster file, from the environment, or from a private prefix.

use std::fs;

use rehull_core::config::Wrong;
use rehull_core::domain::desired::ClientTls;
use rehull_core::ports::Store as _;

use crate::adapters::aws::AwsClients;
use crate::adapters::etcd::PemTls;
use crate::adapters::store_s3::S3Store;
use crate::cli::cluster_file::ClusterFile;
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;

/// Whom a certificate is shown to: where it stands in the cluster file.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    Etcd,
    Servers,
    Workers,
}

impl Shown {
    const fn pointer(self) -> &'static str {
        match self {
            Self::Etcd => "/etcd/clientTls",
            Self::Servers => "/controlPlane/clientTls",
            Self::Workers => "/workers/clientTls",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Etcd => "etcd.clientTls",
            Self::Servers => "controlPlane.clientTls",
            Self::Workers => "workers.clientTls",
        }
    }
}

/// Reads certificate authority, certificate and key.
pub(super) async fn client_tls(
    (file, shown, tls): (&ClusterFile, Shown, &ClientTls),
    environment: &Environment,
    clients: &AwsClients,
) -> Result<PemTls, Failure> {
    match tls {
        ClientTls::Files { ca, cert, key } => {
            let read = |relative: &String| {
                let path = file.beside(relative);
                fs::read(&path).map_err(|error| file.unreadable(shown.key(), &path, &error))
            };
            Ok(PemTls {
                ca: read(ca)?,
                cert: read(cert)?,
                key: read(key)?,
            })
        }
        ClientTls::Environment { ca, cert, key } => {
            let read = |name: &String| {
                let value = environment.get(name).map(|text| text.as_bytes().to_vec());
                value.ok_or_else(|| {
                    let message = format!("the environment variable `{name}` is not set");
                    let wrong = Wrong::new("tls::environment", message, "named here");
                    file.wrong(shown.pointer(), wrong.help("set it to PEM text"))
                })
            };
            Ok(PemTls {
                ca: read(ca)?,
                cert: read(cert)?,
                key: read(key)?,
            })
        }
        ClientTls::S3(location) => {
            let store = S3Store::new(clients.clone(), location.clone());
            let mut parts = Vec::new();
            for name in ["ca.crt", "client.crt", "client.key"] {
                let stored = store.get(name).await.map_err(|error| Failure::store(&error))?;
                let stored = stored.ok_or_else(|| {
                    let message = format!(
                        "there is no `{name}` under s3://{}/{}",
                        location.bucket, location.prefix
                    );
                    let wrong = Wrong::new("tls::missing", message, "named here");
                    file.wrong(
                        shown.pointer(),
                        wrong.help("put ca.crt, client.crt and client.key there"),
                    )
                })?;
                parts.push(stored.bytes);
            }
            let [ca, cert, key] = <[Vec<u8>; 3]>::try_from(parts).unwrap_or_default();
            Ok(PemTls { ca, cert, key })
        }
    }
}

/// The texts were read and make no client.
pub(super) fn unusable(file: &ClusterFile, shown: Shown, why: &str) -> Failure {
    let help = "check that the three PEM texts belong together and are what `clientTls` names";
    file.wrong(
        shown.pointer(),
        Wrong::new("tls::unusable", why, "named here").help(help),
    )
}
