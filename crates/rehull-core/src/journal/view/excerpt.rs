//! The small part of a view that some records touch: they are tried on it before they are written, and it is taken over
//! once they are. A view grows with its rollout, and there is an append in nearly every tick.

use std::collections::BTreeMap;

use super::super::record::{Record, RecordBody};
use super::JournalView;

impl JournalView {
    /// Everything that decides whether these records fit, and that they may change.
    pub(in crate::journal) fn touched_by(&self, records: &[Record]) -> Self {
        let keys = records.iter().filter_map(|record| key_of(&record.body));
        let pasts = keys.filter_map(|key| Some((self.actions.get(&key)?.clone(), key)));
        Self {
            opened: self.opened.clone(),
            holder: self.holder.clone(),
            actions: pasts.map(|(past, key)| (key, past)).collect(),
            marks: BTreeMap::new(),
            answered: BTreeMap::new(),
            halt: self.halt.clone(),
            closed: self.closed.clone(),
            settled: self.settled,
        }
    }

    /// Takes over such a part, after its records were applied to it.
    pub(in crate::journal) fn take_over(&mut self, part: Self) {
        self.opened = part.opened;
        self.holder = part.holder;
        self.actions.extend(part.actions);
        self.marks.extend(part.marks);
        self.answered.extend(part.answered);
        self.halt = part.halt;
        self.closed = part.closed;
        self.settled = part.settled;
    }
}

/// The action that a record is about.
fn key_of(body: &RecordBody) -> Option<String> {
    match body {
        RecordBody::Intended { action, .. } => Some(action.key()),
        RecordBody::Settled { key, .. } => Some(key.clone()),
        RecordBody::Opened { .. }
        | RecordBody::Attached { .. }
        | RecordBody::Marked { .. }
        | RecordBody::Answered { .. }
        | RecordBody::Stopped { .. }
        | RecordBody::Closed { .. } => None,
    }
}
