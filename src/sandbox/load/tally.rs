//! What is counted: per class of client, and of all watches together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::client::Class;

/// Kept texts of failures per class: the first ones tell why.
const TEXTS: usize = 5;

/// What happened to the clients of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassTally {
    /// Calls.
    pub requests: u64,
    /// Troubles by name, whatever the client made of them: `closed`, `goaway`, `refused`, `late`, status codes.
    pub events: BTreeMap<String, u64>,
    /// Calls that came to nothing for this class.
    pub failed: u64,
    /// Calls whose outcome was unknown to the client and that had been done.
    pub done_unknown: u64,
    /// Calls of which nobody could find out.
    pub never_known: u64,
    /// How the first of them failed.
    pub texts: Vec<String>,
}

/// What happened to the watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchTally {
    /// Objects whose creation was acknowledged.
    pub acknowledged: u64,
    /// Acknowledged objects that some watch has not seen, each watch counted.
    pub missed: u64,
    /// Watches that were opened again.
    pub resumed: u64,
    /// Watches that had to begin anew: their version was too old.
    pub begun_anew: u64,
    /// Troubles by name.
    pub events: BTreeMap<String, u64>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By class.
    pub classes: BTreeMap<Class, ClassTally>,
    /// All watches.
    pub watches: WatchTally,
}

impl Report {
    /// Calls of all classes.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.classes.values().map(|class| class.requests).sum()
    }

    /// How often this happened to anybody.
    #[must_use]
    pub fn events(&self, name: &str) -> u64 {
        let classes = self.classes.values().map(|class| &class.events);
        let all = classes.chain([&self.watches.events]);
        all.filter_map(|events| events.get(name)).sum()
    }

    /// What may not happen in a rollout: careful clients and new connections that failed, a refusal of who is admitted,
    /// an event that was missed, a call of which nobody knows.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for (class, tally) in &self.classes {
            if matches!(class, Class::Good(_) | Class::NewEach) && tally.failed > 0 {
                breaches.push(format!("{class:?}: {} failed: {:?}", tally.failed, tally.texts));
            }
            if tally.never_known > 0 {
                breaches.push(format!("{class:?}: {} of unknown outcome", tally.never_known));
            }
        }
        for (name, what) in [
            ("403", "refusals of an admitted user"),
            ("401", "refusals of a known user"),
        ] {
            if self.events(name) > 0 {
                breaches.push(format!("{} {what}", self.events(name)));
            }
        }
        if self.watches.missed > 0 {
            breaches.push(format!("{} missed watch events", self.watches.missed));
        }
        breaches
    }
}

/// Counts, from many tasks.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    report: Report,
    acknowledged: BTreeSet<String>,
    /// By watch.
    seen: BTreeMap<u32, BTreeSet<String>>,
}

impl Tally {
    /// Nobody waits or fails while holding it, so what a panic left behind is whole.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn class(&self, class: Class, change: impl FnOnce(&mut ClassTally)) {
        change(self.counts().report.classes.entry(class).or_default());
    }

    pub(super) fn request(&self, class: Class) {
        self.class(class, |tally| add(&mut tally.requests));
    }

    pub(super) fn event(&self, class: Class, name: &str) {
        self.class(class, |tally| {
            add(tally.events.entry(name.to_owned()).or_default());
        });
    }

    pub(super) fn failed(&self, class: Class, text: String) {
        self.class(class, |tally| {
            add(&mut tally.failed);
            if tally.texts.len() < TEXTS {
                tally.texts.push(text);
            }
        });
    }

    pub(super) fn done_unknown(&self, class: Class) {
        self.class(class, |tally| add(&mut tally.done_unknown));
    }

    pub(super) fn never_known(&self, class: Class) {
        self.class(class, |tally| add(&mut tally.never_known));
    }

    pub(super) fn acknowledged(&self, object: &str) {
        self.counts().acknowledged.insert(object.to_owned());
    }

    pub(super) fn watching(&self, watch: u32) {
        self.counts().seen.entry(watch).or_default();
    }

    pub(super) fn seen(&self, watch: u32, object: &str) {
        self.counts()
            .seen
            .entry(watch)
            .or_default()
            .insert(object.to_owned());
    }

    pub(super) fn watch_event(&self, name: &str) {
        let mut counts = self.counts();
        add(counts.report.watches.events.entry(name.to_owned()).or_default());
    }

    pub(super) fn resumed(&self) {
        add(&mut self.counts().report.watches.resumed);
    }

    pub(super) fn begun_anew(&self) {
        add(&mut self.counts().report.watches.begun_anew);
    }

    pub(super) fn report(&self) -> Report {
        let counts = self.counts();
        let mut report = counts.report.clone();
        let missed = counts
            .seen
            .values()
            .map(|seen| counts.acknowledged.difference(seen).count());
        report.watches.missed = u64::try_from(missed.sum::<usize>()).unwrap_or(u64::MAX);
        report.watches.acknowledged = u64::try_from(counts.acknowledged.len()).unwrap_or(u64::MAX);
        report
    }
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::super::connection::Protocol;
    use super::*;

    #[test]
    fn what_every_watch_has_not_seen_is_missed_and_careless_clients_breach_nothing() {
        let tally = Tally::default();
        for watch in [1, 2] {
            tally.watching(watch);
        }
        tally.acknowledged("a");
        tally.seen(1, "a");
        assert_eq!(tally.report().watches.missed, 1);
        tally.seen(2, "a");
        tally.failed(Class::Blind, "closed".to_owned());
        assert_eq!(tally.report().breaches(), Vec::<String>::new());
        tally.failed(Class::Good(Protocol::Http1), "closed".to_owned());
        tally.event(Class::Smart, "403");
        assert_eq!(tally.report().breaches().len(), 2);
    }
}
