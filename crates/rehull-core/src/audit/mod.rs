//! The independent checker. It shares no code with `plan` and `rollout`: it judges what they propose by the raw
//! snapshot alone, and a violation stops the rollout before anything is sent.

mod data;
mod drain;
mod learner;
mod quorum;
mod serving;

use crate::domain::action::Action;
use crate::domain::fleet::{Join, Machine, MachineState};
use crate::domain::ids::{InstanceId, SlotName, StepId};
use crate::domain::observed::Observed;
use crate::plan::{RolloutPlan, SlotPlan};

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
///
/// # Errors
/// The first invariant that would be broken.
pub fn check_next(plan: &RolloutPlan, seen: &Observed, act: &[(StepId, Action)]) -> Result<(), Violation> {
    let mut taking_out: Vec<&SlotName> = Vec::new();
    for (_, action) in act {
        check_target(plan, seen, action)?;
        quorum::check(plan, seen, action)?;
        learner::check(plan, seen, action)?;
        data::check_parts(seen, action)?;
        data::check_generation(plan, seen, action)?;
        data::check_version(plan, seen, action)?;
        if let Action::Group(action) = action {
            match drain::check_group(plan, seen, action) {
                Some(judged) => judged?,
                None => serving::check(plan, seen, action)?,
            }
        }
        if let Some(slot) = quorum::takes_out(seen, action)
            && !taking_out.contains(&slot)
        {
            taking_out.push(slot);
        }
    }
    drain::check_all(plan, seen, act)?;
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

fn machine<'a>(seen: &'a Observed, id: &InstanceId) -> Option<&'a Machine> {
    seen.fleet.machines.iter().find(|machine| machine.id == *id)
}

/// Only slots that the plan changes may be touched; others only to bring their lost member back as it was, and to take
/// away what waits there for a go that nobody gives.
fn check_target(plan: &RolloutPlan, seen: &Observed, action: &Action) -> Result<(), Violation> {
    let Some(slot) = action.slot() else { return Ok(()) };
    let planned = plan
        .envelope
        .all_slots()
        .find(|planned| planned.slot.name == *slot);
    match planned {
        Some(planned) if !planned.reasons.is_empty() || brings_back(planned, seen, action) => Ok(()),
        Some(_) => Err(violation(
            1,
            format!(
                "would touch {slot} ({}), which the plan does not change",
                action.verb()
            ),
        )),
        None => Err(violation(
            1,
            format!("would touch {slot}, which is not in the plan"),
        )),
    }
}

/// It was never told to go, and neither volume nor interface of the slot is at it.
fn never_ran(seen: &Observed, slot: &SlotName, id: &InstanceId) -> bool {
    let told = machine(seen, id).is_none_or(|machine| machine.go);
    let holds = seen.fleet.slots.get(slot).is_none_or(|parts| {
        let at = [
            parts.volume.attachment.machine(),
            parts.interface.attachment.machine(),
        ];
        at.contains(&Some(id))
    });
    !told && !holds
}

/// A step of the return of a member whose machine is gone or switched off: same member, same data, same content.
fn brings_back(planned: &SlotPlan, seen: &Observed, action: &Action) -> bool {
    let slot = &planned.slot.name;
    let answers = seen
        .etcd
        .endpoints
        .get(slot)
        .is_some_and(|endpoint| endpoint.answer().is_some());
    let is_off = |id: &InstanceId| machine(seen, id).is_some_and(|m| m.state == MachineState::Stopped);
    let reattaches = |id: &InstanceId| machine(seen, id).is_some_and(|m| m.join == Some(Join::Reattach));
    let refused = |id: &InstanceId| machine(seen, id).is_some_and(Machine::has_refused);
    match action {
        Action::LaunchMachine { join, digest, .. } => {
            let from = planned.from.as_ref().is_some_and(|from| from.digest == *digest);
            !answers && *join == Join::Reattach && (from || planned.to.digest == *digest)
        }
        Action::DetachInterface { machine, .. } | Action::DetachVolume { machine, .. } => {
            !answers && is_off(machine)
        }
        Action::AttachInterface { machine, .. }
        | Action::AttachVolume { machine, .. }
        | Action::Go { machine, .. } => !answers && reattaches(machine),
        Action::TerminateMachine { machine, .. } => {
            is_off(machine)
                || never_ran(seen, slot, machine)
                || !answers && reattaches(machine) && refused(machine)
        }
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::MoveLeader { .. }
        | Action::AskStop { .. }
        | Action::RemoveMember { .. }
        | Action::AddMember { .. }
        | Action::PromoteMember { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => false,
    }
}
