//! What is expected from today's leader and today's health: order, margins, durations, blockers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::envelope::{Envelope, Forecast, ForecastStep, RolloutKind, SlotPlan};
use super::input::holder;
use super::{certificates, eta, servers, spare, workers};
use crate::catalog::etcd::{hop_notes, short_log_note};
use crate::domain::etcd::{Endpoint, ListedMember, MemberAnswer, NOSPACE};
use crate::domain::fleet::{Join, Machine};
use crate::domain::ids::SlotName;
use crate::domain::observed::Observed;
use crate::domain::quorum::Standing;

/// What etcd gives itself without `--quota-backend-bytes`.
pub(super) const QUOTA_DEFAULT: u64 = 2 * 1024 * 1024 * 1024;
/// The snapshot is written as one object in one request, and S3 takes no more at once.
const SNAPSHOT_MAX: u64 = 5 * 1024 * 1024 * 1024;
const GIB: u64 = 1024 * 1024 * 1024;

/// `quota`: of a member that does not tell its own.
pub(super) fn forecast(envelope: &Envelope, seen: &Observed, quota: u64) -> Forecast {
    let mut forecast = Forecast {
        order: order(envelope, seen),
        servers: servers::forecast(envelope, seen),
        workers: workers::forecast(envelope, seen),
        blockers: Vec::new(),
        notes: Vec::new(),
        total: Duration::ZERO,
    };
    if envelope.kind != RolloutKind::Bootstrap {
        forecast.blockers = blockers(envelope, seen, quota);
        forecast.blockers.extend(servers::blockers(envelope, seen));
    }
    forecast.notes = notes(envelope, seen);
    forecast.notes.extend(servers::notes(envelope));
    let (blockers, of_workers) = workers::found(envelope, seen);
    forecast.blockers.extend(blockers);
    forecast.notes.extend(of_workers);
    forecast.total = forecast
        .order
        .iter()
        .fold(Duration::ZERO, |sum, step| sum.saturating_add(step.about));
    let servers = forecast
        .servers
        .as_ref()
        .map_or(Duration::ZERO, |line| line.about);
    // Groups of workers go side by side.
    let workers = forecast.workers.iter().map(|line| line.about).max();
    forecast.total = forecast
        .total
        .saturating_add(servers)
        .saturating_add(workers.unwrap_or_default());
    forecast
}

fn leader(seen: &Observed) -> Option<&SlotName> {
    seen.etcd
        .endpoints
        .iter()
        .find(|(_, endpoint)| {
            endpoint
                .answer()
                .is_some_and(|answer| answer.leader == Some(answer.id))
        })
        .map(|(slot, _)| slot)
}

fn order(envelope: &Envelope, seen: &Observed) -> Vec<ForecastStep> {
    let leader = leader(seen);
    let mut changing: Vec<&SlotPlan> = envelope.slots.iter().filter(|slot| slot.changes()).collect();
    let out = |slot: &SlotPlan| is_out(seen, &slot.slot.name);
    // Nobody else is taken out before those are back that are out already.
    changing.sort_by_key(|slot| (!out(slot), leader == Some(&slot.slot.name)));
    let count = changing.len();
    let ends = envelope.ends_the_old_minor();
    let voters = u32::try_from(envelope.slots.len()).unwrap_or(u32::MAX);
    let full = Standing {
        voters,
        healthy: voters,
    };
    let margin =
        spare::margins(envelope).unwrap_or((full.margin(), full.after_stop().margin(), full.margin()));
    let stay_out = envelope
        .slots
        .iter()
        .filter(|slot| out(slot) && stays_out(envelope, seen, slot));
    let stay_out = i64::try_from(stay_out.count()).unwrap_or(i64::MAX);
    let come_in = changing.iter().filter(|slot| out(slot)).count();
    let line = |n: usize, slot: &&SlotPlan| {
        let still_out = i64::try_from(come_in.saturating_sub(n))
            .unwrap_or(0)
            .saturating_add(stay_out);
        let last = n + 1 == count;
        let bake = if last && envelope.bakes() {
            envelope.policy.bake
        } else {
            Duration::ZERO
        };
        ForecastStep {
            step: slot.step.clone(),
            slot: slot.slot.name.clone(),
            because: because(envelope, slot, leader, seen),
            margin: if envelope.kind == RolloutKind::Bootstrap {
                (0, 0, full.margin())
            } else {
                lowered(margin, still_out, out(slot))
            },
            about: eta::member(&envelope.policy).saturating_add(bake),
            point_of_no_return: last && ends,
        }
    };
    let slots = changing.iter().enumerate().map(|(n, slot)| line(n, slot));
    spare::first_line(envelope).into_iter().chain(slots).collect()
}

