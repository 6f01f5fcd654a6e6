//! Connections that go through: whose they are, how many, and the end of those that the world wants cut.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rehull_core::world::{TargetId, World};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::LOOK_EVERY;
use super::door::reset;
use crate::sandbox::clock;
use crate::sandbox::daemon::Mailbox;

/// All connections through all load balancers of a sandbox, and where those listen.
#[derive(Default)]
pub(in crate::sandbox) struct Board(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    numbers: u64,
    open: BTreeMap<u64, Flow>,
    addresses: BTreeMap<String, Ipv4Addr>,
}

struct Flow {
    target: TargetId,
    /// Dropped, it cuts.
    _cut: oneshot::Sender<Infallible>,
}

impl Board {
    /// Nobody waits or fails while holding it, so what a panic left behind is whole.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where load balancers listen, by ARN.
    pub(in crate::sandbox) fn addresses(&self) -> BTreeMap<String, Ipv4Addr> {
        self.entries().addresses.clone()
    }

    pub(super) fn listen_at(&self, addresses: BTreeMap<String, Ipv4Addr>) {
        self.entries().addresses = addresses;
    }

    /// Connections per target.
    pub(in crate::sandbox) fn sessions(&self) -> BTreeMap<TargetId, u32> {
        let mut sessions = BTreeMap::new();
        for flow in self.entries().open.values() {
            let count: &mut u32 = sessions.entry(flow.target.clone()).or_default();
            *count = count.saturating_add(1);
        }
        sessions
    }

    /// Moves bytes both ways until both sides have ended, one fails, or the connection is cut.
    pub(super) async fn carry(&self, target: TargetId, mut client: TcpStream, mut server: TcpStream) {
        // Both ends decide about their own packets; in between nothing is held back.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (cut, until_cut) = oneshot::channel();
        let entry = self.enter(target, cut);
        let ended = tokio::select! {
            ended = copy_bidirectional(&mut client, &mut server) => ended.is_ok(),
            _ = until_cut => false,
        };
        drop(entry);
        if !ended {
            reset(&client);
            reset(&server);
        }
    }

    fn enter(&self, target: TargetId, cut: oneshot::Sender<Infallible>) -> Entry<'_> {
        let mut entries = self.entries();
        let number = entries.numbers;
        entries.numbers = number.saturating_add(1);
        entries.open.insert(number, Flow { target, _cut: cut });
        Entry { board: self, number }
    }
}

/// A connection on the board, as long as it lives.
struct Entry<'a> {
    board: &'a Board,
    number: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.board.entries().open.remove(&self.number);
    }
}

/// Cuts what the world wants cut, until the future is dropped.
///
/// Once, when it begins to want so: a target that is unhealthy gets new connections where nobody is healthy, and keeps them.
pub(super) async fn cut(board: &Board, mailbox: &Mailbox) -> io::Result<Infallible> {
    let mut stay: BTreeMap<TargetId, bool> = BTreeMap::new();
    loop {
        let with_flows = board.sessions().into_keys().collect();
        let now = mailbox.look(move |world| established(world, with_flows)).await?;
        let begins = |target: &TargetId| {
            let stays_now = now.get(target).copied().unwrap_or(true);
            !stays_now && stay.get(target).copied().unwrap_or(true)
        };
        board.entries().open.retain(|_, flow| !begins(&flow.target));
        stay = now;
        clock::sleep(LOOK_EVERY).await;
    }
}

/// Whether established connections of these targets, and of all that are checked, stay.
fn established(world: &World, with_flows: BTreeSet<TargetId>) -> BTreeMap<TargetId, bool> {
    let now = clock::now();
    let mut all = with_flows;
    all.extend(world.checks().into_iter().map(|check| check.target));
    let stays = |target: TargetId| {
        let stays = world.flows(&target, now).established;
        (target, stays)
    };
    all.into_iter().map(stays).collect()
}
