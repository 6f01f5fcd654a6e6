//! Intent, durable before the act. The world is right about the world; the journal is right about our intent.

pub mod record;
mod view;

pub use record::{JOURNAL_FORMAT, Record, RecordBody, Segment};
pub use view::{ActionPast, JournalView};
