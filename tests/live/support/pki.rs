//! A certificate authority per test.

use std::net::Ipv4Addr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rehull::adapters::etcd::PemTls;

/// From when to when a certificate is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Now,
    Expired,
}

/// Certificate and key, PEM.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) ca: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let ca = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            ca,
        }
    }

    /// For a member: serves clients and peers, and dials peers and its own gateway as a client.
    /// Good for several addresses: its own and those of proxies before it.
    pub(crate) fn member(&self, addresses: &[Ipv4Addr], validity: Validity) -> Pair {
        let mut params = CertificateParams::default();
        // On loopback every peer dials from 127.0.0.1, and etcd checks a peer's certificate against where it dials from.
        params.subject_alt_names = addresses
            .iter()
            .chain([&Ipv4Addr::LOCALHOST])
            .map(|&address| SanType::IpAddress(address.into()))
            .collect();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue(params, "member", validity)
    }

    /// For rehull.
    pub(crate) fn client(&self, validity: Validity) -> Pair {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, "rehull", validity)
    }

    fn issue(&self, mut params: CertificateParams, name: &str, validity: Validity) -> Pair {
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match validity {
            Validity::Now => date_time_ymd(2100, 1, 1),
            Validity::Expired => date_time_ymd(2021, 1, 1),
        };
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair {
            cert,
            key: key.serialize_pem(),
        }
    }
}

/// A client that trusts `trusted` and shows `pair`.
pub(crate) fn client_tls(trusted: &Authority, pair: &Pair) -> PemTls {
    PemTls {
        ca: trusted.ca.clone().into_bytes(),
        cert: pair.cert.clone().into_bytes(),
        key: pair.key.clone().into_bytes(),
    }
}

/// `ca.crt`, `server.crt` and `server.key` of one member.
pub(crate) fn write(dir: &Path, ca: &str, pair: &Pair) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("ca.crt"), ca).unwrap();
    std::fs::write(dir.join("server.crt"), &pair.cert).unwrap();
    std::fs::write(dir.join("server.key"), &pair.key).unwrap();
}