/// `out`: members that are out before the step. One of them may be the one that it brings in.
fn lowered((before, during, after): (i64, i64, i64), out: i64, comes_in: bool) -> (i64, i64, i64) {
    let by = |margin: i64, out: i64| margin.saturating_sub(out);
    if comes_in {
        (by(before, out), by(before, out), by(after, out.saturating_sub(1)))
    } else {
        (by(before, out), by(during, out), by(after, out))
    }
}

/// This rollout does not touch it, and does not bring it back either.
fn stays_out(envelope: &Envelope, seen: &Observed, slot: &SlotPlan) -> bool {
    !slot.changes() && !comes_back_first(envelope, seen, &slot.slot.name)
}

fn is_out(seen: &Observed, slot: &SlotName) -> bool {
    let answer = seen
        .etcd
        .endpoints
        .get(slot)
        .and_then(|endpoint| endpoint.answer());
    !answer.is_some_and(|answer| answer.serves)
}

fn because(envelope: &Envelope, slot: &SlotPlan, leader: Option<&SlotName>, seen: &Observed) -> String {
    let out = envelope.kind != RolloutKind::Bootstrap && is_out(seen, &slot.slot.name);
    let role = if out && envelope.kind == RolloutKind::Upgrade {
        // Nothing comes first: it is a blocker.
        "is out"
    } else if out {
        "is out, so it comes first"
    } else if leader == Some(&slot.slot.name) {
        "leads, so it goes last"
    } else {
        "follower"
    };
    let reasons = slot.reasons.join("; ");
    match &envelope.kind {
        RolloutKind::Heal { .. } => format!("{reasons}; {}", out_because(seen, &slot.slot.name)),
        RolloutKind::Upgrade
        | RolloutKind::Bootstrap
        | RolloutKind::Rollback { .. }
        | RolloutKind::Replace { .. } => format!("{role}; {reasons}"),
    }
}

/// What is seen of a member that is healed. Never in the envelope: a port that refuses now is silent in the next look,
/// and what was approved is still the same.
fn out_because(seen: &Observed, slot: &SlotName) -> String {
    let Some(machine) = holder(seen, slot) else {
        return "no machine lives in it".to_owned();
    };
    let endpoint = seen.etcd.endpoints.get(slot);
    let words = endpoint.map_or_else(|| "it was not asked".to_owned(), Endpoint::words);
    format!("machine {} gives way: {words}", machine.id)
}

/// Must be fixed before starting.
fn blockers(envelope: &Envelope, seen: &Observed, quota: u64) -> Vec<String> {
    let mut blockers = Vec::new();
    let target = match &envelope.kind {
        RolloutKind::Heal { slot } | RolloutKind::Replace { slot } => Some(slot),
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Rollback { .. } => None,
    };
    for slot in &envelope.slots {
        let name = &slot.slot.name;
        let endpoint = seen.etcd.endpoints.get(name);
        // Bringing it back is what healing, replacing and going back are for.
        let comes_back = slot.changes() && matches!(envelope.kind, RolloutKind::Rollback { .. });
        let Some(answer) = endpoint.and_then(|endpoint| endpoint.answer()) else {
            if target != Some(name) && !comes_back && !comes_back_first(envelope, seen, name) {
                let words = endpoint.map_or_else(|| "not asked".to_owned(), Endpoint::words);
                blockers.push(format!(
                    "{name} is out: {words} → an upgrade does not start it; bring it back: rehull etcd heal {name} FILE"
                ));
            }
            continue;
        };
        for alarm in answer.alarms.iter().filter(|alarm| holds(envelope, alarm)) {
            blockers.push(format!(
                "{name} raises {alarm} → clear its cause and the alarm; nothing moves before that"
            ));
        }
        if !answer.serves && target != Some(name) && !comes_back {
            blockers.push(format!(
                "{name} answers, but does not serve → look: rehull etcd status FILE; if it stays so: rehull etcd heal {name} FILE"
            ));
        }
        if answer.learner && target != Some(name) {
            blockers.push(format!("{name} is a learner → promote it or remove it"));
        }
        blockers.extend(too_full(envelope, name, answer, quota));
    }
    blockers.extend(strangers(envelope, seen));
    blockers.extend(certificates::blockers(envelope, seen));
    blockers
}

/// Whether an alarm forbids the rollout. Without space nothing is refused that brings a member back, and with one more
/// member there is the margin to defragment the others.
fn holds(envelope: &Envelope, alarm: &str) -> bool {
    let heals = matches!(envelope.kind, RolloutKind::Heal { .. });
    !heals || alarm != NOSPACE
}

fn raises(seen: &Observed, slot: &SlotName, alarm: &str) -> bool {
    let answer = seen.etcd.endpoints.get(slot).and_then(Endpoint::answer);
    answer.is_some_and(|answer| answer.alarms.iter().any(|raised| raised == alarm))
}

