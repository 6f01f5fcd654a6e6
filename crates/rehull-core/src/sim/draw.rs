//! One seed decides everything that is left open: every draw is a pure function of (seed, resource, quantity, ordinal).
//!
//! Never a shared stream: one more call in one place must not change what happens in another.

use std::time::Duration;

use sha2::{Digest, Sha256};

pub(crate) use crate::world::Spread;

/// A source of draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
}

impl Draw {
    /// Everything that follows from this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Any number, but not 0: etcd uses it for "nobody".
    #[must_use]
    pub fn number(self, what: &str, ordinal: u64) -> u64 {
        self.bits(what, "", ordinal).max(1)
    }

    /// A number below `end`; 0 if there is none.
    #[must_use]
    pub fn below(self, what: &str, ordinal: u64, end: u64) -> u64 {
        self.bits(what, "below", ordinal).checked_rem(end).unwrap_or(0)
    }

    /// One realised wait.
    #[must_use]
    pub fn wait(self, resource: &str, quantity: &str, ordinal: u64, spread: Spread) -> Duration {
        Duration::from_millis(spread.at(self.bits(resource, quantity, ordinal) % 10_000))
    }

    fn bits(self, resource: &str, quantity: &str, ordinal: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(ordinal.to_be_bytes());
        hash.update(resource.as_bytes());
        hash.update([0]);
        hash.update(quantity.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        digest
            .iter()
            .take(8)
            .fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
    }
}
