//! The load balancers of a sandbox: real checks of real targets, and real connections through them.
//!
//! The world says who is asked ([`World::checks`]), where new connections go ([`World::data_plane`]) and which established
//! ones are cut ([`World::flows`]); here are the hands. Like a network load balancer in a cloud it passes bytes and reads
//! none, opens one connection per connection and tries nobody else when that one is refused.
//!
//! [`World::checks`]: rehull_core::world::World::checks
//! [`World::data_plane`]: rehull_core::world::World::data_plane
//! [`World::flows`]: rehull_core::world::World::flows

mod addresses;
mod ask;
mod choice;
mod door;
mod flows;
mod prober;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(super) use addresses::Addresses;
pub(super) use flows::Board;

use super::daemon::Mailbox;

/// How late the hands may be with what the world wants: far below the shortest of its waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Serves all load balancers until the future is dropped, which closes every connection through them.
pub(super) async fn serve(
    addresses: Addresses,
    board: Arc<Board>,
    mailbox: Mailbox,
) -> io::Result<Infallible> {
    tokio::select! {
        ended = prober::probe(&mailbox) => ended,
        ended = door::open_all(addresses, Arc::clone(&board), &mailbox) => ended,
        ended = flows::cut(&board, &mailbox) => ended,
    }
}
