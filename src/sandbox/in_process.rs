//! The APIs of a sandbox inside this process, without machines: for tests of adapters.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rehull_core::world::{Deed, Effect, Fact, Setup, Switch, World};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::blobs::Blobs;
use super::clock;
use super::daemon::{self, Daemon, Host, Mailbox, NotKept};
use super::error::SandboxError;
use super::wire;

/// A world behind the wire, on a free port of 127.0.0.1. Ends when it is dropped.
pub struct InProcess {
    endpoint: String,
    mailbox: Mailbox,
    tasks: Vec<JoinHandle<()>>,
}

impl InProcess {
    /// Starts it; `dir` keeps the bytes of S3 objects.
    pub async fn start(setup: Setup, dir: &Path) -> Result<Self, SandboxError> {
        let blobs = Arc::new(Blobs::open_dir(dir).map_err(SandboxError::file(dir))?);
        let address = "127.0.0.1:0";
        let listen = |source| SandboxError::Listen {
            address: address.to_owned(),
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let endpoint = format!("http://{}", listener.local_addr().map_err(listen)?);
        let account = setup.account.clone();
        let (mailbox, inbox) = daemon::mailbox();
        let daemon = Daemon {
            world: World::new(setup, clock::now()),
            blobs: Arc::clone(&blobs),
            host: Box::new(StandInHost {
                mailbox: mailbox.clone(),
            }),
            keeper: Box::new(NotKept),
        };
        let api = Arc::new(wire::Api {
            mailbox: mailbox.clone(),
            blobs,
            account,
            requests: AtomicU64::new(1),
            board: Arc::default(),
            control_plane: None,
        });
        let tasks = vec![
            tokio::spawn(async move {
                if let Err(error) = daemon.run(inbox).await {
                    tracing::error!(%error, "the sandbox ended");
                }
            }),
            tokio::spawn(async move { match wire::serve(listener, api).await {} }),
        ];
        Ok(Self {
            endpoint,
            mailbox,
            tasks,
        })
    }

    /// `http://127.0.0.1:PORT`, for EC2, S3 and STS alike.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Switches a fault; what it names must exist.
    pub async fn switch(&self, switch: Switch) -> Result<(), String> {
        self.mailbox
            .switch(switch)
            .await
            .map_err(|error| error.to_string())?
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A stand-in for machines: it says that everything was done, and runs nothing.
struct StandInHost {
    mailbox: Mailbox,
}

impl Host for StandInHost {
    fn perform(&mut self, effect: Effect) {
        self.mailbox.report(Fact::Performed(effect.id));
        match effect.deed {
            Deed::Shutdown | Deed::PowerCut => self.mailbox.report(Fact::Exited { boot: effect.boot }),
            Deed::Start(_) | Deed::Expose(_) | Deed::Withdraw(_) => {}
        }
    }
}
