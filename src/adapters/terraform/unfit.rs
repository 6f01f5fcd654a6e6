//! Why a try of Terraform comes to nothing.

use rehull_core::tfrun::{Outcome, what_it_is, what_to_do};

use super::error::TerraformError;

/// Why there is no plan that could be approved or applied. A sentence each: what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What came of it.
    pub why: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Unfit {
    pub(super) fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            help: help.into(),
        }
    }

    /// The end of a run that is not the wanted one.
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self::new(what_it_is(outcome), what_to_do(outcome).unwrap_or_default())
    }
}

impl From<TerraformError> for Unfit {
    fn from(error: TerraformError) -> Self {
        Self::new(error.to_string(), "")
    }
}
