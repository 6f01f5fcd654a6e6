//! The journal as it lies in the store: what was intended before it was sent, and who wrote when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::ask::Ask;
use super::rules::Wrong;
use crate::domain::action::Action;
use crate::domain::ids::{PodUid, RolloutId, Token};
use crate::domain::node_action::NodeAction;
use crate::journal::{Record, RecordBody, keys};
use crate::ports::PortError;
use crate::sim::store::Objects;

/// Everything that the segments of one rollout say, read on as they come.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    read: u64,
    /// Key of the segment that comes next, once it was looked for.
    next: Option<String>,
    /// Changes of the store up to which it was read.
    changes: u64,
    /// Intended and not settled.
    open: BTreeMap<String, (u32, Action, Token)>,
    /// What may still come true, and under which token.
    doubtful: BTreeMap<String, Token>,
    /// When it was last written down that a slot's etcd had ended by itself.
    pub(super) ended: BTreeMap<String, Timestamp>,
    /// Pods that were written down to leave: their evictions are covered, as often as they are sent.
    drains: BTreeSet<PodUid>,
    writer: Option<String>,
    former: BTreeSet<String>,
}

impl Ledger {
    /// Reads the segments that have come since, and says what is wrong with them.
    pub(super) fn read_on(&mut self, store: &Objects, rollout: &RolloutId) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if store.changes() == std::mem::replace(&mut self.changes, store.changes()) {
            return wrong;
        }
        loop {
            let next = self.read.saturating_add(1);
            let key = self.next.get_or_insert_with(|| keys::segment(rollout, next));
            let Some(bytes) = store.bytes(key) else {
                return wrong;
            };
            (self.read, self.next) = (next, None);
            let mut lines = bytes.split(|byte| *byte == b'\n');
            if let Some(nonce) = lines.next().and_then(nonce)
                && !self.may_write(&nonce)
            {
                wrong.push((
                    7,
                    format!("{nonce} wrote segment {next} after it had been succeeded"),
                ));
            }
            let records = lines.filter_map(|line| serde_json::from_slice::<Record>(line).ok());
            wrong.extend(records.filter_map(|record| self.take(record)));
        }
    }

    /// False: it wrote before, and somebody else since then.
    fn may_write(&mut self, nonce: &str) -> bool {
        if self.writer.as_deref() == Some(nonce) {
            return true;
        }
        self.former.extend(self.writer.replace(nonce.to_owned()));
        !self.former.contains(nonce)
    }

    fn take(&mut self, record: Record) -> Option<Wrong> {
        match record.body {
            RecordBody::Intended {
                action,
                attempt,
                token,
                ..
            } => {
                let key = action.key();
                if let Action::Node(NodeAction::Drain { pods, .. }) = &action {
                    self.drains.extend(pods.keys().cloned());
                }
                // What only asks may be asked again as often as one likes.
                let asks = matches!(action, Action::Preflight { .. } | Action::VerifyData { .. });
                let known = self.doubtful.get(&key).filter(|known| **known != token && !asks);
                let wrong = known.map(|_| (2, format!("`{key}` may be on its way and gets another token")));
                self.doubtful.insert(key.clone(), token.clone());
                self.open.insert(key, (attempt, action, token));
                wrong
            }
            // Whatever came of it: who sends it again writes it down again.
            RecordBody::Settled { key, attempt, error } => {
                if !matches!(error, Some(PortError::OutcomeUnknown { .. })) {
                    self.doubtful.remove(&key);
                }
                if self.open.get(&key).is_some_and(|(open, _, _)| *open == attempt) {
                    self.open.remove(&key);
                }
                None
            }
            RecordBody::Marked { mark } => {
                let mut words = mark.split(' ');
                if let (Some("ended"), Some(slot)) = (words.next(), words.next()) {
                    self.ended.insert(slot.to_owned(), record.at);
                }
                None
            }
            RecordBody::Opened { .. }
            | RecordBody::Attached { .. }
            | RecordBody::Answered { .. }
            | RecordBody::Stopped { .. }
            | RecordBody::Closed { .. } => None,
        }
    }

    /// A durable intent that is not settled yet covers this request.
    pub(super) fn covers(&self, ask: &Ask<'_>) -> bool {
        if let Ask::Evict(uid) = ask {
            return self.drains.contains(*uid);
        }
        let mut open = self.open.values();
        open.any(|(_, action, token)| ask.is_covered_by(action, token))
    }
}

fn nonce(header: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Header {
        nonce: String,
    }
    let header: Header = serde_json::from_slice(header).ok()?;
    Some(header.nonce)
}
