//! Which temporary changes are open.

use super::{ActionPast, JournalView};
use crate::domain::group_action::{hold_key, release_key};
use crate::domain::ids::GroupName;

impl JournalView {
    /// What was done to hold a group and is not released yet; also while that is in doubt.
    #[must_use]
    pub fn hold_of(&self, group: &GroupName) -> Option<&ActionPast> {
        let past = self.actions.get(&hold_key(group))?;
        let at = past.told_at()?;
        let released = self.done_at(&release_key(group));
        released.is_none_or(|released| released < at).then_some(past)
    }

    /// Whether its release is under way: what was held may be free already.
    #[must_use]
    pub fn is_being_released(&self, group: &GroupName) -> bool {
        let release = self.actions.get(&release_key(group));
        release.is_some_and(|past| past.in_doubt)
    }
}
