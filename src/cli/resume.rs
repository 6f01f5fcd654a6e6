//! `rehull resume`: goes on with a rollout, from any machine.

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::drive::{Entry, Session, View};
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::local;
use super::wire::{self, World};
use super::wish::OfRollout;

/// Takes the lease over if its holder has died, and works until there is a reason to stop.
///
/// # Errors
/// The holder lives, or the rollout cannot be continued.
pub fn run(console: &Console, environment: &Environment, of: &OfRollout) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&local::cluster_file(&of.rollout, of.file.as_deref())?)?;
    let runtime = wire::runtime()?;
    let ended = runtime.block_on(async {
        let identity = Identity::of_this_process(environment)?;
        let world = World::connect(&file, environment).await?;
        let rollout = of.rollout.clone();
        let session = Session {
            console,
            world: &world,
            file: &file,
            rollout,
            identity: &identity,
            view: View::Events,
        };
        session.run(Entry::Resume).await
    });
    // After a second signal calls may still be on their way: the process ends without them.
    runtime.shutdown_background();
    ended
}
