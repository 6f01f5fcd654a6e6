//! Why a machine is replaced although its release stays: each part that differs, from what to what.

use crate::domain::machine::MachineContent;
use std::collections::{BTreeMap, BTreeSet};

use super::envelope::{RolloutPlan, SlotPlan};
use super::input::{PlanInput, Target};
use super::pins::rendered;
use crate::domain::ids::SlotName;

/// Characters of a line of user data that are shown.
const LINE_MAX: usize = 60;
/// Hexadecimal digits of a digest that are shown.
const DIGEST_SHOWN: usize = 12;

/// What replaces the general reason, where the plan that the machine was booted by is among the earlier ones.
pub(super) fn reasons(
    input: &PlanInput<'_>,
    earlier: &[RolloutPlan],
    machine: &MachineContent,
    slot: &SlotPlan,
) -> Option<Vec<String>> {
    let from = slot
        .from
        .as_ref()
        .filter(|from| from.version == slot.to.version)?;
    let Target::Rendered(target) = &input.target else {
        return None;
    };
    let name = &slot.slot.name;
    let booted = |plan: &RolloutPlan| {
        let slots = &plan.envelope.slots;
        slots
            .iter()
            .find(|known| known.slot.name == *name && known.to.digest == from.digest)
            .cloned()
    };
    let (plan, was) = earlier
        .iter()
        .filter(|plan| rendered(plan))
        .find_map(|plan| Some((plan, booted(plan)?)))?;
    let before = &plan.envelope.machine;
    let mut parts = machine_parts(before, machine);
    for (part, old, new) in [
        ("subnet", was.slot.subnet.as_str(), slot.slot.subnet.as_str()),
        (
            "interface",
            was.slot.interface.as_str(),
            slot.slot.interface.as_str(),
        ),
        ("volume", was.slot.volume.as_str(), slot.slot.volume.as_str()),
    ] {
        parts.extend(changed(part, old, new));
    }
    parts.extend(user_data(
        name,
        &plan.user_data,
        target.get(name).map(|(text, _)| text),
    ));
    if parts.is_empty() {
        // The one part of the digest that stands nowhere else.
        let revision = &input.desired.etcd.machine_tls.revision;
        parts.push(format!("revision of its certificates: now {revision}"));
    }
    Some(parts)
}

fn machine_parts(before: &MachineContent, now: &MachineContent) -> Vec<String> {
    let mut parts: Vec<String> = [
        ("image", before.image.as_str(), now.image.as_str()),
        ("instance type", &before.instance_type, &now.instance_type),
        (
            "instance profile",
            &before.instance_profile,
            &now.instance_profile,
        ),
    ]
    .into_iter()
    .filter_map(|(part, old, new)| changed(part, old, new))
    .collect();
    let set = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<String>>();
    let (old, new) = (set(&before.security_groups), set(&now.security_groups));
    if old != new {
        let list = |groups: BTreeSet<String>| groups.into_iter().collect::<Vec<_>>().join(", ");
        parts.push(format!("security groups: {} → {}", list(old), list(new)));
    }
    let names: BTreeSet<&String> = before.binaries.keys().chain(now.binaries.keys()).collect();
    for name in names {
        let short = |digest: Option<&String>| {
            digest.map_or_else(
                || "none".to_owned(),
                |text| text.chars().take(DIGEST_SHOWN).collect(),
            )
        };
        let (old, new) = (before.binaries.get(name), now.binaries.get(name));
        if old != new {
            parts.push(format!("binary {name}: {} → {}", short(old), short(new)));
        }
    }
    parts
}

fn changed(part: &str, old: &str, new: &str) -> Option<String> {
    (old != new).then(|| format!("{part}: {old} → {new}"))
}

/// The first line that differs, and how many do. Flags and the template both show here.
fn user_data(slot: &SlotName, before: &BTreeMap<SlotName, String>, now: Option<&String>) -> Option<String> {
    let (before, now) = (before.get(slot)?, now?);
    let (old, new): (Vec<&str>, Vec<&str>) = (lines(before), lines(now));
    let gone: Vec<&str> = old.iter().filter(|line| !new.contains(line)).copied().collect();
    let come: Vec<&str> = new.iter().filter(|line| !old.contains(line)).copied().collect();
    if gone.is_empty() && come.is_empty() {
        return (old != new).then(|| "user data: the order of its lines".to_owned());
    }
    let show = |lines: &[&str]| {
        lines.first().map_or_else(
            || "nothing".to_owned(),
            |line| format!("`{}`", line.trim().chars().take(LINE_MAX).collect::<String>()),
        )
    };
    let more = match gone.len().max(come.len()) {
        0 | 1 => String::new(),
        lines => format!(" and {} more", lines.saturating_sub(1)),
    };
    Some(format!("user data: {} → {}{more}", show(&gone), show(&come)))
}

/// Without what only continues a line: the last of several flags has no backslash, and becomes another line when one
/// more follows it.
fn lines(text: &str) -> Vec<&str> {
    let bare = |line: &'_ str| line.trim_end().trim_end_matches('\\').trim_end().len();
    text.lines()
        .map(|line| line.get(..bare(line)).unwrap_or(line))
        .collect()
}
