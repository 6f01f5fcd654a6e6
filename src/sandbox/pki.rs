//! Certificates of a sandbox: one authority, a server and a peer certificate per slot, a client certificate for rehull.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority that can sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Certificate.
    pub certificate: String,
    /// Private key (PKCS #8).
    pub key: String,
}

/// Whose certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// To Kubernetes, a user.
    pub common_name: String,
    /// To Kubernetes, a group.
    pub organization: Option<String>,
    /// Addresses and DNS names of a server.
    pub alternative: Vec<String>,
}

impl Names {
    /// Of somebody who only calls others.
    #[must_use]
    pub fn client(user: &str, group: Option<&str>) -> Self {
        Self {
            common_name: user.to_owned(),
            organization: group.map(str::to_owned),
            alternative: Vec::new(),
        }
    }
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// For longer than any sandbox lives.
    Long,
    /// It was, once.
    Expired,
}

impl Authority {
    /// A new authority, unknown to everybody.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// The authority of a sandbox, from its `pki` directory.
    pub fn load(dir: &Path) -> io::Result<Self> {
        let certificate = fs::read_to_string(dir.join(CA_CERTIFICATE))?;
        let key = fs::read_to_string(dir.join(CA_KEY))?;
        let load = || Issuer::from_ca_cert_pem(&certificate, KeyPair::from_pem(&key)?);
        let issuer = load().map_err(io::Error::other)?;
        Ok(Self { issuer, certificate })
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Signs a new key for this name; usable by servers and clients, as etcd's peers are both.
    pub fn issue(&self, name: &str, addresses: &[&str], validity: Validity) -> Result<Pair, rcgen::Error> {
        let names = Names {
            common_name: name.to_owned(),
            organization: None,
            alternative: addresses.iter().map(|&address| address.to_owned()).collect(),
        };
        self.sign(&names, validity)
    }

    /// Signs a new key for these names.
    pub fn issue_named(&self, names: &Names) -> Result<Pair, rcgen::Error> {
        self.sign(names, Validity::Long)
    }

    fn sign(&self, names: &Names, validity: Validity) -> Result<Pair, rcgen::Error> {
        let mut params = CertificateParams::new(names.alternative.clone())?;
        params
            .distinguished_name
            .push(DnType::CommonName, names.common_name.as_str());
        if let Some(organization) = &names.organization {
            params
                .distinguished_name
                .push(DnType::OrganizationName, organization.as_str());
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair {
            certificate,
            key: key.serialize_pem(),
        })
    }

    /// Certificates of a slot: its address, and 127.0.0.1, because connections between loopback addresses leave from
    /// there and etcd compares a peer's certificate with the source address.
    pub fn issue_for_slot(&self, name: &str, address: Ipv4Addr) -> Result<Pair, rcgen::Error> {
        self.issue(
            name,
            &[&address.to_string(), "127.0.0.1", "localhost"],
            Validity::Long,
        )
    }

    fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

const CA_CERTIFICATE: &str = "ca.crt";
const CA_KEY: &str = "ca.key";

/// Files that a machine fetches from its slot's prefix.
pub(super) const SLOT_FILES: [&str; 5] = ["ca.crt", "server.crt", "server.key", "peer.crt", "peer.key"];

/// Fills a `pki` directory: `ca.{crt,key}`, `client.{crt,key}` and `<slot>/` with [`SLOT_FILES`].
pub(super) fn lay<'a>(dir: &Path, slots: impl Iterator<Item = (&'a str, Ipv4Addr)>) -> io::Result<()> {
    let authority = Authority::new("rehull sandbox").map_err(io::Error::other)?;
    folder(dir)?;
    write_authority(dir, &authority)?;
    let client = authority
        .issue("rehull", &[], Validity::Long)
        .map_err(io::Error::other)?;
    write_pair(dir, "client", &client)?;
    for (slot, address) in slots {
        let dir = dir.join(slot);
        folder(&dir)?;
        write(&dir.join(CA_CERTIFICATE), authority.certificate())?;
        for role in ["server", "peer"] {
            let pair = authority
                .issue_for_slot(slot, address)
                .map_err(io::Error::other)?;
            write_pair(&dir, role, &pair)?;
        }
    }
    Ok(())
}

/// A private and a public key that no authority knows, in PEM.
pub(super) fn key_pair() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

pub(super) fn write_authority(dir: &Path, authority: &Authority) -> io::Result<()> {
    write(&dir.join(CA_CERTIFICATE), authority.certificate())?;
    write(&dir.join(CA_KEY), &authority.key())
}

/// Made, or there since an interrupted start.
pub(super) fn folder(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn write_pair(dir: &Path, name: &str, pair: &Pair) -> io::Result<()> {
    write(&dir.join(format!("{name}.crt")), &pair.certificate)?;
    write(&dir.join(format!("{name}.key")), &pair.key)
}

/// For nobody else's eyes, keys or not.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;

    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_laid_directory_holds_everything_and_its_authority_can_sign_again() {
        let dir = tempfile::tempdir().unwrap();
        lay(
            dir.path(),
            [("etcd-a", Ipv4Addr::new(127, 20, 1, 11))].into_iter(),
        )
        .unwrap();
        for file in SLOT_FILES {
            assert!(dir.path().join("etcd-a").join(file).is_file(), "{file}");
        }
        let authority = Authority::load(dir.path()).unwrap();
        let expired = authority.issue("old", &[], Validity::Expired).unwrap();
        assert!(expired.certificate.contains("BEGIN CERTIFICATE"));
    }
}
