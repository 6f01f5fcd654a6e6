//! Which errors are a member's words, and which are our side's: a connection, TLS, a time-out.

use std::error::Error as _;

use etcd_client::Error as Raw;
use rehull_core::ports::PortError;

use super::tls;
use super::words::from_member;

/// Classifies what came back from a call. Anything that is not certain is `OutcomeUnknown`: for a read the caller
/// turns that into "not read", for a mutation it looks.
pub(super) fn classify(error: &Raw) -> PortError {
    match error {
        // Only errors of our own side (broken connection, TLS, time-out) carry a source; the member's answers do not.
        Raw::GRpcStatus(status) if status.source().is_none() => {
            from_member(status.code().into(), status.message())
        }
        Raw::GRpcStatus(status) => unknown(tls::chain(status)),
        Raw::TransportError(source) => unknown(tls::chain(source)),
        Raw::IoError(source) => unknown(tls::chain(source)),
        Raw::InvalidArgs(_)
        | Raw::InvalidUri(_)
        | Raw::InvalidMetadataValue(_)
        | Raw::EndpointError(_)
        | Raw::EndpointsNotManaged => PortError::NotSent {
            why: error.to_string(),
        },
        Raw::WatchError(_)
        | Raw::Utf8Error(_)
        | Raw::LeaseKeepAliveError(_)
        | Raw::ElectError(_)
        | Raw::Internal(_) => unknown(error.to_string()),
    }
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
