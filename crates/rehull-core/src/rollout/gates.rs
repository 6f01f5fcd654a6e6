//! Health gates, judged over the members that a step does not touch. A gate that cannot be read is red.

use jiff::Timestamp;

use super::situation::{Health, Situation, SlotSituation};
use super::{alarm, steady};
use crate::domain::ids::{InstanceId, SlotName};
use crate::domain::observed::{Observed, Part};
use crate::domain::version::EtcdVersion;
use crate::domain::waiting::{RedGate, StopReason};
use crate::journal::JournalView;
use crate::mutant::mutant;

/// All red gates that stand against taking `step`'s member out, or against changing the membership.
pub(crate) fn red(now: &Situation<'_>, step: &SlotName) -> Vec<RedGate> {
    let mut red = Vec::new();
    let is_step = |slot: &SlotSituation<'_>| slot.name() == step;
    let comes_in = now
        .all_slots()
        .find(|slot| is_step(slot))
        .is_some_and(|slot| slot.switch_has_begun() || alarm::is_healed(now, slot));
    if let Err(why) = &now.members {
        red.push(RedGate {
            slot: None,
            gate: "member-list".to_owned(),
            seen: why.clone(),
            until: None,
        });
    }
    for slot in now.others(step) {
        red.extend(red_of_member(now, slot));
        red.extend(red_of_alarms(slot, comes_in));
    }
    red.extend(red_of_list(now, step));
    red.extend(red_of_leadership(now, step));
    red
}

fn gate(slot: &SlotSituation<'_>, gate: &str, seen: String) -> RedGate {
    RedGate {
        slot: Some(slot.name().clone()),
        gate: gate.to_owned(),
        seen,
        until: None,
    }
}

fn red_of_member(now: &Situation<'_>, slot: &SlotSituation<'_>) -> Vec<RedGate> {
    mutant!(SkipHealth => return Vec::new());
    let policy = &now.plan.envelope.policy;
    let Some(answer) = slot.endpoint.answer() else {
        return vec![gate(slot, "answers", describe(slot))];
    };
    let mut red = Vec::new();
    if let Some(ours) = now.plan.envelope.etcd_cluster
        && answer.cluster != ours
    {
        red.push(gate(
            slot,
            "cluster-id",
            format!("answers for cluster {}, ours is {ours}", answer.cluster),
        ));
    }
    if answer.learner {
        red.push(gate(slot, "voter", "is still a learner".to_owned()));
    }
    if slot.is_going() {
        red.push(gate(
            slot,
            "stays",
            "still answers, and was told to stop".to_owned(),
        ));
    }
    if !answer.serves {
        red.push(gate(
            slot,
            "linearizable-read",
            "no linearizable read through it within 2 s".to_owned(),
        ));
    }
    red.extend(not_ready(slot, &answer.unready));
    if slot.standing() == Health::Out && answer.serves && !answer.learner {
        red.push(gate(
            slot,
            "listed",
            "is not in the member list as a voter".to_owned(),
        ));
    }
    let lag = now.applied_max().saturating_sub(answer.applied_index);
    if lag > policy.lag_entries_max {
        let limit = policy.lag_entries_max;
        red.push(gate(
            slot,
            "applied-lag",
            format!("{lag} entries behind (gate: {limit})"),
        ));
    }
    red
}

fn red_of_alarms(slot: &SlotSituation<'_>, comes_in: bool) -> Vec<RedGate> {
    mutant!(SkipAlarms => return Vec::new());
    let alarms = slot
        .endpoint
        .answer()
        .into_iter()
        .flat_map(|answer| &answer.alarms);
    let holds = alarms.filter(|alarm| !comes_in || alarm::is_of_data(alarm));
    holds.map(|alarm| gate(slot, "alarm", alarm.clone())).collect()
}

/// What the member itself says of serving.
fn not_ready(slot: &SlotSituation<'_>, unready: &[String]) -> Option<RedGate> {
    (!unready.is_empty()).then(|| gate(slot, "readyz", format!("`/readyz`: {}", unready.join(", "))))
}

/// Nobody but the planned members may be listed, and none may be waiting for its first start.
fn red_of_list(now: &Situation<'_>, step: &SlotName) -> Vec<RedGate> {
    let Ok(members) = &now.members else {
        return Vec::new();
    };
    let mut red = Vec::new();
    for member in members {
        let owner = now
            .all_slots()
            .find(|slot| slot.listed.is_some_and(|line| line.id == member.id));
        match owner {
            None => red.push(RedGate {
                slot: None,
                gate: "member-list".to_owned(),
                seen: format!(
                    "member {} `{}` belongs to no slot of the cluster file",
                    member.id, member.name
                ),
                until: None,
            }),
            Some(slot) if member.name.is_empty() && slot.name() != step => {
                red.push(gate(
                    slot,
                    "started",
                    "is listed but has never started".to_owned(),
                ));
            }
            Some(_) => {}
        }
    }
    red
}

