//! The modelled cluster of `rollout`'s tests behind the ports, with lost requests, lost answers and slow calls.
//!
//! Every mutation asserts that its intent is durable at that instant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::{FakeClock, FakeStore, yield_now};
use crate::domain::action::Action;
use crate::domain::fleet::SlotParts as Parts;
use crate::domain::ids::{InstanceId, SlotName, Token};
use crate::domain::observed::{Gap, Part, Partial};
use crate::journal::{Record, RecordBody, Scope, keys};
use crate::ports::{Clock, PortError};
use crate::rollout::tests::model::Model;

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub(crate) enum CallFault {
    /// Performed; the answer is lost.
    LostAnswer,
    /// Not performed; nobody knows.
    LostRequest,
    /// Refused, nothing performed.
    Error(PortError),
    /// The answer comes after this time.
    Slow(Duration),
}

/// The world of one test.
pub(crate) struct FakeWorld {
    pub(crate) model: Mutex<Model>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) store: Arc<FakeStore>,
    scope: Scope,
    pub(super) launched: Mutex<BTreeMap<Token, InstanceId>>,
    faults: Mutex<Vec<(String, CallFault)>>,
    calls: Mutex<Vec<(u64, String)>>,
    gap: Mutex<Option<Gap>>,
    pub(super) account: Mutex<String>,
}

impl FakeWorld {
    pub(crate) fn healthy(count: usize, scope: Scope) -> Self {
        let clock = Arc::new(FakeClock::default());
        let mut model = Model::healthy(count);
        model.at = clock.now();
        Self {
            model: Mutex::new(model),
            clock,
            store: Arc::default(),
            scope,
            launched: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            gap: Mutex::default(),
            account: Mutex::new("111122223333".to_owned()),
        }
    }

    /// The next call whose action key begins like this fails so.
    pub(crate) fn fail_next(&self, key: &str, fault: CallFault) {
        self.faults.lock().unwrap().push((key.to_owned(), fault));
    }

    pub(crate) fn hide(&self, part: Part) {
        *self.gap.lock().unwrap() = Some(Gap {
            part,
            why: "throttled".to_owned(),
        });
    }

    pub(crate) fn log_in_to(&self, account: &str) {
        *self.account.lock().unwrap() = account.to_owned();
    }

    /// Keys of all calls in the order in which they arrived, with the second of arrival.
    pub(crate) fn calls(&self) -> Vec<(u64, String)> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn calls_of(&self, key: &str) -> Vec<u64> {
        self.calls()
            .into_iter()
            .filter(|(_, call)| call.starts_with(key))
            .map(|(second, _)| second)
            .collect()
    }

    /// The model lives one second per second.
    pub(super) fn live(&self) -> MutexGuard<'_, Model> {
        let mut model = self.model.lock().unwrap();
        while model.at + Duration::from_secs(1) <= self.clock.now() {
            model.advance();
        }
        model
    }

    /// One mutation: on its way, performed, answered.
    pub(super) async fn call(
        &self,
        action: Action,
        effect: impl FnOnce(&mut Model) -> Result<(), PortError>,
    ) -> Result<(), PortError> {
        let key = action.key();
        self.assert_intended(&key);
        yield_now().await;
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let position = faults.iter().position(|(part, _)| key.starts_with(part.as_str()));
            position.map(|position| faults.remove(position).1)
        };
        let lost = || PortError::OutcomeUnknown {
            why: "time-out".to_owned(),
        };
        match &fault {
            Some(CallFault::LostRequest) => return Err(lost()),
            Some(CallFault::Error(error)) => {
                self.calls
                    .lock()
                    .unwrap()
                    .push((self.clock.monotonic().as_secs(), key));
                return Err(error.clone());
            }
            Some(CallFault::LostAnswer | CallFault::Slow(_)) | None => {}
        }
        self.calls
            .lock()
            .unwrap()
            .push((self.clock.monotonic().as_secs(), key));
        let answer = effect(&mut self.live());
        yield_now().await;
        match fault {
            Some(CallFault::LostAnswer) => Err(lost()),
            Some(CallFault::Slow(pause)) => {
                self.clock.sleep(pause).await;
                answer
            }
            _ => answer,
        }
    }

    /// Write before act, seen from the other side: when the call leaves, its intent can be read from the store.
    fn assert_intended(&self, key: &str) {
        assert!(
            self.newest_intent(|action| action.key() == key).is_some(),
            "{key} was sent without an intent"
        );
    }

    pub(super) fn newest_intent(&self, wanted: impl Fn(&Action) -> bool) -> Option<Action> {
        let journal = keys::journal(&self.scope.rollout);
        let keys = self
            .store
            .keys()
            .into_iter()
            .rev()
            .filter(|key| key.starts_with(&journal));
        let texts = keys.map(|key| self.store.text(&key));
        texts
            .flat_map(|text| text.lines().rev().map(str::to_owned).collect::<Vec<_>>())
            .find_map(|line| match serde_json::from_str::<Record>(&line).ok()?.body {
                RecordBody::Intended { action, .. } if wanted(&action) => Some(action),
                _ => None,
            })
    }

    pub(super) fn partial<T: Default>(&self, part: Part, value: T) -> Partial<T> {
        match self.gap.lock().unwrap().clone() {
            Some(gap) if gap.part == part => Partial {
                value: T::default(),
                gaps: vec![gap],
            },
            _ => Partial {
                value,
                gaps: Vec::new(),
            },
        }
    }

    pub(super) fn slot_of_machine(&self, machine: &InstanceId) -> SlotName {
        let model = self.model.lock().unwrap();
        model
            .machines
            .iter()
            .find(|m| m.id == *machine)
            .unwrap()
            .slot
            .clone()
    }

    pub(super) fn slot_of_part(&self, has: impl Fn(&Parts) -> bool) -> SlotName {
        let model = self.model.lock().unwrap();
        model
            .parts
            .iter()
            .find(|(_, parts)| has(parts))
            .unwrap()
            .0
            .clone()
    }
}

pub(super) fn perform(action: Action) -> impl FnOnce(&mut Model) -> Result<(), PortError> {
    move |model| {
        model.perform(&action);
        Ok(())
    }
}
