//! Listening on an address that was in use a moment ago.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::clock;

/// The kernel ends a killed process piece by piece: its lock may be free while its socket still listens.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: u32 = 250;

/// Listens, once whoever had the address before has let go of it; five seconds of patience for that.
pub(super) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    patiently(address, async || clock::sleep(LOOK_EVERY).await).await
}

async fn patiently(address: SocketAddr, pause: impl AsyncFn()) -> io::Result<TcpListener> {
    for _ in 1..LOOKS {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => pause().await,
            outcome => return outcome,
        }
    }
    TcpListener::bind(address).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::cell::{Cell, RefCell};

    use super::*;

    fn taken() -> (std::net::TcpListener, SocketAddr) {
        let owner = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = owner.local_addr().unwrap();
        (owner, address)
    }

    #[tokio::test]
    async fn an_address_that_its_owner_has_not_let_go_yet_is_waited_for() {
        let (owner, address) = taken();
        let owner = RefCell::new(Some(owner));
        let pauses = Cell::new(0);
        let leaves_at_the_third = async || {
            pauses.set(pauses.get() + 1);
            if pauses.get() == 3 {
                owner.take();
            }
        };
        let listener = patiently(address, leaves_at_the_third).await.unwrap();
        assert_eq!((listener.local_addr().unwrap(), pauses.get()), (address, 3));
    }

    #[tokio::test]
    async fn an_address_that_stays_in_use_is_an_error_in_the_end() {
        let (_owner, address) = taken();
        let error = patiently(address, async || {}).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
