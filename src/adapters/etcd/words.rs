//! What etcd's words mean. Codes drift between versions, so the text decides and the code only helps where the text
//! is new to us.
//!
//! Texts: `etcd:api/v3rpc/rpctypes/error.go` of 3.4 to 3.7; codes seen per version: `tests/live/etcd_refusals.rs`.

use std::time::Duration;

use rehull_core::ports::{PortError, Rule};

/// "can only promote a learner member": it is a voter already, or never was a learner.
pub(super) const NOT_A_LEARNER: &str = "can only promote a learner member";
/// The revision is older than the last compaction.
pub(super) const COMPACTED: &str = "required revision has been compacted";
/// The revision has not been applied by this member yet.
pub(super) const FUTURE_REVISION: &str = "required revision is a future revision";

/// How long to leave etcd alone after "too many requests": its own limit is a gap of 5000 unapplied entries, which
/// takes a healthy member well under a second to work off.
const THROTTLED: Duration = Duration::from_secs(1);

/// etcd's own sentences are short; what a proxy in between says need not be.
const TEXT_MAX_CHARS: usize = 600;

#[derive(Clone, Copy)]
enum Meaning {
    Refused(Rule),
    Gone,
    Denied,
    Throttled,
    /// Says itself that it does not know.
    Unknown,
}

/// The first line whose text is part of the message decides; so longer texts stand before their own beginnings.
const MEANINGS: &[(&str, Meaning)] = &[
    ("unhealthy cluster", Meaning::Refused(Rule::UnhealthyCluster)),
    // Only from calls that were refused before they were proposed (MoveLeader, reads that require a leader).
    ("no leader", Meaning::Refused(Rule::UnhealthyCluster)),
    (
        "not enough started members",
        Meaning::Refused(Rule::NotEnoughStarted),
    ),
    (
        "too many learner members in cluster",
        Meaning::Refused(Rule::TooManyLearners),
    ),
    ("member ID already exist", Meaning::Refused(Rule::MemberExists)),
    ("Peer URLs already exists", Meaning::Refused(Rule::MemberExists)),
    (
        "which is in sync with leader",
        Meaning::Refused(Rule::LearnerNotReady),
    ),
    (NOT_A_LEARNER, Meaning::Refused(Rule::Other)),
    ("member not found", Meaning::Gone),
    ("not leader", Meaning::Refused(Rule::NotLeader)),
    ("bad leader transferee", Meaning::Refused(Rule::NotLeader)),
    // `Unavailable` in 3.4 and 3.5, which elsewhere means "try again": a learner will say it again.
    ("rpc not supported for learner", Meaning::Refused(Rule::Other)),
    ("given member URLs are invalid", Meaning::Refused(Rule::Invalid)),
    ("database space exceeded", Meaning::Refused(Rule::Other)),
    ("corrupt cluster", Meaning::Refused(Rule::Other)),
    ("cluster ID mismatch", Meaning::Refused(Rule::Other)),
    (
        "permanently removed from the cluster",
        Meaning::Refused(Rule::Other),
    ),
    (COMPACTED, Meaning::Refused(Rule::Other)),
    (FUTURE_REVISION, Meaning::Refused(Rule::Other)),
    ("too many requests", Meaning::Throttled),
    ("permission denied", Meaning::Denied),
    ("invalid auth token", Meaning::Denied),
    ("user name is empty", Meaning::Denied),
    // All of these can come after the proposal was handed to raft, so it may still be applied.
    ("request timed out", Meaning::Unknown),
    ("leader changed", Meaning::Unknown),
    ("server stopped", Meaning::Unknown),
    ("raft proposal dropped", Meaning::Unknown),
];

/// gRPC codes that say "refused" whatever the text: InvalidArgument, NotFound, AlreadyExists, ResourceExhausted,
/// FailedPrecondition, OutOfRange, Unimplemented.
const DEFINITE: &[i32] = &[3, 5, 6, 8, 9, 11, 12];
/// PermissionDenied, Unauthenticated.
const DENIED: &[i32] = &[7, 16];

/// What a member has answered, with this gRPC code.
pub(super) fn from_member(code: i32, text: &str) -> PortError {
    let meaning = MEANINGS
        .iter()
        .find(|(words, _)| text.contains(words))
        .map_or_else(|| from_code(code), |&(_, meaning)| meaning);
    let text = said(text);
    match meaning {
        Meaning::Refused(rule) => PortError::Refused { rule, text },
        Meaning::Gone => PortError::Gone { what: text },
        Meaning::Denied => PortError::Denied { action: text },
        Meaning::Throttled => PortError::Throttled { after: THROTTLED },
        Meaning::Unknown => PortError::OutcomeUnknown {
            why: format!("{text} (gRPC code {code})"),
        },
    }
}

