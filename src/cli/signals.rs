//! Signals: the first asks for a stop point, the second ends the process at once.

use std::io;
use std::sync::{Arc, OnceLock};

use rehull_core::executor::Attention;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::exit::Exit;
use super::failure::Failure;

/// What was asked by signals.
#[derive(Debug, Default)]
pub struct Signals {
    first: OnceLock<&'static str>,
    came: Notify,
    second: Notify,
}

impl Signals {
    /// Listens from now on. `on_first` runs once, when the first signal comes: it wakes the loop and tells the person.
    ///
    /// # Errors
    /// The system does not let this process listen.
    pub fn listen(on_first: impl Fn(&'static str) + Send + 'static) -> Result<Arc<Self>, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Exit::Refused, "system::signals", "cannot listen for signals").because(&error)
        };
        let signals = Arc::new(Self::default());
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let hang_up = signal(SignalKind::hangup()).map_err(failed)?;
        tokio::spawn(watch(
            Arc::clone(&signals),
            [interrupt, terminate, hang_up],
            on_first,
        ));
        Ok(signals)
    }

    /// Returns when a first signal has come.
    pub async fn first(&self) {
        let came = self.came.notified();
        if self.first.get().is_none() {
            came.await;
        }
    }

    /// Returns when a second signal has come.
    pub async fn second(&self) {
        self.second.notified().await;
    }
}

impl Attention for Signals {
    fn stop_asked(&self) -> Option<String> {
        self.first.get().map(|name| format!("stop ({name})"))
    }
}

async fn watch(
    signals: Arc<Signals>,
    [mut int, mut term, mut hup]: [Signal; 3],
    on_first: impl Fn(&'static str),
) {
    loop {
        let name = tokio::select! {
            _ = int.recv() => "Ctrl-C",
            _ = term.recv() => "SIGTERM",
            _ = hup.recv() => "SIGHUP",
        };
        if signals.first.set(name).is_ok() {
            signals.came.notify_waiters();
            on_first(name);
        } else if name != "SIGHUP" {
            // A closed terminal may hang up twice; only a person who insists ends it at once.
            signals.second.notify_one();
        }
    }
}
