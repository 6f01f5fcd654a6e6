//! Sinks that show nothing: one event to many, a memory of all, and a filter for what was told before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rehull_core::domain::ids::StepId;
use rehull_core::event::{Event, EventSink, What};

use super::timeline::Timeline;

/// Hands every event to all of them, in order.
pub struct Fan(pub Vec<Arc<dyn EventSink>>);

impl EventSink for Fan {
    fn emit(&self, event: &Event) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }
}

/// Keeps back the end of steps that ended, and were told, before this process came: every process finds them done, and
/// nothing that it measures is theirs.
pub struct Fresh<'a> {
    told: BTreeSet<StepId>,
    to: &'a dyn EventSink,
}

impl<'a> Fresh<'a> {
    /// `before` is the story up to this process.
    #[must_use]
    pub fn after(before: &Timeline, to: &'a dyn EventSink) -> Self {
        let done = before.steps.iter().filter(|step| step.done_at.is_some());
        let told = done.map(|step| step.outline.step.clone()).collect();
        Self { told, to }
    }
}

impl EventSink for Fresh<'_> {
    fn emit(&self, event: &Event) {
        if let What::StepDone { step } = &event.what
            && self.told.contains(step)
        {
            return;
        }
        self.to.emit(event);
    }
}

/// Remembers every event, for the summary at the end.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// Begins with what happened before this process.
    #[must_use]
    pub fn after(earlier: Vec<Event>) -> Self {
        Self(Mutex::new(earlier))
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Recorder {
    fn emit(&self, event: &Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::paint::Paint;
    use super::super::plain::Plain;
    use super::super::steps::Steps;
    use super::*;

    /// What a process that takes over after the first step tells, which finds this step done.
    fn taken_over(done: &str) -> Vec<Event> {
        let at = |seconds: f64, what: What| fixture::event(seconds, what);
        let step = fixture::step(done);
        vec![
            at(60.0, fixture::started(false)),
            at(61.0, What::StepDone { step }),
        ]
    }

    /// The story up to the launch in the second step, as its processes told it.
    fn before() -> Timeline {
        let events = fixture::whole_rollout();
        let until = fixture::at(12.0);
        let events: Vec<Event> = events.into_iter().filter(|event| event.at <= until).collect();
        Timeline::of(&events)
    }

    fn told_live(events: &[Event]) -> (String, String, Vec<Event>) {
        let (mut lines, mut short, memory) = (Vec::new(), Vec::new(), Recorder::default());
        {
            let plain = Plain::new(&mut lines, Paint::Plain).after(before());
            let steps = Steps::new(&mut short, Paint::Plain).after(before());
            let sinks: [&dyn EventSink; 3] = [&plain, &steps, &memory];
            for sink in sinks {
                let fresh = Fresh::after(&before(), sink);
                for event in events {
                    fresh.emit(event);
                }
            }
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&lines), text(&short), memory.events())
    }

    #[test]
    fn a_step_that_ended_before_this_process_came_is_not_told_again_and_nothing_is_measured_for_it() {
        let (lines, short, handed_on) = told_live(&taken_over("etcd-b"));
        assert!(!lines.contains("replaced in"), "{lines}");
        assert_eq!(short, "");
        // What measures stands behind the filter: it hears of no end, so it books nothing.
        assert_eq!(handed_on.len(), 1, "{handed_on:?}");
    }

    #[test]
    fn a_step_that_ended_while_no_process_lived_is_told_once_with_the_time_that_it_took() {
        let (lines, short, handed_on) = told_live(&taken_over("etcd-c"));
        assert_eq!(lines.matches("replaced in").count(), 1, "{lines}");
        assert!(short.starts_with(" 2/3 etcd-c  ✓ replaced in 0.2 s"), "{short}");
        assert_eq!(handed_on.len(), 2, "{handed_on:?}");
    }
}
