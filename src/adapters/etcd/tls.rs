//! rehull's own certificate, and TLS failures in plain words.

use std::fmt;

use jiff::Timestamp;
use x509_parser::pem::Pem;

/// PEM texts of certificate authority, client certificate chain and private key.
#[derive(Clone)]
pub struct PemTls {
    /// Certificate authority (one or more certificates).
    pub ca: Vec<u8>,
    /// Client certificate, then its intermediates.
    pub cert: Vec<u8>,
    /// Private key of the first certificate.
    pub key: Vec<u8>,
}

/// Never shows the key.
impl fmt::Debug for PemTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemTls").finish_non_exhaustive()
    }
}

/// The PEM texts cannot be used, or no TLS client can be made of them.
#[derive(Debug, thiserror::Error)]
#[error("the client certificate cannot be used: {0}")]
pub struct UnusableTls(pub String);

/// The end of a certificate, DER.
pub(super) fn ends_at(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// The first end in a chain, PEM: with any of its certificates the whole chain is over.
pub(super) fn first_end(chain: &[u8]) -> Option<Timestamp> {
    let blocks = Pem::iter_from_buffer(chain).filter_map(Result::ok);
    blocks.filter_map(|block| ends_at(&block.contents)).min()
}

/// What rustls says, and what it means. The first match decides.
const WORDS: &[(&str, &str)] = &[
    ("certificate expired:", "its certificate has expired"),
    ("invalid peer certificate: Expired", "its certificate has expired"),
    (
        "certificate not valid yet:",
        "its certificate is not valid yet (or a clock is wrong)",
    ),
    (
        "invalid peer certificate: NotValidYet",
        "its certificate is not valid yet (or a clock is wrong)",
    ),
    (
        "invalid peer certificate: UnknownIssuer",
        "its certificate was issued by an authority we do not trust",
    ),
    (
        "invalid peer certificate: BadSignature",
        "its certificate was issued by an authority we do not trust",
    ),
    (
        "certificate not valid for name",
        "its certificate is for another address",
    ),
    (
        "certificate does not allow extended key usage",
        "its certificate may not be used by a server",
    ),
    ("invalid peer certificate", "its certificate is not acceptable"),
    (
        "received fatal alert: CertificateExpired",
        "it says that our certificate has expired",
    ),
    (
        "received fatal alert: UnknownCA",
        "it does not trust the authority that issued our certificate",
    ),
    (
        "received fatal alert: CertificateRequired",
        "it wants a client certificate and got none",
    ),
    // Go before 1.20 or so answers every kind of bad client certificate with this one.
    (
        "received fatal alert: BadCertificate",
        "it does not accept our certificate (expired, or of another authority)",
    ),
    ("received fatal alert", "it broke off the TLS handshake"),
    ("received corrupt message", "it does not speak TLS"),
    ("peer is incompatible", "no TLS version or cipher in common"),
    (
        "peer doesn't support any known protocol",
        "it does not speak HTTP/2",
    ),
];

/// The failure in plain words with rustls's own behind them, if this text is about TLS. What is in plain words already stays
/// so.
pub(super) fn in_plain_words(text: &str) -> Option<String> {
    let mut told = WORDS.iter().filter_map(|(_, words)| text.find(words));
    if let Some(plain) = told.next().and_then(|at| text.get(at..)) {
        return Some(plain.to_owned());
    }
    let (found, words) = WORDS.iter().find(|(found, _)| text.contains(found))?;
    let detail = text.find(found).and_then(|at| text.get(at..)).unwrap_or(text);
    Some(
        match instant_after("but certificate is not valid after ", detail) {
            Some(end) => format!("{words} (it was valid until {end})"),
            None => format!("{words} ({detail})"),
        },
    )
}

/// rustls tells instants as seconds since 1970, which nobody can read.
fn instant_after(words: &str, text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(words)?;
    let seconds = rest.split(' ').next()?.parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn says_whose_certificate_is_wrong_and_keeps_the_detail() {
        let text = "client error (Connect): invalid peer certificate: certificate expired: verification time \
            1795259202 (UNIX), but certificate is not valid after 1609459200 (185800002 seconds ago)";
        assert_eq!(
            in_plain_words(text).unwrap(),
            "its certificate has expired (it was valid until 2021-01-01T00:00:00Z)"
        );
        let theirs = in_plain_words("received fatal alert: UnknownCA").unwrap();
        assert!(
            theirs.starts_with("it does not trust the authority that issued our certificate"),
            "{theirs}"
        );
        assert_eq!(in_plain_words("connection reset by peer"), None);
        let again = in_plain_words(&format!("https://10.0.1.10:2379: {theirs}"));
        assert_eq!(again, Some(theirs), "words are not translated twice");
    }

    #[test]
    fn the_debug_form_of_a_key_is_empty() {
        let tls = PemTls {
            ca: b"ca".to_vec(),
            cert: b"cert".to_vec(),
            key: b"PRIVATE".to_vec(),
        };
        assert_eq!(format!("{tls:?}"), "PemTls { .. }");
    }
}
