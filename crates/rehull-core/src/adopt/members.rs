//! Which machine, interface and volume is whose: read from the state, or told by the mapping.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::layout::{
    BALANCED, DELETED_DISK, KOPS, Layout, MORE_PARTS, NO_DISK, NO_MACHINE, PRIMARY, PROTECTED, SHARED,
    STACKED,
};
use super::state::{Object, State, text};
use crate::config::adoption::{MappedMember, Mapping};
use crate::config::{quoted, suggest::did_you_mean};
use crate::plan::Refusal;

const INSTANCE: &str = "aws_instance";
const INTERFACE: &str = "aws_network_interface";
const INTERFACE_TIE: &str = "aws_network_interface_attachment";
const VOLUME: &str = "aws_ebs_volume";
const VOLUME_TIE: &str = "aws_volume_attachment";
/// Clients ask etcd here; anything else that is balanced to a member's machine is another service on it.
const CLIENT_PORT: u64 = 2379;

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
    ties: Vec<&'s Object>,
}

impl<'s> Member<'s> {
    /// Everything that leaves the old state.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'s Object> {
        let parts = [self.instance, self.interface, self.volume];
        parts.into_iter().flatten().chain(self.ties.iter().copied())
    }
}

/// Finds all members, or says everything that stands against it.
pub(super) fn find<'s>(mapping: &Mapping, state: Option<&'s State>) -> Result<Vec<Member<'s>>, Vec<Refusal>> {
    let empty = State::default();
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
            None => told(mapped, state.unwrap_or(&empty), &at, &mut refusals),
        };
        members.extend(found);
    }
    let machines: BTreeSet<&str> = members.iter().map(|member| member.machine.as_str()).collect();
    if refusals.is_empty() && machines.len() < members.len() {
        let refusal = Refusal::new(
            "adopt::machine_twice",
            "two members have the same machine",
            "name each member's own machine",
        );
        refusals.push(refusal.at("/members", "twice"));
    }
    // A member that was refused would look like somebody else's.
    if refusals.is_empty()
        && let Some(state) = state
    {
        refusals.extend(shared(state, &members));
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

/// A member that no state knows: the mapping has to name all of it.
fn told<'s>(
    mapped: &MappedMember,
    state: &State,
    at: &str,
    refusals: &mut Vec<Refusal>,
) -> Option<Member<'s>> {
    let complete = ["zone", "subnet", "interface", "volume", "address"]
        .iter()
        .all(|key| mapped.told.contains_key(key));
    if complete && mapped.machine.starts_with("i-") {
        return Some(Member {
            name: mapped.name.clone(),
            machine: mapped.machine.clone(),
            slot: mapped.told.clone(),
            instance: None,
            interface: None,
            volume: None,
            ties: Vec::new(),
        });
    }
    let what = format!(
        "the state has no instance {} for {}",
        quoted(&mapped.machine),
        mapped.name
    );
    let mut refusal = NO_MACHINE
        .refusal(what)
        .at(format!("{at}/machine"), "not in the state");
    let known = state.of(&[INSTANCE]).map(|object| object.address.as_str());
    if let Some(guess) = did_you_mean(&mapped.machine, known) {
        refusal.help = format!("did you mean `{guess}`? Otherwise: {}", refusal.help);
    }
    refusals.push(refusal);
    None
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
            ("address", interface.as_deref().and_then(|id| self.address(id))),
        ] {
            if has_address || key != "address" {
                slot.extend(self.agreed(key, seen).map(|value| (key, value)));
            }
        }
        self.not_balanced(id, slot.get("address").map(String::as_str));
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
                let refusal = Refusal::new(
                    "adopt::differs",
                    format!(
                        "the state says {} for {}, not {}",
                        quoted(&seen),
                        self.mapped.name,
                        quoted(told)
                    ),
                    "leave it out: the state is right, or is to be refreshed first (terraform apply -refresh-only)",
                );
                self.refusals
                    .push(refusal.at(format!("{}/{key}", self.at), "differs"));
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
        let ties = self.state.of(&[VOLUME_TIE, INTERFACE_TIE]);
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
            (Some(only), None) => Some(only),
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

    fn address(&self, interface: &str) -> Option<String> {
        let interface = self.state.by_id(INTERFACE, interface)?;
        let all = interface.texts("private_ips");
        match (interface.text("private_ip"), all.as_slice()) {
            (Some(primary), _) => Some(primary.to_owned()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// A member's machine behind a balancer is more than a member, or is known by more than its address.
    fn not_balanced(&mut self, id: &str, address: Option<&str>) {
        let own = [Some(id), self.instance.text("private_ip"), address];
        for (balancer, port) in self.balanced(&own) {
            if port == Some(CLIENT_PORT) {
                self.refuse(&BALANCED, &format!("`{balancer}` sends clients to it"));
            } else {
                self.refuse(&STACKED, &format!("`{balancer}` sends requests to machine {id}"));
            }
        }
    }

    fn balanced(&self, own: &[Option<&str>]) -> Vec<(&'s str, Option<u64>)> {
        let is_own = |target: Option<&str>| target.is_some() && own.contains(&target);
        let mut found = Vec::new();
        for tie in self.state.of(&[
            "aws_lb_target_group_attachment",
            "aws_alb_target_group_attachment",
        ]) {
            if is_own(tie.text("target_id")) {
                let group = tie.text("target_group_arn");
                let groups = ["aws_lb_target_group", "aws_alb_target_group"];
                let group = self
                    .state
                    .of(&groups)
                    .find(|one| group.is_some() && one.text("arn") == group);
                let port = tie.number("port").filter(|port| *port > 0);
                let port = port.or_else(|| group?.number("port"));
                found.push((tie.address.as_str(), port));
            }
        }
        let ports = |elb: &Object| -> Vec<u64> {
            let port = |one: &Value| one.get("instance_port").and_then(Value::as_u64);
            elb.blocks("listener").filter_map(port).collect()
        };
        let first = |ports: Vec<u64>| {
            ports
                .iter()
                .copied()
                .find(|port| *port != CLIENT_PORT)
                .or(ports.first().copied())
        };
        for elb in self.state.of(&["aws_elb"]) {
            if elb
                .texts("instances")
                .iter()
                .any(|one| is_own(Some(one.as_str())))
            {
                found.push((elb.address.as_str(), first(ports(elb))));
            }
        }
        for tie in self.state.of(&["aws_elb_attachment"]) {
            if is_own(tie.text("instance")) {
                let named =
                    |elb: &&Object| elb.text("name") == tie.text("elb") || elb.text("id") == tie.text("elb");
                let elb = self.state.of(&["aws_elb"]).find(named);
                found.push((tie.address.as_str(), elb.and_then(|elb| first(ports(elb)))));
            }
        }
        found
    }
}
