//! The daemon process: `rehull sandbox serve --state DIR`, started by `up`, ended by `down`.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rehull_core::world::World;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::balancer::{self, Addresses, Board};
use super::blobs::Blobs;
use super::clock;
use super::control_plane;
use super::daemon::{self, Daemon, Keeper as _};
use super::down::{self, write_pid};
use super::error::SandboxError;
use super::host::{Machines, Places};
use super::info::Info;
use super::lay::{Laid, Laying};
use super::layout::{API_PORT, BLOCKS, Layout, blocks_of};
use super::listen::listen;
use super::options::Options;
use super::ready;
use super::snapshot::{FileKeeper, Snapshot};
use super::terraform;
use super::wire;

/// Slots are there before a cluster is: somebody's Terraform made them and saw them. A new world is that old, so that
/// what was laid is known to every describe from the first call on; EC2 shows younger resources late.
const AGE: SignedDuration = SignedDuration::from_mins(10);

const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOCK_LOOKS: u32 = 25;

fn laid_at(now: Timestamp) -> Timestamp {
    now.saturating_sub(AGE).unwrap_or(now)
}

/// Serves the sandbox in this directory until SIGTERM. A second daemon for the same directory is refused.
///
/// Machines outlive it: started again, it finds them by pid and start time, and its world as it was.
pub async fn serve(state: &Path, rehull: &Path) -> Result<(), SandboxError> {
    let options = Options::load(state)?;
    // A session of its own: a terminal that closes does not take the sandbox with it. Who started the daemon as the
    // leader of a group has done that already.
    let _ = rustix::process::setsid();
    let _lock = lock(state).await?;
    write_pid(state).map_err(SandboxError::file(state))?;
    let blobs_dir = state.join("objects");
    let blobs = Arc::new(Blobs::open_dir(&blobs_dir).map_err(SandboxError::file(blobs_dir))?);
    let Ground {
        listener,
        layout,
        laid,
        world,
    } = match Snapshot::load(state)? {
        Some(snapshot) => Ground::found(snapshot).await?,
        None => Ground::fresh(state, &options, &blobs).await?,
    };

    let (mailbox, inbox) = daemon::mailbox();
    let mut host = Machines::new(
        Places::new(state),
        layout.clone(),
        mailbox.clone(),
        rehull.to_owned(),
    );
    host.adopt(world.powered());
    let account = world.setup().account.clone();
    // Before anybody is told where things are: a daemon that dies now comes back with the same ids and addresses.
    let mut keeper = FileKeeper::new(state, layout.clone(), laid.clone());
    keeper.save(&world).map_err(SandboxError::file(state))?;
    let daemon = Daemon {
        world,
        blobs: Arc::clone(&blobs),
        host: Box::new(host),
        keeper: Box::new(keeper),
    };
    let follower = mailbox.clone();
    let board = Arc::new(Board::default());
    let addresses = Addresses::load(state, &layout).map_err(SandboxError::file(state))?;
    let balancers = balancer::serve(addresses, Arc::clone(&board), mailbox.clone());
    let api = Arc::new(wire::Api {
        mailbox,
        blobs,
        account,
        requests: AtomicU64::new(1),
        board,
        control_plane: control_plane::Ground::of(&layout, &laid),
    });
    if options.terraform {
        terraform::lay(state, &layout).map_err(SandboxError::file(state))?;
    }
    Info::of(&options, &layout, &laid, state)
        .write(&options, &layout, &laid)
        .map_err(SandboxError::file(state))?;
    ready::tell(state).map_err(SandboxError::file(state))?;
    let stand_in = follow_terraform(options.terraform, &layout, follower);
    let mut terminate = signal(SignalKind::terminate()).map_err(SandboxError::file(state))?;
    tokio::select! {
        outcome = daemon.run(inbox) => outcome.map_err(SandboxError::file(state)),
        never = wire::serve(listener, api) => match never {},
        ended = balancers => match ended {
            Ok(never) => match never {},
            Err(error) => Err(SandboxError::file(state)(error)),
        },
        error = stand_in => Err(SandboxError::file(state)(error)),
        _ = terminate.recv() => Ok(()),
    }
}

/// Makes what Terraform's stand-in module has said; never ends without an error.
async fn follow_terraform(is_asked: bool, layout: &Layout, mailbox: daemon::Mailbox) -> io::Error {
    if is_asked {
        terraform::follow(layout, mailbox).await
    } else {
        std::future::pending().await
    }
}

/// What a daemon stands on.
struct Ground {
    listener: TcpListener,
    layout: Layout,
    laid: Laid,
    world: World,
}

impl Ground {
    async fn found(snapshot: Snapshot<World>) -> Result<Self, SandboxError> {
        let Snapshot {
            layout, laid, world, ..
        } = snapshot;
        let address = SocketAddr::from((layout.api_address(), API_PORT));
        let listener = listen(address).await.map_err(|source| SandboxError::Listen {
            address: address.to_string(),
            source,
        })?;
        Ok(Self {
            listener,
            layout,
            laid,
            world,
        })
    }

    /// The listening socket is the claim to a block of addresses.
    async fn fresh(state: &Path, options: &Options, blobs: &Blobs) -> Result<Self, SandboxError> {
        let mut refused = io::Error::other("no block was tried");
        for block in blocks_of(state) {
            let layout = options.layout(block);
            match TcpListener::bind((layout.api_address(), API_PORT)).await {
                Err(error) => refused = error,
                Ok(listener) => {
                    let now = laid_at(clock::now());
                    let mut world = World::new(layout.setup(), now);
                    let pki = state.join("pki");
                    let slots: Vec<_> = layout.slots().chain(layout.spare()).collect();
                    super::pki::lay(&pki, slots.iter().map(|slot| (slot.name.as_str(), slot.address)))
                        .map_err(SandboxError::file(&pki))?;
                    let with_control_plane = options.control_plane.is_some();
                    if with_control_plane {
                        control_plane::lay_keys(&pki, &layout).map_err(SandboxError::file(&pki))?;
                    }
                    let laid = Laying {
                        world: &mut world,
                        blobs,
                        layout: &layout,
                        now,
                        with_control_plane,
                    }
                    .lay(&pki)
                    .map_err(SandboxError::file(state))?;
                    return Ok(Self {
                        listener,
                        layout,
                        laid,
                        world,
                    });
                }
            }
        }
        let first = options.layout(*BLOCKS.start()).endpoint();
        let last = options.layout(*BLOCKS.end()).endpoint();
        Err(SandboxError::Listen {
            address: format!("any of {first} to {last}"),
            source: refused,
        })
    }
}

/// Held as long as the process lives. Somebody who only looks whether it is held has it for a moment.
async fn lock(state: &Path) -> Result<File, SandboxError> {
    for _ in 0..LOCK_LOOKS {
        if let Some(lock) = down::lock(state)? {
            return Ok(lock);
        }
        clock::sleep(LOOK_EVERY).await;
    }
    Err(SandboxError::Running {
        state: state.to_owned(),
    })
}
