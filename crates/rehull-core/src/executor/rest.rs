//! Is this stop point a resting place: may things be left as they are for days?

use super::settle::not_shown_yet;
use crate::domain::desired::Slot;
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::{Attachment, Machine, SlotParts};
use crate::domain::group::Lifecycle;
use crate::domain::ids::{GroupName, SlotName};
use crate::domain::kube::REPLACED_SOON;
use crate::domain::node_action::Lasting;
use crate::domain::observed::{Observed, Part};
use crate::domain::quorum::Standing;
use crate::domain::terraform::TerraformRun;
use crate::event::Rest;
use crate::journal::JournalView;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::margin;

/// At rest = full margin, one live machine per slot and no other, both parts of every slot firmly at it, nothing in
/// doubt. Whatever cannot be seen is not at rest.
#[must_use]
pub fn rest(plan: &RolloutPlan, seen: &Observed, journal: &JournalView) -> Rest {
    let mut left = unread(seen);
    let nothing_was_created = plan.envelope.kind == RolloutKind::Bootstrap
        && seen.gaps.iter().all(|gap| gap.part == Part::Mailbox)
        && seen.identity.is_none()
        && seen
            .fleet
            .slots
            .values()
            .all(|parts| parts.volume_generation.is_none())
        && !seen.fleet.machines.iter().any(Machine::is_live);
    if nothing_was_created {
        let left = may_still_come_true(seen, journal);
        return Rest {
            at_rest: left.is_empty(),
            left,
            margin: 0,
            heard: false,
        };
    }
    for planned in &plan.envelope.slots {
        slot_is_at_rest(&planned.slot.name, seen, &mut left);
    }
    if let Some(spare) = &plan.envelope.spare {
        spare_is_at_rest(&spare.slot, seen, &mut left);
    }
    if let Some(control_plane) = &plan.envelope.control_plane {
        group_is_at_rest(&control_plane.group, seen, journal, &mut left);
    }
    for group in plan.envelope.workers.iter().flat_map(|workers| &workers.groups) {
        group_is_at_rest(&group.group, seen, journal, &mut left);
    }
    nodes_are_at_rest(seen, journal, &mut left);
    let planned = |slot: &SlotName| {
        plan.envelope
            .all_slots()
            .any(|planned| planned.slot.name == *slot)
    };
    for machine in seen
        .fleet
        .machines
        .iter()
        .filter(|machine| machine.is_live() && !planned(&machine.slot))
    {
        left.push(format!(
            "machine {} belongs to no slot of the plan ({})",
            machine.id, machine.slot
        ));
    }
    let margin = margin(plan, seen);
    let members = u32::try_from(plan.envelope.slots.len()).unwrap_or(u32::MAX);
    let full = Standing {
        voters: members,
        healthy: members,
    }
    .margin();
    if margin != full {
        left.push(format!("margin {margin} of {full}"));
    }
    if let TerraformRun::Running(progress) = &seen.jobs.terraform {
        left.push(format!("terraform is at work: {}", progress.stage.words()));
    }
    left.extend(may_still_come_true(seen, journal));
    Rest {
        at_rest: left.is_empty(),
        left,
        margin,
        heard: seen.etcd.endpoints.values().any(is_heard),
    }
}

fn unread(seen: &Observed) -> Vec<String> {
    let gaps = seen.gaps.iter().filter(|gap| gap.part != Part::Mailbox);
    gaps.map(|gap| format!("{} unread: {}", gap.part.words(), gap.why))
        .collect()
}

fn may_still_come_true(seen: &Observed, journal: &JournalView) -> Vec<String> {
    let doubts = journal.in_doubt().into_iter();
    let doubts = doubts.map(|past| format!("not known whether it happened: {}", past.action.key()));
    let unseen = not_shown_yet(seen, journal).into_iter();
    let unseen = unseen.map(|(past, _)| format!("done, and not shown by EC2 yet: {}", past.action.key()));
    doubts.chain(unseen).collect()
}

/// Nothing is known: said as such.
pub(super) fn unseen() -> Rest {
    Rest {
        at_rest: false,
        left: vec!["the cluster could not be looked at before the end".to_owned()],
        margin: 0,
        heard: false,
    }
}

/// Silence may be ours as well: a network that is gone, a credential that has run out.
const fn is_heard(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Answered(_) | Endpoint::Refused => true,
        Endpoint::Silent(_) | Endpoint::Strange(_) => false,
    }
}

