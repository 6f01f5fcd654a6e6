//! Loopback addresses that no other test, and no sandbox, uses at the same time.

use std::net::{Ipv4Addr, TcpListener};

/// Sandboxes use the third bytes 0 to 3 of a block, the root package's live tests 200.
const COUNTERPARTS: u8 = 201;
/// Nothing ever connects here: holding the port is what owns the block.
const CLAIM_PORT: u16 = 4500;

/// Addresses `127.N.201.x`, ours until dropped, also against other processes.
pub(crate) struct Block {
    network: u8,
    _claim: TcpListener,
}

impl Block {
    pub(crate) fn claim() -> Self {
        (100..200)
            .find_map(|network| {
                let address = Ipv4Addr::new(127, network, COUNTERPARTS, 1);
                let claim = TcpListener::bind((address, CLAIM_PORT)).ok()?;
                Some(Self {
                    network,
                    _claim: claim,
                })
            })
            .expect("a free loopback block in 127.100.201.0 to 127.199.201.0")
    }

    /// Address of a slot, by the first letter of its name.
    pub(crate) fn address(&self, slot: &str) -> Ipv4Addr {
        let letter = slot.bytes().next().expect("a slot has a name");
        Ipv4Addr::new(127, self.network, COUNTERPARTS, letter)
    }
}
