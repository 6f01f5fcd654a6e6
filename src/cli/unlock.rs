//! `rehull unlock`: frees the lock of Terraform's state that a run has left which was killed. Two proofs that nobody works
//! there: the cluster's lease, which is taken for it, and that the owner of the lock is gone.

use rehull_core::tfrun::LockInfo;
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::lease;
use super::wire::terraform::{self as wired, Owner};
use super::wire::{self, World};
use super::wish::{Format, Unlocking};
use crate::report::json::OUTPUT_FORMAT;

/// Frees exactly the lock that was named.
///
/// # Errors
/// Somebody works on the cluster, the lock is another one, or its owner may live.
pub fn run(console: &Console, environment: &Environment, asked: &Unlocking) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&asked.file)?;
    let runtime = wire::runtime()?;
    runtime.block_on(async {
        let identity = Identity::of_this_process(environment)?;
        let world = World::connect(&file, environment).await?;
        // First without the lease: a slip in the id needs no wait.
        if !is_that(console, asked, wired::holder(&world, &file).await?.as_ref())? {
            return Ok(Exit::Ok);
        }
        let lease = lease::take(console, &world, &file, &identity).await?;
        let freed = free(console, &world, &file, (asked, &identity)).await;
        lease.give_back().await;
        freed
    })
}

/// Lease before lock, as everywhere.
async fn free(
    console: &Console,
    world: &World,
    file: &ClusterFile,
    (asked, identity): (&Unlocking, &Identity),
) -> Result<Exit, Failure> {
    let holder = wired::holder(world, file).await?;
    if !is_that(console, asked, holder.as_ref())? {
        return Ok(Exit::Ok);
    }
    let Some(lock) = holder else { return Ok(Exit::Ok) };
    is_gone(world, file, &lock, (asked, identity))?;
    wired::free(world, file, &asked.lock).await?;
    answer(
        console,
        "freed",
        &format!("lock {} of {} is free", lock.id, lock.who),
    )?;
    Ok(Exit::Ok)
}

/// False: there is no lock, which is what was wanted.
fn is_that(console: &Console, asked: &Unlocking, holder: Option<&LockInfo>) -> Result<bool, Failure> {
    let Some(lock) = holder else {
        answer(console, "free", "nobody has the lock: nothing was done")?;
        return Ok(false);
    };
    if lock.id == asked.lock {
        return Ok(true);
    }
    let message = format!(
        "the lock is another one: {} of {} since {} ({})",
        lock.id, lock.who, lock.created, lock.operation
    );
    let failure = Failure::new(Exit::Refused, "unlock::other", message);
    Err(failure.help(format!(
        "if its owner is gone: rehull unlock {} {}; nothing was freed",
        asked.file.display(),
        lock.id
    )))
}

/// On this machine it can be seen; of another one only a person can know.
fn is_gone(
    world: &World,
    file: &ClusterFile,
    lock: &LockInfo,
    (asked, identity): (&Unlocking, &Identity),
) -> Result<(), Failure> {
    let owner = wired::owner(world, file)?;
    if let Owner::Lives(alive) = &owner {
        let message = format!("a run of Terraform lives on this machine: {alive}");
        return Err(Failure::new(Exit::Refused, "unlock::alive", message)
            .help("wait until it has ended; nothing was freed"));
    }
    if asked.destroyed.as_deref() == Some(lock.who.as_str()) {
        return Ok(());
    }
    let host = |who: &str| who.split_once('@').map(|(_, host)| host.to_owned());
    let here = identity.holder.split_whitespace().next().and_then(host);
    let message = match owner {
        Owner::Gone if here.is_some() && host(&lock.who) == here => return Ok(()),
        Owner::Unknown(why) if host(&lock.who) == here => {
            format!(
                "the lock was taken on a machine of this name, by {}: {why}",
                lock.who
            )
        }
        Owner::Gone | Owner::Unknown(_) | Owner::Lives(_) => format!(
            "the lock was taken on another machine, by {}: whether that run lives cannot be seen from here",
            lock.who
        ),
    };
    Err(
        Failure::new(Exit::Refused, "unlock::not_certain", message).help(format!(
            "look for it, there or in the log of that job; if it is gone: rehull unlock {} {} --destroyed {}",
            asked.file.display(),
            lock.id,
            lock.who
        )),
    )
}

fn answer(console: &Console, outcome: &str, text: &str) -> Result<(), Failure> {
    match console.format {
        Format::Json => console.answer_json(
            &json!({ "format": OUTPUT_FORMAT, "kind": "unlock", "outcome": outcome, "text": text }),
        ),
        Format::Text | Format::Markdown => console.answer(&format!("{text}\n")),
    }
}