/// The spare is at rest when it is empty.
fn spare_is_at_rest(spare: &Slot, seen: &Observed, left: &mut Vec<String>) {
    let answers = seen.etcd.endpoints.values().filter_map(Endpoint::answer);
    let mut lines = answers.filter_map(|answer| answer.members.as_deref()).flatten();
    if lines.any(|line| line.peer_urls.contains(&spare.peer_url())) {
        left.push(format!("the spare {} is still in the member list", spare.name));
    }
    for machine in seen.fleet.live_in(&spare.name) {
        left.push(format!(
            "machine {} of the spare {} still lives",
            machine.id, spare.name
        ));
    }
}

/// What was altered of a group is put back, and no machine of it is on its way.
fn group_is_at_rest(group: &GroupName, seen: &Observed, journal: &JournalView, left: &mut Vec<String>) {
    if journal.hold_of(group).is_some() {
        left.push(format!(
            "what was suspended or set of the group {group} is not put back yet"
        ));
    }
    let Some(found) = seen.groups.groups.get(group) else {
        return;
    };
    for member in &found.members {
        match member.lifecycle {
            Lifecycle::Leaving => left.push(format!("machine {} is leaving {group}", member.machine)),
            Lifecycle::Pending => left.push(format!(
                "machine {} is not in service in {group} yet",
                member.machine
            )),
            Lifecycle::InService | Lifecycle::Other(_) => {}
        }
    }
}

/// No cordon and no taint of ours is left on a node that is there.
fn nodes_are_at_rest(seen: &Observed, journal: &JournalView, left: &mut Vec<String>) {
    for (what, of) in journal.lasting() {
        let node = seen.kube.nodes.get(&of.node);
        let Some(node) = node.filter(|node| node.machine.as_ref() == Some(&of.machine)) else {
            continue;
        };
        match what {
            Lasting::Cordon if node.is_cordoned => left.push(format!("node {} is cordoned", of.node)),
            Lasting::Taint if node.taints.contains(REPLACED_SOON) => {
                left.push(format!("node {} carries the taint {REPLACED_SOON}", of.node));
            }
            Lasting::Cordon | Lasting::Taint => {}
        }
    }
}

fn slot_is_at_rest(slot: &SlotName, seen: &Observed, left: &mut Vec<String>) {
    match seen.etcd.endpoints.get(slot) {
        Some(Endpoint::Answered(answer)) if answer.serves && !answer.learner => {}
        Some(Endpoint::Answered(answer)) if answer.learner => left.push(format!("{slot} is still a learner")),
        Some(Endpoint::Answered(_)) => left.push(format!("{slot} answers, but does not serve")),
        Some(Endpoint::Refused | Endpoint::Silent(_) | Endpoint::Strange(_)) | None => {
            left.push(format!("{slot} is out"));
        }
    }
    let live: Vec<_> = seen.fleet.live_in(slot).collect();
    let Some(parts) = seen.fleet.slots.get(slot) else {
        // What could not be read is named already; it is not missing.
        if seen.gap(Part::Slots).is_some() {
            return;
        }
        left.push(format!("the interface and volume of {slot} were not found"));
        return;
    };
    let carrier = live.iter().find(|machine| carries(parts, machine));
    for machine in live
        .iter()
        .filter(|machine| carrier.is_none_or(|carrier| carrier.id != machine.id))
    {
        left.push(format!("machine {} of {slot} runs beside it", machine.id));
    }
    for (name, attachment) in [
        ("interface", &parts.interface.attachment),
        ("volume", &parts.volume.attachment),
    ] {
        match attachment {
            Attachment::Attached(_) => {}
            Attachment::Available => left.push(format!("the {name} of {slot} is at no machine")),
            Attachment::Attaching(id) => left.push(format!("the {name} of {slot} is on its way to {id}")),
            Attachment::Detaching(id) => left.push(format!("the {name} of {slot} is leaving {id}")),
            Attachment::Unclear(word) => left.push(format!("the {name} of {slot} is `{word}`")),
            Attachment::Missing => left.push(format!("the {name} of {slot} does not exist")),
        }
    }
}

fn carries(parts: &SlotParts, machine: &crate::domain::fleet::Machine) -> bool {
    parts.volume.attachment.machine() == Some(&machine.id)
        || parts.interface.attachment.machine() == Some(&machine.id)
}
