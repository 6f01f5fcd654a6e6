//! The short story: one line per finished step, and the bake. For whoever watches a demo rather than a production cluster.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use rehull_core::domain::waiting::{Waiting, WaitingOn};
use rehull_core::event::{Event, EventSink, What};

use super::groups;
use super::numbers::{about, between};
use super::paint::{Paint, Tone};
use super::summary::step_line;
use super::timeline::{GroupStory, StepStory, Timeline};

/// Writes the short story to anything that takes bytes.
pub struct Steps<W: Write + Send> {
    inner: Mutex<Inner<W>>,
    paint: Paint,
}

struct Inner<W> {
    out: W,
    timeline: Timeline,
    told_bake: bool,
}

impl<W: Write + Send> Steps<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, paint: Paint) -> Self {
        let inner = Inner {
            out,
            timeline: Timeline::default(),
            told_bake: false,
        };
        Self {
            inner: Mutex::new(inner),
            paint,
        }
    }

    /// Goes on with a story that other processes have begun: nothing of it is told again.
    #[must_use]
    pub fn after(self, timeline: Timeline) -> Self {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self {
            inner: Mutex::new(Inner { timeline, ..inner }),
            ..self
        }
    }
}

impl<W: Write + Send> EventSink for Steps<W> {
    fn emit(&self, event: &Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.timeline.apply(event);
        let mut text = line(event, &inner.timeline, self.paint);
        if text.is_none() && !inner.told_bake {
            text = bake(event, self.paint);
            inner.told_bake = text.is_some();
        }
        if let Some(text) = text {
            // A closed pipe must not end a rollout: the journal holds everything that is lost here.
            let _ = inner
                .out
                .write_all(format!("{text}\n").as_bytes())
                .and_then(|()| inner.out.flush());
        }
    }
}

/// ` 1/3 etcd-b  ✓ replaced in 9.8 s …`, for the end of a step only. `timeline` already contains the event.
#[must_use]
pub fn line(event: &Event, timeline: &Timeline, paint: Paint) -> Option<String> {
    let What::StepDone { step } = &event.what else {
        return None;
    };
    let group_done_now = |group: &&GroupStory| group.outline.step == *step && group.done_at == Some(event.at);
    if let Some(group) = timeline.groups.iter().find(group_done_now) {
        let name = &group.outline.group;
        return Some(format!("     {name}  {}", groups::done_line(group, paint)));
    }
    let done_now = |story: &&StepStory| story.outline.step == *step && story.done_at == Some(event.at);
    let story = timeline.steps.iter().find(done_now)?;
    Some(format!(
        " {}/{} {}",
        timeline.done(),
        timeline.steps.len(),
        step_line(story, paint)
    ))
}

fn bake(event: &Event, paint: Paint) -> Option<String> {
    let What::Waiting { waiting, .. } = &event.what else {
        return None;
    };
    let left = |wait: &Waiting| {
        if let WaitingOn::Bake { until } = wait.on {
            Some(between(event.at, until))
        } else {
            None
        }
    };
    let left = waiting.iter().find_map(left)?;
    let left = if left.as_secs() > 0 {
        format!(", {} left", about(left))
    } else {
        String::new()
    };
    let text = format!("     ── bake: last moment to go back for free{left} ──");
    Some(paint.tone(Tone::Faint, &text))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_step_that_a_resumed_process_finds_done_is_not_told_again() {
        let mut timeline = Timeline::default();
        let mut last = None;
        for event in fixture::whole_rollout() {
            timeline.apply(&event);
            if matches!(event.what, What::StepDone { .. }) {
                last = Some(event);
            }
        }
        let mut again = last.unwrap();
        again.at = again.at.checked_add(std::time::Duration::from_secs(60)).unwrap();
        timeline.apply(&again);
        assert_eq!(line(&again, &timeline, Paint::Plain), None);
        assert_eq!(crate::report::plain::lines(&again, &timeline, Paint::Plain), "");
    }

    #[test]
    fn a_whole_rollout_is_four_lines() {
        let mut out = Vec::new();
        let steps = Steps::new(&mut out, Paint::Plain);
        for event in fixture::whole_rollout() {
            steps.emit(&event);
        }
        drop(steps);
        insta::assert_snapshot!(String::from_utf8_lossy(&out));
    }
}
