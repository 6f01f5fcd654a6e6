//! The fold of a journal. It answers five questions and no others; it never says where we were.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::ports::PortError;

/// What decisions may ask of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalView {
    pub(super) actions: BTreeMap<String, ActionPast>,
    pub(super) marks: BTreeMap<String, Timestamp>,
    pub(super) answered: BTreeSet<String>,
}

/// Everything the journal knows of one action (by natural key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPast {
    /// Step it belongs to.
    pub step: StepId,
    /// The action as last intended.
    pub action: Action,
    /// Attempts begun.
    pub attempts: u32,
    /// When the last attempt was intended.
    pub intended_at: Timestamp,
    /// When an attempt was settled as done, if ever.
    pub done_at: Option<Timestamp>,
    /// Last certain failure and when.
    pub failed: Option<(PortError, Timestamp)>,
    /// Intended and not settled, or settled as "outcome unknown".
    pub in_doubt: bool,
}

impl JournalView {
    /// Actions whose outcome is not known, oldest first.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<&ActionPast> {
        let mut open: Vec<&ActionPast> = self.actions.values().filter(|past| past.in_doubt).collect();
        open.sort_by_key(|past| past.intended_at);
        open
    }

    /// When this action was done.
    #[must_use]
    pub fn done_at(&self, key: &str) -> Option<Timestamp> {
        self.actions.get(key).and_then(|past| past.done_at)
    }

    /// When this was first seen.
    #[must_use]
    pub fn marked_at(&self, mark: &str) -> Option<Timestamp> {
        self.marks.get(mark).copied()
    }

    /// Past of one action.
    #[must_use]
    pub fn past(&self, key: &str) -> Option<&ActionPast> {
        self.actions.get(key)
    }

    /// The mailbox request was answered.
    #[must_use]
    pub fn is_answered(&self, request: &str) -> bool {
        self.answered.contains(request)
    }
}
