//! One group of machines of a rollout, as its events tell it, and in words.

use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::StepId;
use rehull_core::event::GroupOutline;

use super::numbers::{between, duration, plural};
use super::paint::{Paint, Tone};
use super::timeline::Timeline;

/// One group of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStory {
    /// Which step, group and releases.
    pub outline: GroupOutline,
    /// First action of its step.
    pub begun_at: Option<Timestamp>,
    /// No machine is old, nothing is owed.
    pub done_at: Option<Timestamp>,
    /// Machines that it had when it was first counted; `None` where that is not known.
    pub machines: Option<u32>,
    /// Of them, those that are still to give way.
    pub old: u32,
    /// Time since its begin in which nobody worked.
    pub away: Duration,
}

impl GroupStory {
    pub(super) fn new(outline: &GroupOutline) -> Self {
        Self {
            outline: outline.clone(),
            begun_at: None,
            done_at: None,
            machines: None,
            old: 0,
            away: Duration::ZERO,
        }
    }

    /// One more machine than before is there while another gives way, so the first count is the one that says how many.
    pub(super) fn count(&mut self, new: u32, old: u32) {
        self.machines.get_or_insert(new.saturating_add(old));
        self.old = old;
    }

    fn is_at_work(&self) -> bool {
        self.begun_at.is_some() && self.done_at.is_none()
    }

    /// Machines that have given way, and how many will; `None` where nobody has counted.
    #[must_use]
    pub fn replaced(&self) -> Option<(u32, u32)> {
        let machines = self.machines?;
        let left = if self.done_at.is_some() { 0 } else { self.old };
        Some((machines.saturating_sub(left), machines))
    }

    /// Time that it was worked on, until `now` if it is not done.
    #[must_use]
    pub fn total(&self, now: Option<Timestamp>) -> Duration {
        let end = self.done_at.or(now);
        let span = self.begun_at.zip(end).map(|(begun, end)| between(begun, end));
        span.unwrap_or_default().saturating_sub(self.away)
    }

    /// `1.33.13 → 1.34.2`, or the release alone where it does not change.
    #[must_use]
    pub fn versions(&self) -> String {
        match self.outline.from {
            Some(from) if from != self.outline.to => format!("{from} → {}", self.outline.to),
            Some(_) | None => self.outline.to.to_string(),
        }
    }

    /// `2 of 3 machines replaced`.
    #[must_use]
    pub fn far(&self) -> String {
        match self.replaced() {
            None => "not counted yet".to_owned(),
            Some((done, all)) => format!("{done} of {} replaced", machines(all)),
        }
    }

    /// What runs now: `1 machine on 1.34.2, 2 on 1.33.13`.
    #[must_use]
    pub fn left(&self) -> Option<String> {
        let (done, all) = self.replaced()?;
        let to = self.outline.to;
        let before = match self.outline.from {
            Some(from) if from != to => format!("on {from}"),
            Some(_) | None => "as before".to_owned(),
        };
        let left = all.saturating_sub(done);
        let runs = match (done, left) {
            (0, _) => format!("{} {before}", machines(left)),
            (_, 0) => format!("{} on {to}", machines(done)),
            (_, _) => format!("{} on {to}, {left} {before}", machines(done)),
        };
        Some(format!("{}: {runs}", self.outline.group))
    }
}

fn machines(number: u32) -> String {
    plural(
        usize::try_from(number).unwrap_or(usize::MAX),
        "machine",
        "machines",
    )
}

/// Every process that works on a rollout tells its groups.
pub(super) fn add(groups: &mut Vec<GroupStory>, outlines: &[GroupOutline]) {
    for outline in outlines {
        if !groups.iter().any(|known| known.outline.step == outline.step) {
            groups.push(GroupStory::new(outline));
        }
    }
}

/// The group of this step.
pub(super) fn of<'g>(groups: &'g mut [GroupStory], step: &StepId) -> Option<&'g mut GroupStory> {
    groups.iter_mut().find(|group| group.outline.step == *step)
}

/// For so long nobody has worked on what is begun.
pub(super) fn leave(groups: &mut [GroupStory], away: Duration) {
    for group in groups.iter_mut().filter(|group| group.is_at_work()) {
        group.away += away;
    }
}

/// The group that is at work: begun and not done.
#[must_use]
pub fn current(timeline: &Timeline) -> Option<&GroupStory> {
    timeline.groups.iter().find(|group| group.is_at_work())
}

/// One line when a group is done: `✓ 3 of 3 machines replaced in 4 min 45 s   1.33.13 → 1.34.2`.
#[must_use]
pub fn done_line(group: &GroupStory, paint: Paint) -> String {
    format!(
        "{} {} in {}   {}",
        paint.tone(Tone::Good, "✓"),
        group.far(),
        duration(group.total(None)),
        paint.tone(Tone::Faint, &group.versions()),
    )
}

/// One line per group for the end table: `cp  1.33.13 → 1.34.2  3 of 3 machines replaced in 4 min 45 s`.
#[must_use]
pub fn lines(timeline: &Timeline) -> Vec<String> {
    let line = |group: &GroupStory| {
        let time = if group.begun_at.is_some() {
            format!(" in {}", duration(group.total(timeline.last_at)))
        } else {
            String::new()
        };
        format!(
            "{}  {}  {}{time}",
            group.outline.group,
            group.versions(),
            group.far()
        )
    };
    timeline.groups.iter().map(line).collect()
}

