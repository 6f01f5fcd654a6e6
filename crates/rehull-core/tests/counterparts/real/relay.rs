//! A network between peers that can be taken away: it swallows everything, as AWS does where a rule or a route is missing, and
//! passes on what it holds when it is back.
//!
//! Every member advertises the address of a relay, so all of its peers come through it, and etcd says in the head of every
//! connection which member it comes from.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::steps::Slot;

/// Where a member listens for its peers when they come through a relay.
pub(super) const BEHIND: u16 = 2382;
/// Where they believe that it does.
const BEFORE: u16 = 2380;
const LOOK_EVERY: Duration = Duration::from_millis(10);
const HEAD_MAX: usize = 64 << 10;

/// The relays of one cluster.
pub(super) struct Relays {
    gate: Arc<Gate>,
    of: Vec<Slot>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Who is cut off, with the id of its member.
    cut: BTreeMap<Slot, u64>,
    /// The cluster is gone.
    is_over: bool,
}

impl Relays {
    pub(super) fn new() -> Self {
        Self {
            gate: Arc::default(),
            of: Vec::new(),
        }
    }

    /// From now on the peers of this slot come through here.
    pub(super) fn stand_before(&mut self, slot: Slot, address: Ipv4Addr) {
        if self.of.contains(&slot) {
            return;
        }
        self.of.push(slot);
        let listener = TcpListener::bind((address, BEFORE)).expect("the block is ours");
        listener.set_nonblocking(true).unwrap();
        let gate = Arc::clone(&self.gate);
        std::thread::spawn(move || {
            while !gate.state.lock().unwrap().is_over {
                match listener.accept() {
                    Ok((peer, _)) => {
                        let gate = Arc::clone(&gate);
                        std::thread::spawn(move || relay(&gate, slot, peer, address));
                    }
                    Err(_) => std::thread::sleep(LOOK_EVERY),
                }
            }
        });
    }

    pub(super) fn cut(&self, slot: Slot, id: u64) {
        self.gate.change(|state| {
            state.cut.insert(slot, id);
        });
    }

    pub(super) fn mend(&self, slot: Slot) {
        self.gate.change(|state| {
            state.cut.remove(slot);
        });
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        self.gate.change(|state| state.is_over = true);
    }
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    /// Waits until something gets through from this member to that slot. False: it never will.
    fn passes(&self, from: Option<u64>, to: Slot) -> bool {
        let is_cut = |state: &mut State| {
            let ends = state.cut.contains_key(to) || state.cut.values().any(|id| from == Some(*id));
            ends && !state.is_over
        };
        let state = self.changed.wait_while(self.state.lock().unwrap(), is_cut);
        !state.unwrap().is_over
    }
}

fn relay(gate: &Arc<Gate>, to: Slot, mut peer: TcpStream, address: Ipv4Addr) {
    // What accept gives is as its listener was, on some systems.
    peer.set_nonblocking(false).unwrap();
    let Some(head) = read_head(&mut peer) else { return };
    let from = sender(&head);
    let head = if from.is_some() { head } else { alone(head) };
    if !gate.passes(from, to) {
        return;
    }
    let Ok(mut member) = TcpStream::connect((address, BEHIND)) else {
        return;
    };
    if member.write_all(&head).is_err() {
        return;
    }
    let (Ok(back_from), Ok(back_to)) = (member.try_clone(), peer.try_clone()) else {
        return;
    };
    let back_gate = Arc::clone(gate);
    std::thread::spawn(move || pass_on(&back_gate, (from, to), back_from, back_to));
    pass_on(gate, (from, to), peer, member);
}

/// Until one of them hangs up, or the cluster is gone; then both have.
fn pass_on(gate: &Gate, between: (Option<u64>, Slot), mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = vec![0; 32 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if !gate.passes(between.0, between.1) || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Nobody knows whom it comes from, so nothing else may come over the same connection: etcd's probes share theirs with the
/// messages of raft.
fn alone(mut head: Vec<u8>) -> Vec<u8> {
    let first = head.windows(2).position(|two| two == b"\r\n").unwrap_or_default();
    let _ = head.splice(first..first, *b"\r\nConnection: close");
    head
}

/// To the end of the head of the first request, and whatever came with it.
fn read_head(peer: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut bytes = [0; 4 << 10];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = peer.read(&mut bytes).ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&bytes[..read]);
        if head.len() > HEAD_MAX {
            return None;
        }
    }
    Some(head)
}

/// The member that the connection comes from, if its head says so: a look at the version does not.
fn sender(head: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let value = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-server-from")
            .then(|| value.trim().to_owned())
    })?;
    u64::from_str_radix(&value, 16).ok()
}
