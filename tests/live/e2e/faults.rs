//! Which fault the next process of a chain is given: each dies by one, and the next one goes on from what is left.

use super::deaths::kinds;

/// These faults one after the other, for ever.
pub(crate) fn in_rounds(faults: &'static [&'static str]) -> impl FnMut(&str) -> String {
    let mut rounds = faults.iter().cycle();
    move |newest| {
        let next = *rounds.next().expect("a fault");
        past_a_snapshot(newest).unwrap_or(next).to_owned()
    }
}

/// Each thing is met twice: right after it was written down that it is about to be done, and right after it was written
/// down what came of it.
///
/// A process writes one segment to attach, one with what it is about to do, one with what came of that and what it does
/// then. Who dies right after an intent has done nothing: the next one writes the same again, does it, and dies right after
/// its third segment. After anything else, the very next segment is the one to die after. A segment that comes again
/// unchanged (a mark that every process writes) is passed by going one further each time.
pub(crate) fn each_thing_in_turn() -> impl FnMut(&str) -> String {
    let (mut last, mut again) = (None, 0_u32);
    move |newest| {
        let left = kinds(newest);
        again = if last.as_ref() == Some(&left) {
            again + 1
        } else {
            0
        };
        let is_about_to = left.iter().any(|(kind, _)| kind.starts_with("intended "));
        let segments = if is_about_to { 3 } else { 2 };
        last = Some(left);
        past_a_snapshot(newest).map_or_else(|| format!("kill-after:{}", segments + again), str::to_owned)
    }
}

/// A snapshot dies with its process: the next one has to see it done, or no chain ever gets past it.
fn past_a_snapshot(newest: &str) -> Option<&'static str> {
    let begins = kinds(newest)
        .iter()
        .any(|(kind, _)| kind == "settled start-snapshot");
    begins.then_some("kill-before:4")
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::action::Action;
    use rehull_core::domain::ids::{StepId, Token};
    use rehull_core::journal::{Record, RecordBody};

    use super::*;

    /// The first line is the seal.
    fn segment(body: RecordBody) -> String {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let record = serde_json::to_string(&Record { at, body }).expect("a record");
        format!("{{}}\n{record}\n")
    }

    fn marked(mark: &str) -> String {
        segment(RecordBody::Marked {
            mark: mark.to_owned(),
        })
    }

    fn settled(key: &str) -> String {
        segment(RecordBody::Settled {
            key: key.to_owned(),
            attempt: 1,
            error: None,
        })
    }

    fn about_to_snapshot() -> String {
        segment(RecordBody::Intended {
            step: StepId::new("snapshot"),
            action: Action::StartSnapshot,
            attempt: 1,
            token: Token::new("t"),
        })
    }

    #[test]
    fn after_an_intent_its_outcome_is_met_and_after_an_outcome_the_next_intent() {
        let mut next = each_thing_in_turn();
        assert_eq!(next(""), "kill-after:2");
        assert_eq!(next(&about_to_snapshot()), "kill-after:3");
        assert_eq!(next(&settled("go i-a")), "kill-after:2");
    }

    #[test]
    fn what_comes_again_is_passed() {
        let mut next = each_thing_in_turn();
        let faults = [marked("a"), marked("a"), marked("a"), marked("b")].map(|segment| next(&segment));
        assert_eq!(
            faults,
            ["kill-after:2", "kill-after:3", "kill-after:4", "kill-after:2"]
        );
    }

    #[test]
    fn a_snapshot_that_has_begun_is_seen_through_by_whatever_rule() {
        let begun = settled("start-snapshot x");
        assert_eq!(each_thing_in_turn()(&begun), "kill-before:4");
        assert_eq!(in_rounds(&["kill-after:1"])(&begun), "kill-before:4");
    }
}
