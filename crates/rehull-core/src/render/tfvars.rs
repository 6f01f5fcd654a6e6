//! `rehull.auto.tfvars.json`: what Terraform's launch templates are made from. Same inputs, same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use sha2::{Digest as _, Sha256};

use super::RenderedSlot;
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::{Desired, Slot};
use crate::domain::ids::{ContentDigest, GroupName, SlotName};
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

/// What machines of groups are booted with, as far as it was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedGroups {
    /// The control plane.
    pub servers: Option<RenderedSlot>,
    /// Groups of workers.
    pub workers: BTreeMap<GroupName, RenderedSlot>,
}

impl RenderedGroups {
    /// Groups of workers of the file that were rendered.
    fn of_workers<'a>(
        &'a self,
        desired: &'a Desired,
    ) -> impl Iterator<Item = (&'a WorkerGroupRole, &'a RenderedSlot)> {
        let roles = desired.workers.iter().flat_map(|workers| &workers.groups);
        roles.filter_map(|role| Some((role, self.workers.get(&role.group)?)))
    }
}

/// The text of the variables file, two spaces deep, with a final line end. Slots that were not rendered are left out.
#[must_use]
pub fn tfvars(
    desired: &Desired,
    rendered: &BTreeMap<SlotName, RenderedSlot>,
    groups: &RenderedGroups,
) -> String {
    let mut templates = BTreeMap::new();
    for slot in desired.etcd.rendered() {
        if let Some(done) = rendered.get(&slot.name) {
            templates.insert(slot.name.as_str(), launch_template(desired, slot, done));
        }
    }
    let servers = desired.control_plane.as_ref().zip(groups.servers.as_ref());
    let servers = servers.map(|(role, done)| (role.group.as_str(), group_template(role, done)));
    let workers = groups.of_workers(desired);
    let workers = workers.map(|(role, done)| (role.group.as_str(), worker_template(role, done)));
    let file = File {
        rehull_format: 1,
        cluster: desired.cluster.as_str(),
        region: desired.aws.region.as_str(),
        etcd_launch_templates: templates,
        group_launch_templates: servers.into_iter().chain(workers).collect(),
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
    let roles = desired
        .etcd
        .rendered()
        .filter_map(|slot| Some(role(desired, slot, rendered.get(&slot.name)?)));
    let servers = desired.control_plane.as_ref().zip(groups.servers.as_ref());
    let servers = servers.map(|(role, done)| group_role(role, done));
    let workers = groups.of_workers(desired);
    let workers = workers.map(|(role, done)| worker_role(role, done));
    TerraformChange {
        variables: tfvars(desired, rendered, groups),
        roles: roles.chain(servers).chain(workers).collect(),
    }
}

fn sha256(text: &str) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))))
}

fn group_role(role: &ControlPlaneRole, done: &RenderedSlot) -> RoleContent {
    RoleContent {
        role: role.group.as_str().to_owned(),
        launch_template: role.launch_template.clone(),
        version: role.version.to_string(),
        user_data: sha256(&done.user_data),
        content: done.digest.clone(),
        image: role.image.clone(),
        instance_type: role.instance_type.clone(),
        instance_profile: role.instance_profile.clone(),
        security_groups: role.security_groups.iter().cloned().collect(),
        subnet: None,
    }
}

fn group_template<'a>(role: &'a ControlPlaneRole, done: &'a RenderedSlot) -> LaunchTemplate<'a> {
    LaunchTemplate {
        name: role.launch_template.as_str(),
        content_digest: done.digest.as_str(),
        image_id: role.image.as_str(),
        instance_type: &role.instance_type,
        instance_profile: &role.instance_profile,
        security_group_ids: &role.security_groups,
        subnet_id: None,
        user_data: &done.user_data,
    }
}

fn worker_role(role: &WorkerGroupRole, done: &RenderedSlot) -> RoleContent {
    RoleContent {
        role: role.group.as_str().to_owned(),
        launch_template: role.launch_template.clone(),
        version: role.version.to_string(),
        user_data: sha256(&done.user_data),
        content: done.digest.clone(),
        image: role.image.clone(),
        instance_type: role.instance_type.clone(),
        instance_profile: role.instance_profile.clone(),
        security_groups: role.security_groups.iter().cloned().collect(),
        subnet: None,
    }
}

fn worker_template<'a>(role: &'a WorkerGroupRole, done: &'a RenderedSlot) -> LaunchTemplate<'a> {
    LaunchTemplate {
        name: role.launch_template.as_str(),
        content_digest: done.digest.as_str(),
        image_id: role.image.as_str(),
        instance_type: &role.instance_type,
        instance_profile: &role.instance_profile,
        security_group_ids: &role.security_groups,
        subnet_id: None,
        user_data: &done.user_data,
    }
}

fn role(desired: &Desired, slot: &Slot, done: &RenderedSlot) -> RoleContent {
    RoleContent {
        role: slot.name.as_str().to_owned(),
        launch_template: slot.launch_template.clone(),
        version: desired.etcd.version.to_string(),
        user_data: sha256(&done.user_data),
        content: done.digest.clone(),
        image: desired.etcd.image.clone(),
        instance_type: desired.etcd.instance_type.clone(),
        instance_profile: desired.etcd.instance_profile.clone(),
        security_groups: desired.etcd.security_groups.iter().cloned().collect(),
        subnet: Some(slot.subnet.clone()),
    }
}

fn launch_template<'a>(desired: &'a Desired, slot: &'a Slot, done: &'a RenderedSlot) -> LaunchTemplate<'a> {
    LaunchTemplate {
        name: slot.launch_template.as_str(),
        content_digest: done.digest.as_str(),
        image_id: desired.etcd.image.as_str(),
        instance_type: &desired.etcd.instance_type,
        instance_profile: &desired.etcd.instance_profile,
        security_group_ids: &desired.etcd.security_groups,
        subnet_id: Some(slot.subnet.as_str()),
        user_data: &done.user_data,
    }
}
