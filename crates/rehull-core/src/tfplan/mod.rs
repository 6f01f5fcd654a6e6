//! A Terraform plan, read change by change and judged: may it be applied, what would it do, and what does an approval
//! of it cover?
//!
//! [`decide`] reads `terraform show -json` (or `tofu show -json`) and forgets each change as soon as it is judged. A plan
//! is allowed only if everything in it is understood: the rules are the tables [`RULES`] and [`GENERAL`];
//! `docs/terraform-gate.md` has them in words. What comes out holds no value of the plan but what [`Shown`] lets
//! through; the [`Manifest`] holds fingerprints, keyed where the caller has a key.

mod actions;
mod checks;
mod computed;
mod contract;
mod cover;
mod decide;
mod decision;
mod digest;
mod finding;
mod gate;
mod header;
mod json;
mod mask;
mod node;
mod prior;
mod read;
mod record;
mod reference;

pub use crate::domain::terraform::{Address, Difference, Kind, MANIFEST_FORMAT, Manifest, Part, RoleContent};
pub use actions::Action;
pub use checks::unmet_checks;
pub use contract::{ALARM_ACTIONS, Contract, Mode, PROVIDERS, Templates, Terms, Tool};
pub use decide::decide;
pub use decision::{
    Belongs, Counts, Decision, Place, RoleChange, SHOWN_CHANGES_MAX, Setting, ShownAttribute, ShownChange,
    ShownVariable, Sources, Verdict,
};
pub use digest::{DigestKey, KEY_BYTES_MIN, KeyTooShort};
pub use finding::Finding;
pub use gate::configuration::{RUN_AT_PLAN, STATE_BACKENDS};
pub use gate::general::{GENERAL, General};
pub use gate::rules::{InPlace, RULES, Rule, UNKNOWN};
pub use gate::template::{DECLARED, Said};
pub use mask::Shown;
pub use read::Unreadable;
pub use reference::reference;

#[cfg(test)]
mod tests;
