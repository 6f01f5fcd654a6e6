//! One look, sorted once.

use super::situation::Situation;
use crate::domain::observed::Observed;
use crate::plan::RolloutPlan;

/// A look in the light of the plan, read once for all that is decided on it and told of it.
pub struct Reading<'a>(pub(super) Situation<'a>);

impl<'a> Reading<'a> {
    /// Reads it.
    #[must_use]
    pub fn of(plan: &'a RolloutPlan, seen: &'a Observed) -> Self {
        Self(Situation::read(plan, seen))
    }

    /// The look.
    #[must_use]
    pub fn seen(&self) -> &'a Observed {
        self.0.seen
    }
}