/// They as part of the end table.
#[must_use]
pub fn table(timeline: &Timeline) -> String {
    let line = |line: &String| format!("  group     {line}\n");
    lines(timeline).iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;
    use std::num::NonZeroU64;

    use rehull_core::domain::action::Action;
    use rehull_core::domain::group::Sizes;
    use rehull_core::domain::group_action::GroupAction;
    use rehull_core::domain::ids::{GroupName, LaunchTemplateVersion};
    use rehull_core::domain::version::KubernetesVersion;
    use rehull_core::domain::waiting::StopReason;
    use rehull_core::event::{Event, Rest, What};

    use super::super::fixture::event;
    use super::super::{halt, json, markdown, plain, steps, summary};
    use super::*;

    fn step() -> StepId {
        StepId::new("control-plane/cp")
    }

    fn started(first: bool) -> What {
        What::Started {
            first,
            summary: "control plane 1.33.13 → 1.34.2 on 3 machines".to_owned(),
            steps: Vec::new(),
            groups: vec![GroupOutline {
                step: step(),
                group: GroupName::new("dev-cp"),
                from: Some(KubernetesVersion::new(1, 33, 13)),
                to: KubernetesVersion::new(1, 34, 2),
            }],
        }
    }

    fn rolled(new: u32, old: u32) -> What {
        What::Rolled {
            step: step(),
            new,
            old,
        }
    }

    fn hold() -> What {
        let sizes = Sizes {
            min: 3,
            max: 6,
            desired: 3,
        };
        What::Acting {
            step: step(),
            action: Action::Group(GroupAction::HoldGroup {
                group: GroupName::new("dev-cp"),
                processes: BTreeSet::new(),
                version: LaunchTemplateVersion(NonZeroU64::MIN),
                sizes,
                beyond: 0,
            }),
            attempt: 1,
        }
    }

    /// One of three is replaced, and a fourth is there meanwhile.
    fn half() -> Vec<Event> {
        vec![
            event(0.0, started(true)),
            event(1.0, rolled(0, 3)),
            event(2.0, hold()),
            event(40.0, rolled(1, 3)),
            event(90.0, rolled(1, 2)),
            event(100.0, rolled(2, 2)),
        ]
    }

    fn whole() -> Vec<Event> {
        let mut events = half();
        events.extend([
            event(200.0, rolled(3, 0)),
            event(210.0, What::StepDone { step: step() }),
            event(211.0, What::Finished),
        ]);
        events
    }

    #[test]
    fn the_end_of_a_group_says_how_many_of_its_machines_were_replaced_and_in_what_time() {
        let timeline = Timeline::of(&whole());
        assert!(timeline.is_whole());
        assert_eq!(
            summary::text(&timeline, None, Paint::Plain),
            "  group     dev-cp  1.33.13 → 1.34.2  3 of 3 machines replaced in 3 min 28 s\n\n\
             done     3 min 31 s · 3 of 3 machines replaced\n"
        );
        let done = event(210.0, What::StepDone { step: step() });
        let told = "✓ 3 of 3 machines replaced in 3 min 28 s   1.33.13 → 1.34.2";
        let line = steps::line(&done, &timeline, Paint::Plain).unwrap();
        assert_eq!(line, format!("     dev-cp  {told}"));
        let line = plain::lines(&done, &timeline, Paint::Plain);
        assert_eq!(line, format!("03:03:30Z  cp        {told}\n"));
        let text = markdown::rollout(&whole(), &timeline, None);
        assert!(
            text.contains("\nGroup dev-cp  1.33.13 → 1.34.2  3 of 3 machines"),
            "{text}"
        );
        assert!(!text.contains("| member |"), "no table of nothing: {text}");
        let group = &json::summary(&timeline, None)["groups"][0];
        assert_eq!((&group["machines"], &group["replaced"]), (&3.into(), &3.into()));
        assert_eq!(group["totalMs"], 208_000);
    }

    #[test]
    fn a_resumed_process_does_not_tell_a_group_as_done_again() {
        let mut events = whole();
        let again = event(300.0, What::StepDone { step: step() });
        events.push(again.clone());
        let timeline = Timeline::of(&events);
        assert_eq!(plain::lines(&again, &timeline, Paint::Plain), "");
        assert_eq!(steps::line(&again, &timeline, Paint::Plain), None);
    }

    #[test]
    fn a_machine_that_is_there_beside_the_old_ones_is_none_that_was_replaced() {
        let far = |events: &[Event]| Timeline::of(events).groups[0].far();
        assert_eq!(far(&half()[..1]), "not counted yet");
        assert_eq!(far(&half()[..4]), "0 of 3 machines replaced");
        assert_eq!(far(&half()), "1 of 3 machines replaced");
        assert_eq!(Timeline::of(&half()).replaced(), (1, 3));
    }

    #[test]
    fn a_halt_in_a_group_says_what_runs_and_that_it_may_stay_so() {
        let mut events = half();
        let rest = Rest {
            at_rest: true,
            left: Vec::new(),
            margin: 1,
            heard: true,
        };
        let reason = StopReason::Asked {
            how: "a signal".to_owned(),
        };
        events.push(event(110.0, What::Stopped { reason, rest }));
        let text = halt::text(&Timeline::of(&events), Paint::Plain).unwrap();
        assert!(
            text.starts_with("stopped as asked in dev-cp, 1 of 3 machines replaced · "),
            "{text}"
        );
        let left = "dev-cp: 1 machine on 1.34.2, 2 on 1.33.13: legal for days";
        assert!(text.contains(left), "{text}");
    }

    #[test]
    fn a_night_between_a_stop_and_the_resume_is_no_time_of_the_group() {
        let mut events = half();
        events.push(event(3_700.0, started(false)));
        events.push(event(3_710.0, What::StepDone { step: step() }));
        let timeline = Timeline::of(&events);
        assert_eq!(timeline.groups[0].total(None), Duration::from_secs(108));
        assert_eq!(timeline.groups.len(), 1);
    }
}
