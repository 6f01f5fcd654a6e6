//! Around which records the processes of a chain have died, read out of what they left in the journal.

use std::collections::{BTreeMap, BTreeSet};

use rehull_core::journal::{Record, RecordBody};

/// So many members does a chain upgrade: what each of them goes through stands that often in a journal.
const MEMBERS: usize = 3;

/// What one or more chains have met.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    /// Kinds of record in the newest segment when a process died.
    last: BTreeSet<String>,
    /// How many different things each kind of record was written for, over the whole of a journal.
    written: BTreeMap<String, BTreeSet<String>>,
}

impl Deaths {
    /// A process has died, and this is the newest segment.
    pub(crate) fn met(&mut self, segment: &str) {
        self.last.extend(kinds(segment).into_iter().map(|(kind, _)| kind));
    }

    /// This is the whole journal at the end.
    pub(crate) fn ended(&mut self, segments: &[String]) {
        for (kind, of) in segments.iter().flat_map(|segment| kinds(segment)) {
            self.written.entry(kind).or_default().insert(of);
        }
    }

    /// What two chains have met together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.last.extend(other.last);
        for (kind, of) in other.written {
            self.written.entry(kind).or_default().extend(of);
        }
        self
    }

    /// Kinds that begin with one of these words, that every member goes through, and after which nobody has died. What
    /// happens once in a rollout (its snapshot, its end) is not a matter of a chain that goes round.
    pub(crate) fn missed(&self, words: &[&str]) -> Vec<&str> {
        let asked = |kind: &str| words.iter().any(|word| kind.split(' ').next() == Some(word));
        let of_members = self.written.iter().filter(|(_, of)| of.len() >= MEMBERS);
        let kinds = of_members.map(|(kind, _)| kind.as_str());
        kinds
            .filter(|kind| asked(kind) && !self.last.contains(*kind))
            .collect()
    }

    /// All kinds of these words that every member goes through: at least the dance itself.
    pub(crate) fn is_a_whole_dance(&self) -> bool {
        [
            "ask-stop",
            "remove-member",
            "attach-volume",
            "add-member",
            "go",
            "terminate-machine",
        ]
        .iter()
        .all(|action| {
            let of = |word: &str| {
                self.written
                    .get(&format!("{word} {action}"))
                    .map_or(0, BTreeSet::len)
            };
            of("intended") >= MEMBERS && of("settled") >= MEMBERS
        })
    }
}

/// Kind and subject of every record: `intended go`, and which one.
pub(crate) fn kinds(segment: &str) -> Vec<(String, String)> {
    let action = |word: &str, key: String| {
        let verb = key.split(' ').next().unwrap_or_default();
        (format!("{word} {verb}"), key)
    };
    let kind = |line: &str| {
        let record: Record = serde_json::from_str(line).expect("a record per line");
        match record.body {
            RecordBody::Intended { action: of, .. } => action("intended", of.key()),
            RecordBody::Settled { key, .. } => action("settled", key),
            RecordBody::Attached { holder } => ("attached".to_owned(), holder),
            RecordBody::Marked { mark } => ("marked".to_owned(), mark),
            RecordBody::Opened { .. } => ("opened".to_owned(), String::new()),
            RecordBody::Answered { .. } => ("answered".to_owned(), String::new()),
            RecordBody::Stopped { .. } => ("stopped".to_owned(), String::new()),
            RecordBody::Closed { .. } => ("closed".to_owned(), String::new()),
        }
    };
    // The first line is the seal.
    segment
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(kind)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(records: &[serde_json::Value]) -> String {
        let lines = records.iter().map(|body| {
            let mut record = serde_json::json!({ "at": "2026-11-21T03:00:00Z" });
            let fields = body.as_object().expect("an object").clone();
            record.as_object_mut().expect("an object").extend(fields);
            format!("{record}\n")
        });
        std::iter::once("{\"seal\":true}\n".to_owned())
            .chain(lines)
            .collect()
    }

    fn settled(key: &str) -> String {
        segment(&[serde_json::json!({ "record": "settled", "key": key, "attempt": 1, "error": null })])
    }

    /// The outcome of the go of every member, and one leader that moved.
    fn journal() -> Vec<String> {
        ["go i-a", "go i-b", "go i-c", "move-leader 1 2"]
            .map(settled)
            .to_vec()
    }

    #[test]
    fn a_kind_of_record_after_which_nobody_died_is_missed_until_somebody_does() {
        let mut deaths = Deaths::default();
        deaths.ended(&journal());
        assert_eq!(deaths.missed(&["settled"]), ["settled go"]);
        assert_eq!(deaths.missed(&["intended"]), Vec::<&str>::new());
        deaths.met(&settled("move-leader 1 2"));
        assert_eq!(deaths.missed(&["settled"]), ["settled go"]);
        deaths.met(&settled("go i-b"));
        assert_eq!(deaths.missed(&["settled"]), Vec::<&str>::new());
    }

    #[test]
    fn two_chains_meet_together_what_each_of_them_misses() {
        let (mut one, mut other) = (Deaths::default(), Deaths::default());
        one.ended(&journal());
        other.met(&settled("go i-a"));
        assert_eq!(one.and(other).missed(&["settled"]), Vec::<&str>::new());
    }

    #[test]
    fn a_journal_that_could_not_be_read_is_no_whole_dance() {
        let mut deaths = Deaths::default();
        assert!(!deaths.is_a_whole_dance());
        deaths.ended(&journal());
        assert!(!deaths.is_a_whole_dance());
    }
}
