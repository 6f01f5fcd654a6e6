//! Which machine, interface and volume is whose: read from the state, or told by the mapping.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::balancers;
use super::layout::{
    DELETED_DISK, DELETED_INTERFACE, KOPS, Layout, MORE_PARTS, NO_DISK, NO_MACHINE, PRIMARY, PROTECTED,
    SHARED,
};
use super::state::{Object, State, text};
use super::told::told;
use crate::config::adoption::{MappedMember, Mapping};
use crate::config::quoted;
use crate::plan::Refusal;

const INSTANCE: &str = "aws_instance";
pub(super) const INTERFACE: &str = "aws_network_interface";
const INTERFACE_TIE: &str = "aws_network_interface_attachment";
pub(super) const VOLUME: &str = "aws_ebs_volume";
const VOLUME_TIE: &str = "aws_volume_attachment";
pub(super) const TIES: [&str; 2] = [VOLUME_TIE, INTERFACE_TIE];

/// One member with everything that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Member<'s> {
    pub(super) name: String,
    /// Instance id.
    pub(super) machine: String,
    /// `zone`, `subnet`, `interface`, `volume`, `address`: the words of a slot.
    pub(super) slot: BTreeMap<&'static str, String>,
    pub(super) instance: Option<&'s Object>,
    pub(super) interface: Option<&'s Object>,
    pub(super) volume: Option<&'s Object>,
    pub(super) ties: Vec<&'s Object>,
}

impl<'s> Member<'s> {
    /// Id of its machine, interface or volume.
    fn part(&self, what: &str) -> Option<&str> {
        match what {
            "machine" => Some(&self.machine),
            _ => self.slot.get(what).map(String::as_str),
        }
    }

    /// Everything that leaves the old state.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'s Object> {
        let parts = [self.instance, self.interface, self.volume];
        parts.into_iter().flatten().chain(self.ties.iter().copied())
    }
}

/// Finds all members, or says everything that stands against it.
pub(super) fn find<'s>(mapping: &Mapping, state: Option<&'s State>) -> Result<Vec<Member<'s>>, Vec<Refusal>> {
    let mut refusals: Vec<Refusal> = state.and_then(of_kops).into_iter().collect();
    let mut members = Vec::new();
    for (index, mapped) in mapping.members.iter().enumerate() {
        let at = format!("/members/{index}");
        let found = match state.and_then(|state| Some((state, machine(state, mapped)?))) {
            Some((state, instance)) => Finder {
                state,
                mapped,
                instance,
                at: &at,
                refusals: &mut refusals,
            }
            .member(),
            None => told(mapped, state, &at, &mut refusals),
        };
        members.extend(found);
    }
    // A member that was refused would look like somebody else's.
    if refusals.is_empty() {
        refusals.extend(twice(&members));
        refusals.extend(nameless(&members));
        refusals.extend(state.into_iter().flat_map(|state| shared(state, &members)));
    }
    if refusals.is_empty() {
        Ok(members)
    } else {
        Err(refusals)
    }
}

/// By address or id.
fn machine<'s>(state: &'s State, mapped: &MappedMember) -> Option<&'s Object> {
    state
        .of(&[INSTANCE])
        .find(|object| object.address == mapped.machine || object.text("id") == Some(mapped.machine.as_str()))
}

/// No machine, interface or volume is two members'.
fn twice(members: &[Member<'_>]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let words = [
        ("adopt::machine_twice", "machine"),
        ("adopt::interface_twice", "interface"),
        ("adopt::volume_twice", "volume"),
    ];
    for (code, what) in words {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            let Some(id) = member.part(what) else { continue };
            let Some(other) = first.insert(id, &member.name) else {
                continue;
            };
            let message = format!("{other} and {} have the same {what} {}", member.name, quoted(id));
            let help =
                format!("give each member its own {what}; what is attached to a machine decides whose it is");
            refusals.push(Refusal::new(code, message, help).at(format!("/members/{index}"), "this member"));
        }
    }
    refusals
}

