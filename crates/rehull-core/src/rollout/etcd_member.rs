//! Replaces one etcd member, warm then switch.
//!
//! Replacement booted and waiting → leader away → graceful stop observed → (member removed) → slot moved →
//! (member added) → go → joined, caught up, settled, same data → old machine terminated.
//!
//! [`next`] reads the snapshot only, so it can be asked again after any crash. Stop comes before remove because
//! removing a running member cuts its calls in flight; both orders were measured under a live control plane:
//! 34 failed API requests for remove-first on the leader, none for this one.

use super::boot::warm;
use super::step::{Step, survivor};
use super::tick::Tick;
use super::{gates, give_up, join, leave, preflight, slot_move, steady};
use crate::domain::action::Action;
use crate::domain::fleet::{Join, Machine};
use crate::domain::ids::Generation;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::mutant::mutant;
use crate::plan::RolloutKind;

/// Proposes what brings this slot one stage further.
pub(crate) fn next(step: &Step<'_>, tick: &mut Tick) {
    let Some(new) = step.slot.new else {
        return launch(step, tick);
    };
    if give_up::a_refusal(step, new, tick) {
        return;
    }
    // Its report may be newer than its tags: whoever starts was told to go.
    if new.go || new.says_that_etcd_starts() {
        join::join(step, new, tick);
    } else {
        switch(step, new, tick);
    }
}

/// Stage 1: no replacement yet.
fn launch(step: &Step<'_>, tick: &mut Tick) {
    let plan = step.slot.plan;
    if step.slot.is_yet_to_begin(step.journal) && !step.others_green(tick) {
        return;
    }
    let Some(version) = step.now.template_version(plan) else {
        return tick.stop(StopReason::OutsideEnvelope {
            what: format!(
                "launch template {} has no version with digest {}",
                plan.slot.launch_template, plan.to.digest
            ),
        });
    };
    let holds = step.slot.parts.and_then(|parts| parts.volume_generation);
    let (join, generation) = match (step.now.plan.envelope.strategy, holds) {
        (EtcdStrategy::Reattach, Some(held)) => (Join::Reattach, held),
        (EtcdStrategy::Reattach, None) => {
            return tick.stop(StopReason::OutsideEnvelope {
                what: format!(
                    "volume {} carries no generation tag: no data to reattach",
                    plan.slot.volume
                ),
            });
        }
        (EtcdStrategy::RemoveThenAdd | EtcdStrategy::LearnerFirst, held) => {
            let next = held.map_or(Generation(1), Generation::next);
            (
                Join::Existing,
                held.filter(|_| mutant!(ReuseGeneration)).unwrap_or(next),
            )
        }
    };
    step.act(
        tick,
        Action::LaunchMachine {
            slot: step.name(),
            template: plan.slot.launch_template.clone(),
            version: version.version,
            digest: plan.to.digest.clone(),
            join,
            generation,
        },
    );
}

/// Stages 2 to 6: the replacement exists and has no go yet.
fn switch(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    if !warm(step, new, tick) {
        return;
    }
    let is_held = step.slot.is_yet_to_begin(step.journal) || !step.hold.is_empty();
    if is_held && !may_begin(step, tick) {
        return;
    }
    if !mutant!(RemoveFirst) && !leave::old_is_stopped(step, tick) {
        return;
    }
    // A lost member that came back as it was is on such a machine, whatever the strategy.
    let removes = new.join != Some(Join::Reattach);
    // With one member nobody is left to show a list; its data on the volume is the membership.
    let alone = step.now.slots.len() == 1;
    // Nobody can show a list without a quorum. Until one is seen, its own data may still be needed as it is.
    if removes && !step.now.list_is_known() && !step.others_green(tick) {
        return;
    }
    // Before the go, a listed member that has a name is the old one: the new one gets its name when it starts.
    let old_line = step.slot.listed.filter(|line| !line.name.is_empty());
    if removes && let Some(line) = old_line {
        if step.others_green(tick)
            && let Some(via) = survivor(step)
        {
            step.act(
                tick,
                Action::RemoveMember {
                    slot: step.name(),
                    member: line.id,
                    via,
                },
            );
        }
        return slot_move::off_the_old(step.slot, new, tick);
    }
    if !slot_move::to_the_new(step.slot, new, tick) {
        return;
    }
    if step.slot.listed.is_none() && !alone {
        if removes {
            add(step, tick);
        } else {
            reattach_unlisted(step, new, tick);
        }
        return;
    }
    go(step, new, tick);
}

/// Stage 6: the slot is at the new machine, and no member has its address.
fn add(step: &Step<'_>, tick: &mut Tick) {
    if step.others_green(tick)
        && let Some(via) = survivor(step)
    {
        let peer_url = step.slot.plan.slot.peer_url();
        step.act(
            tick,
            Action::AddMember {
                slot: step.name(),
                peer_url,
                via,
                learner: step.now.plan.envelope.strategy == EtcdStrategy::LearnerFirst,
            },
        );
    }
}

/// Its member is in no list: either nobody can show one, or it was removed.
fn reattach_unlisted(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    match &step.now.members {
        // No quorum, so no list: the data says which member it is, and its start may be what brings the quorum back.
        Ok(list) if list.is_empty() => go(step, new, tick),
        Ok(_) => tick.stop(StopReason::OutsideEnvelope {
            what: format!(
                "{} is in no member list: its data cannot be reattached",
                step.slot.name()
            ),
        }),
        Err(_) => {
            step.others_green(tick);
        }
    }
}

/// Stage 7 begins.
fn go(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    step.act(
        tick,
        Action::Go {
            slot: step.name(),
            machine: new.id.clone(),
            with_spare: step.now.spare_is_listed(),
        },
    );
}

/// Between stages 2 and 3: the last moment at which nothing has been touched.
fn may_begin(step: &Step<'_>, tick: &mut Tick) -> bool {
    let mut free = step.others_green(tick);
    for on in &step.hold {
        step.wait(tick, on.clone());
        free = false;
    }
    let heals = matches!(step.now.plan.envelope.kind, RolloutKind::Heal { .. });
    let on_its_data = step.slot.new.is_some_and(|new| new.join == Some(Join::Reattach));
    // What comes back on its own data enters nothing, and is what it was.
    let enters = !(heals && on_its_data);
    let mut red: Vec<_> = gates::held_down(step.now, step.slot.plan.to.version)
        .filter(|_| enters)
        .into_iter()
        .collect();
    // A heal takes nobody out: with another member that falls and rises it is the more urgent.
    if !heals {
        red.extend(steady::red(step.now, step.slot.name(), step.journal));
    }
    if !red.is_empty() {
        step.wait(tick, WaitingOn::Gate { red });
        free = false;
    }
    if let Some(until) = gates::settled_at(step.now, step.slot.name(), step.journal)
        && step.now.seen.at < until
    {
        step.wait(tick, WaitingOn::Settle { until });
        free = false;
    }
    // Last, because it is asked once: nothing else may stand between it and what it is asked for.
    free && preflight::passed(step, tick)
}
