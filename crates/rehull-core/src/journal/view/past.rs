//! What the journal knows of one action.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::mutant::mutant;
use crate::ports::PortError;

/// Everything the journal knows of one action (by natural key).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionPast {
    /// Step it belongs to.
    pub step: StepId,
    /// The action as last intended; as it was last done, where a later attempt has certainly failed.
    pub action: Action,
    /// While a later attempt is open: the action as it was last done. What holds a group carries what is to be put back, and
    /// that stays as it was where the later attempt came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Action>,
    /// Attempts begun. An attempt in doubt that is sent again is the same attempt.
    pub attempts: u32,
    /// Those of them of which it is certain that nothing was sent.
    #[serde(default)]
    pub unsent: u32,
    /// When the last attempt was intended.
    pub intended_at: Timestamp,
    /// When an attempt was last settled as done, if ever.
    pub done_at: Option<Timestamp>,
    /// Last certain failure since it was last done, and when.
    pub failed: Option<(PortError, Timestamp)>,
    /// Intended and not settled, or settled as "outcome unknown".
    pub in_doubt: bool,
    /// The last answer, if it was "outcome unknown".
    pub doubt: Option<Doubt>,
    /// Settled without success, certainly or not, since it was last done.
    pub failures: u32,
    /// It was the so-manieth that was done last: a clock that was set cannot turn this order around.
    #[serde(default)]
    pub nth_done: u64,
}

/// An answer that left the outcome open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Why it is unknown.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl ActionPast {
    /// The number of the next attempt: a call that may have been lost keeps its number and with it its token.
    #[must_use]
    pub fn next_attempt(&self) -> u32 {
        if self.in_doubt && !mutant!(DoubtIsFailure) {
            self.attempts
        } else {
            self.attempts.saturating_add(1)
        }
    }

    /// Attempts that may have got anywhere: what was never sent says nothing of the other side's patience.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.attempts.saturating_sub(self.unsent)
    }

    /// When it was done, or, while that is in doubt, when it was last sent.
    pub(super) fn told_at(&self) -> Option<Timestamp> {
        if self.in_doubt {
            Some(self.intended_at)
        } else {
            self.done_at
        }
    }
}
