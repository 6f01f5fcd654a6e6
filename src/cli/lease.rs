//! The lease as it lies in the store, for people: nothing is decided by it.

use rehull_core::executor::lease::LeaseRecord;
use rehull_core::journal::keys;
use rehull_core::ports::Store;

use super::failure::Failure;

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
