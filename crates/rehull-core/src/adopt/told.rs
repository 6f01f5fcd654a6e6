//! Members whose machines no state knows, because an Auto Scaling group or a person has made them: the mapping names every
//! id. What the state knows of their interfaces and volumes has to agree, and is handed over like that of others.

use super::balancers;
use super::layout::{MORE_PARTS, NO_MACHINE};
use super::members::{INTERFACE, Member, TIES, VOLUME, address, differs};
use super::state::{Object, State, text};
use crate::config::adoption::MappedMember;
use crate::config::{quoted, suggest::did_you_mean};
use crate::plan::Refusal;

/// Everything that has to be named.
const KEYS: [&str; 5] = ["zone", "subnet", "interface", "volume", "address"];

/// The member as the mapping says it.
pub(super) fn told<'s>(
    mapped: &MappedMember,
    state: Option<&'s State>,
    at: &str,
    refusals: &mut Vec<Refusal>,
) -> Option<Member<'s>> {
    let complete = KEYS.iter().all(|key| mapped.told.contains_key(key));
    if !complete || !is_machine(&mapped.machine) {
        refusals.push(unknown(mapped, state, at));
        return None;
    }
    let mut member = Member {
        name: mapped.name.clone(),
        machine: mapped.machine.clone(),
        slot: mapped.told.clone(),
        instance: None,
        interface: None,
        volume: None,
        ties: Vec::new(),
    };
    let Some(state) = state else {
        return Some(member);
    };
    let word = |key: &str| mapped.told.get(key).map_or("", String::as_str);
    member.interface = state.by_id(INTERFACE, word("interface"));
    member.volume = state.by_id(VOLUME, word("volume"));
    let is_tied = |tie: &&Object| {
        tie.text("instance_id") == Some(&mapped.machine)
            || tie.text("network_interface_id") == Some(word("interface"))
            || tie.text("volume_id") == Some(word("volume"))
    };
    member.ties = state.of(&TIES).filter(is_tied).collect();
    let before = refusals.len();
    refusals.extend(against(mapped, &member, at));
    for (layout, what) in balancers::against(
        state,
        &mapped.machine,
        &[Some(&mapped.machine), Some(word("address"))],
    ) {
        let refusal = layout.refusal(format!("{}: {what}", mapped.name));
        refusals.push(refusal.at(at, "this member"));
    }
    (refusals.len() == before).then_some(member)
}

/// It stands in commands that a person copies.
fn is_machine(id: &str) -> bool {
    let digits = id.strip_prefix("i-");
    digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|one| one.is_ascii_hexdigit()))
}

/// What the state says of the parts, and what it lets hang on the machine beside them.
fn against(mapped: &MappedMember, member: &Member<'_>, at: &str) -> Vec<Refusal> {
    let word = |key: &str| mapped.told.get(key).map_or("", String::as_str);
    let (interface, volume) = (member.interface, member.volume);
    // Not the subnet: that of a slot is where the machine's own first interface is, and this one may lie in another.
    let mut seen = vec![
        ("address", interface.and_then(address)),
        (
            "zone",
            volume.and_then(|one| one.text("availability_zone").map(str::to_owned)),
        ),
    ];
    let attached = interface.into_iter().flat_map(|one| one.blocks("attachment"));
    let attached = attached.filter_map(|block| block.get("instance").and_then(text));
    let tied = member.ties.iter().filter_map(|tie| tie.text("instance_id"));
    seen.extend(
        attached
            .chain(tied)
            .map(|machine| ("machine", Some(machine.to_owned()))),
    );
    let mut refusals = Vec::new();
    for (key, seen) in seen {
        let told = if key == "machine" {
            mapped.machine.as_str()
        } else {
            word(key)
        };
        if let Some(seen) = seen.filter(|seen| seen != told) {
            refusals.push(differs(mapped, at, key, (&seen, told)));
        }
    }
    for tie in &member.ties {
        let parts = [("network_interface_id", "interface"), ("volume_id", "volume")];
        for (argument, key) in parts {
            if let Some(other) = tie.text(argument).filter(|id| *id != word(key)) {
                let machine = &mapped.machine;
                let what = format!("{}: machine {machine} has {other} too", mapped.name);
                refusals.push(MORE_PARTS.refusal(what).at(at, "this member"));
            }
        }
    }
    refusals
}

fn unknown(mapped: &MappedMember, state: Option<&State>, at: &str) -> Refusal {
    let what = format!(
        "the state has no instance {} for {}",
        quoted(&mapped.machine),
        mapped.name
    );
    let mut refusal = NO_MACHINE
        .refusal(what)
        .at(format!("{at}/machine"), "not in the state");
    let known = state.into_iter().flat_map(|state| state.of(&["aws_instance"]));
    let known = known.map(|object| object.address.as_str());
    if let Some(guess) = did_you_mean(&mapped.machine, known) {
        refusal.help = format!("did you mean `{guess}`? Otherwise: {}", refusal.help);
    }
    refusal
}
