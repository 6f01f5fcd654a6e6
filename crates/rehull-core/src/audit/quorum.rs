//! Invariant 3: who would be left, in the worst case.

use super::{Violation, learner, machine, violation};
use crate::domain::action::Action;
use crate::domain::etcd::{Endpoint, MemberAnswer};
use crate::domain::fleet::{Machine, MachineState};
use crate::domain::ids::{InstanceId, SlotName};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::plan::{RolloutKind, RolloutPlan};

/// The slot whose member the action takes out or keeps out.
pub(super) fn takes_out<'a>(seen: &Observed, action: &'a Action) -> Option<&'a SlotName> {
    match action {
        Action::AskStop { slot, .. }
        | Action::RemoveMember { slot, .. }
        | Action::AddMember { slot, .. }
        | Action::PromoteMember { slot, .. } => Some(slot),
        // What is switched off is out already, and not by our doing.
        Action::DetachVolume { slot, machine, .. } | Action::DetachInterface { slot, machine, .. } => {
            (!is_off(seen, machine)).then_some(slot)
        }
        Action::TerminateMachine { slot, machine, .. } => {
            may_end_a_member(seen, slot, machine).then_some(slot)
        }
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::Go { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => None,
    }
}

/// Worst case: the members that would certainly be left, against the membership that would result.
pub(super) fn check(plan: &RolloutPlan, seen: &Observed, action: &Action) -> Result<(), Violation> {
    if plan.envelope.kind == RolloutKind::Bootstrap {
        return Ok(());
    }
    let (slot, voters_change) = match action {
        Action::AskStop { slot, .. } => (slot, 0_i64),
        Action::TerminateMachine { slot, machine, .. } if may_end_a_member(seen, slot, machine) => (slot, 0),
        Action::RemoveMember { slot, member, .. } => {
            removes_who_runs(seen, slot)?;
            (slot, -i64::from(!learner::is_listed(seen, *member)))
        }
        Action::AddMember { slot, learner, .. } => (slot, i64::from(!learner)),
        Action::PromoteMember { slot, .. } => (slot, 1),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::Go { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => return Ok(()),
    };
    let voters = listed_voters(seen).unwrap_or(plan.envelope.slots.len());
    let left = seen
        .etcd
        .endpoints
        .iter()
        .filter(|(name, endpoint)| {
            *name != slot && endpoint.answer().is_some_and(counts) && !was_told_to_stop(seen, name)
        })
        .count();
    let after = i64::try_from(voters)
        .unwrap_or(i64::MAX)
        .saturating_add(voters_change);
    let needed = after.div_euclid(2).saturating_add(1);
    let promoted = matches!(action, Action::PromoteMember { .. }) && learner::is_in_sync(plan, seen, slot);
    let left = i64::try_from(left)
        .unwrap_or(0)
        .saturating_add(i64::from(promoted));
    if left >= needed {
        return Ok(());
    }
    let alone = plan.envelope.slots.len() == 1;
    if alone && plan.envelope.policy.accept_downtime && plan.envelope.strategy == EtcdStrategy::Reattach {
        return Ok(());
    }
    let verb = action.verb();
    Err(violation(
        3,
        format!("{verb} {slot} would leave {left} healthy of {after} voters, {needed} are needed"),
    ))
}

/// The machine with the slot's volume says that it runs the member, and was not told to stop: silent or not, nobody has asked
/// that member to leave. The machine may know of its go earlier than EC2 tells.
fn removes_who_runs(seen: &Observed, slot: &SlotName) -> Result<(), Violation> {
    let parts = seen.fleet.slots.get(slot);
    let carrier = parts.and_then(|parts| parts.volume.attachment.machine());
    let runs = carrier
        .and_then(|id| machine(seen, id))
        .filter(|machine| machine.says_that_etcd_starts() && !machine.stop_asked);
    match runs {
        None => Ok(()),
        Some(machine) => Err(violation(
            3,
            format!(
                "remove-member {slot}: machine {} runs it, and was not told to stop",
                machine.id
            ),
        )),
    }
}

fn counts(answer: &MemberAnswer) -> bool {
    answer.serves && !answer.learner
}

fn is_off(seen: &Observed, id: &InstanceId) -> bool {
    machine(seen, id).is_some_and(|machine| machine.state == MachineState::Stopped)
}

/// It holds the slot's volume and has power: whatever is said of its etcd, it may still be a voter.
fn may_end_a_member(seen: &Observed, slot: &SlotName, id: &InstanceId) -> bool {
    let parts = seen.fleet.slots.get(slot);
    let holds = parts.is_none_or(|parts| parts.volume.attachment.machine() == Some(id));
    holds && !is_off(seen, id) && !runs_none_and_no_quorum_is_left(seen, slot, id)
}

/// The machine says that it runs no etcd and its port does not contradict, or the port itself refuses; and nobody serves
/// although somebody is heard: no quorum can be lost by it.
fn runs_none_and_no_quorum_is_left(seen: &Observed, slot: &SlotName, id: &InstanceId) -> bool {
    let runs_none = machine(seen, id).is_some_and(Machine::has_refused)
        || seen.etcd.endpoints.get(slot) == Some(&Endpoint::Refused);
    let answers = |name: &SlotName| seen.etcd.endpoints.get(name).and_then(|e| e.answer());
    let heard = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Answered(_) | Endpoint::Refused);
    let somebody_is_heard = seen.etcd.endpoints.values().any(heard);
    runs_none
        && somebody_is_heard
        && answers(slot).is_none()
        && !seen.etcd.endpoints.keys().filter_map(answers).any(counts)
}

/// It answers still, but not for long.
fn was_told_to_stop(seen: &Observed, slot: &SlotName) -> bool {
    let holder = seen
        .fleet
        .slots
        .get(slot)
        .and_then(|parts| parts.volume.attachment.machine());
    holder.is_some_and(|id| machine(seen, id).is_some_and(|machine| machine.stop_asked))
}

/// Voters in the longest list that anybody shows: the worst case.
fn listed_voters(seen: &Observed) -> Option<usize> {
    let lists = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|e| e.answer())
        .filter_map(|a| a.members.as_ref());
    lists
        .map(|list| list.iter().filter(|member| !member.learner).count())
        .max()
}
