//! Kubernetes: nodes, what runs on them, and the Eviction API, through the load balancer of the apiservers.
//!
//! Every call is bounded, and none is tried twice in here. Nothing can delete a pod, and no taint of ours evicts one: what
//! the identity behind it may do is written down in `docs/kubernetes-access.md`.

mod convert;
mod error;
mod evict;
mod nodes;
mod selector;
#[cfg(test)]
mod tests;
mod view;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use kube::{Client, Config};
use rehull_core::domain::ids::Region;
use rehull_core::ports::PortError;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::clock::within;
use super::etcd::{PemTls, UnusableTls};
use error::Failed;

/// A load balancer in another zone answers a SYN within milliseconds; one retransmission (1 s) is allowed for.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// No call of a rollout may take longer; the lease counts on it.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// A page takes tens of milliseconds. While etcd is away the API hangs, and a look must not hold up those who bring it back.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// One cluster's API.
pub struct KubeApi {
    client: Client,
    region: Region,
}

impl KubeApi {
    /// Makes no connection yet. Needs the runtime that it will be used in.
    ///
    /// # Errors
    /// The URL or the PEM texts do not parse, or key and certificate do not belong together.
    pub fn new(server: &str, tls: &PemTls, region: &Region) -> Result<Self, UnusableTls> {
        let url: Uri = server
            .parse()
            .map_err(|_| UnusableTls(format!("`{server}` is no URL")))?;
        let mut config = Config::new(url);
        config.root_cert = Some(authorities(&tls.ca)?);
        config.auth_info.client_certificate_data = Some(STANDARD.encode(&tls.cert));
        config.auth_info.client_key_data = Some(STANDARD.encode(&tls.key).into());
        Self::connect(config, region).map_err(|error| UnusableTls(super::plain::failed(&error)))
    }

    fn connect(mut config: Config, region: &Region) -> Result<Self, kube::Error> {
        config.connect_timeout = Some(CONNECT_LIMIT);
        // A 429 of the Eviction API is an answer, and the only one who tries again is the loop.
        config.default_retry = false;
        Ok(Self {
            client: Client::try_from(config)?,
            region: region.clone(),
        })
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, UnusableTls> {
    let read = CertificateDer::pem_slice_iter(pem).map(|one| one.map(|der| der.to_vec()));
    let read: Result<Vec<Vec<u8>>, _> = read.collect();
    let read = read.map_err(|error| UnusableTls(error.to_string()))?;
    if read.is_empty() {
        return Err(UnusableTls("no certificate authority in it".to_owned()));
    }
    Ok(read)
}

/// As [`bounded`], with a limit of its own.
async fn bounded_by<T>(
    limit: Duration,
    action: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failed> {
    match within(limit, call).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) => Err(Failed::of(action, &error)),
        None => Err(Failed::plain(PortError::OutcomeUnknown {
            why: format!("{action}: no answer within {limit:?}"),
        })),
    }
}

/// One call, cut off at its limit. `action` is what a person would call it, for example `patch nodes`.
async fn bounded<T>(action: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
    bounded_by(CALL_LIMIT, action, call).await
}
