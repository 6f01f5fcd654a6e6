//! Which content a dead slot is refilled with: what it ran itself, as long as etcd still starts that; else what the
//! survivors run.
//!
//! An incident must neither start an upgrade nor finish one, so neither the pins of the cluster file nor a plan that
//! nobody carried out is even an argument: a content counts only where a machine was told to run it.

use super::envelope::{RolloutPlan, SlotContent, SlotPlan};
use super::input::holder;
use crate::domain::ids::{ContentDigest, SlotName};
use crate::domain::observed::Observed;

/// `told`: content of the slot's last machines that were told to go, newest first, as far as journals know; EC2 forgets
/// a terminated machine after about an hour. `plans` translate a digest, newest first.
#[must_use]
pub fn content_for_heal(
    plans: &[RolloutPlan],
    seen: &Observed,
    slot: &SlotName,
    told: &[ContentDigest],
) -> Option<SlotContent> {
    let answers = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    // Below it etcd does not start.
    let risen = answers.filter_map(|answer| answer.cluster_version).max();
    let mut digests = last_seen(seen, slot).into_iter().chain(told);
    let own = digests.find_map(|digest| translated(plans, slot, digest));
    own.filter(|content| risen.is_none_or(|risen| content.version.line() >= risen))
        .or_else(|| as_the_survivors(plans, seen, slot))
}

/// Content of the machine, in any state, that was told last to run the slot's member.
#[must_use]
pub fn last_seen<'a>(seen: &'a Observed, slot: &SlotName) -> Option<&'a ContentDigest> {
    let told = seen
        .fleet
        .machines
        .iter()
        .filter(|machine| machine.slot == *slot && machine.go);
    let last = told.max_by_key(|machine| (machine.launched_at, machine.id.clone()))?;
    last.digest.as_ref()
}

fn sides(planned: &SlotPlan) -> impl Iterator<Item = &SlotContent> {
    std::iter::once(&planned.to).chain(planned.from.as_ref())
}

pub(super) fn translated(
    plans: &[RolloutPlan],
    slot: &SlotName,
    digest: &ContentDigest,
) -> Option<SlotContent> {
    let planned = plans.iter().flat_map(|plan| plan.envelope.all_slots());
    let mut contents = planned
        .filter(|planned| planned.slot.name == *slot)
        .flat_map(sides);
    contents.find(|content| content.digest == *digest).cloned()
}

/// The slot's content on the side of a plan on which the content of a member that serves stands.
fn as_the_survivors(plans: &[RolloutPlan], seen: &Observed, slot: &SlotName) -> Option<SlotContent> {
    let serves = |name: &SlotName| {
        let endpoint = seen.etcd.endpoints.get(name);
        endpoint
            .and_then(|endpoint| endpoint.answer())
            .is_some_and(|answer| answer.serves)
    };
    let runs = |planned: &SlotPlan, content: &SlotContent| {
        let name = &planned.slot.name;
        let digest = holder(seen, name).and_then(|machine| machine.digest.as_ref());
        serves(name) && digest == Some(&content.digest)
    };
    plans.iter().find_map(|plan| {
        let own = plan
            .envelope
            .slots
            .iter()
            .find(|planned| planned.slot.name == *slot)?;
        let others = || {
            plan.envelope
                .slots
                .iter()
                .filter(|planned| planned.slot.name != *slot)
        };
        if others().any(|planned| runs(planned, &planned.to)) {
            return Some(own.to.clone());
        }
        let former = |planned: &SlotPlan| planned.from.as_ref().is_some_and(|from| runs(planned, from));
        others().any(former).then(|| own.from.clone()).flatten()
    })
}