/// Members that no slot of the plan owns: gates stay red as long as they are listed.
fn strangers(envelope: &Envelope, seen: &Observed) -> BTreeSet<String> {
    let answers = seen.etcd.endpoints.values().filter_map(Endpoint::answer);
    let lines = answers.filter_map(|answer| answer.members.as_deref()).flatten();
    let owned = |line: &&ListedMember| {
        let is_of = |slot: &SlotPlan| {
            line.peer_urls.contains(&slot.slot.peer_url()) || line.name == slot.slot.name.as_str()
        };
        envelope.all_slots().any(is_of)
    };
    let words = |line: &ListedMember| {
        format!(
            "member {} `{}` belongs to no slot of the cluster file → give it one, or remove it: `etcdctl member remove {}`",
            line.id, line.name, line.id
        )
    };
    lines.filter(|line| !owned(line)).map(words).collect()
}

/// What heals one member brings back every other one that has no machine any more, or one that did not boot, as it was:
/// two that are lost must not keep each other from being healed. Without a quorum of the rest nothing could be healed by
/// changing the list.
fn comes_back_first(envelope: &Envelope, seen: &Observed, slot: &SlotName) -> bool {
    let heals = matches!(envelope.kind, RolloutKind::Heal { .. });
    let serving = envelope
        .slots
        .iter()
        .filter(|planned| !is_out(seen, &planned.slot.name));
    let quorum = serving.count() > envelope.slots.len() / 2;
    // etcd may run on a machine that has refused later on, unless it was one to bring a member back.
    let came_back = |machine: &Machine| machine.join == Some(Join::Reattach);
    let runs_nothing = |machine: &Machine| !machine.go || machine.has_refused() && came_back(machine);
    heals && quorum && holder(seen, slot).is_none_or(runs_nothing)
}

/// A database near its quota raises NOSPACE in the middle of a rollout; one above 5 GiB cannot be copied beforehand.
fn too_full(envelope: &Envelope, name: &SlotName, answer: &MemberAnswer, quota: u64) -> Vec<String> {
    let remedy = "compact and defragment: `etcdctl compact REVISION`, then `etcdctl defrag` on one member after the other";
    let mut blockers = Vec::new();
    let limit = u64::from(envelope.policy.quota_used_percent_max);
    let quota = answer.db_quota.filter(|quota| *quota > 0).unwrap_or(quota);
    if holds(envelope, NOSPACE) && answer.db_size.saturating_mul(100) > quota.saturating_mul(limit) {
        blockers.push(format!(
            "{name} uses {} of {quota} bytes of its quota (gate: {limit} %) → {remedy}; or raise `quota-backend-bytes`",
            answer.db_size
        ));
    }
    let copied = match envelope.kind {
        RolloutKind::Upgrade | RolloutKind::Replace { .. } | RolloutKind::Rollback { .. } => true,
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
    };
    if copied && envelope.policy.snapshot && answer.db_size > SNAPSHOT_MAX {
        blockers.push(format!(
            "the database of {name} has {} GiB, the snapshot before the first change can hold 5 GiB → {remedy}",
            answer.db_size / GIB
        ));
    }
    blockers
}

fn notes(envelope: &Envelope, seen: &Observed) -> Vec<String> {
    let mut notes: Vec<String> = match envelope.from {
        Some(from) => hop_notes(from, envelope.to)
            .into_iter()
            .map(|note| note.text)
            .collect(),
        None => Vec::new(),
    };
    let answers = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    if let Some(applied) = answers.map(|answer| answer.applied_index).max()
        && let Some(from) = envelope.from
    {
        notes.extend(short_log_note(from, envelope.to, applied).map(|note| note.text));
    }
    for slot in envelope.slots.iter().map(|planned| &planned.slot.name) {
        let is_target = matches!(&envelope.kind, RolloutKind::Heal { slot: target } if target == slot);
        if !is_target && is_out(seen, slot) && comes_back_first(envelope, seen, slot) {
            notes.push(format!(
                "{slot} has no machine that runs it either: it comes back first, as it was"
            ));
        }
        if !holds(envelope, NOSPACE) && raises(seen, slot, NOSPACE) {
            notes.push(format!(
                "{slot} raises {NOSPACE}: whoever is out comes back all the same, then clear it (docs/runbooks/alarm.md)"
            ));
        }
    }
    let count = seen
        .fleet
        .machines
        .iter()
        .filter(|machine| machine.is_live() && !machine.go)
        .count();
    notes.extend(spare::note(envelope));
    notes.extend(certificates::notes(envelope, seen));
    if count > 0 && envelope.kind != RolloutKind::Bootstrap {
        notes.push(format!(
            "{count} machine(s) of an earlier rollout wait for a go; unwanted ones are terminated"
        ));
    }
    notes
}
