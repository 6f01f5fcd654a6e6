//! Wishes posted without the lease. The holder reads them every tick and answers in its journal, once they are
//! fulfilled: a holder that is killed on the way finds the wish again.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RolloutId;
use crate::domain::observed::Request;
use crate::journal::{keys, said};
use crate::ports::{Store, StoreError};

/// Format of a request.
pub const REQUEST_FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Letter {
    format: u32,
    /// A wish for a rollout that is over must never stop the next one.
    rollout: RolloutId,
    #[serde(flatten)]
    request: Request,
}

/// What lies in the mailbox for one rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Oldest first, as far as ids tell: they begin with the time of posting.
    pub requests: Vec<Request>,
    /// Objects that cannot be read as requests, and why.
    pub unreadable: Vec<String>,
}

/// The object that a posted wish becomes.
pub(crate) fn letter(rollout: &RolloutId, request: &Request) -> serde_json::Result<Vec<u8>> {
    let letter = Letter {
        format: REQUEST_FORMAT,
        rollout: rollout.clone(),
        request: request.clone(),
    };
    serde_json::to_vec_pretty(&letter)
}

/// Posts a wish. The same one posted twice is one.
pub async fn post(store: &dyn Store, rollout: &RolloutId, request: &Request) -> Result<(), StoreError> {
    let key = keys::request(&request.id);
    let bytes = letter(rollout, request).map_err(|error| StoreError::Unavailable {
        key: key.clone(),
        why: error.to_string(),
    })?;
    match store.create(&key, &bytes).await {
        Ok(_) => Ok(()),
        Err(error @ (StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. })) => {
            match store.get(&key).await? {
                Some(stored) if stored.bytes == bytes => Ok(()),
                Some(_) | None => Err(error),
            }
        }
        Err(error @ (StoreError::Unavailable { .. } | StoreError::Denied { .. })) => Err(error),
    }
}

/// Requests for this rollout.
pub async fn list(store: &dyn Store, rollout: &RolloutId) -> Result<Inbox, StoreError> {
    let keys = store.list(keys::REQUESTS).await?;
    let letters = join_all(keys.iter().map(|key| store.get(key))).await;
    let mut inbox = Inbox::default();
    for (key, stored) in keys.iter().zip(letters) {
        let Some(stored) = stored? else { continue }; // withdrawn between the two reads
        match serde_json::from_slice::<Letter>(&stored.bytes) {
            Ok(letter) if letter.rollout != *rollout => {}
            Ok(letter) if letter.format > REQUEST_FORMAT => {
                inbox
                    .unreadable
                    .push(format!("`{key}` has format {}", letter.format));
            }
            Ok(letter) => inbox.requests.push(letter.request),
            Err(error) => inbox.unreadable.push(said(&format!("`{key}`: {error}"))),
        }
    }
    Ok(inbox)
}

/// Removes a request: it was answered in the journal, or is withdrawn.
pub async fn remove(store: &dyn Store, request: &str) -> Result<(), StoreError> {
    store.delete(&keys::request(request)).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::domain::observed::Wish;
    use crate::executor::fakes::{FakeClock, FakeStore, Fault, block_on};

    fn request(id: &str, wish: Wish) -> Request {
        Request {
            id: id.to_owned(),
            wish,
            by: "ann".to_owned(),
        }
    }

    #[test]
    fn wishes_come_oldest_first_and_only_for_their_rollout() {
        let (store, clock, ours) = (
            FakeStore::default(),
            FakeClock::default(),
            RolloutId::new("dev-1"),
        );
        let (pause, abort) = (request("2", Wish::Pause), request("1", Wish::Abort));
        let foreign = request("0", Wish::Abort);
        block_on(&clock, async {
            post(&store, &ours, &pause).await.unwrap();
            post(&store, &ours, &abort).await.unwrap();
            post(&store, &RolloutId::new("dev-0"), &foreign).await.unwrap();
        });
        store.put("requests/3.json", b"{\"format\":1");
        let inbox = block_on(&clock, list(&store, &ours)).unwrap();
        assert_eq!(inbox.requests, [abort, pause.clone()]);
        assert_eq!(inbox.unreadable.len(), 1);
        block_on(&clock, remove(&store, &pause.id)).unwrap();
        assert_eq!(block_on(&clock, list(&store, &ours)).unwrap().requests.len(), 1);
    }

    #[test]
    fn a_wish_whose_answer_was_lost_is_posted_and_one_whose_request_was_lost_is_not() {
        let (store, clock, ours) = (
            FakeStore::default(),
            FakeClock::default(),
            RolloutId::new("dev-1"),
        );
        store.fail_next("requests/1", Fault::LostAnswer);
        block_on(&clock, post(&store, &ours, &request("1", Wish::Pause))).unwrap();
        store.fail_next("requests/2", Fault::LostRequest);
        block_on(&clock, post(&store, &ours, &request("2", Wish::Pause))).unwrap_err();
    }
}
