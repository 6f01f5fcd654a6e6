//! The new member joins: it serves, has caught up, its links are old enough, its data is the same; the old machine goes.

use jiff::Timestamp;

use super::situation::{Health, Situation, SlotSituation};
use super::step::{Step, boot_word};
use super::tick::Tick;
use super::{gates, give_up, learner, removed};
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::Machine;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;

/// Stages 7 and 8: it was told to go.
pub(super) fn join(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    mutant!(TerminateBeforeJoined => release_old(step, tick));
    let policy = &step.now.plan.envelope.policy;
    let lag = step
        .slot
        .endpoint
        .answer()
        .map(|a| step.now.applied_max().saturating_sub(a.applied_index));
    let lacks = if !step.slot.parts_at_new() {
        Some("volume and interface are not both at the new machine".to_owned())
    } else if !step.slot.serves_new() {
        Some(join_lacks(step.slot, new))
    } else {
        lag.filter(|entries| *entries > policy.lag_entries_max)
            .map(|entries| format!("{entries} entries behind (gate: {})", policy.lag_entries_max))
    };
    let mark = gates::joined_mark(step.slot.name(), &new.id);
    // One in the future was written before the clock went back: it is written again.
    let joined = step.journal.marked_at(&mark).filter(|at| *at <= step.now.seen.at);
    match (lacks, joined) {
        (Some(lacks), _) => {
            let go = Action::Go {
                slot: step.name(),
                machine: new.id.clone(),
                with_spare: false, // not part of its key
            };
            let told = step.journal.told_at(&go.key());
            let until = step.deadline(told, policy.join_deadline);
            let has_joined = step.journal.marked_at(&mark).is_some();
            if has_joined && is_patched(step.slot) {
                return tick.stop(patched(step, &lacks));
            }
            let boots_another = !has_joined && runs_another(step.slot);
            let silent = step.slot.endpoint.answer().is_none() || boots_another;
            if silent && step.now.slots.len() > 1 && give_up::was_over(step, told, policy.join_deadline) {
                return one_more_look(step, new, lacks, tick);
            }
            if step.now.seen.at >= until && joined.is_none() {
                let what = format!(
                    "{} did not join in time: {lacks}; if nothing is heard of it when the rollout is resumed, machine {} is given up for another",
                    step.slot.name(),
                    new.id
                );
                return tick.stop(StopReason::Deadline { what });
            }
            learner::promote(step, lag, tick);
            step.wait(tick, WaitingOn::Join { lacks, lag, until });
        }
        (None, None) => {
            tick.mark(mark);
            step.wait(
                tick,
                WaitingOn::Settle {
                    until: step.until(None, policy.settle),
                },
            );
        }
        (None, Some(at)) => settled(step, at, tick),
    }
}

/// Its member runs, and not the release that its machine was launched with: it has booted with something else.
fn runs_another(slot: &SlotSituation<'_>) -> bool {
    let answer = slot.endpoint.answer();
    answer.is_some_and(|answer| answer.version != slot.plan.to.version)
}

/// It serves, though not with the release of the plan: where it had joined with that before, a person has put another one
/// on its machine.
fn is_patched(slot: &SlotSituation<'_>) -> bool {
    slot.standing() == Health::Healthy && runs_another(slot)
}

fn patched(step: &Step<'_>, lacks: &str) -> StopReason {
    let name = step.slot.name();
    let what = format!(
        "{name} {lacks}, with which it had joined: somebody has changed it by hand, and a healthy member is not given up for that; put {} back on it and resume, or `rehull abort` ends this rollout, and a new plan replaces the machine",
        step.slot.plan.to.version
    );
    StopReason::OutsideEnvelope { what }
}

/// It serves on the machine that it has joined on, and what its step lacks is not for an abort to do: it is verified together
/// with one that somebody has removed, or a person has put another release on it.
pub(super) fn is_left_at_rest(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    let has_joined = slot.new.is_some_and(|new| new.go) && gates::joined_at(slot, journal).is_some();
    has_joined && is_patched(slot) || removed::leave_it_unverified(now, slot, journal)
}

