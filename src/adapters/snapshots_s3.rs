//! Where snapshots go: one object per snapshot, create-only, checked by S3 against its SHA-256 on arrival.
//!
//! Encryption is the bucket's own default (S3 encrypts every new object since 2023, with the bucket's key if it has
//! one); a key that the request would name here could only be weaker than what the bucket's policy demands.

use std::path::Path;

use async_trait::async_trait;
use rehull_core::domain::desired::ObjectLocation;
use rehull_core::ports::{PortError, StoreError};

use super::artefacts::hash_file;
use super::aws::{AwsClients, Blobs};
use super::etcd::SnapshotSink;

/// Snapshots under one prefix.
#[derive(Clone, Debug)]
pub struct SnapshotBucket {
    blobs: Blobs,
}

impl SnapshotBucket {
    /// Sends nothing.
    #[must_use]
    pub fn new(clients: AwsClients, location: ObjectLocation) -> Self {
        Self {
            blobs: Blobs::new(clients, location),
        }
    }
}

#[async_trait]
impl SnapshotSink for SnapshotBucket {
    async fn put_file(&self, key: &str, path: &Path) -> Result<(), PortError> {
        let sha256 = hash_file(path).await.map_err(|error| PortError::NotSent {
            why: format!("`{}`: {error}", path.display()),
        })?;
        match self.blobs.upload(key, path, &sha256).await {
            // The key names the content, so what is there is this.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(StoreError::OutcomeUnknown { why, .. }) => Err(PortError::OutcomeUnknown { why }),
            Err(StoreError::Unavailable { why, .. }) => Err(PortError::NotSent { why }),
            Err(StoreError::Denied { action, .. }) => Err(PortError::Denied { action }),
        }
    }
}
