//! Alarms that etcd has raised: a person clears them, and nothing is begun meanwhile.
//!
//! `NOSPACE` refuses writes of keys and leases (`applierV3Capped` in `server/etcdserver/apply`, the same from 3.4 to 3.7)
//! and nothing else: members leave, enter, publish their name, catch up and are read as ever. So a member that is out by our
//! doing, was lost or is healed comes in first; the person has the time for the alarm only with the margin that this gives back. Any other alarm
//! is about the data itself, and whoever enters would copy it.

use super::situation::{Health, Situation, SlotSituation};
use super::tick::Tick;
use super::{Goal, comeback, order};
use crate::domain::etcd::NOSPACE;
use crate::domain::ids::StepId;
use crate::domain::waiting::{RedGate, StopReason, WaitingOn};
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::RolloutKind;

/// It casts doubt on the data of a member.
pub(super) fn is_of_data(alarm: &str) -> bool {
    alarm != NOSPACE
}

/// The first one that is raised.
pub(super) fn raised(now: &Situation<'_>) -> Option<StopReason> {
    first(now, |_| true)
}

/// One that stops everything, at once.
pub(super) fn stop_sign(now: &Situation<'_>) -> Option<StopReason> {
    match now.plan.envelope.kind {
        RolloutKind::Bootstrap => raised(now),
        RolloutKind::Upgrade
        | RolloutKind::Heal { .. }
        | RolloutKind::Replace { .. }
        | RolloutKind::Rollback { .. } => first(now, is_of_data),
    }
}

fn first(now: &Situation<'_>, counts: impl Fn(&str) -> bool) -> Option<StopReason> {
    mutant!(SkipAlarms => return None);
    now.answers().find_map(|(slot, answer)| {
        let alarm = answer.alarms.iter().find(|alarm| counts(alarm))?;
        Some(StopReason::Alarm {
            slot: slot.name().clone(),
            alarm: alarm.clone(),
        })
    })
}

/// Under an alarm what was decided counts only for slots that come in. Where nothing is left to do, an alarm changes
/// nothing about that.
pub(super) fn restrain(now: &Situation<'_>, journal: &JournalView, goal: Goal, tick: &mut Tick) {
    let Some(reason) = raised(now).filter(|_| !tick.is_empty()) else {
        return;
    };
    let begun = order::turn(now, journal, goal).begun;
    let first = begun.filter(|slot| !slot.is_yet_to_begin(journal)).or_else(|| {
        let out = now.slots.iter().filter(|slot| slot.standing() == Health::Out);
        let mut coming = out.filter(|slot| is_healed(now, slot) || comeback::is_ours(now, slot, journal));
        coming.next()
    });
    let (Some(first), StopReason::Alarm { slot, alarm }) = (first, &reason) else {
        *tick = Tick::default();
        tick.stop(reason);
        return;
    };
    if !first.switch_has_begun() {
        let comes = |step: &StepId| {
            let mut slots = now.slots.iter().filter(|slot| slot.plan.step == *step);
            slots.any(|slot| slot.standing() == Health::Out)
        };
        tick.only(comes);
    }
    let red = vec![RedGate {
        slot: Some(slot.clone()),
        gate: "alarm".to_owned(),
        seen: format!("{alarm}: {}", words(now, first)),
        until: None,
    }];
    tick.wait(&first.plan.step, WaitingOn::Gate { red });
}

fn words(now: &Situation<'_>, slot: &SlotSituation<'_>) -> String {
    let name = slot.name();
    let now_so = match slot.standing() {
        Health::Out => format!("{name} is out and comes in all the same"),
        Health::Healthy => format!("{name} is in, and its step comes to its end"),
    };
    if is_healed(now, slot) {
        format!("{now_so}; a person clears the alarm")
    } else {
        format!("{now_so}, then the rollout stops")
    }
}

/// A person has asked for just this member to be brought back.
pub(super) fn is_healed(now: &Situation<'_>, slot: &SlotSituation<'_>) -> bool {
    matches!(&now.plan.envelope.kind, RolloutKind::Heal { slot: target } if target == slot.name())
}
