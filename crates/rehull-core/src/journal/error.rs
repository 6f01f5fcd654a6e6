//! What can be wrong with a journal: always which object, and where in it.

use crate::ports::StoreError;

/// A journal that cannot be read or written. Nothing is performed after any of these.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Damaged: a digest, a number or a record is not what was written.
    #[error("`{key}` line {line}: {why}")]
    Corrupt {
        /// Object.
        key: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer rehull.
    #[error("`{key}` has journal format {format}; this version of rehull reads up to {known}")]
    NewerFormat {
        /// Object.
        key: String,
        /// Its format.
        format: u64,
        /// Highest format this version reads.
        known: u32,
    },
    /// It belongs to another cluster or another rollout.
    #[error("`{key}` belongs to {what} `{found}`, not to `{expected}`")]
    Foreign {
        /// Object.
        key: String,
        /// `cluster` or `rollout`.
        what: &'static str,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// A segment is missing: what was intended in it is not known.
    #[error("`{missing}` is missing, although later segments exist")]
    Gap {
        /// Object.
        missing: String,
    },
    /// Somebody else has written the next segment: this process does not own the rollout any more.
    #[error("`{key}` was written by {}", by.as_deref().unwrap_or("another process"))]
    Fenced {
        /// Object.
        key: String,
        /// Who, if the segment says so.
        by: Option<String>,
    },
    /// The segment could not be written in several attempts. It may still arrive, so this journal takes no more.
    #[error("`{key}` could not be written in {attempts} attempts")]
    Unwritten {
        /// Object.
        key: String,
        /// Attempts made.
        attempts: u32,
        /// Answer to the last one.
        #[source]
        source: StoreError,
    },
    /// The store does not answer a read.
    #[error("the journal cannot be read")]
    Unread(#[source] StoreError),
    /// A record that does not follow from those before was about to be written: a fault in rehull itself.
    #[error("refused to write a record that contradicts the journal")]
    Contradiction(#[source] FoldError),
}

/// A record that cannot follow those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first record must be `opened`, and no other may be.
    #[error("{0}")]
    Order(&'static str),
    /// Settled without intended.
    #[error("attempt {attempt} of `{key}` was settled, but not intended")]
    SettledWithoutIntended {
        /// Natural key.
        key: String,
        /// Attempt.
        attempt: u32,
    },
    /// Attempts grow by one after a certain outcome and stay while the outcome is unknown.
    #[error("`{key}` was intended as attempt {attempt}, but attempt {expected} is next")]
    WrongAttempt {
        /// Natural key.
        key: String,
        /// Attempt in the record.
        attempt: u32,
        /// Attempt that may follow.
        expected: u32,
    },
}
