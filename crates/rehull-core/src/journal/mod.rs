//! Intent, durable before the act. The world is right about the world; the journal is right about our intent.
//!
//! [`Journal::append`] writes one numbered segment by one conditional PUT; the number is the fence: who loses the
//! race for it has lost the rollout. [`JournalView`] is the fold of all records and all that decisions may ask.

mod codec;
mod error;
mod fold;
pub mod keys;
mod load;
mod log;
pub mod record;
#[cfg(test)]
mod tests;
mod token;
mod view;

pub use codec::Scope;
pub(crate) use codec::{said, without_location};
pub use error::{FoldError, JournalError};
pub use load::{Loaded, TornTail, load, read_all};
pub use log::{Journal, Writer};
pub use record::{JOURNAL_FORMAT, Record, RecordBody, Segment};
pub use token::token;
pub use view::{ActionPast, Doubt, Halt, JournalView, Opening};
