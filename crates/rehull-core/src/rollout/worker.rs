//! Workers, group by group side by side: one more (or several) from the new launch template version; when its node is
//! ready an old one is cordoned, drained by evictions and ended through its group.
//!
//! The first new nodes of a group are watched before it launches more like them. A drain never forces: what holds a pod is
//! named, and after its deadline the rollout stops. Cordons, taints, sizes, versions and processes are put back at every
//! resting place. Nodes of groups that are not in the plan are nobody's business.

mod even;
mod exchange;
mod launch;
mod leave;
mod look;
mod pool;

use std::cell::LazyCell;
use std::collections::BTreeSet;

use super::Goal;
use super::drain::Drains;
use super::progress::Rolled;
use super::serving::{Before, small};
use super::situation::Situation;
use super::tick::Tick;
use crate::domain::ids::GroupName;
use crate::domain::observed::Part;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::{WorkerGroupPlan, WorkersPlan};
use look::Look;
use pool::Pool;

/// What groups share: pods of all of them may have the same budget, and all drains together have one.
pub(super) struct Shared<'a> {
    drains: Drains<'a>,
    /// Nodes that are being drained.
    draining: u32,
    budget: u32,
}

impl Shared<'_> {
    /// One more may be drained.
    fn has_room(&self) -> bool {
        self.draining < self.budget || mutant!(ExceedBudget)
    }
}

/// Proposes what is next for the workers, once the control plane has nothing left to do.
pub(super) fn next(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) {
    let Some(plan) = now.plan.envelope.workers.as_ref().filter(|plan| plan.changes()) else {
        return;
    };
    if is_blind(now, plan, tick) {
        return;
    }
    // On the way to rest a group that was not touched yet may also lack the version that it was to launch.
    let is_untouched = |group: &GroupName| goal == Goal::Rest && Before::of(journal, group).is_none();
    let look = Look::at(&now.seen.kube, journal);
    let planned = plan.groups.iter().filter(|group| group.changes());
    let pools = planned.filter_map(|group| match Pool::read(group, now.seen, journal, &look) {
        Err(_) if is_untouched(&group.group) => None,
        read => Some(read),
    });
    let pools: Result<Vec<Pool<'_>>, String> = pools.collect();
    let mut pools = match pools {
        Ok(pools) => pools,
        Err(what) => return tick.stop(StopReason::OutsideEnvelope { what }),
    };
    let mut shared = Shared {
        drains: Drains::new(&now.seen.kube, &plan.order),
        draining: 0,
        budget: plan.budget.max(1),
    };
    for pool in &pools {
        // Whoever has cordoned it: nothing can be scheduled there.
        let closed = pool.workers.iter().filter(|worker| worker.is_closed());
        shared.draining = shared.draining.saturating_add(small(closed.count()));
        for list in pool.leaves(goal) {
            shared.drains.add(list);
        }
    }
    shared.drains.keep_the_order();
    // Who has most to do goes first: the groups end together.
    pools.sort_by_key(|pool| (usize::MAX - pool.olds().count(), pool.plan.group.clone()));
    for pool in &pools {
        pool.next(goal, &mut shared, tick);
    }
}

/// How far each group has come that can be read.
pub(super) fn rolled(now: &Situation<'_>, journal: &JournalView) -> Vec<Rolled> {
    let Some(plan) = now.plan.envelope.workers.as_ref() else {
        return Vec::new();
    };
    if now.seen.gap(Part::Groups).is_some() {
        return Vec::new();
    }
    let are_seen = now.seen.gap(Part::Kube).is_none();
    let look = LazyCell::new(|| Look::at(&now.seen.kube, journal));
    let is_done = |group: &WorkerGroupPlan| {
        Pool::read(group, now.seen, journal, &look).is_ok_and(|pool| pool.is_done())
    };
    let of = |group: &WorkerGroupPlan| {
        let (new, old) = pool::counts(group, now.seen).ok()?;
        let is_held = || Before::of(journal, &group.group).is_some();
        Some(Rolled {
            step: group.step.clone(),
            new,
            old,
            is_done: are_seen && old == 0 && !is_held() && is_done(group),
        })
    };
    let planned = plan.groups.iter().filter(|group| group.changes());
    planned.filter_map(of).collect()
}

/// What cannot be read is waited for, by name.
fn is_blind(now: &Situation<'_>, plan: &WorkersPlan, tick: &mut Tick) -> bool {
    let has_targets = plan.groups.iter().any(|group| !group.targets.is_empty());
    let parts = [Part::Groups, Part::Kube]
        .into_iter()
        .chain(has_targets.then_some(Part::Targets));
    let unread: BTreeSet<Part> = parts.filter(|part| now.seen.gap(*part).is_some()).collect();
    let steps = plan
        .groups
        .iter()
        .find(|group| group.changes())
        .map(|group| &group.step);
    for (part, step) in unread.iter().zip(steps.into_iter().cycle()) {
        let why = now.seen.gap(*part).map(|gap| gap.why.clone()).unwrap_or_default();
        tick.wait(step, WaitingOn::Unreadable { part: *part, why });
    }
    !unread.is_empty()
}
