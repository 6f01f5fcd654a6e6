//! Which errors are a member's words, and which are our side's: a connection, TLS, a time-out. Those are told in words of
//! ours.

use std::error::Error as StdError;

use etcd_client::Error as Raw;
use rehull_core::ports::PortError;

use super::tls::in_plain_words;
use super::words::from_member;
use crate::adapters::plain;

/// Classifies what came back from a call. Anything that is not certain is `OutcomeUnknown`: for a read the caller
/// turns that into "not read", for a mutation it looks.
pub(super) fn classify(error: &Raw) -> PortError {
    match error {
        // Only errors of our own side (broken connection, TLS, time-out) carry a source; the member's answers do not.
        Raw::GRpcStatus(status) if status.source().is_none() => {
            from_member(status.code().into(), status.message())
        }
        Raw::GRpcStatus(status) => unknown(words(status)),
        Raw::TransportError(source) => unknown(words(source)),
        Raw::IoError(source) => unknown(words(source)),
        Raw::InvalidArgs(_)
        | Raw::InvalidUri(_)
        | Raw::InvalidMetadataValue(_)
        | Raw::EndpointError(_)
        | Raw::EndpointsNotManaged => PortError::NotSent { why: words(error) },
        Raw::WatchError(_)
        | Raw::Utf8Error(_)
        | Raw::LeaseKeepAliveError(_)
        | Raw::ElectError(_)
        | Raw::Internal(_) => unknown(words(error)),
    }
}

/// Why a call, or a connection, failed on our side.
pub(in crate::adapters) fn words(error: &(dyn StdError + 'static)) -> String {
    in_plain_words(&plain::chain(error)).unwrap_or_else(|| plain::failed(error))
}

/// The connection failed or broke; the member itself said nothing.
pub(super) fn is_our_side(error: &Raw) -> bool {
    match error {
        Raw::GRpcStatus(status) => status.source().is_some(),
        Raw::TransportError(_) | Raw::IoError(_) => true,
        Raw::InvalidArgs(_)
        | Raw::InvalidUri(_)
        | Raw::InvalidMetadataValue(_)
        | Raw::EndpointError(_)
        | Raw::EndpointsNotManaged
        | Raw::WatchError(_)
        | Raw::Utf8Error(_)
        | Raw::LeaseKeepAliveError(_)
        | Raw::ElectError(_)
        | Raw::Internal(_) => false,
    }
}

fn unknown(why: String) -> PortError {
    PortError::OutcomeUnknown { why }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// What is said of a call to this address.
    async fn told(address: std::net::SocketAddr) -> String {
        let client = etcd_client::Client::connect([format!("http://{address}")], None).await;
        let error = match client {
            Ok(mut client) => client.status().await.map(drop).unwrap_err(),
            Err(error) => error,
        };
        let said = classify(&error);
        assert!(is_our_side(&error) && said.is_passing(), "{error:?}");
        assert!(
            plain::is_for_people(&said.to_string()),
            "{said}, made of {error:?}"
        );
        said.to_string()
    }

    /// Somebody who hears a little and answers this.
    async fn answering(with: &'static [u8]) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut heard = [0; 64];
                let _ = connection.read(&mut heard).await;
                let _ = connection.write_all(with).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn a_connection_that_fails_is_told_in_words_and_never_by_the_names_of_types() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        assert_eq!(
            told(address).await,
            "outcome unknown: connection refused: nothing listens there"
        );
        for with in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x00"] {
            told(answering(with).await).await;
        }
    }
}