/// While etcd's own downgrade is enabled no member of a newer minor joins. From 3.6 on etcd says so; below, and before it
/// says so, the cluster version is below all members.
pub(crate) fn held_down(now: &Situation<'_>, to: EtcdVersion) -> Option<RedGate> {
    let (version, seen) = if let Some(target) = now.seen.etcd.downgrade_to() {
        (target, format!("is held down to {}.{}", target.0, target.1))
    } else {
        let version = now.cluster_version()?;
        let next = (version.0, version.1.saturating_add(1));
        let runs_next = |slot: &SlotSituation<'_>| {
            let answer = slot.endpoint.answer();
            answer.is_some_and(|answer| answer.version.line() == next)
        };
        if !now.listed_slots().all(runs_next) {
            return None;
        }
        let seen = format!(
            "is {}.{} although every member runs a newer minor",
            version.0, version.1
        );
        (version, seen)
    };
    (to.line() > version).then(|| RedGate {
        slot: None,
        gate: "cluster-version".to_owned(),
        seen: format!(
            "{seen}: etcd's downgrade is enabled (`etcdctl downgrade cancel`), and etcd {to} could not join"
        ),
        until: None,
    })
}

/// Members that stay must agree on a leader in one term.
fn red_of_leadership(now: &Situation<'_>, step: &SlotName) -> Vec<RedGate> {
    let mut seen: Vec<(u64, Option<u64>)> = now
        .others(step)
        .filter_map(|slot| slot.endpoint.answer())
        .map(|answer| (answer.term, answer.leader.map(|id| id.0)))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    match seen.as_slice() {
        [] | [(_, Some(_))] => Vec::new(),
        [(_, None)] => vec![leadership("no leader: an election is going on")],
        _ => vec![leadership("members see different terms or leaders")],
    }
}

fn leadership(text: &str) -> RedGate {
    RedGate {
        slot: None,
        gate: "leader".to_owned(),
        seen: text.to_owned(),
        until: None,
    }
}

/// What a person needs to know of a member that does not answer.
pub(crate) fn describe(slot: &SlotSituation<'_>) -> String {
    let port = slot.endpoint.words();
    let live = slot.new.is_some() || !slot.old.is_empty();
    if live {
        port
    } else {
        format!("{port}; no machine lives in its slot")
    }
}

/// Peer links of a member that has just joined, or is back, count as down inside etcd for 5 s: when will all be old
/// enough to take this step's member out?
pub(crate) fn settled_at(now: &Situation<'_>, step: &SlotName, journal: &JournalView) -> Option<Timestamp> {
    let joined = now.listed_slots().filter_map(|slot| joined_at(slot, journal));
    let joined = joined.filter(|at| *at <= now.seen.at);
    let last = joined.chain(steady::since(now, step, journal)).max()?;
    last.checked_add(now.plan.envelope.policy.settle).ok()
}

/// Name of the mark that is set when the member on this machine is first seen in step with the others.
pub(crate) fn joined_mark(slot: &SlotName, machine: &InstanceId) -> String {
    format!("joined {slot} {machine}")
}

/// Some new machine of the slot was seen in step with the others in this rollout.
pub(super) fn has_joined(slot: &SlotName, journal: &JournalView) -> bool {
    let prefix = format!("joined {slot} ");
    journal.marks_like(&prefix).next().is_some()
}

/// When the member joined on the machine that carries it now, if that was in this rollout.
pub(crate) fn joined_at(slot: &SlotSituation<'_>, journal: &JournalView) -> Option<Timestamp> {
    let machine = slot.carrier()?;
    journal.marked_with(["joined", slot.name().as_str(), machine.id.as_str()])
}

/// Members below the cluster version are refused by etcd itself, so taking the old one out would be for good.
pub(crate) fn past_the_point(
    now: &Situation<'_>,
    slot: &SlotSituation<'_>,
    version: EtcdVersion,
) -> Option<StopReason> {
    let risen = now.cluster_version()?;
    (version.line() < risen).then(|| StopReason::PastPointOfNoReturn {
        slot: slot.name().clone(),
        what: format!(
            "the cluster version is {}.{}: etcd {version} would not start in it",
            risen.0, risen.1
        ),
    })
}

/// Gaps that make a decision blind.
pub(crate) fn blinding_gaps(seen: &Observed) -> impl Iterator<Item = &crate::domain::observed::Gap> {
    seen.gaps.iter().filter(|gap| match gap.part {
        Part::Machines | Part::Slots | Part::Templates | Part::BootReports | Part::Jobs | Part::Identity => {
            !mutant!(UnreadIsEmpty)
        }
        // Nothing of etcd rests on them; the control plane and the workers ask for themselves.
        Part::Mailbox | Part::Groups | Part::Targets | Part::Kube => false,
    })
}
