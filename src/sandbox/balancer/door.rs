//! Listening: one socket per load balancer and port, and one connection to a target per connection that comes in.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rehull_core::world::World;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::LOOK_EVERY;
use super::addresses::Addresses;
use super::choice::{Name, Node, Port, nodes};
use super::flows::Board;
use crate::sandbox::clock;
use crate::sandbox::daemon::Mailbox;

/// A socket that is open. Closing it cuts what goes through it.
struct Open(JoinHandle<()>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has a socket for every listener of the world, until the future is dropped.
pub(super) async fn open_all(
    mut addresses: Addresses,
    board: Arc<Board>,
    mailbox: &Mailbox,
) -> io::Result<Infallible> {
    let timing = addresses.timing();
    let mut open: BTreeMap<Port, Open> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    loop {
        let wanted: BTreeSet<Port> = mailbox
            .look(|world| world.data_plane(clock::now()).iter().map(Port::of).collect())
            .await?;
        open.retain(|port, _| wanted.contains(port));
        let balancers = wanted.iter().map(|port| port.balancer.clone()).collect();
        let at = addresses.of(&balancers)?;
        for port in wanted {
            let address = at.get(&port.balancer).copied();
            let Some(address) = address.filter(|_| !open.contains_key(&port)) else {
                continue;
            };
            match listen(address, port.port).await {
                Ok(listener) => {
                    let door = Arc::new(Door {
                        port: port.clone(),
                        name: Mutex::new(Name::new(timing)),
                        board: Arc::clone(&board),
                        mailbox: mailbox.clone(),
                    });
                    open.insert(port, Open(tokio::spawn(door.serve(listener))));
                }
                // Tried again and said once.
                Err(error) => {
                    if refused.insert(port.clone()) {
                        tracing::warn!(balancer = %port.balancer, port = port.port, %address, %error, "a load balancer cannot listen");
                    }
                }
            }
        }
        board.listen_at(at);
        clock::sleep(LOOK_EVERY).await;
    }
}

async fn listen(address: Ipv4Addr, port: i64) -> io::Result<TcpListener> {
    let port = u16::try_from(port).map_err(io::Error::other)?;
    TcpListener::bind((address, port)).await
}

/// What every connection of a socket needs.
struct Door {
    port: Port,
    name: Mutex<Name>,
    board: Arc<Board>,
    mailbox: Mailbox,
}

impl Door {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((client, from)) => {
                        let door = Arc::clone(&self);
                        connections.spawn(async move { door.carry(client, from).await });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection to a load balancer was not accepted");
                        clock::sleep(LOOK_EVERY).await;
                    }
                },
                // Where the name leads is noted even if nobody comes.
                () = clock::sleep(LOOK_EVERY) => drop(self.nodes().await),
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn nodes(&self) -> Vec<Node> {
        let port = self.port.clone();
        let look = move |world: &World| nodes(world, clock::now(), &port);
        // No answer: the sandbox is ending.
        let nodes = self.mailbox.look(look).await.unwrap_or_default();
        self.name().look(&nodes, clock::now());
        nodes
    }

    fn name(&self) -> MutexGuard<'_, Name> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody else is tried: a cloud's load balancer has handed the first packet on and is out of the way.
    async fn carry(&self, client: TcpStream, from: SocketAddr) {
        let nodes = self.nodes().await;
        let choice = self.name().choose(&nodes, clock::now(), from);
        let Some((target, address)) = choice else {
            return reset(&client);
        };
        let Ok(port) = u16::try_from(target.port) else {
            return reset(&client);
        };
        match TcpStream::connect((address, port)).await {
            Ok(server) => self.board.carry(target, client, server).await,
            Err(error) => {
                tracing::debug!(instance = %target.instance, %error, "a target refused a connection");
                reset(&client);
            }
        }
    }
}

/// What a client hears of a refused connection; without it, it would read an end.
pub(super) fn reset(stream: &TcpStream) {
    // A stream that is closed already needs none.
    let _ = stream.set_zero_linger();
}
