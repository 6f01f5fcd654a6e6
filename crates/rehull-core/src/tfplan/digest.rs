//! Fingerprints of values: keyed, so that a short secret cannot be guessed from what is published.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::node::quoted;
use crate::domain::ids::ContentDigest;

/// Below this a key can be tried out; `openssl rand -hex 32` makes a good one.
pub const KEY_BYTES_MIN: usize = 16;

/// Makes the digests of sensitive values useless to those who do not have it. Not shown, not stored: only its id is.
#[derive(Clone)]
pub struct DigestKey {
    id: String,
    mac: Hmac<Sha256>,
}

/// A key that protects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the digest key has {bytes} bytes, at least {KEY_BYTES_MIN} are needed")]
pub struct KeyTooShort {
    /// How many it has.
    pub bytes: usize,
}

impl DigestKey {
    /// `id` names the key (of which environment variable or KMS key it is) and stands in the digest.
    ///
    /// # Errors
    /// Fewer than [`KEY_BYTES_MIN`] bytes.
    pub fn new(id: impl Into<String>, key: &[u8]) -> Result<Self, KeyTooShort> {
        let bytes = key.len();
        if bytes < KEY_BYTES_MIN {
            return Err(KeyTooShort { bytes });
        }
        // HMAC takes a key of any length.
        let mac = Hmac::new_from_slice(key).map_err(|_| KeyTooShort { bytes })?;
        Ok(Self { id: id.into(), mac })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// `sha256:` and 64 hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
}

/// Fingerprints of the values of one object. With a key every value is keyed: a value that nobody marked as sensitive may
/// be one all the same.
pub(super) enum Fingerprints {
    Keyed(Hmac<Sha256>),
    Plain(Sha256),
}

impl Fingerprints {
    /// The address is part of each, so that equal secrets at two places do not look equal.
    pub(super) fn at(key: Option<&DigestKey>, address: &str) -> Self {
        let mut place = String::with_capacity(address.len() + 2);
        quoted(address, &mut place);
        match key {
            Some(key) => Self::Keyed(key.mac.clone().chain_update(place)),
            None => Self::Plain(Sha256::new().chain_update(place)),
        }
    }

    pub(super) fn are_keyed(&self) -> bool {
        match self {
            Self::Keyed(_) => true,
            Self::Plain(_) => false,
        }
    }

    /// Of one value; so is its path.
    pub(super) fn of(&self, path: &str, value: &str) -> String {
        let mut message = String::with_capacity(path.len() + value.len() + 2);
        quoted(path, &mut message);
        message.push_str(value);
        match self {
            Self::Keyed(mac) => hex::encode(mac.clone().chain_update(message).finalize().into_bytes()),
            Self::Plain(hash) => hex::encode(hash.clone().chain_update(message).finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(key: Option<&DigestKey>, address: &str, path: &str, value: &str) -> String {
        Fingerprints::at(key, address).of(path, value)
    }

    #[test]
    fn a_fingerprint_is_hmac_sha256_as_rfc_4231_has_it() {
        // Test case 2 has a key of four bytes, which a digest key may not have: the MAC itself is asked.
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn equal_values_at_two_places_look_different_and_so_do_values_under_two_keys() {
        let key = DigestKey::new("one", &[1; 32]).unwrap();
        let other = DigestKey::new("two", &[2; 32]).unwrap();
        let here = fingerprint(Some(&key), "a.b", "c", "\"hunter2\"");
        assert_eq!(here, fingerprint(Some(&key), "a.b", "c", "\"hunter2\""));
        assert_ne!(here, fingerprint(Some(&key), "a.b", "d", "\"hunter2\""));
        assert_ne!(here, fingerprint(Some(&key), "a.c", "c", "\"hunter2\""));
        assert_ne!(here, fingerprint(Some(&other), "a.b", "c", "\"hunter2\""));
        assert_ne!(here, fingerprint(None, "a.b", "c", "\"hunter2\""));
    }

    #[test]
    fn a_key_that_can_be_tried_out_is_refused() {
        assert_eq!(
            DigestKey::new("short", &[0; 15]).err(),
            Some(KeyTooShort { bytes: 15 })
        );
    }
}
