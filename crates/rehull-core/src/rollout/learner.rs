//! A new member that entered as a learner becomes a voter once it has caught up.

use super::step::{Step, survivor};
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::quorum::Standing;
use crate::mutant::mutant;

/// Proposes the promotion of this slot's learner if it has what the others have. etcd judges by its own figures, too:
/// "not in sync" passes, so the join's deadline stands over both.
///
/// No gate stands before it: a learner that is in sync raises the margin by becoming a voter, whatever else is out. But a
/// quorum that is lost is not brought back by it, and without one etcd could not even write it down.
pub(super) fn promote(step: &Step<'_>, lag: Option<u64>, tick: &mut Tick) {
    let (Some(answer), Some(line)) = (step.slot.endpoint.answer(), step.slot.listed) else {
        return;
    };
    let policy = &step.now.plan.envelope.policy;
    let is_ours = answer.learner && line.learner && line.id == answer.id && step.slot.parts_at_new();
    let is_wanted = answer.version == step.slot.plan.to.version;
    let in_sync = mutant!(PromoteAtOnce) || lag.is_some_and(|entries| entries <= policy.lag_entries_max);
    if !(is_ours && is_wanted && in_sync) {
        return;
    }
    let now = step.now.standing();
    let then = Standing {
        voters: now.voters.saturating_add(1),
        healthy: now.healthy.saturating_add(1),
    };
    if then.margin() < 0 {
        return;
    }
    if let Some(via) = survivor(step) {
        let action = Action::PromoteMember {
            slot: step.name(),
            member: line.id,
            via,
        };
        step.act(tick, action);
    }
}
