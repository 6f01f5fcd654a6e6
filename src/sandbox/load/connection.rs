//! One connection of a client: TLS with its certificate, then HTTP/1.1 or HTTP/2, and what can break.

use std::error::Error as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::LoadError;

/// A request that takes longer has failed, whatever comes of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// One request at a time.
    Http1,
    /// Streams.
    Http2,
}

/// Opens connections.
pub struct Dialer {
    address: SocketAddr,
    name: ServerName<'static>,
    http1: TlsConnector,
    http2: TlsConnector,
}

/// How a request came to no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// No connection.
    Refused,
    /// Ended or reset.
    Closed,
    /// HTTP/2 said that it takes no more.
    GoAway,
    /// No answer in time.
    Late,
}

impl Broken {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::GoAway => "goaway",
            Self::Late => "late",
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Dialer {
    /// `endpoint` is `https://address:port`; certificate and key are the client's.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn new(endpoint: &str, ca: &str, (certificate, key): (&str, &str)) -> Result<Self, LoadError> {
        let address: SocketAddr = endpoint
            .strip_prefix("https://")
            .unwrap_or(endpoint)
            .parse()
            .map_err(LoadError::because)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let added = roots.add(certificate.map_err(LoadError::because)?);
            added.map_err(LoadError::because)?;
        }
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(LoadError::because)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(LoadError::because)?;
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(LoadError::because)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(LoadError::because)?;
        let speaking = |word: &str| {
            let mut config = config.clone();
            config.alpn_protocols = vec![word.as_bytes().to_vec()];
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self {
            address,
            name: ServerName::IpAddress(address.ip().into()),
            http1: speaking("http/1.1"),
            http2: speaking("h2"),
        })
    }

    /// A new connection. `attended`: its end is noticed at once, not at the next request.
    pub(super) async fn dial(&self, protocol: Protocol, attended: bool) -> Result<Connection, Broken> {
        match timeout(PATIENCE, self.open(protocol, attended)).await {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) => Err(Broken::Refused),
            Err(_) => Err(Broken::Late),
        }
    }

    async fn open(&self, protocol: Protocol, attended: bool) -> Option<Connection> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let connector = match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        };
        let stream: TlsStream<TcpStream> = connector.connect(self.name.clone(), stream).await.ok()?;
        let stream = TokioIo::new(stream);
        let (sender, driver): (Sender, Driving) = match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::handshake(stream).await.ok()?;
                (Sender::One(sender), Box::pin(async { drop(driver.await) }))
            }
            Protocol::Http2 => {
                let (sender, driver) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
                (Sender::Two(sender), Box::pin(async { drop(driver.await) }))
            }
        };
        let driver: Work = driver.fuse();
        Some(Connection {
            sender,
            driver: if attended {
                Driver::Spawned(tokio::spawn(driver))
            } else {
                Driver::Held(driver)
            },
        })
    }
}

/// Fused: a careless client asks on a connection that is over, too.
type Work = Fuse<Driving>;
type Driving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An open connection.
pub(super) struct Connection {
    sender: Sender,
    driver: Driver,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

enum Driver {
    /// Somebody reads all the time.
    Spawned(JoinHandle<()>),
    /// Nobody reads but while a request is under way.
    Held(Work),
}

impl Drop for Driver {
    fn drop(&mut self) {
        match self {
            Self::Spawned(task) => task.abort(),
            Self::Held(_) => {}
        }
    }
}

impl Connection {
    /// The other side has ended it, as far as anybody has looked.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::One(sender) => sender.is_closed(),
            Sender::Two(sender) => sender.is_closed(),
        }
    }

    /// One request, one whole answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
        let Self { sender, driver } = self;
        let exchange = async {
            let (parts, body) = begin(sender, request).await?.into_parts();
            let body = body.collect().await.map_err(|error| broken(&error))?;
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes(),
            })
        };
        let exchange = timeout(PATIENCE, exchange);
        let answered = match driver {
            Driver::Spawned(_) => exchange.await,
            Driver::Held(driver) => {
                tokio::pin!(exchange);
                tokio::select! {
                    answered = &mut exchange => answered,
                    () = driver => exchange.await,
                }
            }
        };
        answered.unwrap_or(Err(Broken::Late))
    }

    /// The answer's beginning; its body comes as long as the connection lasts. Attended connections only.
    pub(super) async fn stream(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        let begun = timeout(PATIENCE, begin(&mut self.sender, request)).await;
        begun.unwrap_or(Err(Broken::Late))
    }
}

async fn begin(sender: &mut Sender, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
    let begun = match sender {
        Sender::One(sender) => sender.send_request(request).await,
        Sender::Two(sender) => sender.send_request(request).await,
    };
    begun.map_err(|error| broken(&error))
}

/// hyper hides HTTP/2's reasons behind its own; the words are what is left of them.
pub(super) fn broken(error: &hyper::Error) -> Broken {
    let mut cause = error.source();
    while let Some(one) = cause {
        if one.to_string().to_lowercase().contains("go away") {
            return Broken::GoAway;
        }
        cause = one.source();
    }
    Broken::Closed
}
