//! A group that is held: what would interfere is suspended, and what is to be put back in the end is written down. One place
//! for servers and for workers.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::apiserver::later;
use super::serving::Before;
use super::tick::Tick;
use crate::domain::group::{Group, Lifecycle, Member, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{GroupName, LaunchTemplateVersion, StepId};
use crate::journal::{ActionPast, JournalView};

/// What would interfere: it terminates machines, or changes how many there are, without asking anybody.
const INTERFERES: [&str; 3] = ["AZRebalance", "AlarmNotification", "ScheduledActions"];

/// What Auto Scaling was told shows in what it tells after this, as far as is known.
pub(super) const SHOWN_WITHIN: Duration = Duration::from_secs(15);

/// A group at one instant, and what this rollout has written down of it.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) name: &'a GroupName,
    pub(super) step: &'a StepId,
    pub(super) group: &'a Group,
    pub(super) journal: &'a JournalView,
    /// When it was looked at.
    pub(super) at: Timestamp,
}

impl<'a> Held<'a> {
    /// What is there now is what is put back in the end.
    pub(super) fn begin(self, launches: LaunchTemplateVersion) -> GroupAction {
        GroupAction::HoldGroup {
            group: self.name.clone(),
            processes: interfering(self.group),
            version: launches,
            sizes: self.group.sizes,
            beyond: 0,
        }
    }

    /// Not known whether it happened. What the group shows now may be our own doing: it is sent again as it was written down.
    pub(super) fn in_doubt(self) -> Option<&'a ActionPast> {
        self.journal.hold_of(self.name).filter(|past| past.in_doubt)
    }

    /// Somebody has resumed in the middle of it what would interfere: it is suspended again, and all of it is resumed in
    /// the end.
    pub(super) fn let_loose(self, before: &Before) -> Option<GroupAction> {
        let free = interfering(self.group);
        // What was given back, or may have been, was let loose by us.
        if free.is_empty() || self.journal.is_being_released(self.name) {
            return None;
        }
        let processes = before.processes.union(&free).cloned().collect();
        Some(self.again(before, processes, before.sizes))
    }

    /// Somebody wants other sizes in the end, or has changed them: nothing is begun before that is written down.
    pub(super) fn with_sizes(self, before: &Before, sizes: Sizes, is_changed: bool) -> Option<GroupAction> {
        let is_new = is_changed || sizes != before.sizes;
        is_new.then(|| self.again(before, before.processes.clone(), sizes))
    }

    fn again(self, before: &Before, processes: BTreeSet<String>, sizes: Sizes) -> GroupAction {
        let now = i64::from(self.group.sizes.desired);
        GroupAction::HoldGroup {
            group: self.name.clone(),
            processes,
            version: before.version,
            sizes,
            beyond: now.saturating_sub(i64::from(sizes.desired)),
        }
    }

    /// These sizes, within limits that somebody has raised above those that this rollout has told. `by`: somebody has made the
    /// group larger by so many; a maximum that only makes room for those, or made room for those of before, is no other wish.
    pub(super) fn in_raised_limits(self, before: &Before, sizes: Sizes, by: i64) -> Sizes {
        let now = self.group.sizes;
        let is_raised = now.min > self.told(before, |sizes| sizes.min);
        let min = if is_raised { now.min } else { sizes.min };
        let room = i64::from(self.told(before, |sizes| sizes.max)).saturating_add(by.max(0));
        let room = room.max(i64::from(before.sizes.desired).saturating_add(before.beyond));
        // Written down anew, a wish was followed already, and whose the maximum has been since is not known.
        let is_first = self
            .journal
            .hold_of(self.name)
            .is_some_and(|past| past.attempts == 1);
        let max = if is_first && i64::from(now.max) > room {
            sizes.max.max(now.max)
        } else {
            sizes.max
        };
        let desired = sizes.desired.max(min);
        Sizes {
            min,
            max: max.max(desired),
            desired,
        }
    }

    /// The highest limit that may be ours: the last one, and while that may not be shown yet, any.
    fn told(self, before: &Before, limit: fn(&Sizes) -> u32) -> u32 {
        let sets = self.journal.sets(self.name);
        let told = self.journal.last_told(self.name);
        let is_shown = told.is_none_or(|(_, at)| at <= self.at && later(at, SHOWN_WITHIN) <= self.at);
        let last = sets.iter().max_by_key(|(nth, _)| *nth).filter(|_| is_shown);
        let ours = match last {
            Some((_, sizes)) => limit(sizes),
            None => sets.iter().map(|(_, sizes)| limit(sizes)).max().unwrap_or(0),
        };
        ours.max(limit(&before.sizes))
    }

    pub(super) fn leaving(self) -> impl Iterator<Item = &'a Member> {
        let all = self.group.members.iter();
        all.filter(|member| member.lifecycle == Lifecycle::Leaving)
    }

    /// Since when this is waited for: since it was first seen after the last thing that was done for its step. A mark is
    /// written once, so what is waited for anew after something was done has one of its own.
    pub(super) fn waits_since(self, what: &str, tick: &mut Tick) -> Timestamp {
        let done = self.journal.last_done_of(self.step);
        let mark = format!("waits {}: {what}, after {done}", self.name);
        let since = self.journal.marked_at(&mark).filter(|since| *since <= self.at);
        since.unwrap_or_else(|| {
            tick.mark(mark);
            self.at
        })
    }

    /// The group makes up for a machine that it has lost: since when, as far as is known. Who is there stands in the mark,
    /// for one that it has made up for and one that is lost later are two.
    pub(super) fn makes_up_since(self, tick: &mut Tick) -> Timestamp {
        let there = self
            .group
            .members
            .iter()
            .filter(|member| member.lifecycle.counts());
        let mut there: Vec<&str> = there.map(|member| member.machine.as_str()).collect();
        there.sort_unstable();
        let what = format!("{} beside {}", self.group.sizes.desired, there.join(" "));
        self.waits_since(&what, tick)
    }
}

/// What of it is not suspended.
fn interfering(group: &Group) -> BTreeSet<String> {
    let free = INTERFERES
        .iter()
        .filter(|process| !group.suspended.contains(**process));
    free.map(|process| (*process).to_owned()).collect()
}
