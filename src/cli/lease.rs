//! The lease as it lies in the store, for people; and taken by commands that are no rollout.

use std::sync::{Arc, Once};
use std::time::Duration;

use rehull_core::domain::ids::RolloutId;
use rehull_core::executor::lease::{
    self, Acquired, Claim, Grant, Holding, LeaseError, LeaseKeeper, LeaseRecord,
};
use rehull_core::journal::keys;
use rehull_core::ports::{Clock, Store};
use tokio::task::JoinHandle;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::failure::Failure;
use super::identity::Identity;
use super::wire::{self, World};
use crate::report::numbers::about;

/// In the lease of a command that is no rollout: nobody can resume it, and whoever comes next takes over from a dead one.
pub const NO_ROLLOUT: &str = "no-rollout";

/// Who holds the lease; `None`: nobody, or it was given back.
///
/// # Errors
/// The store does not answer.
pub async fn held(store: &dyn Store) -> Result<Option<LeaseRecord>, Failure> {
    let stored = store
        .get(keys::LEASE)
        .await
        .map_err(|error| Failure::store(&error))?;
    let record = stored.and_then(|stored| serde_json::from_slice::<LeaseRecord>(&stored.bytes).ok());
    Ok(record.filter(|record| !record.released))
}

/// The lease for a new rollout. Who works on another one is not waited for: that one has to be ended first. A command that is
/// none, and is dead, leaves nothing to end.
///
/// # Errors
/// The store does not answer.
pub async fn begin(
    store: &dyn Store,
    clock: &dyn Clock,
    claim: &Claim,
    tell: &(dyn Fn(&Holding, Duration) + Sync),
) -> Result<Acquired, LeaseError> {
    match lease::acquire(store, clock, claim).await? {
        Acquired::Held(holding) if holding.rollout.as_str() == NO_ROLLOUT => {
            lease::take_over(store, clock, claim, tell).await
        }
        acquired @ (Acquired::Held(_) | Acquired::Ours(_)) => Ok(acquired),
    }
}

/// A lease in our hands, renewed by a task of its own.
pub struct Kept {
    /// Knows how long it is ours for certain.
    pub keeper: Arc<LeaseKeeper>,
    beating: JoinHandle<()>,
}

impl Kept {
    /// Renews it from now on.
    pub fn of(world: &World, grant: Grant) -> Self {
        let keeper = Arc::new(LeaseKeeper::new(Arc::clone(world.store()), wire::clock(), grant));
        let kept = Arc::clone(&keeper);
        let beating = tokio::spawn(async move { kept.keep().await });
        Self { keeper, beating }
    }

    /// Returns when it is ours no more.
    pub async fn lost(&mut self) {
        // A task that panicked renews nothing either.
        let _ended = (&mut self.beating).await;
    }

    /// Renews it no more; it runs out by itself unless it is given back.
    pub fn leave(&self) {
        self.beating.abort();
    }

    /// The next one need not wait.
    pub async fn give_back(self) {
        self.leave();
        if let Err(error) = self.keeper.release().await {
            tracing::info!(%error, "the lease was not given back and runs out by itself");
        }
    }
}

/// Waits for the lease of one that is dead, like every take-over. Whoever has it gives it back.
///
/// # Errors
/// Somebody works on the cluster, or the store does not answer.
pub async fn take(
    console: &Console,
    world: &World,
    file: &ClusterFile,
    identity: &Identity,
) -> Result<Kept, Failure> {
    let store = world.store();
    let claim = Claim {
        holder: identity.holder.clone(),
        rollout: RolloutId::new(NO_ROLLOUT),
        nonce: identity.nonce.clone(),
        ttl: file.desired.policy.lease_ttl,
    };
    let told = Once::new();
    let tell = |holding: &Holding, left: Duration| {
        told.call_once(|| {
            console.say(&format!(
                "waiting: the lease of {}, {} without a sign of life",
                holding.by,
                about(left)
            ));
        });
    };
    let acquired = lease::take_over(store.as_ref(), world.clock(), &claim, &tell).await;
    match acquired.map_err(|error| Failure::lease(&error))? {
        Acquired::Ours(grant) => Ok(Kept::of(world, grant)),
        Acquired::Held(holding) => Err(Failure::held(&holding, world.clock().now())),
    }
}
