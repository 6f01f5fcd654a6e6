//! Judges a run: pure, from records, the store's history and what the watches received.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::SlotName;

use super::history::History;
use super::keys::WriteId;
use super::report::{Class, ClassReport, ProbeReport, WatchReport, WriteRecord};
use super::stalls::{longest, millis};
use super::watcher::{Seen, WatchLog};
use super::writer::WriterPlan;
use super::{ProbeSpec, Target};

/// Examples of one kind of problem; more would only be longer.
const EXAMPLES: usize = 5;
/// Stalls kept in the report.
const STALLS: usize = 10;
/// A try this long is one that hung: etcd answers in milliseconds or, at an election, in about a second.
const HUNG: Duration = Duration::from_secs(1);

/// All that is known about a run.
pub(super) struct Evidence<'a> {
    pub(super) spec: &'a ProbeSpec,
    pub(super) plans: &'a [WriterPlan],
    pub(super) started_at: Timestamp,
    /// How long was written.
    pub(super) length: Duration,
    pub(super) records: &'a [WriteRecord],
    pub(super) history: &'a History,
    /// In the order of the targets.
    pub(super) watches: &'a [WatchLog],
}

pub(super) fn judge(evidence: &Evidence<'_>) -> ProbeReport {
    let mut problems = Vec::new();
    let lost = lost(evidence, &mut problems);
    strangers(evidence.history, &mut problems);
    examples(&mut problems, evidence.history.contradictions());
    let watches = evidence
        .spec
        .targets
        .iter()
        .zip(evidence.watches)
        .map(|(target, log)| watch(target, log, evidence.history, &mut problems))
        .collect();
    let mut acknowledged: Vec<Duration> = acknowledged(evidence.records.iter()).collect();
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    ProbeReport {
        format: 1,
        run: evidence.spec.run.clone(),
        started_at: evidence.started_at,
        length_ms: millis(evidence.length),
        acknowledged: count(acknowledged.len()),
        open: count(evidence.records.len() - acknowledged.len()),
        lost,
        stalls: longest(&mut acknowledged, evidence.length, STALLS),
        classes: classes(evidence),
        watches,
        problems,
    }
}

fn acknowledged<'a>(records: impl Iterator<Item = &'a WriteRecord>) -> impl Iterator<Item = Duration> {
    records
        .filter(|record| record.acknowledged.is_some())
        .map(|record| record.end)
}

/// Acknowledged writes that are not in the store with their value, or not in its history at their revision.
fn lost(evidence: &Evidence<'_>, problems: &mut Vec<String>) -> u64 {
    let present: BTreeSet<WriteId> = evidence.history.keys.iter().filter_map(|key| key.write).collect();
    let happened: BTreeSet<(i64, WriteId)> = evidence
        .history
        .events
        .iter()
        .filter_map(|event| Some((event.revision, event.write?)))
        .collect();
    let mut lost = Vec::new();
    for record in evidence.records {
        let Some(word) = &record.acknowledged else {
            continue;
        };
        let id = (record.writer, record.number);
        if !present.contains(&id) || !happened.contains(&(word.revision, id)) {
            lost.push(format!(
                "write {id:?}, acknowledged by {} at revision {}, is not in the store",
                word.via, word.revision
            ));
        }
    }
    let count = u64::try_from(lost.len()).unwrap_or(u64::MAX);
    examples(problems, lost);
    count
}

/// Keys and events below the prefix that no writer of this run made.
fn strangers(history: &History, problems: &mut Vec<String>) {
    let keys = history.keys.iter().filter(|key| key.write.is_none());
    examples(
        problems,
        keys.map(|key| {
            format!(
                "a key changed at revision {} holds a value that nobody wrote",
                key.revision
            )
        })
        .collect(),
    );
    let events = history.events.iter().filter(|event| event.write.is_none());
    examples(
        problems,
        events
            .map(|event| format!("revision {} is a change that nobody made", event.revision))
            .collect(),
    );
}

fn examples(problems: &mut Vec<String>, found: Vec<String>) {
    let more = found.len().saturating_sub(EXAMPLES);
    problems.extend(found.into_iter().take(EXAMPLES));
    if more > 0 {
        problems.push(format!("… and {more} more of this kind"));
    }
}

fn watch(target: &Target, log: &WatchLog, history: &History, problems: &mut Vec<String>) -> WatchReport {
    let truth: BTreeSet<Seen> = history.events.iter().copied().collect();
    let received: BTreeSet<Seen> = log.events.iter().copied().collect();
    let missing: Vec<&Seen> = truth.difference(&received).collect();
    let invented: Vec<&Seen> = received.difference(&truth).collect();
    let via = &target.slot;
    if let Some(disorder) = &log.disorder {
        problems.push(format!("watch via {via}: {disorder}"));
    }
    if log.compacted {
        problems.push(format!(
            "watch via {via}: the store was compacted before the watch had seen everything"
        ));
    }
    let lines = |words: &str, events: &[&Seen]| {
        events
            .iter()
            .map(|event| format!("watch via {via}: revision {} {words}", event.revision))
            .collect()
    };
    examples(problems, lines("never came", &missing));
    examples(problems, lines("is not in the history", &invented));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    WatchReport {
        via: via.clone(),
        events: count(log.events.len()),
        resumed: log.streams.saturating_sub(1),
        ordered: log.disorder.is_none(),
        missing: count(missing.len()),
        invented: count(invented.len()),
    }
}

fn classes(evidence: &Evidence<'_>) -> Vec<ClassReport> {
    let mut groups: BTreeMap<(Class, Option<&SlotName>), Vec<u32>> = BTreeMap::new();
    for plan in evidence.plans {
        groups
            .entry((plan.class, plan.pinned_to()))
            .or_default()
            .push(plan.id);
    }
    groups
        .into_iter()
        .map(|((class, pinned_to), writers)| class_report(evidence, class, pinned_to, &writers))
        .collect()
}

fn class_report(
    evidence: &Evidence<'_>,
    class: Class,
    pinned_to: Option<&SlotName>,
    writers: &[u32],
) -> ClassReport {
    let mut report = ClassReport {
        class,
        pinned_to: pinned_to.cloned(),
        writers: u32::try_from(writers.len()).unwrap_or(u32::MAX),
        acknowledged: 0,
        failed_tries: 0,
        hung_tries: 0,
        longest_stall: None,
    };
    for &writer in writers {
        let own = || {
            evidence
                .records
                .iter()
                .filter(move |record| record.writer == writer)
        };
        let mut instants: Vec<Duration> = acknowledged(own()).collect();
        report.acknowledged += u64::try_from(instants.len()).unwrap_or(u64::MAX);
        for record in own() {
            let succeeded = u32::from(record.acknowledged.is_some());
            report.failed_tries += u64::from(record.tries.saturating_sub(succeeded));
            report.hung_tries += u64::from(record.try_longest >= HUNG);
        }
        let stall = longest(&mut instants, evidence.length, 1).into_iter().next();
        if stall.as_ref().map(|s| s.length_ms) > report.longest_stall.as_ref().map(|s| s.length_ms) {
            report.longest_stall = stall;
        }
    }
    report
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
