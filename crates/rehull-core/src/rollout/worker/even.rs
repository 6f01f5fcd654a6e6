//! A group over several zones is given back as even as Auto Scaling wants it: else AZRebalance would even it out by itself,
//! and end machines that nobody has drained.
//!
//! Which zone a group launches in is its own choice. Where several have equally many machines, the next new one may come up
//! beside a new one and not beside an old one, and in the end one zone has two more machines than another. Then one more
//! is launched, which comes up where fewest are, and one of where most are is drained.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::pool::{Pool, Worker};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::Zone;
use crate::mutant::mutant;
use crate::rollout::Goal;
use crate::rollout::apiserver::later;
use crate::rollout::serving::{Before, small};
use crate::rollout::tick::Tick;

/// What evens out a group by itself, in AWS's word.
const EVENS: &str = "AZRebalance";

impl<'a> Pool<'a> {
    /// One more is launched, so that one of where most are can go. False: it is as even as it can be, or nobody would even
    /// it out.
    pub(super) fn evens(&self, before: &Before, goal: Goal, tick: &mut Tick) -> bool {
        let moves = self.moves();
        let is_whole = self.workers.iter().all(|worker| worker.lacks.is_none())
            && self.counted() == self.group.sizes.desired
            && self.counted() == before.sizes.desired;
        // Before the first new ones have passed no more than those were exchanged: their zones are those of before.
        if moves == 0
            || !is_whole
            || !self.has_passed
            || !before.processes.contains(EVENS)
            || self.surge() == 0
        {
            return false;
        }
        mutant!(LeaveCrowded => return false);
        let mark = self.evens_mark(moves);
        let told = self.journal.last_told(&self.plan.group).map(|(_, at)| at);
        match self.journal.marked_at(&mark) {
            None => tick.mark(mark),
            // It has not helped: there may be no room where fewest are.
            Some(since) if told.is_some_and(|at| at >= since) => return false,
            Some(_) => {}
        }
        let one_more = before.sizes.desired.saturating_add(1);
        self.set(self.passed(before, goal), Self::sizes(before, one_more), tick);
        true
    }

    /// Who goes while it is evened out: one that never came up, or one of where most are. `None`: it is not.
    pub(super) fn crowded_out(&self, before: &Before) -> Option<Vec<&Worker<'a>>> {
        let since = self
            .journal
            .marks_like(&self.evens_start())
            .map(|(_, at)| at)
            .max()?;
        let (told, at) = self.journal.last_told(&self.plan.group)?;
        let is_surge =
            matches!(told, GroupAction::SetGroup { sizes, .. } if sizes.desired > before.sizes.desired);
        if !is_surge || at < since || self.counted() <= before.sizes.desired {
            return None;
        }
        let may_go = |worker: &&Worker<'_>| worker.lacks.is_none() || self.is_late(worker);
        let mut all: Vec<&Worker<'a>> = self.workers.iter().filter(may_go).collect();
        let crowds = self.crowds();
        all.sort_by_cached_key(|worker| {
            let zone = &worker.member.zone;
            (
                worker.lacks.is_none(),
                self.is_overdue(worker),
                !worker.is_cordoned,
                self.launches_in(zone),
                Reverse(crowds.get(zone)),
                worker.is_new,
                &worker.member.machine,
            )
        });
        let surplus = self.counted().saturating_sub(before.sizes.desired);
        all.truncate(usize::try_from(surplus).unwrap_or(usize::MAX));
        Some(all)
    }

    fn is_late(&self, worker: &Worker<'_>) -> bool {
        let until = later(self.lacks_since(worker), self.plan.policy.ready_deadline);
        self.is_given_up(worker) || self.seen.at >= until
    }

    fn launches_in(&self, zone: &Zone) -> bool {
        self.group.zones.contains(zone)
    }

    /// Machines that have to move before no zone has two more than another and none is where the group does not launch any
    /// more.
    fn moves(&self) -> u32 {
        let crowds = self.crowds();
        let zones = self.group.zones.len();
        let all: usize = crowds.values().sum();
        let Some(least) = all.checked_div(zones) else {
            return 0;
        };
        let most = all.div_ceil(zones);
        let of = |zone: &Zone| crowds.get(zone).copied().unwrap_or(0);
        let strayed = crowds.iter().filter(|(zone, _)| !self.launches_in(zone));
        let strayed: usize = strayed.map(|(_, count)| *count).sum();
        let zones = || self.group.zones.iter();
        let over: usize = zones().map(|zone| of(zone).saturating_sub(most)).sum();
        let under: usize = zones().map(|zone| least.saturating_sub(of(zone))).sum();
        small(strayed.saturating_add(over).max(under))
    }

    /// Machines of the group in each zone.
    pub(super) fn crowds(&self) -> BTreeMap<&'a Zone, usize> {
        let mut crowds: BTreeMap<&Zone, usize> = BTreeMap::new();
        for worker in &self.workers {
            let crowd = crowds.entry(&worker.member.zone).or_default();
            *crowd = crowd.saturating_add(1);
        }
        crowds
    }

    fn evens_start(&self) -> String {
        format!("evens {} ", self.plan.group)
    }

    /// Whoever takes over tries again.
    fn evens_mark(&self, moves: u32) -> String {
        let holder = self.journal.holder().map(|(_, at)| at).unwrap_or_default();
        format!("{}by {moves} since {holder}", self.evens_start())
    }
}
