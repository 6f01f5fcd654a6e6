//! What was done to nodes and is not put back yet, and what a group was told last.

use std::collections::BTreeMap;
use std::ops::Bound;

use jiff::Timestamp;

use super::{ActionPast, JournalView};
use crate::domain::action::Action;
use crate::domain::group::Sizes;
use crate::domain::group_action::{GroupAction, TERMINATE_KEYS, set_keys};
use crate::domain::ids::{GroupName, ObjectName, PodUid, StepId};
use crate::domain::node_action::{Lasting, NodeAction, OfNode, drain_key};

impl JournalView {
    /// When this was done to a node, if it was not put back since; also while either is in doubt.
    #[must_use]
    pub fn lasts(&self, what: Lasting, of: &OfNode) -> Option<Timestamp> {
        let past = self.actions.get(&what.key(of))?;
        let at = past.told_at()?;
        let back = self.actions.get(&what.end_key(of));
        let is_back = back.is_some_and(|back| {
            !back.in_doubt && back.done_at.is_some() && !past.in_doubt && back.nth_done > past.nth_done
        });
        (!is_back).then_some(at)
    }

    /// Nodes to which this was ever done or meant to be done, put back or not.
    pub fn ever(&self, what: Lasting) -> impl Iterator<Item = &OfNode> {
        let done = self.actions_like(what.word());
        done.filter_map(move |past| match (&past.action, what) {
            (Action::Node(NodeAction::Cordon(of)), Lasting::Cordon)
            | (Action::Node(NodeAction::Taint(of)), Lasting::Taint) => Some(of),
            (_, _) => None,
        })
    }

    /// Nodes to which something was done that was not put back.
    pub fn lasting(&self) -> impl Iterator<Item = (Lasting, &OfNode)> {
        let all = self.actions.values().filter_map(|past| {
            let Action::Node(action) = &past.action else {
                return None;
            };
            match action {
                NodeAction::Cordon(of) => Some((Lasting::Cordon, of)),
                NodeAction::Taint(of) => Some((Lasting::Taint, of)),
                NodeAction::Uncordon(_)
                | NodeAction::Untaint(_)
                | NodeAction::Drain { .. }
                | NodeAction::Evict { .. } => None,
            }
        });
        all.filter(|(what, of)| self.lasts(*what, of).is_some())
    }

    /// Who has to leave a node that is cordoned, and when that was written down.
    #[must_use]
    pub fn drain_of(&self, of: &OfNode) -> Option<(Timestamp, &BTreeMap<PodUid, ObjectName>)> {
        let past = self.actions.get(&drain_key(of)).filter(|past| !past.in_doubt)?;
        let cordon = self.actions.get(&Lasting::Cordon.key(of))?;
        let Action::Node(NodeAction::Drain { pods, .. }) = &past.action else {
            return None;
        };
        // One of before the cordon is of a drain that was given up.
        (past.nth_done > cordon.nth_done).then_some((past.done_at?, pods))
    }

    /// What the group's desired capacity should be by everything that this rollout has told it; `None`: nothing is held.
    #[must_use]
    pub fn desired_of(&self, group: &GroupName) -> Option<i64> {
        let hold = self.hold_of(group)?;
        let GroupAction::HoldGroup { sizes, beyond, .. } = group_action(hold)? else {
            return None;
        };
        let set = self.sets(group).into_iter().max_by_key(|(nth, _)| *nth);
        let set = set.filter(|(nth, _)| *nth > hold.nth_done);
        let before = i64::from(sizes.desired).saturating_add(*beyond);
        let (since, told) = set.map_or((hold.nth_done, before), |(nth, sizes)| {
            (nth, i64::from(sizes.desired))
        });
        let ended = self.actions_like(TERMINATE_KEYS).filter(|past| {
            let is_later = past.nth_done > since && past.done_at.is_some();
            is_later && matches!(group_action(past), Some(GroupAction::TerminateMember { group: of, .. }) if of == group)
        });
        Some(told.saturating_sub(i64::try_from(ended.count()).unwrap_or(0)))
    }

    /// What has set or changed the sizes of a group last, and when it was done.
    #[must_use]
    pub fn last_told(&self, group: &GroupName) -> Option<(&GroupAction, Timestamp)> {
        let keys = set_keys(group);
        let all = self.actions_like(&keys).chain(self.actions_like(TERMINATE_KEYS));
        let done = all.filter_map(|past| {
            let action = group_action(past).filter(|action| action.group() == group)?;
            Some((past.nth_done, action, past.done_at?))
        });
        let last = done.max_by_key(|(nth, ..)| *nth);
        last.map(|(_, action, at)| (action, at))
    }

    /// The number of what was done last for a step, among all that was done; 0: nothing was.
    #[must_use]
    pub fn last_done_of(&self, step: &StepId) -> u64 {
        let of_step = self.actions.values().filter(|past| past.step == *step);
        of_step.map(|past| past.nth_done).max().unwrap_or(0)
    }

    /// Sizes that a group was told, each with its number among all that was done.
    #[must_use]
    pub fn sets(&self, group: &GroupName) -> Vec<(u64, Sizes)> {
        let keys = set_keys(group);
        let sets = self.actions_like(&keys).filter_map(|past| {
            let GroupAction::SetGroup { group: of, sizes, .. } = group_action(past)? else {
                return None;
            };
            past.done_at
                .filter(|_| of == group)
                .map(|_| (past.nth_done, *sizes))
        });
        sets.collect()
    }

    /// What was told to a group, or done to its machines, and may still come true.
    pub fn doubts_about<'a>(&'a self, group: &'a GroupName) -> impl Iterator<Item = &'a GroupAction> {
        let open = self.actions.values().filter(|past| past.in_doubt);
        open.filter_map(group_action)
            .filter(move |action| action.group() == group)
    }
}

impl JournalView {
    /// Actions whose natural keys begin like this.
    fn actions_like(&self, start: &str) -> impl Iterator<Item = &ActionPast> {
        let from = (Bound::Included(start), Bound::Unbounded);
        let actions = self.actions.range::<str, _>(from);
        let like = actions.take_while(move |(key, _)| key.starts_with(start));
        like.map(|(_, past)| past)
    }
}

fn group_action(past: &ActionPast) -> Option<&GroupAction> {
    if let Action::Group(action) = &past.action {
        Some(action)
    } else {
        None
    }
}