/// A member that answers goes on answering until its machine is off: while another one is on its way there none follows.
/// Where no quorum is left to lose, one that is heard not to run can only come back on another machine.
fn may_go(step: &Step<'_>, tick: &mut Tick) -> bool {
    if *step.slot.endpoint == Endpoint::Refused && give_up::no_quorum_is_left(step) {
        return true;
    }
    let others = step.now.others(step.slot.name());
    let going: Vec<_> = others.flat_map(SlotSituation::leaving_now).collect();
    if step.slot.endpoint.answer().is_none() || going.is_empty() {
        return step.others_green(tick);
    }
    for machine in going {
        let machine = machine.id.clone();
        step.wait(tick, WaitingOn::Termination { machine });
    }
    false
}

/// After one more look of a settling time the machine goes; what it carried comes back on another one.
fn one_more_look(step: &Step<'_>, new: &Machine, lacks: String, tick: &mut Tick) {
    let until = give_up::last_look(step);
    if step.now.seen.at < until {
        step.wait_for_join(lacks, until, tick);
    } else if !tick.one_is_out() && may_go(step, tick) {
        tick.takes_one_out();
        give_up::terminate(step, new, TerminateWhy::DidNotJoin, tick);
    }
}

fn join_lacks(slot: &SlotSituation<'_>, new: &Machine) -> String {
    let phase = new
        .report
        .as_ref()
        .map_or_else(|| "no report".to_owned(), |report| boot_word(&report.phase));
    match slot.endpoint {
        Endpoint::Answered(answer) if slot.standing() == Health::Healthy => {
            format!("runs {} instead of {}", answer.version, slot.plan.to.version)
        }
        Endpoint::Answered(_) => gates::describe(slot),
        Endpoint::Refused | Endpoint::Silent(_) | Endpoint::Strange(_) => {
            format!("{}; machine says {phase}", gates::describe(slot))
        }
    }
}

/// Stage 8: links are old enough, data is the same everywhere, then the old machine goes.
fn settled(step: &Step<'_>, joined: Timestamp, tick: &mut Tick) {
    let until = step.until(Some(joined), step.now.plan.envelope.policy.settle);
    if step.now.seen.at < until {
        return step.wait(tick, WaitingOn::Settle { until });
    }
    let verify = Action::VerifyData { slot: step.name() };
    let verified = step.journal.done_at(&verify.key()).is_some_and(|at| at >= joined);
    if !verified && step.now.slots.len() > 1 {
        if step.others_green(tick) {
            step.act(tick, verify);
        }
        return;
    }
    release_old(step, tick);
}

fn release_old(step: &Step<'_>, tick: &mut Tick) {
    mutant!(ForgetOldMachine => return);
    for machine in &step.slot.old {
        let why = if machine.go {
            TerminateWhy::Replaced
        } else {
            TerminateWhy::Unwanted
        };
        step.act(
            tick,
            Action::TerminateMachine {
                slot: step.name(),
                machine: machine.id.clone(),
                why,
            },
        );
    }
}

/// The step has nothing left to do.
pub(crate) fn is_complete(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    if !slot.plan.changes() {
        return true;
    }
    mutant!(NextBeforeJoined => return slot.new.is_some_and(|new| new.go));
    slot.serves_new() && has_settled(now, slot, journal)
}

/// Nothing is heard of its member any more, though its machine is there, and the step was over, or somebody else has removed
/// the member since it joined: an incident, not an open step. The others must not wait in its name, and a person must be able
/// to abort the rollout and heal it.
pub(crate) fn was_complete_and_hangs(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    journal: &JournalView,
) -> bool {
    let is_over = || has_settled(now, slot, journal) || removed::after_it_joined(now, slot, journal);
    slot.endpoint.answer().is_none() && is_over()
}

/// It has joined on the machine that carries it, its links are old enough, its data was compared, and the old machine is
/// gone.
pub(super) fn has_settled(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    let policy = &now.plan.envelope.policy;
    if !slot.old.is_empty() && !mutant!(ForgetOldMachine) {
        return false;
    }
    // Told by the machine that carries it: what joined on another machine has to join again.
    let Some(joined) = gates::joined_at(slot, journal) else {
        return false;
    };
    let settled = joined
        .checked_add(policy.settle)
        .is_ok_and(|until| now.seen.at >= until);
    if !settled {
        return false;
    }
    let verify = Action::VerifyData {
        slot: slot.name().clone(),
    };
    now.slots.len() == 1 || journal.done_at(&verify.key()).is_some_and(|at| at >= joined)
}
