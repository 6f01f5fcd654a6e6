//! One client per member, made when it is first needed and made again when its connection turns out to be dead.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Error as Raw, Identity, TlsOptions};
use jiff::Timestamp;
use rehull_core::ports::PortError;

use super::error::{classify, is_our_side, words};
use super::tls::{PemTls, UnusableTls, first_end};

/// A member in another zone answers a SYN within milliseconds; one retransmission (1 s) is allowed for.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Status, lists and single-key reads take milliseconds; a member that needs longer does not serve.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(2);

/// Clients of the members of one cluster, by client URL. Cheap to share behind an `Arc`.
pub struct EtcdPool {
    tls: TlsOptions,
    http: reqwest::Client,
    cert_until: Option<Timestamp>,
    clients: Mutex<BTreeMap<String, Client>>,
}

impl EtcdPool {
    /// Makes no connection yet.
    ///
    /// # Errors
    /// The PEM texts do not parse, or key and certificate do not belong together.
    pub fn new(pem: &PemTls) -> Result<Self, UnusableTls> {
        Ok(Self {
            tls: tls_options(pem),
            http: http_client(pem)?,
            cert_until: first_end(&pem.cert),
            clients: Mutex::new(BTreeMap::new()),
        })
    }

    /// A connection of its own to one member, for load and watches: they must not share their fate with the gates'.
    ///
    /// # Errors
    /// [`PortError::NotSent`] if no client can be made; connecting itself happens with the first call.
    pub async fn connect(&self, url: &str) -> Result<Client, PortError> {
        // No keep-alive: with 2 s + 2 s it killed long calls (a hash over 2.5 GB) in the middle. Every call has a
        // time-out instead, and a time-out drops the connection.
        let options = ConnectOptions::new()
            .with_tls(self.tls.clone())
            .with_connect_timeout(CONNECT_LIMIT);
        Client::connect([url], Some(options))
            .await
            .map_err(|error| PortError::NotSent {
                why: format!("{url}: {}", words(&error)),
            })
    }

    /// When our own certificate ends.
    pub(super) const fn cert_until(&self) -> Option<Timestamp> {
        self.cert_until
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Reads from one member. A broken connection is tried once more with a new one: the member may have been
    /// restarted since the last call.
    pub(super) async fn read<T, Call>(
        &self,
        url: &str,
        limit: Duration,
        call: impl Fn(Client) -> Call + Send + Sync,
    ) -> Result<T, PortError>
    where
        Call: Future<Output = Result<T, Raw>> + Send,
    {
        match self.once(url, limit, &call).await {
            Err(Failure::Broken(_)) => self.once(url, limit, &call).await.map_err(PortError::from),
            first => first.map_err(PortError::from),
        }
    }

    /// Sends a mutation to one member, exactly once.
    pub(super) async fn send<T, Call>(
        &self,
        url: &str,
        limit: Duration,
        call: impl Fn(Client) -> Call + Send + Sync,
    ) -> Result<T, PortError>
    where
        Call: Future<Output = Result<T, Raw>> + Send,
    {
        self.once(url, limit, &call).await.map_err(PortError::from)
    }

    async fn once<T, Call>(
        &self,
        url: &str,
        limit: Duration,
        call: &(impl Fn(Client) -> Call + Send + Sync),
    ) -> Result<T, Failure>
    where
        Call: Future<Output = Result<T, Raw>> + Send,
    {
        let client = self.client(url).await.map_err(Failure::Answered)?;
        match tokio::time::timeout(limit, call(client)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if is_our_side(&error) => {
                self.forget(url);
                Err(Failure::Broken(with_url(url, classify(&error))))
            }
            Ok(Err(error)) => Err(Failure::Answered(classify(&error))),
            Err(_) => {
                // The machine may be gone without a word; the next call must not wait on the same dead connection.
                self.forget(url);
                Err(Failure::Silent(PortError::OutcomeUnknown {
                    why: format!("{url}: no answer within {limit:?}"),
                }))
            }
        }
    }

    async fn client(&self, url: &str) -> Result<Client, PortError> {
        if let Some(client) = self.clients().get(url) {
            return Ok(client.clone());
        }
        let client = self.connect(url).await?;
        self.clients().insert(url.to_owned(), client.clone());
        Ok(client)
    }

    fn forget(&self, url: &str) {
        self.clients().remove(url);
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a call did not succeed, as far as trying again is concerned.
enum Failure {
    /// The connection broke, or could not be made.
    Broken(PortError),
    /// Nothing came back in time.
    Silent(PortError),
    /// The member answered.
    Answered(PortError),
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(error) | Failure::Silent(error) | Failure::Answered(error) => error,
        }
    }
}

fn with_url(url: &str, error: PortError) -> PortError {
    if let PortError::OutcomeUnknown { why } = error {
        return PortError::OutcomeUnknown {
            why: format!("{url}: {why}"),
        };
    }
    error
}

/// A read (or the look before a mutation) did not come back: nothing was sent that could change anything.
pub(super) fn not_sent(error: PortError) -> PortError {
    if let PortError::OutcomeUnknown { why } = error {
        return PortError::NotSent { why };
    }
    error
}

fn tls_options(pem: &PemTls) -> TlsOptions {
    TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&pem.ca))
        .identity(Identity::from_pem(&pem.cert, &pem.key))
        .timeout(CONNECT_LIMIT)
}

/// For `/version`. It keeps no connection: every observation makes a handshake, so a certificate that has expired in
/// the meantime is seen although older connections live on.
fn http_client(pem: &PemTls) -> Result<reqwest::Client, UnusableTls> {
    let unusable = |error: reqwest::Error| UnusableTls(words(&error));
    let authorities = reqwest::Certificate::from_pem_bundle(&pem.ca).map_err(unusable)?;
    if authorities.is_empty() {
        return Err(UnusableTls("no certificate authority in it".to_owned()));
    }
    let mut identity = pem.cert.clone();
    identity.push(b'\n');
    identity.extend_from_slice(&pem.key);
    reqwest::Client::builder()
        .tls_certs_only(authorities)
        .identity(reqwest::Identity::from_pem(&identity).map_err(unusable)?)
        .https_only(true)
        .tls_info(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_LIMIT)
        .timeout(READ_LIMIT)
        .build()
        .map_err(unusable)
}
