//! Which content a dead slot is refilled with: what it last had at the version that the survivors run.

use super::envelope::{RolloutPlan, SlotContent};
use crate::domain::ids::SlotName;
use crate::domain::version::EtcdVersion;

/// Looks through the plans of earlier rollouts, newest first. An incident must not start an upgrade, so the pins of
/// the cluster file are not even an argument.
#[must_use]
pub fn content_for_heal(
    plans: &[RolloutPlan],
    slot: &SlotName,
    survivors: EtcdVersion,
) -> Option<SlotContent> {
    plans
        .iter()
        .flat_map(|plan| plan.envelope.slots.iter())
        .filter(|planned| planned.slot.name == *slot)
        .flat_map(|planned| std::iter::once(&planned.to).chain(planned.from.as_ref()))
        .find(|content| content.version == survivors)
        .cloned()
}
