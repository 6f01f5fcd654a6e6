//! The independent checker. It shares no code with `plan` and `rollout`: it judges what they propose by the raw
//! snapshot alone, and a violation stops the rollout before anything is sent.

use crate::domain::action::Action;
use crate::domain::etcd::MemberAnswer;
use crate::domain::ids::{MemberId, SlotName, StepId};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::plan::{RolloutKind, RolloutPlan};

/// A proposal that would break an invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {invariant}: {what}")]
pub struct Violation {
    /// Number in ARCHITECTURE.md.
    pub invariant: u8,
    /// What would have happened.
    pub what: String,
}

/// Judges the actions of one tick together: any subset of them may come true.
pub fn check_next(plan: &RolloutPlan, seen: &Observed, act: &[(StepId, Action)]) -> Result<(), Violation> {
    let mut taking_out: Vec<&SlotName> = Vec::new();
    for (_, action) in act {
        check_target(plan, action)?;
        check_quorum(plan, seen, action)?;
        check_slot_parts(seen, action)?;
        if let Some(slot) = takes_out(action)
            && !taking_out.contains(&slot)
        {
            taking_out.push(slot);
        }
    }
    if taking_out.len() > 1 {
        let names: Vec<&str> = taking_out.iter().map(|slot| slot.as_str()).collect();
        return Err(violation(
            3,
            format!("would take out {} in one tick", names.join(" and ")),
        ));
    }
    Ok(())
}

fn violation(invariant: u8, what: String) -> Violation {
    Violation { invariant, what }
}

/// Only slots that the plan changes may be touched.
fn check_target(plan: &RolloutPlan, action: &Action) -> Result<(), Violation> {
    let Some(slot) = action.slot() else { return Ok(()) };
    let planned = plan
        .envelope
        .slots
        .iter()
        .find(|planned| planned.slot.name == *slot);
    match planned {
        Some(planned) if !planned.reasons.is_empty() => Ok(()),
        Some(_) if matches!(action, Action::TerminateMachine { .. }) => Err(violation(
            1,
            format!("would terminate a machine of {slot}, which the plan does not change"),
        )),
        Some(_) => Err(violation(
            1,
            format!("would touch {slot}, which the plan does not change"),
        )),
        None => Err(violation(
            1,
            format!("would touch {slot}, which is not in the plan"),
        )),
    }
}

/// The slot whose member the action takes out or keeps out.
fn takes_out(action: &Action) -> Option<&SlotName> {
    match action {
        Action::AskStop { slot, .. } | Action::RemoveMember { slot, .. } | Action::AddMember { slot, .. } => {
            Some(slot)
        }
        Action::DetachVolume { slot, .. } | Action::DetachInterface { slot, .. } => Some(slot),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::Go { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. } => None,
    }
}

/// Invariant 3, worst case: count the members that would certainly be left, against the membership that would result.
fn check_quorum(plan: &RolloutPlan, seen: &Observed, action: &Action) -> Result<(), Violation> {
    if plan.envelope.kind == RolloutKind::Bootstrap {
        return Ok(());
    }
    let (slot, voters_change) = match action {
        Action::AskStop { slot, .. } => (slot, 0_i64),
        Action::RemoveMember { slot, .. } => (slot, -1),
        Action::AddMember { slot, .. } => (slot, 1),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::Go { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. } => return Ok(()),
    };
    let voters = listed_voters(seen).unwrap_or(plan.envelope.slots.len());
    let left = seen
        .etcd
        .endpoints
        .iter()
        .filter(|(name, endpoint)| *name != slot && endpoint.answer().is_some_and(counts))
        .count();
    let after = i64::try_from(voters)
        .unwrap_or(i64::MAX)
        .saturating_add(voters_change);
    let needed = after.div_euclid(2).saturating_add(1);
    let left = i64::try_from(left).unwrap_or(0);
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

fn counts(answer: &MemberAnswer) -> bool {
    answer.serves && !answer.learner
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

/// A volume or interface is never taken from a machine whose etcd may still run, and a running member is not removed.
fn check_slot_parts(seen: &Observed, action: &Action) -> Result<(), Violation> {
    let (slot, member): (&SlotName, Option<MemberId>) = match action {
        Action::DetachVolume { slot, .. } | Action::DetachInterface { slot, .. } => (slot, None),
        Action::RemoveMember { slot, member, .. } => (slot, Some(*member)),
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AskStop { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::AddMember { .. }
        | Action::Go { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. } => return Ok(()),
    };
    let Some(answer) = seen
        .etcd
        .endpoints
        .get(slot)
        .and_then(|endpoint| endpoint.answer())
    else {
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
