//! Begins a rollout, or finds one again: plan and journal must belong together before anything is done.

use sha2::{Digest as _, Sha256};

use crate::domain::ids::{ContentDigest, RolloutId};
use crate::journal::{
    Journal, JournalError, Record, RecordBody, Scope, Writer, keys, said, without_location,
};
use crate::plan::{PLAN_FORMAT, RolloutPlan};
use crate::ports::{Clock, LeaseNow, LeaseState, Store, StoreError};

/// What a rollout is begun or found with, under the lease of its cluster.
#[derive(Clone)]
pub struct Access<'a> {
    /// Where plan and journal are.
    pub store: &'a dyn Store,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Read again before every first word: a process that slept since it got the lease must not speak.
    pub lease: &'a dyn LeaseState,
    /// Which rollout of which cluster.
    pub scope: Scope,
    /// Who writes.
    pub writer: Writer,
}

impl<'a> Access<'a> {
    /// The same for another rollout of the cluster.
    #[must_use]
    pub fn of(&self, rollout: RolloutId) -> Self {
        let mut other = self.clone();
        other.scope.rollout = rollout;
        other
    }

    async fn still_ours(&self) -> Result<(), OpenError> {
        match self.lease.confirm().await {
            LeaseNow::Ours => Ok(()),
            LeaseNow::Lost { to } => Err(OpenError::LeaseLost { holder: to }),
            LeaseNow::Unread(error) => Err(OpenError::Store(error)),
        }
    }

    /// Why a rollout cannot be opened: a lease that has gone meanwhile is the reason behind every other one.
    async fn because<T>(&self, outcome: Result<T, OpenError>) -> Result<T, OpenError> {
        if outcome.is_err()
            && let LeaseNow::Lost { to } = self.lease.confirm().await
        {
            return Err(OpenError::LeaseLost { holder: to });
        }
        outcome
    }

    async fn journal(&self) -> Result<Journal<'a>, OpenError> {
        Journal::open(self.store, self.clock, self.scope.clone(), self.writer.clone())
            .await
            .map_err(|source| OpenError::Journal {
                rollout: self.scope.rollout.to_string(),
                source,
            })
    }
}

/// A rollout that can be worked on.
pub struct Opened<'a> {
    /// What was approved.
    pub plan: RolloutPlan,
    /// Its journal.
    pub journal: Journal<'a>,
}

/// The rollout can be neither begun nor continued; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such rollout.
    #[error("there is no rollout `{rollout}` in this store")]
    NotFound {
        /// Its id.
        rollout: String,
    },
    /// There is one already.
    #[error("rollout `{rollout}` exists already")]
    Exists {
        /// Its id.
        rollout: String,
    },
    /// It is over.
    #[error("rollout `{rollout}` has ended: {outcome}")]
    Closed {
        /// Its id.
        rollout: String,
        /// `finished` or `aborted`.
        outcome: String,
    },
    /// Plan and journal do not belong together.
    #[error("`{key}` has digest {found}, but the journal was opened for {expected}")]
    PlanChanged {
        /// Plan object.
        key: String,
        /// Digest of what lies there.
        found: ContentDigest,
        /// Digest that was approved.
        expected: ContentDigest,
    },
    /// Plan of another cluster.
    #[error("`{key}` is a plan for cluster `{found}`, not for `{expected}`")]
    Foreign {
        /// Plan object.
        key: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Written by a newer rehull.
    #[error("`{key}` has plan format {format}; this version of rehull reads up to {PLAN_FORMAT}")]
    NewerFormat {
        /// Plan object.
        key: String,
        /// Its format.
        format: u64,
    },
    /// Not a plan.
    #[error("`{key}` line {line}, column {column}: {why}")]
    Unreadable {
        /// Plan object.
        key: String,
        /// Line, from 1.
        line: usize,
        /// Column.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// This process slept too long between taking the lease and its first record.
    #[error("the lease was taken over by {holder} before anything was begun")]
    LeaseLost {
        /// Who holds it now, if known.
        holder: String,
    },
    /// The store does not answer.
    #[error("the plan cannot be read or written")]
    Store(#[source] StoreError),
    /// The journal.
    #[error("the journal of rollout `{rollout}` cannot be used")]
    Journal {
        /// Its id.
        rollout: String,
        /// Why.
        #[source]
        source: JournalError,
    },
}

/// Stores the plan and opens a new journal for it. A begin that was cut short is completed by the same begin, or by
/// [`resume`].
pub async fn begin(access: Access<'_>, plan: RolloutPlan) -> Result<Opened<'_>, OpenError> {
    let begun = begun(&access, plan).await;
    access.because(begun).await
}

async fn begun<'a>(access: &Access<'a>, plan: RolloutPlan) -> Result<Opened<'a>, OpenError> {
    let rollout = access.scope.rollout.to_string();
    let key = keys::plan(&access.scope.rollout);
    check_cluster(&key, &plan, &access.scope)?;
    let bytes = serde_json::to_vec_pretty(&plan).map_err(|error| unreadable(&key, &error))?;
    access.still_ours().await?;
    store_plan(access.store, &key, &bytes, &rollout).await?;
    let journal = access.journal().await?;
    if journal.view().opened().is_some() {
        return Err(OpenError::Exists { rollout });
    }
    opened(access, plan, digest_of(&bytes), journal).await
}

/// Reads plan and journal of an existing rollout.
pub async fn resume(access: Access<'_>) -> Result<Opened<'_>, OpenError> {
    let found = found(&access).await;
    access.because(found).await
}

async fn found<'a>(access: &Access<'a>) -> Result<Opened<'a>, OpenError> {
    let rollout = access.scope.rollout.to_string();
    let key = keys::plan(&access.scope.rollout);
    let Some((plan, whole)) = read(access.store, &access.scope).await? else {
        return Err(OpenError::NotFound { rollout });
    };
    let journal = access.journal().await?;
    if let Some((outcome, _)) = journal.view().closed() {
        return Err(OpenError::Closed {
            rollout,
            outcome: outcome.to_owned(),
        });
    }
    let Some(opening) = journal.view().opened() else {
        return opened(access, plan, whole, journal).await;
    };
    // The envelope was approved; the rest of the object holds the texts that machines boot.
    let pairs = [
        (plan.envelope.digest(), Some(&opening.envelope)),
        (whole, opening.plan.as_ref()),
    ];
    for (found, expected) in pairs {
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            return Err(OpenError::PlanChanged {
                key,
                found,
                expected: expected.clone(),
            });
        }
    }
    Ok(Opened { plan, journal })
}

