//! What a run of Terraform (or OpenTofu) says and how it ended: lines of its `-json` stream and the end of the process →
//! [`Outcome`].
//!
//! An exit code alone is never the verdict. `apply` ends with 0 after an empty plan, `plan` with 1 for a dozen reasons that
//! want a dozen remedies, and a killed run with none at all. What each version of Terraform says in each situation is
//! recorded below `fixtures/` (`tools/terraform-streams.sh`), and the tests hold this module to it.

mod environment;
mod lock;
mod message;
mod outcome;
mod remedy;
mod summaries;
mod tally;
#[cfg(test)]
mod tests;

pub use environment::{ALWAYS, is_passed_on, is_passed_on_to_init};
pub use lock::LockInfo;
pub use message::{Change, Diagnostic, Said, Severity, Summary};
pub use outcome::{Command, Ended, Outcome, Run, Verdict};
pub use remedy::{what_it_is, what_to_do};
pub use tally::Tally;
