//! Which member is asked for the snapshot.

use futures_util::future::join_all;
use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::SlotName;

use crate::adapters::etcd::pool::{EtcdPool, READ_LIMIT};

/// The follower that is furthest, so that the leader keeps its disk for writes; otherwise `running`.
pub(super) async fn pick<'a>(pool: &EtcdPool, slots: &'a [Slot], running: &SlotName) -> Option<&'a Slot> {
    let followers = join_all(slots.iter().map(async |slot| {
        let status = pool
            .read(&slot.client_url(), READ_LIMIT, |mut client| async move {
                client.status().await
            })
            .await
            .ok()?;
        let leads = status.header()?.member_id() == status.leader();
        let fit = !leads && !status.is_learner() && status.leader() != 0;
        fit.then_some((status.raft_applied_index(), slot))
    }));
    let furthest = followers
        .await
        .into_iter()
        .flatten()
        .max_by_key(|&(applied, _)| applied);
    match furthest {
        Some((_, slot)) => Some(slot),
        None => slots.iter().find(|slot| slot.name == *running),
    }
}
