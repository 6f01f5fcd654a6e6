//! The identity record: which cluster this is. Written once by bootstrap, compared before anything is touched.

use super::ports::Ports;
use crate::domain::ids::EtcdClusterId;
use crate::domain::observed::Identity;
use crate::journal::{keys, said};
use crate::mutant::mutant;
use crate::plan::{Envelope, RolloutKind};
use crate::ports::{PortError, Rule, Store, StoreError};

/// Format of `identity.json`.
pub const IDENTITY_FORMAT: u32 = 1;

/// The record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The store does not answer.
    #[error("`{}` cannot be read", keys::IDENTITY)]
    Store(#[source] StoreError),
    /// Written by a newer rehull.
    #[error(
        "`{}` has format {format}; this version of rehull reads up to {IDENTITY_FORMAT}",
        keys::IDENTITY
    )]
    NewerFormat {
        /// Its format.
        format: u32,
    },
    /// Not an identity record.
    #[error("`{}`: {why}", keys::IDENTITY)]
    Unreadable {
        /// What is wrong, with line and column.
        why: String,
    },
}

/// These credentials, this store and this plan do not belong to one cluster; nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum WrongTarget {
    /// Two of them name different things.
    #[error("{what} is `{found}`, but the plan is for `{expected}`")]
    Differs {
        /// For example `the account of these credentials`.
        what: &'static str,
        /// What was found.
        found: String,
        /// What the plan says.
        expected: String,
    },
    /// There is no record, although the cluster should exist.
    #[error("there is no identity record: this store has never seen cluster `{cluster}`")]
    Unknown {
        /// Cluster of the plan.
        cluster: String,
    },
    /// The record cannot be had.
    #[error("the identity of the cluster cannot be checked")]
    Identity(#[from] IdentityError),
    /// AWS does not say whose credentials these are.
    #[error("the account of these credentials cannot be checked")]
    Credentials(#[source] PortError),
}

/// Reads the record; `None` before bootstrap.
pub async fn read(store: &dyn Store) -> Result<Option<Identity>, IdentityError> {
    let Some(stored) = store.get(keys::IDENTITY).await.map_err(IdentityError::Store)? else {
        return Ok(None);
    };
    let identity: Identity =
        serde_json::from_slice(&stored.bytes).map_err(|error| IdentityError::Unreadable {
            why: said(&error.to_string()),
        })?;
    if identity.format > IDENTITY_FORMAT {
        return Err(IdentityError::NewerFormat {
            format: identity.format,
        });
    }
    Ok(Some(identity))
}

/// Writes the record. The same record written before is success.
pub(super) async fn record(
    store: &dyn Store,
    envelope: &Envelope,
    etcd_cluster: EtcdClusterId,
) -> Result<(), PortError> {
    let identity = Identity {
        format: IDENTITY_FORMAT,
        cluster: envelope.cluster.as_str().to_owned(),
        account: envelope.account.clone(),
        region: envelope.region.clone(),
        etcd_cluster,
    };
    let bytes = serde_json::to_vec_pretty(&identity).map_err(|e| invalid(e.to_string()))?;
    match store.create(keys::IDENTITY, &bytes).await {
        Ok(_) => Ok(()),
        Err(StoreError::OutcomeUnknown { why, .. }) => Err(PortError::OutcomeUnknown { why }),
        Err(StoreError::Unavailable { why, .. }) => Err(PortError::NotSent { why }),
        Err(StoreError::Denied { action, .. }) => Err(PortError::Denied { action }),
        Err(StoreError::Conflict { .. }) => match read(store).await {
            Ok(Some(found)) if found == identity => Ok(()),
            Ok(Some(found)) => Err(invalid(format!(
                "the identity record names another cluster: `{}`, etcd cluster {}",
                found.cluster, found.etcd_cluster
            ))),
            Ok(None) => Err(PortError::OutcomeUnknown {
                why: "the record was there and is not".to_owned(),
            }),
            Err(error) => Err(PortError::OutcomeUnknown {
                why: error.to_string(),
            }),
        },
    }
}

fn invalid(text: String) -> PortError {
    PortError::Refused {
        rule: Rule::Invalid,
        text,
    }
}

/// Compares credentials, identity record and plan. Called before the first mutation of every process.
pub async fn check_target(ports: &Ports<'_>, envelope: &Envelope) -> Result<(), WrongTarget> {
    let (account, region) = ports.machines.whoami().await.map_err(WrongTarget::Credentials)?;
    same(
        "the account of these credentials",
        account.as_str(),
        envelope.account.as_str(),
    )?;
    same(
        "the region of these credentials",
        region.as_str(),
        envelope.region.as_str(),
    )?;
    mutant!(AnyIdentity => return Ok(()));
    let Some(identity) = read(ports.store).await? else {
        return match envelope.kind {
            RolloutKind::Bootstrap => Ok(()),
            RolloutKind::Upgrade
            | RolloutKind::Heal { .. }
            | RolloutKind::Replace { .. }
            | RolloutKind::Rollback { .. } => Err(WrongTarget::Unknown {
                cluster: envelope.cluster.as_str().to_owned(),
            }),
        };
    };
    same(
        "the cluster of the identity record",
        &identity.cluster,
        envelope.cluster.as_str(),
    )?;
    same(
        "the account of the identity record",
        identity.account.as_str(),
        envelope.account.as_str(),
    )?;
    same(
        "the region of the identity record",
        identity.region.as_str(),
        envelope.region.as_str(),
    )?;
    // A bootstrap does not know the id beforehand; one that was killed after it wrote the record finds it here.
    let Some(planned) = envelope.etcd_cluster else {
        return Ok(());
    };
    same(
        "the etcd cluster of the identity record",
        &identity.etcd_cluster.to_string(),
        &planned.to_string(),
    )
}

fn same(what: &'static str, found: &str, expected: &str) -> Result<(), WrongTarget> {
    if found == expected {
        return Ok(());
    }
    Err(WrongTarget::Differs {
        what,
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}
