//! The right target: what is recorded of a cluster is what the request reaches.

use serde::Deserialize;

use super::ask::Ask;
use super::rules::Wrong;
use crate::domain::ids::EtcdClusterId;
use crate::journal::keys;
use crate::sim::lab::Lab;

#[derive(Deserialize)]
struct Recorded {
    account: String,
    region: String,
    etcd_cluster: EtcdClusterId,
}

/// A request that reaches another cluster than the one whose record lies in the store. Before there is a record nothing
/// can be compared.
pub(super) fn is_another(lab: &Lab, ask: &Ask<'_>) -> Option<Wrong> {
    if matches!(ask, Ask::RecordIdentity) {
        return None;
    }
    let recorded: Recorded = serde_json::from_slice(lab.store.bytes(keys::IDENTITY)?).ok()?;
    let setup = lab.world.setup();
    let differs = recorded.account != setup.account
        || recorded.region != setup.region
        || recorded.etcd_cluster != lab.etcd.cluster();
    differs.then(|| {
        (
            12,
            format!("sent to another cluster than the recorded one: {}", ask.words()),
        )
    })
}
