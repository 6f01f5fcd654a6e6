//! Invariants 3 and 8 on a slot's parts: nothing is taken from a running etcd, no data is given up that may still be
//! needed, and nothing is started that etcd would refuse.

use super::{Violation, violation};
use crate::domain::action::Action;
use crate::domain::ids::{ContentDigest, Generation, MemberId, SlotName};
use crate::domain::observed::Observed;
use crate::domain::version::EtcdVersion;
use crate::plan::{RolloutKind, RolloutPlan};

/// A volume or interface is never taken from a machine whose etcd may still run, and a running member is not removed.
pub(super) fn check_parts(seen: &Observed, action: &Action) -> Result<(), Violation> {
    let (slot, member): (&SlotName, Option<MemberId>) = match action {
        Action::DetachVolume { slot, .. } | Action::DetachInterface { slot, .. } => (slot, None),
        Action::RemoveMember { slot, member, .. } => (slot, Some(*member)),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AskStop { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::AddMember { .. }
        | Action::PromoteMember { .. }
        | Action::Go { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => return Ok(()),
    };
    let endpoint = seen.etcd.endpoints.get(slot);
    let Some(answer) = endpoint.and_then(|endpoint| endpoint.answer()) else {
        return Ok(());
    };
    if member.is_none_or(|id| id == answer.id) {
        let verb = action.verb();
        return Err(violation(
            3,
            format!("{verb} {slot} while its member still answers"),
        ));
    }
    Ok(())
}

/// A volume gets a new generation only when its member is seen to be removed: until then its data is a vote.
pub(super) fn check_generation(
    plan: &RolloutPlan,
    seen: &Observed,
    action: &Action,
) -> Result<(), Violation> {
    let Action::AttachVolume { slot, generation, .. } = action else {
        return Ok(());
    };
    let holds = seen
        .fleet
        .slots
        .get(slot)
        .and_then(|parts| parts.volume_generation);
    let given_up = holds.filter(|holds| holds < generation);
    if plan.envelope.kind == RolloutKind::Bootstrap || given_up.is_none() {
        return Ok(());
    }
    if is_started_member(plan, seen, slot) == Some(false) {
        return Ok(());
    }
    let held = given_up.unwrap_or(Generation(0));
    Err(violation(
        3,
        format!("would give up generation {held} of {slot}, whose member is not seen to be removed"),
    ))
}

/// Whether a list shows a member with this slot's address or name that has started once; `None`: nobody shows a list.
fn is_started_member(plan: &RolloutPlan, seen: &Observed, slot: &SlotName) -> Option<bool> {
    let planned = plan
        .envelope
        .all_slots()
        .find(|planned| planned.slot.name == *slot);
    let url = planned.map(|planned| planned.slot.peer_url());
    let answers = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    let mut lists = answers.filter_map(|answer| answer.members.as_deref()).peekable();
    lists.peek()?;
    Some(lists.flatten().any(|line| {
        let here = url.as_ref().is_some_and(|url| line.peer_urls.contains(url));
        !line.name.is_empty() && (here || line.name == slot.as_str())
    }))
}

/// Invariant 8: below the cluster version etcd does not start, so nothing is launched or told to go for it.
pub(super) fn check_version(plan: &RolloutPlan, seen: &Observed, action: &Action) -> Result<(), Violation> {
    let (slot, digest) = match action {
        Action::LaunchMachine { slot, digest, .. } => (slot, Some(digest)),
        Action::Go { slot, machine, .. } => {
            let machine = super::machine(seen, machine);
            (slot, machine.and_then(|machine| machine.digest.as_ref()))
        }
        Action::AskStop { slot, .. } => (slot, None),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::MoveLeader { .. }
        | Action::RemoveMember { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::AddMember { .. }
        | Action::PromoteMember { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => return Ok(()),
    };
    let answers = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    let risen = answers.filter_map(|answer| answer.cluster_version).max();
    let (Some(risen), Some(version)) = (risen, planned_version(plan, slot, digest)) else {
        return Ok(());
    };
    if version.line() >= risen {
        return Ok(());
    }
    let verb = action.verb();
    Err(violation(
        8,
        format!(
            "{verb} {slot} for etcd {version}, which does not start in a cluster of version {}.{}",
            risen.0, risen.1
        ),
    ))
}

/// The version behind a digest of the plan; without one, what the slot is to become.
fn planned_version(
    plan: &RolloutPlan,
    slot: &SlotName,
    digest: Option<&ContentDigest>,
) -> Option<EtcdVersion> {
    let planned = plan
        .envelope
        .all_slots()
        .find(|planned| planned.slot.name == *slot)?;
    let from = planned.from.as_ref();
    match digest {
        None => Some(planned.to.version),
        Some(digest) if *digest == planned.to.digest => Some(planned.to.version),
        Some(digest) => from
            .filter(|from| from.digest == *digest)
            .map(|from| from.version),
    }
}
