//! One line per event, for logs, pipes and CI.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rehull_core::domain::ids::StepId;
use rehull_core::domain::waiting::Waiting;
use rehull_core::event::{Event, EventSink, What};

use super::groups;
use super::numbers::{between, duration};
use super::paint::Paint;
use super::summary::step_line;
use super::timeline::Timeline;
use super::words::{self, Until};

/// Writes lines to anything that takes bytes.
pub struct Plain<W: Write + Send> {
    inner: Mutex<Inner<W>>,
    paint: Paint,
}

struct Inner<W> {
    out: W,
    timeline: Timeline,
}

impl<W: Write + Send> Plain<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, paint: Paint) -> Self {
        Self {
            inner: Mutex::new(Inner {
                out,
                timeline: Timeline::default(),
            }),
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

impl<W: Write + Send> EventSink for Plain<W> {
    fn emit(&self, event: &Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.timeline.apply(event);
        let text = lines(event, &inner.timeline, self.paint);
        // A closed pipe must not end a rollout: the journal holds everything that is lost here.
        let _ = inner
            .out
            .write_all(text.as_bytes())
            .and_then(|()| inner.out.flush());
    }
}

/// The line (or lines: one per wait) of an event. `timeline` already contains it.
#[must_use]
pub fn lines(event: &Event, timeline: &Timeline, paint: Paint) -> String {
    let line = |who: &str, text: &str| format!("{}  {who:<9} {text}\n", clock(event.at));
    match &event.what {
        What::Started { first, summary, .. } => {
            let verb = if *first { "starts" } else { "is resumed" };
            line("", &format!("{} {verb}: {summary}", event.rollout))
        }
        What::Acting {
            step,
            action,
            attempt,
        } => {
            let again = if *attempt > 1 {
                format!(" (attempt {attempt})")
            } else {
                String::new()
            };
            line(slot(step), &format!("{}{again}", words::action(action)))
        }
        What::Acted { error: None, .. } => String::new(),
        What::Acted {
            step,
            action,
            error: Some(error),
            ..
        } => line(slot(step), &format!("could not {}: {error}", action.verb())),
        What::Waiting { waiting, margin } => waiting
            .iter()
            .map(|wait| {
                line(
                    slot(&wait.step),
                    &format!("waiting: {} · margin {margin}", with_clock(wait, event.at)),
                )
            })
            .collect(),
        What::Stalled { .. } => String::new(), // part of the step's last line
        What::Rolled { step, .. } => {
            let mut groups = timeline.groups.iter();
            let group = groups.find(|group| group.outline.step == *step);
            group.map_or_else(String::new, |group| line(slot(step), &group.far()))
        }
        What::StepDone { step } => {
            let mut groups = timeline.groups.iter();
            if let Some(group) = groups.find(|group| group.outline.step == *step) {
                let is_new = group.done_at == Some(event.at);
                let text = || line(slot(step), &groups::done_line(group, paint));
                return if is_new { text() } else { String::new() };
            }
            let story = timeline.steps.iter().find(|story| story.outline.step == *step);
            if story.is_some_and(|story| story.done_at.is_some_and(|done| done < event.at)) {
                return String::new(); // done before a process took over that finds it done
            }
            let text = story.map(|story| step_line(story, paint)).unwrap_or_default();
            let text = text.strip_prefix(slot(step)).unwrap_or(&text).trim_start();
            line(slot(step), text)
        }
        What::Stopped { reason, .. } => line("", &format!("stopped: {}", words::because(reason).join("; "))),
        What::Finished => line("", &format!("finished in {}", duration(timeline.worked()))),
    }
}

fn with_clock(wait: &Waiting, now: Timestamp) -> String {
    let text = words::wait(&wait.on);
    match words::until(&wait.on) {
        Until::Open => text,
        Until::Over(at) => format!("{text}, {} left", duration(between(now, at))),
        Until::Limit(at) => format!("{text}, for {} at most", duration(between(now, at))),
    }
}

/// `etcd/etcd-b` is shown as `etcd-b`: one column, one glance.
#[must_use]
pub fn slot(step: &StepId) -> &str {
    step.as_str().rsplit('/').next().unwrap_or_default()
}

/// `03:00:01Z`: logs of several machines are compared, so UTC.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::fixture;
    use super::*;

    fn shown(events: &[Event]) -> String {
        let mut timeline = Timeline::default();
        let mut out = String::new();
        for event in events {
            timeline.apply(event);
            out.push_str(&lines(event, &timeline, Paint::Plain));
        }
        out
    }

    #[test]
    fn every_action_and_every_wait_is_one_line() {
        let events: Vec<Event> = fixture::whole_rollout();
        insta::assert_snapshot!(shown(events.get(..34).unwrap()));
    }

    #[test]
    fn failures_and_resumes_are_told() {
        let story = shown(&fixture::killed_and_resumed());
        assert!(story.contains("is resumed"), "{story}");
        assert!(
            story.contains("could not add member: refused: etcdserver: unhealthy cluster"),
            "{story}"
        );
    }

    #[test]
    fn a_closed_pipe_does_not_disturb() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let plain = Plain::new(Closed, Paint::Plain);
        for event in fixture::halted_at_rest() {
            plain.emit(&event);
        }
    }
}
