//! The few lines of HTTP that all servers of the sandbox share.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::http::response::Builder;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper::{HeaderMap, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::clock;

/// What every answer carries.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Accepts connections until it is dropped, which closes them all. An error of the service closes its connection
/// without a word: to the caller the answer is lost.
pub(super) async fn serve<S>(listener: TcpListener, service: S) -> Infallible
where
    S: HttpService<Incoming, ResBody = Body, Error = io::Error> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or the caller is gone already: neither ends a server.
                tracing::warn!(%error, "a connection was not accepted");
                clock::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // No time-out for request heads: it would also close connections that are kept open between two requests, just
        // when the next one is sent.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service.clone());
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection closed");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A body from memory.
pub(super) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer without ceremony.
pub(super) fn plain(status: StatusCode, body: impl Into<Bytes>) -> io::Result<Response<Body>> {
    finish(
        Response::builder()
            .status(status)
            .header("content-type", "text/plain"),
        text(body),
    )
}

pub(super) fn finish(start: Builder, body: Body) -> io::Result<Response<Body>> {
    start.body(body).map_err(io::Error::other)
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