/// Ends a rollout that stopped half-way because another one takes its place: the way back from a member that does not
/// come up. The new plan is made from the world, so nothing of the old one is owed.
pub async fn supersede(access: Access<'_>, by: &RolloutId) -> Result<(), OpenError> {
    let rollout = access.scope.rollout.to_string();
    let mut journal = access.journal().await?;
    if journal.view().closed().is_some() {
        return Ok(());
    }
    let mut bodies = Vec::new();
    if journal.view().opened().is_none() {
        // Whoever began it was killed between the plan and the first record; without a plan there is nothing to end.
        let Some((plan, whole)) = read(access.store, &access.scope).await? else {
            return Ok(());
        };
        bodies.push(opening(&plan, whole));
    }
    bodies.push(RecordBody::Closed {
        outcome: format!("superseded by {by}"),
    });
    let at = access.clock.now();
    let records = bodies.into_iter().map(|body| Record { at, body });
    access.still_ours().await?;
    journal
        .append(records.collect())
        .await
        .map_err(|source| OpenError::Journal { rollout, source })
}

/// The plan of a rollout, for reports too; `None`: there is no such rollout.
pub async fn read_plan(store: &dyn Store, scope: &Scope) -> Result<Option<RolloutPlan>, OpenError> {
    Ok(read(store, scope).await?.map(|(plan, _)| plan))
}

/// The number that a plan of any version says it has.
fn format_of(plan: &[u8]) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(plan).ok()?;
    value.pointer("/envelope/format")?.as_u64()
}

/// A plan and the digest of the object that it was read from.
async fn read(store: &dyn Store, scope: &Scope) -> Result<Option<(RolloutPlan, ContentDigest)>, OpenError> {
    let key = keys::plan(&scope.rollout);
    let Some(stored) = store.get(&key).await.map_err(OpenError::Store)? else {
        return Ok(None);
    };
    let read = serde_json::from_slice::<RolloutPlan>(&stored.bytes);
    let format = match &read {
        Ok(plan) => Some(u64::from(plan.envelope.format)),
        // A newer one may look like nothing that is known here.
        Err(_) => format_of(&stored.bytes),
    };
    if let Some(format) = format.filter(|format| *format > u64::from(PLAN_FORMAT)) {
        return Err(OpenError::NewerFormat { key, format });
    }
    let plan = read.map_err(|error| unreadable(&key, &error))?;
    check_cluster(&key, &plan, scope)?;
    Ok(Some((plan, digest_of(&stored.bytes))))
}

fn digest_of(bytes: &[u8]) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
}

async fn store_plan(store: &dyn Store, key: &str, bytes: &[u8], rollout: &str) -> Result<(), OpenError> {
    match store.create(key, bytes).await {
        Ok(_) => Ok(()),
        Err(error @ (StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. })) => {
            match store.get(key).await.map_err(OpenError::Store)? {
                Some(stored) if stored.bytes == bytes => Ok(()),
                Some(_) => Err(OpenError::Exists {
                    rollout: rollout.to_owned(),
                }),
                None => Err(OpenError::Store(error)),
            }
        }
        Err(error @ (StoreError::Unavailable { .. } | StoreError::Denied { .. })) => {
            Err(OpenError::Store(error))
        }
    }
}

/// The first word in a journal, if it is ours to speak.
async fn opened<'a>(
    access: &Access<'a>,
    plan: RolloutPlan,
    whole: ContentDigest,
    mut journal: Journal<'a>,
) -> Result<Opened<'a>, OpenError> {
    access.still_ours().await?;
    let record = Record {
        at: access.clock.now(),
        body: opening(&plan, whole),
    };
    match journal.append(vec![record]).await {
        Ok(()) => Ok(Opened { plan, journal }),
        Err(source) => Err(OpenError::Journal {
            rollout: access.scope.rollout.to_string(),
            source,
        }),
    }
}

fn opening(plan: &RolloutPlan, whole: ContentDigest) -> RecordBody {
    RecordBody::Opened {
        envelope: plan.envelope.digest(),
        plan: Some(whole),
        rehull: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn check_cluster(key: &str, plan: &RolloutPlan, scope: &Scope) -> Result<(), OpenError> {
    if plan.envelope.cluster == scope.cluster {
        return Ok(());
    }
    Err(OpenError::Foreign {
        key: key.to_owned(),
        found: said(plan.envelope.cluster.as_str()),
        expected: scope.cluster.as_str().to_owned(),
    })
}

fn unreadable(key: &str, error: &serde_json::Error) -> OpenError {
    OpenError::Unreadable {
        key: key.to_owned(),
        line: error.line(),
        column: error.column(),
        why: without_location(error),
    }
}