/// By its id an object is known again in a plan.
fn nameless(members: &[Member<'_>]) -> Vec<Refusal> {
    let objects = members.iter().flat_map(Member::objects);
    let refusal = |object: &Object| {
        let message = format!("the state does not say the id of `{}`", object.address);
        Refusal::new("adopt::unknown", message, REFRESH)
    };
    let lacks = |object: &&Object| object.text("id").is_none();
    objects.filter(lacks).map(refusal).collect()
}

/// What to do where state and world may be two things.
const REFRESH: &str = "write the state anew after: terraform apply -refresh-only";

/// State and mapping say it both, and differently.
pub(super) fn differs(mapped: &MappedMember, at: &str, key: &str, (seen, told): (&str, &str)) -> Refusal {
    let message = format!(
        "the state says {} for the {key} of {}, not {}",
        quoted(seen),
        mapped.name,
        quoted(told)
    );
    let help =
        "leave it out: the state is right, or is to be refreshed first (terraform apply -refresh-only)";
    Refusal::new("adopt::differs", message, help).at(format!("{at}/{key}"), "differs")
}

/// The address that clients and peers know.
pub(super) fn address(interface: &Object) -> Option<String> {
    let all = interface.texts("private_ips");
    match (interface.text("private_ip"), all.as_slice()) {
        (Some(primary), _) => Some(primary.to_owned()),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn of_kops(state: &State) -> Option<Refusal> {
    let is_sign = |(key, _): (&str, &str)| key.starts_with("k8s.io/etcd/");
    let sign = state.all().find(|object| object.tags().any(is_sign))?;
    Some(KOPS.refusal(format!("`{}` is a volume of etcd-manager", sign.address)))
}

/// `removed` names whole resources.
fn shared(state: &State, members: &[Member<'_>]) -> Vec<Refusal> {
    let leaving: BTreeSet<&str> = members
        .iter()
        .flat_map(Member::objects)
        .map(|object| object.address.as_str())
        .collect();
    let resources: BTreeSet<&str> = members
        .iter()
        .flat_map(Member::objects)
        .map(|object| object.resource.as_str())
        .collect();
    let stays = |object: &&Object| {
        resources.contains(object.resource.as_str()) && !leaving.contains(object.address.as_str())
    };
    let refusal = |object: &Object| {
        SHARED.refusal(format!(
            "`{}` belongs to no member and is made by the same resource as one",
            object.address
        ))
    };
    state.all().filter(stays).map(refusal).collect()
}

struct Finder<'a, 's> {
    state: &'s State,
    mapped: &'a MappedMember,
    instance: &'s Object,
    at: &'a str,
    refusals: &'a mut Vec<Refusal>,
}

impl<'s> Finder<'_, 's> {
    fn member(mut self) -> Option<Member<'s>> {
        let before = self.refusals.len();
        let Some(id) = self.instance.text("id") else {
            self.refuse(&NO_MACHINE, "its instance has no id in the state");
            return None;
        };
        if self.instance.flag("disable_api_termination") == Some(true) {
            self.refuse(&PROTECTED, &format!("its machine {id} must not be terminated"));
        }
        let interface = self.interface(id);
        let volume = self.volume(id);
        let mut slot = BTreeMap::new();
        // Without an interface there is a refusal by name already.
        let has_address = interface.is_some() || self.mapped.told.contains_key("address");
        for (key, seen) in [
            ("zone", self.instance.text("availability_zone").map(str::to_owned)),
            ("subnet", self.instance.text("subnet_id").map(str::to_owned)),
            ("interface", interface.clone()),
            ("volume", volume.clone()),
            (
                "address",
                interface
                    .as_deref()
                    .and_then(|id| address(self.state.by_id(INTERFACE, id)?)),
            ),
        ] {
            if has_address || key != "address" {
                slot.extend(self.agreed(key, seen).map(|value| (key, value)));
            }
        }
        let own = [
            Some(id),
            self.instance.text("private_ip"),
            slot.get("address").map(String::as_str),
        ];
        for (layout, what) in balancers::against(self.state, id, &own) {
            self.refuse(layout, &what);
        }
        if self.refusals.len() > before {
            return None;
        }
        Some(Member {
            name: self.mapped.name.clone(),
            machine: id.to_owned(),
            interface: interface.and_then(|id| self.state.by_id(INTERFACE, &id)),
            volume: volume.and_then(|id| self.state.by_id(VOLUME, &id)),
            ties: self.ties(id),
            instance: Some(self.instance),
            slot,
        })
    }

    fn refuse(&mut self, layout: &Layout, what: &str) {
        let refusal = layout.refusal(format!("{}: {what}", self.mapped.name));
        self.refusals.push(refusal.at(self.at, "this member"));
    }

    /// What the state says, or what the mapping says where the state says nothing. Both, and differently: a mistake.
    fn agreed(&mut self, key: &'static str, seen: Option<String>) -> Option<String> {
        let told = self.mapped.told.get(key);
        match (seen, told) {
            (Some(seen), Some(told)) if seen != *told => {
                self.refusals
                    .push(differs(self.mapped, self.at, key, (&seen, told)));
                None
            }
            (Some(seen), _) => Some(seen),
            (None, Some(told)) => Some(told.clone()),
            // Without interface or volume there is a refusal by name already.
            (None, None) if ["interface", "volume"].contains(&key) => None,
            (None, None) => {
                let refusal = Refusal::new(
                    "adopt::unknown",
                    format!("the state does not say the {key} of {}", self.mapped.name),
                    format!("name it in the mapping: `{key}: …`"),
                );
                self.refusals.push(refusal.at(self.at, "this member"));
                None
            }
        }
    }

    fn ties(&self, id: &str) -> Vec<&'s Object> {
        let ties = self.state.of(&TIES);
        ties.filter(|tie| tie.text("instance_id") == Some(id)).collect()
    }

    /// The one interface beside the machine's own.
    fn interface(&mut self, id: &str) -> Option<String> {
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        let mut add = |interface: Option<&str>, index: Option<u64>| {
            if let (Some(interface), Some(index)) = (interface, index) {
                seen.insert(interface.to_owned(), index);
            }
        };
        for block in self.instance.blocks("network_interface") {
            let interface = block.get("network_interface_id").and_then(text);
            add(interface, block.get("device_index").and_then(Value::as_u64));
        }
        for tie in self.state.of(&[INTERFACE_TIE]) {
            if tie.text("instance_id") == Some(id) {
                add(tie.text("network_interface_id"), tie.number("device_index"));
            }
        }
        for interface in self.state.of(&[INTERFACE]) {
            for at in interface.blocks("attachment") {
                if at.get("instance").and_then(text) == Some(id) {
                    let index = at.get("device_index").and_then(Value::as_u64);
                    add(interface.text("id"), index);
                }
            }
        }
        seen.retain(|_, index| *index > 0);
        let mut ids = seen.into_keys();
        match (ids.next(), ids.next()) {
            (Some(only), None) => {
                if self
                    .instance
                    .blocks("network_interface")
                    .any(|block| dies(block, &only))
                {
                    self.refuse(&DELETED_INTERFACE, &format!("{only} ends with machine {id}"));
                }
                Some(only)
            }
            (None, _) => {
                self.refuse(&PRIMARY, &format!("machine {id} has no second interface"));
                None
            }
            (Some(one), Some(other)) => {
                self.refuse(&MORE_PARTS, &format!("machine {id} has both {one} and {other}"));
                None
            }
        }
    }

    /// The one volume beside the root.
    fn volume(&mut self, id: &str) -> Option<String> {
        let mut seen = BTreeSet::new();
        for tie in self.state.of(&[VOLUME_TIE]) {
            if tie.text("instance_id") == Some(id) {
                seen.extend(tie.text("volume_id").map(str::to_owned));
            }
        }
        for block in self.instance.blocks("ebs_block_device") {
            let Some(volume) = block.get("volume_id").and_then(text) else {
                continue;
            };
            seen.insert(volume.to_owned());
            // What is attached by a resource of its own stands here as well, and says the same.
            if block.get("delete_on_termination") != Some(&Value::Bool(false)) {
                self.refuse(&DELETED_DISK, &format!("{volume} ends with machine {id}"));
            }
        }
        let mut ids = seen.into_iter();
        match (ids.next(), ids.next()) {
            (Some(only), None) => Some(only),
            (None, _) => {
                self.refuse(&NO_DISK, &format!("machine {id} has no volume beside its root"));
                None
            }
            (Some(one), Some(other)) => {
                self.refuse(&MORE_PARTS, &format!("machine {id} has both {one} and {other}"));
                None
            }
        }
    }
}

/// This block attaches that interface, and lets it end with the machine.
fn dies(block: &Value, interface: &str) -> bool {
    block.get("network_interface_id").and_then(text) == Some(interface)
        && block.get("delete_on_termination") == Some(&Value::Bool(true))
}
