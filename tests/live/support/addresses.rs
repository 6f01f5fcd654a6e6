//! Loopback addresses that no other test, and no sandbox, uses at the same time.

use std::net::{Ipv4Addr, TcpListener};

/// Sandboxes use the third bytes 0 to 3 of a block; live tests keep away from them.
const LIVE: u8 = 200;
/// Nothing ever connects here: holding the port is what owns the block.
const CLAIM_PORT: u16 = 4500;

/// Addresses `127.N.200.x`, ours until dropped, also against other processes.
pub(crate) struct Block {
    network: u8,
    _claim: TcpListener,
}

impl Block {
    pub(crate) fn claim() -> Self {
        (100..200)
            .find_map(|network| {
                let address = Ipv4Addr::new(127, network, LIVE, 1);
                let claim = TcpListener::bind((address, CLAIM_PORT)).ok()?;
                Some(Self {
                    network,
                    _claim: claim,
                })
            })
            .expect("a free loopback block in 127.100.200.0 to 127.199.200.0")
    }

    /// Address of the `index`-th member.
    pub(crate) fn address(&self, index: usize) -> Ipv4Addr {
        let host = u8::try_from(index + 11).expect("few members");
        Ipv4Addr::new(127, self.network, LIVE, host)
    }

    /// Address that a proxy may stand at; every member's certificate is good for it too.
    pub(crate) fn stand_in(&self, number: usize) -> Ipv4Addr {
        self.address(number + 100)
    }
}
