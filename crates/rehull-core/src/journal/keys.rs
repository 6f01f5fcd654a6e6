//! Where everything lies in the store. Relative to the store's prefix; no leading slash.

use crate::domain::ids::RolloutId;

/// Written once by bootstrap, compared before the first mutation.
pub const IDENTITY: &str = "identity.json";
/// The one lease of the cluster.
pub const LEASE: &str = "lease.json";
/// Prefix of the mailbox.
pub const REQUESTS: &str = "requests/";
/// Prefix of all rollouts.
pub const ROLLOUTS: &str = "rollouts/";

/// One mailbox request.
#[must_use]
pub fn request(id: &str) -> String {
    format!("{REQUESTS}{id}.json")
}

/// The approved plan of a rollout, with its rendered texts.
#[must_use]
pub fn plan(rollout: &RolloutId) -> String {
    format!("{ROLLOUTS}{rollout}/plan.json")
}

/// Prefix of a rollout's journal.
#[must_use]
pub fn journal(rollout: &RolloutId) -> String {
    format!("{ROLLOUTS}{rollout}/journal/")
}

/// One journal segment.
#[must_use]
pub fn segment(rollout: &RolloutId, seq: u64) -> String {
    format!("{ROLLOUTS}{rollout}/journal/{seq:06}.jsonl")
}

/// The fold of all segments up to this one.
#[must_use]
pub fn fold(rollout: &RolloutId, seq: u64) -> String {
    format!("{ROLLOUTS}{rollout}/journal/fold-{seq:06}.json")
}

/// The best-effort event log; nothing is decided from it.
#[must_use]
pub fn events(rollout: &RolloutId, n: u64) -> String {
    format!("{ROLLOUTS}{rollout}/events/{n:06}.jsonl")
}

/// The fact that ends the snapshot job.
#[must_use]
pub fn snapshot(rollout: &RolloutId) -> String {
    format!("{ROLLOUTS}{rollout}/snapshot.json")
}

/// What a key in the journal's folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JournalKey {
    Segment(u64),
    Fold(u64),
    Unknown,
}

/// Numbers are compared as numbers: segment 1000000 sorts before 999999 as text.
pub(super) fn classify(rollout: &RolloutId, key: &str) -> JournalKey {
    let Some(name) = key.strip_prefix(&journal(rollout)) else {
        return JournalKey::Unknown;
    };
    if let Some(seq) = name.strip_suffix(".jsonl").and_then(|digits| digits.parse().ok()) {
        return JournalKey::Segment(seq);
    }
    let fold = name
        .strip_prefix("fold-")
        .and_then(|rest| rest.strip_suffix(".json"));
    match fold.and_then(|digits| digits.parse().ok()) {
        Some(seq) => JournalKey::Fold(seq),
        None => JournalKey::Unknown,
    }
}
