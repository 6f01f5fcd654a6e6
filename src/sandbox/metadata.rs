//! The instance metadata service of one machine: IMDSv2 only, on an address that belongs to this machine alone.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use jiff::Timestamp;
use rehull_core::domain::ids::InstanceId;
use sha2::{Digest, Sha256};

use super::clock;
use super::daemon::Mailbox;
use super::http::{self, Body};
use super::listen::listen;

/// The vendor's longest life of a token.
const TTL_MAX_SECONDS: u64 = 21_600;
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// The service of one machine.
pub(super) struct Metadata {
    pub(super) instance: InstanceId,
    pub(super) mailbox: Mailbox,
    /// Signs tokens, so that they survive a restart of the daemon as they would survive one of the vendor's.
    pub(super) secret: u64,
}

impl Metadata {
    /// Listens, and answers until the returned future is dropped.
    pub(super) async fn listen(
        self,
        address: SocketAddr,
    ) -> io::Result<impl Future<Output = Infallible> + Send> {
        let listener = listen(address).await?;
        let service = Arc::new(self);
        let service = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { service.respond(request).await }
        });
        Ok(http::serve(listener, service))
    }

    async fn respond(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path();
        // Addresses of the vendor's service are not forwarded; a proxy in front of it betrays itself.
        if request.headers().contains_key("x-forwarded-for") {
            return http::plain(StatusCode::FORBIDDEN, "");
        }
        match (request.method().as_str(), path) {
            ("PUT", "/latest/api/token") => self.token(&request),
            ("GET", _) => {
                let token = http::header(request.headers(), TOKEN_HEADER);
                if !token.is_some_and(|token| self.is_good(token, clock::now())) {
                    return http::plain(StatusCode::UNAUTHORIZED, "");
                }
                let Some(path) = path.strip_prefix("/latest/") else {
                    return http::plain(StatusCode::NOT_FOUND, "");
                };
                let (instance, path) = (self.instance.clone(), path.to_owned());
                let document = self
                    .mailbox
                    .look(move |world| world.metadata(instance.as_str(), &path))
                    .await?;
                match document {
                    Some(text) => http::plain(StatusCode::OK, text),
                    None => http::plain(StatusCode::NOT_FOUND, ""),
                }
            }
            _ => http::plain(StatusCode::METHOD_NOT_ALLOWED, ""),
        }
    }

    fn token(&self, request: &Request<Incoming>) -> io::Result<Response<Body>> {
        let ttl = http::header(request.headers(), TTL_HEADER).and_then(|text| text.parse::<u64>().ok());
        match ttl.filter(|ttl| (1..=TTL_MAX_SECONDS).contains(ttl)) {
            None => http::plain(StatusCode::BAD_REQUEST, ""),
            Some(ttl) => {
                let until = clock::now()
                    .saturating_add(Duration::from_secs(ttl))
                    .map_err(io::Error::other)?;
                http::plain(StatusCode::OK, self.sign(until.as_second()))
            }
        }
    }

    /// `<signature>.<end as a Unix time>`.
    fn sign(&self, until: i64) -> String {
        let signature = Sha256::digest(format!("{}/{}/{until}", self.secret, self.instance));
        format!("{}.{until}", hex::encode(signature))
    }

    fn is_good(&self, token: &str, now: Timestamp) -> bool {
        let until = token.rsplit('.').next().and_then(|text| text.parse::<i64>().ok());
        until.is_some_and(|until| now.as_second() < until && token == self.sign(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::daemon;

    #[test]
    fn a_token_is_good_until_its_end_and_for_its_machine_only() {
        let of = |instance: &str| Metadata {
            instance: InstanceId::new(instance),
            mailbox: daemon::mailbox().0,
            secret: 1,
        };
        let token = of("i-1").sign(100);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(of("i-1").is_good(&token, at(99)));
        assert!(!of("i-1").is_good(&token, at(100)));
        assert!(!of("i-2").is_good(&token, at(99)));
        assert!(!of("i-1").is_good("", at(99)));
    }
}
