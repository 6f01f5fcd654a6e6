//! What is wrong with a plan: where, by which rule, why, and what to do. Data; reports make text of it.

use std::fmt;

use serde::Serialize;

use crate::domain::terraform::Address;

/// One refusal. No value of the plan stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Resource, output, check or part of the configuration; `None`: the plan as a whole.
    pub address: Option<Address>,
    /// Stable word, for example `gate::volume`; `docs/terraform-gate.md` lists them.
    pub rule: &'static str,
    /// What is wrong, and what would be lost.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub(super) fn of_plan(rule: &'static str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            address: None,
            rule,
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn at(
        address: &str,
        rule: &'static str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            address: Some(Address::new(address)),
            ..Self::of_plan(rule, reason, remedy)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "`{address}`: ")?;
        }
        write!(f, "{}\n  help: {}", self.reason, self.remedy)
    }
}
