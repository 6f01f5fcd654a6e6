//! `rehull.auto.tfvars.json`: what Terraform's launch templates are made from. Same inputs, same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use sha2::{Digest as _, Sha256};

use super::RenderedSlot;
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::{Desired, Slot};
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, SlotName, SubnetId};
use crate::domain::machine::MachineContent;
use crate::domain::terraform::{RoleContent, TerraformChange};
use crate::domain::worker::WorkerGroupRole;

#[derive(Serialize)]
struct File<'a> {
    rehull_format: u32,
    cluster: &'a str,
    region: &'a str,
    etcd_launch_templates: BTreeMap<&'a str, LaunchTemplate<'a>>,
    /// By group; left out without one, so that a cluster of etcd alone keeps its file byte by byte.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    group_launch_templates: BTreeMap<&'a str, LaunchTemplate<'a>>,
}

#[derive(Serialize)]
struct LaunchTemplate<'a> {
    name: &'a str,
    /// Goes into the version description; rehull finds the version by it.
    content_digest: &'a str,
    image_id: &'a str,
    instance_type: &'a str,
    instance_profile: &'a str,
    security_group_ids: &'a [String],
    /// A group chooses its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_id: Option<&'a str>,
    user_data: &'a str,
}

/// A role that was rendered: its slot or group, and what all its machines are made from.
struct Made<'a> {
    /// Name of the slot or group.
    name: &'a str,
    launch_template: &'a LaunchTemplateName,
    version: String,
    machine: &'a MachineContent,
    /// Of a slot; a group chooses its own.
    subnet: Option<&'a SubnetId>,
    rendered: &'a RenderedSlot,
}

impl<'a> Made<'a> {
    fn of_a_slot(desired: &'a Desired, slot: &'a Slot, rendered: &'a RenderedSlot) -> Self {
        Self {
            name: slot.name.as_str(),
            launch_template: &slot.launch_template,
            version: desired.etcd.version.to_string(),
            machine: &desired.etcd.machine,
            subnet: Some(&slot.subnet),
            rendered,
        }
    }

    fn of_servers(role: &'a ControlPlaneRole, rendered: &'a RenderedSlot) -> Self {
        Self {
            name: role.group.as_str(),
            launch_template: &role.launch_template,
            version: role.version.to_string(),
            machine: &role.machine,
            subnet: None,
            rendered,
        }
    }

    fn of_workers(role: &'a WorkerGroupRole, rendered: &'a RenderedSlot) -> Self {
        Self {
            name: role.group.as_str(),
            launch_template: &role.launch_template,
            version: role.version.to_string(),
            machine: &role.machine,
            subnet: None,
            rendered,
        }
    }

    /// As Terraform is told.
    fn launch_template(&self) -> (&'a str, LaunchTemplate<'a>) {
        let template = LaunchTemplate {
            name: self.launch_template.as_str(),
            content_digest: self.rendered.digest.as_str(),
            image_id: self.machine.image.as_str(),
            instance_type: &self.machine.instance_type,
            instance_profile: &self.machine.instance_profile,
            security_group_ids: &self.machine.security_groups,
            subnet_id: self.subnet.map(SubnetId::as_str),
            user_data: &self.rendered.user_data,
        };
        (self.name, template)
    }

    /// As the gate judges it.
    fn role(&self) -> RoleContent {
        RoleContent {
            role: self.name.to_owned(),
            launch_template: self.launch_template.clone(),
            version: self.version.clone(),
            user_data: sha256(&self.rendered.user_data),
            content: self.rendered.digest.clone(),
            image: self.machine.image.clone(),
            instance_type: self.machine.instance_type.clone(),
            instance_profile: self.machine.instance_profile.clone(),
            security_groups: self.machine.security_groups.iter().cloned().collect(),
            subnet: self.subnet.cloned(),
        }
    }
}

/// What machines of groups are booted with, as far as it was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedGroups {
    /// The control plane.
    pub servers: Option<RenderedSlot>,
    /// Groups of workers.
    pub workers: BTreeMap<GroupName, RenderedSlot>,
}

impl RenderedGroups {
    /// Groups of the file that were rendered.
    fn made<'a>(&'a self, desired: &'a Desired) -> impl Iterator<Item = Made<'a>> {
        let servers = desired.control_plane.as_ref().zip(self.servers.as_ref());
        let servers = servers.map(|(role, done)| Made::of_servers(role, done));
        let roles = desired.workers.iter().flat_map(|workers| &workers.groups);
        let workers = roles.filter_map(|role| Some(Made::of_workers(role, self.workers.get(&role.group)?)));
        servers.into_iter().chain(workers)
    }
}

/// Slots that were rendered.
fn made_slots<'a>(
    desired: &'a Desired,
    rendered: &'a BTreeMap<SlotName, RenderedSlot>,
) -> impl Iterator<Item = Made<'a>> {
    let slots = desired.etcd.rendered();
    slots.filter_map(|slot| Some(Made::of_a_slot(desired, slot, rendered.get(&slot.name)?)))
}

/// The text of the variables file, two spaces deep, with a final line end. Slots that were not rendered are left out.
#[must_use]
pub fn tfvars(
    desired: &Desired,
    rendered: &BTreeMap<SlotName, RenderedSlot>,
    groups: &RenderedGroups,
) -> String {
    let file = File {
        rehull_format: 1,
        cluster: desired.cluster.as_str(),
        region: desired.aws.region.as_str(),
        etcd_launch_templates: made_slots(desired, rendered)
            .map(|made| made.launch_template())
            .collect(),
        group_launch_templates: groups.made(desired).map(|made| made.launch_template()).collect(),
    };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    text
}

/// The same as what Terraform is given and what has to come of it.
#[must_use]
pub fn terraform_change(
    desired: &Desired,
    rendered: &BTreeMap<SlotName, RenderedSlot>,
    groups: &RenderedGroups,
) -> TerraformChange {
    let made = made_slots(desired, rendered).chain(groups.made(desired));
    TerraformChange {
        variables: tfvars(desired, rendered, groups),
        roles: made.map(|made| made.role()).collect(),
    }
}

fn sha256(text: &str) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))))
}
