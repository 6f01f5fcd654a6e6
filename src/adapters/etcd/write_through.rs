//! The preflight's write: one small key through every member.

use async_trait::async_trait;
use futures_util::future::join_all;
use rehull_core::domain::desired::Slot;
use rehull_core::ports::{EtcdProbe, PortError};

use super::pool::{EtcdPool, READ_LIMIT};

const KEY: &str = "/rehull/probe/preflight";

#[async_trait]
impl EtcdProbe for EtcdPool {
    async fn write_through(&self, slots: &[Slot]) -> Result<(), PortError> {
        let written = join_all(slots.iter().map(async |slot| {
            let url = slot.client_url();
            let put = self.send(&url, READ_LIMIT, |mut client| async move {
                client.put(KEY, "", None).await
            });
            put.await.map(drop).map_err(|error| named(slot, error))
        }));
        let written = written.await;
        // By whoever took it. One that is not removed is a few bytes, and the next preflight writes it again.
        let took = slots.iter().zip(&written).find(|(_, written)| written.is_ok());
        if let Some((slot, _)) = took {
            let url = slot.client_url();
            let delete = self.send(&url, READ_LIMIT, |mut client| async move {
                client.delete(KEY, None).await
            });
            delete.await.ok();
        }
        written.into_iter().collect()
    }
}

/// With the member that it came from.
fn named(slot: &Slot, error: PortError) -> PortError {
    let words = |why: String| format!("{} takes no write: {why}", slot.name);
    match error {
        PortError::NotSent { why } => PortError::NotSent { why: words(why) },
        PortError::OutcomeUnknown { why } => PortError::OutcomeUnknown { why: words(why) },
        PortError::Refused { rule, text } => PortError::Refused {
            rule,
            text: words(text),
        },
        PortError::Denied { action } => PortError::Denied {
            action: words(action),
        },
        PortError::NotYetVisible { .. }
        | PortError::Throttled { .. }
        | PortError::Gone { .. }
        | PortError::Unreadable { .. } => error,
    }
}