/// One line, not too long: it goes into the journal and to a terminal, and a message may have megabytes.
fn said(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = line.join(" ");
    match line.char_indices().nth(TEXT_MAX_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn from_code(code: i32) -> Meaning {
    if DEFINITE.contains(&code) {
        Meaning::Refused(Rule::Other)
    } else if DENIED.contains(&code) {
        Meaning::Denied
    } else {
        Meaning::Unknown
    }
}

/// The text of a refusal contains these words.
pub(super) fn says(error: &PortError, words: &str) -> bool {
    matches!(error, PortError::Refused { text, .. } if text.contains(words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test fails by panicking")]

    use rehull_core::sim::etcd::EtcdRule;

    use super::*;

    const UNKNOWN: i32 = 2;
    const NOT_FOUND: i32 = 5;
    const EXHAUSTED: i32 = 8;
    const FAILED_PRECONDITION: i32 = 9;
    const UNAVAILABLE: i32 = 14;

    #[track_caller]
    fn refused(code: i32, text: &str, expected: Rule) {
        let PortError::Refused { rule, text: kept } = from_member(code, text) else {
            panic!("`{text}` is a refusal");
        };
        assert_eq!((rule, kept.as_str()), (expected, text));
    }

    #[test]
    fn links_younger_than_five_seconds_or_a_member_down_is_a_passing_refusal() {
        refused(
            UNAVAILABLE,
            "etcdserver: unhealthy cluster",
            Rule::UnhealthyCluster,
        );
        assert!(from_member(UNAVAILABLE, "etcdserver: unhealthy cluster").is_passing());
    }

    #[test]
    fn a_member_that_never_started_blocks_the_next_change_whatever_the_code_of_the_version() {
        for code in [UNKNOWN, FAILED_PRECONDITION] {
            refused(
                code,
                "etcdserver: re-configuration failed due to not enough started members",
                Rule::NotEnoughStarted,
            );
        }
    }

    #[test]
    fn a_second_learner_is_too_many() {
        refused(
            FAILED_PRECONDITION,
            "etcdserver: too many learner members in cluster",
            Rule::TooManyLearners,
        );
    }

    #[test]
    fn a_peer_url_that_is_taken_exists_in_both_wordings() {
        for text in [
            "etcdserver: member ID already exist",
            "etcdserver: Peer URLs already exists",
        ] {
            refused(FAILED_PRECONDITION, text, Rule::MemberExists);
        }
    }

    #[test]
    fn a_learner_that_is_behind_is_told_from_a_member_that_is_no_learner() {
        refused(
            FAILED_PRECONDITION,
            "etcdserver: can only promote a learner member which is in sync with leader",
            Rule::LearnerNotReady,
        );
        let voter = "etcdserver: can only promote a learner member";
        refused(FAILED_PRECONDITION, voter, Rule::Other);
        assert!(says(&from_member(FAILED_PRECONDITION, voter), NOT_A_LEARNER));
    }

    #[test]
    fn an_unknown_member_is_gone() {
        let error = from_member(NOT_FOUND, "etcdserver: member not found");
        assert!(matches!(error, PortError::Gone { .. }), "{error:?}");
    }

    #[test]
    fn moving_the_leader_from_or_to_the_wrong_member_is_about_the_leader() {
        for text in ["etcdserver: not leader", "etcdserver: bad leader transferee"] {
            refused(FAILED_PRECONDITION, text, Rule::NotLeader);
        }
    }

    #[test]
    fn a_call_on_a_learner_is_refused_for_good_although_its_code_says_unavailable() {
        for code in [UNAVAILABLE, FAILED_PRECONDITION] {
            refused(code, "etcdserver: rpc not supported for learner", Rule::Other);
        }
        assert!(!from_member(UNAVAILABLE, "etcdserver: rpc not supported for learner").is_passing());
    }

    #[test]
    fn etcd_giving_up_on_a_request_leaves_its_outcome_open() {
        for text in [
            "etcdserver: request timed out",
            "etcdserver: request timed out, possibly due to previous leader failure",
            "etcdserver: request timed out, possibly due to connection lost",
            "etcdserver: leader changed",
            "etcdserver: server stopped",
            "raft proposal dropped",
        ] {
            let error = from_member(UNAVAILABLE, text);
            assert!(
                matches!(error, PortError::OutcomeUnknown { .. }),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn too_many_requests_asks_to_slow_down() {
        let error = from_member(EXHAUSTED, "etcdserver: too many requests");
        assert_eq!(error, PortError::Throttled { after: THROTTLED });
    }

    #[test]
    fn a_text_from_the_future_is_a_refusal_only_if_its_code_is_definite() {
        refused(FAILED_PRECONDITION, "etcdserver: the moon is full", Rule::Other);
        for code in [1, UNKNOWN, 4, 10, 13, UNAVAILABLE, 15] {
            let error = from_member(code, "etcdserver: the moon is full");
            assert!(
                matches!(error, PortError::OutcomeUnknown { .. }),
                "{code}: {error:?}"
            );
        }
        for code in DENIED {
            let error = from_member(*code, "etcdserver: the moon is full");
            assert!(matches!(error, PortError::Denied { .. }), "{code}: {error:?}");
        }
    }

    #[test]
    fn a_text_without_an_end_is_cut_and_stays_on_its_line() {
        let long = format!("etcdserver: member not found\n\u{1b}[2J{}", "x".repeat(100_000));
        let PortError::Gone { what } = from_member(NOT_FOUND, &long) else {
            panic!("what is said first still decides");
        };
        assert!(what.len() < 1_000 && !what.contains(char::is_control), "{what:?}");
    }

    /// The simulator's texts are those of real etcd (`docs/fidelity.md`), so it may only be believed where both read
    /// them alike.
    #[test]
    fn the_modelled_etcd_means_by_every_text_what_is_read_here() {
        for rule in EtcdRule::ALL {
            let Some(words) = rule.words() else { continue };
            let read = from_member(UNKNOWN, words);
            match (rule.refusal(), &read) {
                (Some(meant), PortError::Refused { rule, .. }) => assert_eq!(*rule, meant, "{words}"),
                (None, PortError::Gone { .. } | PortError::OutcomeUnknown { .. }) => {}
                (meant, read) => panic!("`{words}` means {meant:?}, and is read as {read:?}"),
            }
        }
    }
}
