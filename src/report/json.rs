//! Events as JSON lines, and every other machine-readable answer: each carries its format.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rehull_core::event::{EVENT_FORMAT, Event, EventSink};
use rehull_core::plan::RolloutPlan;
use rehull_core::sim::rehearse::Report;
use serde_json::{Map, Value, json};

use super::summary::LoadVerdict;
use super::timeline::{GroupStory, Outcome, StepStory, Timeline};

/// Format of the documents that `--output json` prints, other than event lines.
pub const OUTPUT_FORMAT: u32 = 1;

/// Writes one JSON object per line.
pub struct JsonLines<W: Write + Send> {
    out: Mutex<W>,
}

impl<W: Write + Send> JsonLines<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out: Mutex::new(out) }
    }
}

impl<W: Write + Send> EventSink for JsonLines<W> {
    fn emit(&self, event: &Event) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe must not end a rollout: the journal holds everything that is lost here.
        let _ = out.write_all(line(event).as_bytes()).and_then(|()| out.flush());
    }
}

/// One event, one line, ending in a newline.
#[must_use]
pub fn line(event: &Event) -> String {
    let mut object = Map::new();
    object.insert("format".to_owned(), EVENT_FORMAT.into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(event) {
        object.extend(fields);
    }
    format!("{}\n", Value::Object(object))
}

/// The plan, its digest and nothing that a person has to parse.
#[must_use]
pub fn plan(plan: &RolloutPlan, digest: &str) -> Value {
    json!({
        "format": OUTPUT_FORMAT,
        "kind": "plan",
        "headline": plan.headline(),
        "digest": digest,
        "envelope": plan.envelope,
        "forecast": plan.forecast,
    })
}

/// A rehearsal, and whether anybody has said what runs now. Spans are whole seconds, instants milliseconds.
#[must_use]
pub fn rehearsal(report: &Report, from_is_assumed: bool) -> Value {
    let mut object = Map::new();
    object.insert("format".to_owned(), OUTPUT_FORMAT.into());
    object.insert("kind".to_owned(), "rehearsal".into());
    object.insert("fromIsAssumed".to_owned(), from_is_assumed.into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(report) {
        object.extend(fields);
    }
    Value::Object(object)
}

/// The end table. Durations are whole milliseconds.
#[must_use]
pub fn summary(timeline: &Timeline, load: Option<&LoadVerdict>) -> Value {
    let (outcome, reason, rest) = match &timeline.outcome {
        Outcome::Open => ("open", None, None),
        Outcome::Finished => ("finished", None, None),
        Outcome::Stopped { reason, rest } => ("stopped", Some(reason), Some(rest)),
    };
    json!({
        "format": OUTPUT_FORMAT,
        "kind": "summary",
        "rollout": timeline.rollout,
        "headline": timeline.headline,
        "outcome": outcome,
        "over": timeline.over,
        "snapshot": timeline.snapshot.as_ref().map(|kept| json!({
            "place": kept.place,
            "key": kept.fact.key,
            "bytes": kept.fact.bytes,
            "sha256": kept.fact.sha256,
            "revision": kept.fact.revision,
            "restoredBy": kept.fact.restored_by,
        })),
        "reason": reason,
        "rest": rest,
        "startedAt": timeline.first_at,
        "endedAt": timeline.last_at,
        "workedMs": ms(timeline.worked()),
        "awayMs": ms(timeline.away),
        "resumes": timeline.resumes,
        "holdsMs": timeline.holds.iter().map(|(word, span)| (*word, ms(*span))).collect::<BTreeMap<_, _>>(),
        "steps": timeline.in_order().into_iter().map(step).collect::<Vec<_>>(),
        "groups": timeline.groups.iter().map(|story| group(story, timeline)).collect::<Vec<_>>(),
        "load": load.map(|load| json!({
            "acknowledged": load.acknowledged,
            "lost": load.lost,
            "stallMaxMs": ms(load.stall_max),
            "watches": load.watches,
            "watchesBroken": load.watches_broken,
        })),
    })
}

fn group(story: &GroupStory, timeline: &Timeline) -> Value {
    let replaced = story.replaced();
    json!({
        "step": story.outline.step,
        "group": story.outline.group,
        "from": story.outline.from,
        "to": story.outline.to,
        "begunAt": story.begun_at,
        "doneAt": story.done_at,
        "totalMs": ms(story.total(timeline.last_at)),
        "machines": replaced.map(|(_, all)| all),
        "replaced": replaced.map(|(done, _)| done),
    })
}

fn step(story: &StepStory) -> Value {
    json!({
        "step": story.outline.step,
        "slot": story.outline.slot,
        "from": story.outline.from,
        "to": story.outline.to,
        "begunAt": story.begun_at,
        "doneAt": story.done_at,
        "totalMs": ms(story.total()),
        "phasesMs": story.phases.iter().map(|(phase, span)| (phase.word(), ms(*span))).collect::<BTreeMap<_, _>>(),
        "margin": story.margin.map(|margin| json!({
            "before": margin.before, "lowest": margin.lowest, "after": margin.after,
        })),
        "stallMs": story.stall.map(ms),
        "stallUnmeasuredMs": story.stall.map(|_| ms(story.unmeasured)),
        "leaderTo": story.leader_to,
    })
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_line_reads_back_as_the_event_it_was_and_carries_its_format() {
        for event in fixture::whole_rollout()
            .into_iter()
            .chain(fixture::halted_in_the_window())
        {
            let line = line(&event);
            assert!(line.starts_with("{\"format\":1,"), "{line}");
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
        }
    }

    #[test]
    fn a_stall_comes_with_the_time_in_which_nobody_measured() {
        let mut timeline = Timeline::of(&fixture::killed_and_resumed());
        if let Some(step) = timeline.steps.first_mut() {
            step.stall = Some(Duration::from_millis(1_185));
        }
        let steps = &summary(&timeline, None)["steps"];
        assert_eq!(steps[0]["stallMs"], 1_185);
        // Begun at 0.2 s, killed without a word, resumed an hour after 3.3 s.
        assert_eq!(steps[0]["stallUnmeasuredMs"], 3_603_100);
        assert_eq!(
            steps[1]["stallUnmeasuredMs"],
            Value::Null,
            "nothing was measured of it"
        );
    }

    #[test]
    fn the_summary_is_the_table_in_milliseconds() {
        let summary = summary(&Timeline::of(&fixture::halted_at_rest()), None);
        insta::assert_json_snapshot!(summary);
    }
}
