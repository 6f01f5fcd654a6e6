//! Clients of apiservers behind a load balancer, careless and careful ones side by side: what a rollout costs each of them.
//!
//! A client of a class without retries counts every raw event. A [`Class::Good`] one keeps the contract that every client
//! of Kubernetes has to keep (a reused connection may turn out closed, a server that stops may say 503 or 429 with
//! Retry-After), and fails only beyond that. Watches resume from the last version they saw; at the end every object whose
//! creation was acknowledged must have come by.

mod client;
mod connection;
mod tally;
mod watch;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

pub use client::Class;
pub use connection::{Dialer, Protocol};
pub use tally::{ClassTally, Report, WatchTally};

use self::connection::Connection;
use self::tally::Tally;
use super::pki::{Authority, Names};

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
#[error("the load cannot begin: {0}")]
pub struct LoadError(String);

impl LoadError {
    fn because(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// How many of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Clients per class.
    pub clients: Vec<(Class, u32)>,
    /// Watches per protocol.
    pub watches: Vec<(Protocol, u32)>,
}

impl Default for Mix {
    /// 50 clients and 8 watches.
    fn default() -> Self {
        Self {
            clients: vec![
                (Class::NewEach, 6),
                (Class::Blind, 6),
                (Class::Smart, 6),
                (Class::Standard(Protocol::Http1), 6),
                (Class::Standard(Protocol::Http2), 6),
                (Class::Raw2, 4),
                (Class::Good(Protocol::Http1), 8),
                (Class::Good(Protocol::Http2), 8),
            ],
            watches: vec![(Protocol::Http1, 4), (Protocol::Http2, 4)],
        }
    }
}

/// Clients that are at it.
pub struct Load {
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    watches: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins. `pki` is the operator's folder of the control plane, `endpoint` its `https://address:port`.
    ///
    /// The clients are a user of their own: who belongs to `system:masters` passes by the apiserver's queues.
    ///
    /// # Errors
    /// A certificate cannot be made or read, or the apiservers do not let the user in.
    pub async fn start(endpoint: &str, pki: &Path, mix: &Mix) -> Result<Self, LoadError> {
        let read = |file: &str| std::fs::read_to_string(pki.join(file)).map_err(LoadError::because);
        let admin = Dialer::new(
            endpoint,
            &read("ca.crt")?,
            (&read("admin.crt")?, &read("admin.key")?),
        )?;
        work::admit(&admin).await?;
        let authority = Authority::load(pki).map_err(LoadError::because)?;
        let pair = authority.issue_named(&Names::client(work::USER, None));
        let pair = pair.map_err(LoadError::because)?;
        let dialer = Arc::new(Dialer::new(
            endpoint,
            authority.certificate(),
            (&pair.certificate, &pair.key),
        )?);
        work::until_admitted(&dialer).await?;
        let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let from = watch::version(&dialer).await?;
        let mut load = Self {
            tally,
            stop,
            clients: Vec::new(),
            watches: Vec::new(),
        };
        let mut number = 0_u32;
        for (protocol, count) in &mix.watches {
            for _ in 0..*count {
                number = number.saturating_add(1);
                load.watches.push(tokio::spawn(watch::follow(
                    (Arc::clone(&dialer), *protocol),
                    (number, from.clone()),
                    Arc::clone(&load.tally),
                )));
            }
        }
        for (class, count) in &mix.clients {
            for _ in 0..*count {
                number = number.saturating_add(1);
                load.clients.push(tokio::spawn(work::go_on(
                    (Arc::clone(&dialer), *class),
                    number,
                    Arc::clone(&load.tally),
                    Arc::clone(&load.stop),
                )));
            }
        }
        Ok(load)
    }

    /// What happened so far.
    #[must_use]
    pub fn so_far(&self) -> Report {
        self.tally.report()
    }

    /// Lets every client finish what it is at, gives the watches a moment to see the last of it, and tells.
    pub async fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that has panicked has said so itself.
            let _ = client.await;
        }
        watch::settle(&self.tally).await;
        self.tally.report()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let all = self.clients.iter().chain(&self.watches);
        all.for_each(JoinHandle::abort);
    }
}
