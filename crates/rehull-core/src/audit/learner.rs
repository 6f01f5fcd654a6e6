//! Learners: one at a time, only where the plan says so, and a voter only with everything that the voters have.

use super::{Violation, violation};
use crate::domain::action::Action;
use crate::domain::etcd::ListedMember;
use crate::domain::ids::{MemberId, SlotName};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::plan::RolloutPlan;

pub(super) fn check(plan: &RolloutPlan, seen: &Observed, action: &Action) -> Result<(), Violation> {
    match action {
        Action::AddMember { slot, learner, .. } => {
            let wanted = plan.envelope.strategy == EtcdStrategy::LearnerFirst;
            if *learner != wanted {
                let kind = if *learner { "learner" } else { "voter" };
                let strategy = plan.envelope.strategy.as_str();
                return Err(violation(
                    3,
                    format!("would add {slot} as a {kind} with {strategy}"),
                ));
            }
            // etcd's own limit (max-learners) is one by default.
            match lines(seen).find(|line| line.learner) {
                Some(other) if *learner => Err(violation(
                    3,
                    format!("would add {slot} as a learner beside the learner {}", other.id),
                )),
                Some(_) | None => Ok(()),
            }
        }
        Action::PromoteMember { slot, member, .. } => {
            let answers_as_it = answer_id(seen, slot) == Some(*member);
            if answers_as_it && is_in_sync(plan, seen, slot) {
                return Ok(());
            }
            Err(violation(
                3,
                format!("would promote {slot}, which is not seen to have what the others have"),
            ))
        }
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::AskStop { .. }
        | Action::RemoveMember { .. }
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
        | Action::Node(_) => Ok(()),
    }
}

/// The lists that are shown call this member a learner: it counts in no quorum.
pub(super) fn is_listed(seen: &Observed, member: MemberId) -> bool {
    let mut of_it = lines(seen).filter(|line| line.id == member).peekable();
    of_it.peek().is_some() && of_it.all(|line| line.learner)
}

/// It answers as a learner and has applied what the most advanced member has, but for what the gates allow.
pub(super) fn is_in_sync(plan: &RolloutPlan, seen: &Observed, slot: &SlotName) -> bool {
    let applied = |name: &SlotName| {
        let answer = seen
            .etcd
            .endpoints
            .get(name)
            .and_then(|endpoint| endpoint.answer());
        answer.map(|answer| (answer.learner, answer.applied_index))
    };
    let most = seen
        .etcd
        .endpoints
        .keys()
        .filter_map(applied)
        .map(|(_, index)| index)
        .max();
    match (applied(slot), most) {
        (Some((true, own)), Some(most)) => most.saturating_sub(own) <= plan.envelope.policy.lag_entries_max,
        (Some((false, _)) | None, _) | (_, None) => false,
    }
}

fn answer_id(seen: &Observed, slot: &SlotName) -> Option<MemberId> {
    let endpoint = seen.etcd.endpoints.get(slot)?;
    endpoint.answer().map(|answer| answer.id)
}

fn lines(seen: &Observed) -> impl Iterator<Item = &ListedMember> {
    let answers = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    answers.filter_map(|answer| answer.members.as_deref()).flatten()
}
