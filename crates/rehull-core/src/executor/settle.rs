//! Settles actions in doubt by looking. An action that `decide` still wants is sent again instead, as the same attempt.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::visible_within;
use super::{groups, nodes};
use crate::domain::action::Action;
use crate::domain::etcd::{Endpoint, ListedMember};
use crate::domain::fleet::{Attachment, SlotParts};
use crate::domain::ids::{InstanceId, SlotName, StepId};
use crate::domain::observed::{JobState, Observed, Part};
use crate::domain::terraform::TerraformRun;
use crate::journal::{ActionPast, JournalView, Record, RecordBody};
use crate::ports::PortError;

/// Records for actions in doubt that nobody proposes any more: done where the world shows it, without effect when
/// `late` has passed and it does not. Nothing is settled on a snapshot that is not whole.
pub(super) fn by_looking(
    act: &[(StepId, Action)],
    seen: &Observed,
    journal: &JournalView,
    late: Duration,
) -> Vec<Record> {
    if seen.gaps.iter().any(|gap| gap.part != Part::Mailbox) {
        return Vec::new();
    }
    let wanted = |past: &ActionPast| act.iter().any(|(_, action)| action.key() == past.action.key());
    let open = journal.in_doubt().into_iter().filter(|past| !wanted(past));
    open.filter_map(|past| {
        let error = match outcome(past, seen, late) {
            Outcome::Open => return None,
            Outcome::Happened => None,
            Outcome::NoEffect => {
                let why = format!("no effect was seen within {} s", late.as_secs());
                Some(PortError::NotSent { why })
            }
        };
        let body = RecordBody::Settled {
            key: past.action.key(),
            attempt: past.attempts,
            error,
        };
        Some(Record { at: seen.at, body })
    })
    .collect()
}

/// Launches that were done and whose machine EC2 may only not show yet, and until when. One that is shown, or that was
/// ended since, is waited for no longer.
pub(super) fn not_shown_yet<'a>(
    seen: &Observed,
    journal: &'a JournalView,
) -> Vec<(&'a ActionPast, Timestamp)> {
    let open = journal.launches().filter_map(|(past, done)| {
        let until = done.checked_add(visible_within(&past.action)).ok()?;
        let slot = past.action.slot()?;
        let ended = journal.terminated_at(slot).is_some_and(|at| at >= done);
        let shown = is_evident(&past.action, seen);
        (!shown && !ended && seen.at < until).then_some((past, until))
    });
    open.collect()
}

enum Outcome {
    Open,
    Happened,
    NoEffect,
}

fn outcome(past: &ActionPast, seen: &Observed, late: Duration) -> Outcome {
    if is_evident(&past.action, seen) {
        return Outcome::Happened;
    }
    let over = past
        .intended_at
        .checked_add(late)
        .is_ok_and(|until| seen.at >= until);
    if over { Outcome::NoEffect } else { Outcome::Open }
}

/// The world shows what the action was to bring about.
fn is_evident(action: &Action, seen: &Observed) -> bool {
    match action {
        Action::StartSnapshot => seen.jobs.snapshot != JobState::Absent,
        // A run of an earlier process shows here only while it lives; begun twice, the second one waits for the first.
        Action::ApplyTerraform { .. } => seen.jobs.terraform != TerraformRun::Absent,
        Action::CreateTemplateVersion { template, digest, .. } => {
            seen.fleet.templates.get(template).is_some_and(|versions| {
                versions
                    .iter()
                    .any(|version| version.digest.as_ref() == Some(digest))
            })
        }
        Action::LaunchMachine {
            slot,
            digest,
            generation,
            ..
        } => seen.fleet.machines.iter().any(|machine| {
            machine.slot == *slot
                && machine.digest.as_ref() == Some(digest)
                && machine.generation == Some(*generation)
        }),
        Action::MoveLeader { to, to_id, .. } => {
            let target = seen.etcd.endpoints.get(to).and_then(Endpoint::answer);
            target.is_some_and(|answer| answer.leader == Some(*to_id))
        }
        Action::AskStop { machine, .. } => seen
            .fleet
            .machines
            .iter()
            .all(|m| m.id != *machine || m.stop_asked || !m.is_live()),
        Action::Go { machine, .. } => seen.fleet.machines.iter().any(|m| m.id == *machine && m.go),
        Action::TerminateMachine { machine, .. } => seen
            .fleet
            .machines
            .iter()
            .all(|m| m.id != *machine || !m.is_live()),
        Action::RemoveMember { member, .. } => {
            lists_agree(seen, |list| list.iter().all(|line| line.id != *member))
        }
        Action::PromoteMember { member, .. } => lists_agree(seen, |list| {
            list.iter().any(|line| line.id == *member && !line.learner)
        }),
        Action::AddMember { peer_url, .. } => lists_agree(seen, |list| {
            list.iter().any(|line| line.peer_urls.contains(peer_url))
        }),
        Action::DetachInterface { slot, machine, .. } => {
            parts(seen, slot).is_some_and(|parts| is_off(&parts.interface.attachment, machine))
        }
        Action::DetachVolume { slot, machine, .. } => {
            parts(seen, slot).is_some_and(|parts| is_off(&parts.volume.attachment, machine))
        }
        Action::AttachInterface { slot, machine, .. } => {
            parts(seen, slot).is_some_and(|parts| is_on(&parts.interface.attachment, machine))
        }
        Action::AttachVolume { slot, machine, .. } => {
            parts(seen, slot).is_some_and(|parts| is_on(&parts.volume.attachment, machine))
        }
        // Nothing that a look would show.
        Action::Preflight { .. } | Action::VerifyData { .. } => false,
        Action::RecordIdentity { .. } => seen.identity.is_some(),
        Action::Group(action) => groups::is_evident(action, seen),
        Action::Node(action) => nodes::is_evident(action, seen),
    }
}

/// Every member that read its list linearizably says so, and there is one.
fn lists_agree(seen: &Observed, shows: impl Fn(&[ListedMember]) -> bool) -> bool {
    let answers = seen.etcd.endpoints.values().filter_map(Endpoint::answer);
    let mut lists = answers.filter_map(|answer| answer.members.as_deref()).peekable();
    lists.peek().is_some() && lists.all(|list| shows(list))
}

fn parts<'a>(seen: &'a Observed, slot: &SlotName) -> Option<&'a SlotParts> {
    seen.fleet.slots.get(slot)
}

fn is_off(attachment: &Attachment, machine: &InstanceId) -> bool {
    match attachment {
        Attachment::Attached(id) | Attachment::Attaching(id) => id != machine,
        Attachment::Available | Attachment::Detaching(_) => true,
        Attachment::Unclear(_) | Attachment::Missing => false,
    }
}

fn is_on(attachment: &Attachment, machine: &InstanceId) -> bool {
    match attachment {
        Attachment::Attached(id) | Attachment::Attaching(id) => id == machine,
        Attachment::Available | Attachment::Detaching(_) | Attachment::Unclear(_) | Attachment::Missing => {
            false
        }
    }
}
