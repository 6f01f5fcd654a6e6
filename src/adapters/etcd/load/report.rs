//! What the probe found, as plain data: the demo prints it, tests assert it, reports show it.

use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::SlotName;
use serde::{Deserialize, Serialize};

/// How a writer deals with a member that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Stays with its address, with a time-out per try: it shows how long that address was out.
    Pinned,
    /// Time-out per try, goes on to the next address: how a client of etcd should be built.
    Retrying,
    /// No time-out of its own, goes on to the next address after an error: a request that is dropped in a leader change
    /// hangs until the server gives up (5 s + 2 election time-outs).
    Patient,
}

/// One write, from its first try to its acknowledgement (or to the end of the probe).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRecord {
    /// Number of the writer.
    pub writer: u32,
    /// Its class.
    pub class: Class,
    /// Number of the write, from 0 per writer. With the writer it names the key.
    pub number: u32,
    /// Beginning of the first try, after the start of the probe.
    pub start: Duration,
    /// End of the last try.
    pub end: Duration,
    /// Tries.
    pub tries: u32,
    /// Longest single try.
    pub try_longest: Duration,
    /// Revision and address, once acknowledged.
    pub acknowledged: Option<Acknowledged>,
}

/// The member's word that a write is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Revision of the store that the write made.
    pub revision: i64,
    /// Through this slot's address.
    pub via: SlotName,
}

/// A time without an acknowledged write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// Milliseconds after the start of the probe.
    pub from_ms: u64,
    /// Its length in milliseconds.
    pub length_ms: u64,
}

/// Writers of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Which.
    pub class: Class,
    /// The address they stay with; `None` for those that move on.
    pub pinned_to: Option<SlotName>,
    /// How many.
    pub writers: u32,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Tries that failed or ran into their time-out.
    pub failed_tries: u64,
    /// Tries that lasted a second or longer.
    pub hung_tries: u64,
    /// Longest time that any single writer of the class went without an acknowledged write.
    pub longest_stall: Option<Stall>,
}

/// A watch through one address, over all its resumptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReport {
    /// Through this slot's address.
    pub via: SlotName,
    /// Events received.
    pub events: u64,
    /// How often it was resumed after its stream ended.
    pub resumed: u32,
    /// Revisions only ever grew: no event came twice or late.
    pub ordered: bool,
    /// Events of the store's history that never came.
    pub missing: u64,
    /// Events that the store's history does not have.
    pub invented: u64,
}

impl WatchReport {
    /// Ordered, nothing missing, nothing invented.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ordered && self.missing == 0 && self.invented == 0
    }
}

/// The judgement over one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Format of this document; 1.
    pub format: u32,
    /// Run.
    pub run: String,
    /// Wall clock at the start.
    pub started_at: Timestamp,
    /// Length of the writing in milliseconds.
    pub length_ms: u64,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Writes that were never acknowledged because the probe ended; they may be in the store or not.
    pub open: u64,
    /// Acknowledged writes that the store does not have, or has with another value. Zero, or data was lost.
    pub lost: u64,
    /// The longest times without an acknowledged write of anybody, longest first.
    pub stalls: Vec<Stall>,
    /// By class, and by address for pinned writers.
    pub classes: Vec<ClassReport>,
    /// One per address.
    pub watches: Vec<WatchReport>,
    /// Everything that is not as it must be, for people, a few examples of each kind.
    pub problems: Vec<String>,
}

impl ProbeReport {
    /// Nothing lost, all watches complete and in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.problems.is_empty() && self.watches.iter().all(WatchReport::is_complete)
    }

    /// Longest stall of any writer of this class in milliseconds.
    #[must_use]
    pub fn longest_stall_ms(&self, class: Class) -> u64 {
        self.classes
            .iter()
            .filter(|report| report.class == class)
            .filter_map(|report| report.longest_stall.as_ref())
            .map(|stall| stall.length_ms)
            .max()
            .unwrap_or(0)
    }

    /// Longest time without an acknowledged write of anybody in milliseconds.
    #[must_use]
    pub fn longest_outage_ms(&self) -> u64 {
        self.stalls.first().map_or(0, |stall| stall.length_ms)
    }

    /// Tries of this class that lasted a second or longer.
    #[must_use]
    pub fn hung_tries(&self, class: Class) -> u64 {
        let of_class = self.classes.iter().filter(|report| report.class == class);
        of_class.map(|report| report.hung_tries).sum()
    }
}
