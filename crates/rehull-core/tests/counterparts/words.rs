//! What both sides' answers are made of, and what of etcd's words does not count.

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::Died;

/// Reasons that etcd adds to a time-out; which of them depends on the millisecond.
const EXCUSES: [&str; 2] = [
    ", possibly due to previous leader failure",
    ", possibly due to connection lost",
];
/// A write that found no leader at all times out in Go's words instead of etcd's.
const GO_TIMED_OUT: &str = "context deadline exceeded";
const TIMED_OUT: &str = "etcdserver: request timed out";

/// A refusal without what changes from run to run.
pub(crate) fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for excuse in EXCUSES {
        text = text.replace(excuse, "");
    }
    if text == GO_TIMED_OUT {
        TIMED_OUT.clone_into(&mut text);
    }
    text
}

/// How a process ended, by the words in its log.
pub(crate) fn ended(code: i32, version: EtcdVersion, log: &str) -> String {
    let known = Died::ALL.iter().find(|died| {
        let words = died.words(version);
        !words.is_empty() && log.contains(words) && died.codes().contains(&code)
    });
    match known {
        Some(died) => died_of(*died, version),
        None => format!("ended with {code}: ? {}", last(log)),
    }
}

pub(crate) fn died_of(why: Died, version: EtcdVersion) -> String {
    if why == Died::Foreign {
        return LOST.to_owned();
    }
    let codes: Vec<String> = why.codes().iter().map(i32::to_string).collect();
    format!("ended with {}: {}", codes.join(" or "), why.words(version))
}

/// It runs and follows nobody.
pub(crate) const LOST: &str = "neither serves nor ends";

/// The last lines that are more than information.
pub(crate) fn last(log: &str) -> String {
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| !line.contains("\"level\":\"info\""))
        .collect();
    lines[lines.len().saturating_sub(12)..].join("\n      ")
}

/// A line of the member list.
pub(crate) fn member(slot: &str, learner: bool, unstarted: bool) -> String {
    let learner = if learner { "+" } else { "" };
    let unstarted = if unstarted { "?" } else { "" };
    format!("{slot}{learner}{unstarted}")
}

/// One answer if all are the same.
pub(crate) fn all(answers: impl Iterator<Item = String>) -> String {
    let mut answers: Vec<String> = answers.collect();
    answers.dedup();
    answers.join(" | ")
}
