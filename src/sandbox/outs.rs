//! How many members are out at the same time, judged from below: whose port refuses.
//!
//! A port that answers late is no member that is out, only a busy computer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::clock;

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks all the time, until it is dropped.
pub struct Outs {
    most: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Outs {
    /// Begins to look at these ports.
    #[must_use]
    pub fn watch(ports: Vec<SocketAddr>) -> Self {
        let (most, looks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (noted, counted) = (Arc::clone(&most), Arc::clone(&looks));
        let task = tokio::spawn(async move {
            loop {
                noted.fetch_max(refusing(&ports).await, Ordering::Relaxed);
                counted.fetch_add(1, Ordering::Relaxed);
                clock::sleep(LOOK_EVERY).await;
            }
        });
        Self { most, looks, task }
    }

    /// The most that ever refused together; `None`: nobody has looked yet.
    #[must_use]
    pub fn most(&self) -> Option<usize> {
        (self.looks.load(Ordering::Relaxed) > 0).then(|| self.most.load(Ordering::Relaxed))
    }
}

impl Drop for Outs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How many of these refuse at the same time. One look takes time, and a member may have come back before the next one
/// is looked at; so those that refuse are looked at again, after all of them.
async fn refusing(ports: &[SocketAddr]) -> usize {
    let first = those_refusing(ports).await;
    match first.len() {
        0 | 1 => first.len(),
        _ => those_refusing(&first).await.len().max(1),
    }
}

async fn those_refusing(ports: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut out = Vec::new();
    for port in ports {
        let refused = TcpStream::connect(port).await.err();
        if refused.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            out.push(*port);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::net::TcpListener;

    use super::*;

    /// A port that takes connections and never answers, as a member on a busy computer.
    fn busy() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn whoever_listens_is_in_however_late_it_answers() {
        let (one, at_one) = busy();
        let (_two, at_two) = busy();
        let (three, at_three) = busy();
        let ports = [at_one, at_two, at_three];
        assert_eq!(refusing(&ports).await, 0);
        drop(one);
        assert_eq!(refusing(&ports).await, 1);
        drop(three);
        assert_eq!(refusing(&ports).await, 2);
    }

    #[tokio::test]
    async fn the_most_is_not_known_before_somebody_has_looked() {
        let outs = Outs::watch(Vec::new());
        assert_eq!(outs.most(), None);
    }
}
