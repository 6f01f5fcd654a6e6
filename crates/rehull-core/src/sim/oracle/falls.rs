//! Members whose etcd has ended by itself.
//!
//! What ends once may be about to end again, and then a member that was stopped meanwhile is the second one out. Nobody is
//! to blame for what a single look did not show; whoever has written it down has to wait until the member has been up for a
//! while.

use std::time::Duration;

use super::rules::{Case, Wrong};
use crate::domain::ids::RolloutId;
use crate::plan::RolloutKind;
use crate::sim::etcd::Process;

/// A process that ends at once, ends long before.
const STEADY_AFTER: Duration = Duration::from_secs(30);

impl Case<'_> {
    /// A stop right after it was written down that another member's etcd has ended.
    pub(super) fn relies_on_who_fell(&self, process: &Process) -> Option<Wrong> {
        let heals = matches!(self.plan.envelope.kind, RolloutKind::Heal { .. });
        if heals || self.memory.clock_was_set {
            return None;
        }
        let own = self.slot_of(&process.machine)?.name.as_str();
        let ledger = self.memory.ledgers.get(&RolloutId::new(self.rollout))?;
        let others = ledger.ended.iter().filter(|(slot, _)| slot.as_str() != own);
        let mut short = others.filter_map(|(slot, at)| {
            let since = Duration::try_from(self.now.duration_since(*at)).ok()?;
            (since < STEADY_AFTER).then_some((slot, since))
        });
        short.next().map(|(slot, since)| {
            (
                3,
                format!("stop of {own} {since:?} after the etcd of {slot} had ended"),
            )
        })
    }
}
