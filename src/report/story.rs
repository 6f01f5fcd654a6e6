//! One step of a rollout, as its events tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::SlotName;
use rehull_core::event::StepOutline;

use super::numbers::between;
use super::phase::Phase;

/// Quorum margin of one step: before it began, at its lowest, at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarginStory {
    /// Last value before the step began (or the first seen in it).
    pub before: i64,
    /// Lowest while it ran.
    pub lowest: i64,
    /// Last value seen in it.
    pub after: i64,
}

/// One step of the rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepStory {
    /// Which step, slot and versions.
    pub outline: StepOutline,
    /// First sign of its dance.
    pub begun_at: Option<Timestamp>,
    /// New member serves, old machine is gone.
    pub done_at: Option<Timestamp>,
    /// Time per phase.
    pub phases: BTreeMap<Phase, Duration>,
    /// Margins, where events told any.
    pub margin: Option<MarginStory>,
    /// Longest wait of a write during it, where that was measured.
    pub stall: Option<Duration>,
    /// Time of it in which no figure was kept of how long writes waited: no process lived, or it was killed and took
    /// its figure with it.
    pub unmeasured: Duration,
    /// Who took over the lead, if it had to move.
    pub leader_to: Option<SlotName>,
    current: Option<(Phase, Timestamp)>,
}

impl StepStory {
    pub(super) fn new(outline: &StepOutline) -> Self {
        Self {
            outline: outline.clone(),
            begun_at: None,
            done_at: None,
            phases: BTreeMap::new(),
            margin: None,
            stall: None,
            unmeasured: Duration::ZERO,
            leader_to: None,
            current: None,
        }
    }

    /// Time in all phases together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.phases.values().sum()
    }

    /// Its old member was asked to stop, or was taken out of the list: from here the way is forward. A warm replacement and
    /// a moved leader are no beginning, nor is a lost member that comes back as it was, whose parts move without a stop.
    #[must_use]
    pub fn switch_has_begun(&self) -> bool {
        let entered = |phase: &Phase| self.phases.contains_key(phase) || self.phase() == Some(*phase);
        [Phase::Stop, Phase::Remove].iter().any(entered)
    }

    /// Its switch has begun and is not over: its member is out, or may be.
    #[must_use]
    pub fn is_in_switch(&self) -> bool {
        self.done_at.is_none() && self.switch_has_begun()
    }

    /// What it is doing now.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.current.map(|(phase, _)| phase)
    }

    pub(super) fn enter(&mut self, at: Timestamp, phase: Phase) {
        self.leave(at);
        self.begun_at.get_or_insert(at);
        self.current = Some((phase, at));
    }

    pub(super) fn leave(&mut self, at: Timestamp) {
        if let Some((phase, since)) = self.current.take() {
            *self.phases.entry(phase).or_default() += between(since, at);
        }
    }

    pub(super) fn see_margin(&mut self, before: i64, now: i64) {
        let story = self.margin.get_or_insert(MarginStory {
            before,
            lowest: before,
            after: now,
        });
        story.lowest = story.lowest.min(now);
        story.after = now;
    }
}

#[cfg(test)]
mod tests {
    use rehull_core::event::{Rest, What};

    use super::super::fixture::{self, at, event, step};
    use super::super::timeline::Timeline;
    use super::*;

    fn stalled(seconds: f64, longest_ms: u64) -> rehull_core::event::Event {
        let step = step("etcd-b");
        event(seconds, What::Stalled { step, longest_ms })
    }

    fn of_b(timeline: &Timeline) -> &StepStory {
        let b = timeline
            .steps
            .iter()
            .find(|story| story.outline.slot.as_str() == "etcd-b");
        b.expect("it has a step")
    }

    #[test]
    fn a_second_end_of_a_step_and_what_is_measured_after_the_first_change_nothing() {
        let mut timeline = Timeline::of(&[]);
        for event in fixture::whole_rollout()
            .iter()
            .filter(|event| event.at <= at(11.2))
        {
            timeline.apply(event);
        }
        let once = of_b(&timeline).clone();
        timeline.apply(&event(60.0, fixture::started(false)));
        timeline.apply(&stalled(61.0, 550));
        timeline.apply(&event(61.0, What::StepDone { step: step("etcd-b") }));
        assert_eq!(*of_b(&timeline), once);
    }

    #[test]
    fn a_switch_begins_when_the_old_member_is_asked_to_stop_and_ends_with_the_step() {
        let mut timeline = Timeline::default();
        let mut begun = Vec::new();
        for event in fixture::whole_rollout() {
            timeline.apply(&event);
            let in_switch = |story: &&StepStory| story.is_in_switch();
            let now = timeline
                .steps
                .iter()
                .find(in_switch)
                .map(|story| story.outline.slot.to_string());
            if begun.last().is_none_or(|(_, last)| *last != now) {
                begun.push((event.at, now));
            }
        }
        let of = |slot: &str| Some(slot.to_owned());
        // Launched at 0.2, 11.3 and 21.4 s, the leader moved at 27.9 s: none of these begins a switch.
        let expected = [
            (0.0, None),
            (2.7, of("etcd-b")),
            (11.2, None),
            (12.8, of("etcd-c")),
            (21.3, None),
            (28.1, of("etcd-a")),
            (36.6, None),
        ];
        assert_eq!(begun, expected.map(|(seconds, slot)| (at(seconds), slot)));
    }

    #[test]
    fn a_lost_member_that_comes_back_as_it_was_is_not_in_its_switch() {
        let mut story = of_b(&Timeline::of(&[event(0.0, fixture::started(true))])).clone();
        let comeback = [Phase::Boot, Phase::Slot, Phase::Join, Phase::Settle];
        for (seconds, phase) in [1.0, 2.0, 3.0, 4.0].into_iter().zip(comeback) {
            story.enter(at(seconds), phase);
            assert!(!story.is_in_switch(), "{phase:?}");
        }
        story.enter(at(5.0), Phase::Stop);
        assert!(story.is_in_switch());
    }

    #[test]
    fn a_stop_that_tells_its_figure_leaves_the_time_away_unmeasured_and_a_kill_all_of_the_step() {
        let events = fixture::halted_in_the_window();
        let (stop, head) = events.split_last().expect("it stops");
        assert!(matches!(
            &stop.what,
            What::Stopped {
                rest: Rest { at_rest: false, .. },
                ..
            }
        ));
        for (told, unmeasured) in [(true, 51.0), (false, 59.8)] {
            let mut timeline = Timeline::of(head);
            if told {
                timeline.apply(&stalled(9.0, 1_185));
                timeline.apply(stop);
            }
            timeline.apply(&event(60.0, fixture::started(false)));
            assert_eq!(
                of_b(&timeline).unmeasured,
                Duration::from_secs_f64(unmeasured),
                "told: {told}"
            );
        }
    }
}
