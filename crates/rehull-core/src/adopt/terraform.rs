//! The Terraform half of the hand-over: what leaves the old root module, and a new one that takes the persistent parts.
//!
//! The arguments of the new one are what exists, word for word, so that its plan is imports and rehull's tags and nothing
//! else. Machines and their ties to the parts go to nobody: they are rehull's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::handover::{HANDOVER_FORMAT, Handover, Import};
use super::members::Member;
use super::state::{Object, State};
use crate::domain::desired::Desired;
use crate::domain::fleet::tag;

/// What was written.
pub(super) struct Taken {
    pub(super) handover: Handover,
    /// Whole resources that leave the old root module.
    pub(super) resources: BTreeSet<String>,
}

/// The file for the old root module.
pub(super) const REMOVED: &str = "terraform/old/removed.tf";
/// The new root module.
pub(super) const PARTS: &str = "terraform/etcd-parts";

/// One of them is enough to know a module by, and a few may go meanwhile. A state may have thousands.
const STAYS_MAX: usize = 20;

/// Writes both halves, as far as the state knows the parts.
pub(super) fn write(
    desired: &Desired,
    members: &[Member<'_>],
    state: Option<&State>,
    files: &mut BTreeMap<String, String>,
) -> Taken {
    let objects = || members.iter().flat_map(Member::objects);
    let resources: BTreeSet<String> = objects().map(|object| object.resource.clone()).collect();
    let mut handover = Handover {
        format: HANDOVER_FORMAT,
        cluster: desired.cluster.to_string(),
        forgets: objects().map(|one| (one.address.clone(), id(one))).collect(),
        imports: BTreeMap::new(),
        stays: BTreeSet::new(),
    };
    let all = state.into_iter().flat_map(State::all).map(|one| &one.address);
    let stays = all.filter(|address| !handover.forgets.contains_key(*address));
    let stays = stays.take(STAYS_MAX).cloned().collect();
    handover.stays = stays;
    if !resources.is_empty() {
        files.insert(REMOVED.to_owned(), removed(&resources));
    }
    let mut main = MAIN.to_owned();
    let parts: [(&str, PartOf, Arguments, &str); 2] = [
        ("aws_network_interface", interface_of, interface, INTERFACE),
        ("aws_ebs_volume", volume_of, volume, VOLUME),
    ];
    for (kind, object, arguments, body) in parts {
        let mut parts = Map::new();
        for member in members {
            let Some(object) = object(member) else { continue };
            let mut arguments = arguments(object);
            arguments.insert("tags".to_owned(), json!(tags(desired, member, object)));
            parts.insert(member.name.clone(), Value::Object(arguments));
            let (id, tags) = (id(object), own_tags(desired, member));
            let import = Import { id, tags };
            handover
                .imports
                .insert(import_address(kind, &member.name), import);
        }
        if !parts.is_empty() {
            main.push_str(&block(kind, &Value::Object(parts), body));
        }
    }
    if !handover.imports.is_empty() {
        let region = hcl(&json!(desired.aws.region), 0);
        let account = hcl(&json!(desired.aws.account), 0);
        let provider = format!(
            "provider \"aws\" {{\n  region = {region}\n\n  # Credentials of another account are refused before anything is planned.\n  allowed_account_ids = [{account}]\n}}\n"
        );
        files.insert(format!("{PARTS}/main.tf"), main);
        files.insert(format!("{PARTS}/provider.tf"), provider);
        files.insert(format!("{PARTS}/versions.tf"), VERSIONS.to_owned());
        files.insert(format!("{PARTS}/backend.tf"), BACKEND.to_owned());
    }
    Taken { handover, resources }
}

/// Where a member's part stands in the new root module.
pub(super) fn import_address(kind: &str, member: &str) -> String {
    format!("{kind}.slot[{}]", json!(member))
}

type PartOf = for<'m, 's> fn(&'m Member<'s>) -> Option<&'s Object>;
type Arguments = fn(&Object) -> Map<String, Value>;

fn interface_of<'s>(member: &Member<'s>) -> Option<&'s Object> {
    member.interface
}

fn volume_of<'s>(member: &Member<'s>) -> Option<&'s Object> {
    member.volume
}

fn removed(resources: &BTreeSet<String>) -> String {
    let mut out = "# For the root module that made this cluster; see HANDOVER.md. Each of these stays in the world: Terraform forgets it.\n# Delete the resources' own blocks in the same change, and this file once it is applied.\n".to_owned();
    for resource in resources {
        out.push_str(&format!(
            "\nremoved {{\n  from = {resource}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n"
        ));
    }
    out
}

fn tags(desired: &Desired, member: &Member<'_>, object: &Object) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = object
        .tags()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    tags.extend(own_tags(desired, member));
    tags
}

/// Tags by which rehull sees a part.
fn own_tags(desired: &Desired, member: &Member<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([
        (tag::CLUSTER.to_owned(), desired.cluster.to_string()),
        (tag::SLOT.to_owned(), member.name.clone()),
    ])
}

/// Every object has one: what has none is refused before.
fn id(object: &Object) -> String {
    object.text("id").unwrap_or_default().to_owned()
}

fn interface(object: &Object) -> Map<String, Value> {
    let names = ["id", "subnet_id", "description", "source_dest_check"];
    let mut arguments = object.values(&names);
    arguments.insert("private_ips".to_owned(), json!(object.texts("private_ips")));
    arguments.insert(
        "security_groups".to_owned(),
        json!(object.texts("security_groups")),
    );
    arguments
}

/// What a type of volume does not have Terraform may not be told: it would be refused, or read as a change.
fn volume(object: &Object) -> Map<String, Value> {
    let mut arguments = object.values(&[
        "id",
        "availability_zone",
        "type",
        "size",
        "encrypted",
        "multi_attach_enabled",
    ]);
    let kind = object.text("type").unwrap_or_default();
    let has_iops = ["gp3", "io1", "io2"].contains(&kind);
    for (name, has) in [
        ("iops", has_iops),
        ("throughput", kind == "gp3"),
        (
            "kms_key_id",
            object.flag("encrypted") == Some(true) && object.text("kms_key_id").is_some(),
        ),
    ] {
        let value = object.values(&[name]).remove(name).filter(|_| has);
        arguments.insert(name.to_owned(), value.unwrap_or(Value::Null));
    }
    arguments
}

fn block(kind: &str, parts: &Value, body: &str) -> String {
    let local = if kind == "aws_ebs_volume" {
        "volumes"
    } else {
        "interfaces"
    };
    let parts = hcl(parts, 1);
    format!(
        "\nlocals {{\n  {local} = {parts}\n}}\n\nimport {{\n  for_each = local.{local}\n  to       = {kind}.slot[each.key]\n  id       = each.value.id\n}}\n\nresource \"{kind}\" \"slot\" {{\n  for_each = local.{local}\n\n{body}}}\n"
    )
}

const MAIN: &str = "# What outlives an etcd machine, taken over as it is: each member's address and disk. rehull moves both from machine to\n# machine and never deletes them. The `import` blocks may go once they are applied.\n";

const INTERFACE: &str = "  subnet_id         = each.value.subnet_id
  private_ips       = each.value.private_ips
  security_groups   = each.value.security_groups
  description       = each.value.description
  source_dest_check = each.value.source_dest_check
  tags              = each.value.tags

  lifecycle {
    # Another address is another member.
    prevent_destroy = true

    # Which machine has it is rehull's.
    ignore_changes = [attachment]
  }
";

const VOLUME: &str = "  availability_zone    = each.value.availability_zone
  type                 = each.value.type
  size                 = each.value.size
  iops                 = each.value.iops
  throughput           = each.value.throughput
  encrypted            = each.value.encrypted
  kms_key_id           = each.value.kms_key_id
  multi_attach_enabled = each.value.multi_attach_enabled
  tags                 = each.value.tags

  lifecycle {
    # The member's data.
    prevent_destroy = true

    # rehull counts a member's data directories in this tag.
    ignore_changes = [tags[\"rehull:generation\"], tags_all[\"rehull:generation\"]]
  }
";

/// That of the modules: versions are pinned once.
const VERSIONS: &str = include_str!("../../../../terraform/modules/etcd/versions.tf");

const BACKEND: &str = "# Where the state lies is data: `terraform init -backend-config=state.s3.tfbackend`.
terraform {
  backend \"s3\" {
    encrypt      = true
    use_lockfile = true
  }
}
";

/// A value as `terraform fmt` writes it.
fn hcl(value: &Value, depth: usize) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        // Both openings begin a template in HCL, and nowhere else does it differ from JSON.
        Value::String(_) => value.to_string().replace("${", "$${").replace("%{", "%%{"),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|one| hcl(one, depth)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let inner = depth.saturating_add(1);
            let keys: Vec<(String, &Value)> = map.iter().map(|(key, value)| (name(key), value)).collect();
            let mut lines = String::new();
            for (at, (key, value)) in keys.iter().enumerate() {
                let width = aligned(&keys, at);
                let blanks = "  ".repeat(inner);
                lines.push_str(&format!("{blanks}{key:width$} = {}\n", hcl(value, inner)));
            }
            format!("{{\n{lines}{}}}", "  ".repeat(depth))
        }
    }
}

/// Neighbours that are on one line each have their equals signs below each other.
fn aligned(keys: &[(String, &Value)], at: usize) -> usize {
    let is_line = |value: &Value| !matches!(value, Value::Object(map) if !map.is_empty());
    if keys.get(at).is_none_or(|(_, value)| !is_line(value)) {
        return 0;
    }
    let length = |(key, _): &(String, &Value)| key.chars().count();
    let before = keys.get(..at).unwrap_or_default().iter().rev();
    let after = keys.get(at..).unwrap_or_default().iter();
    let near = before
        .take_while(|(_, value)| is_line(value))
        .chain(after.take_while(|(_, value)| is_line(value)));
    near.map(length).max().unwrap_or_default()
}

fn name(key: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if key.chars().all(is_word) && key.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        key.to_owned()
    } else {
        hcl(&Value::String(key.to_owned()), 0)
    }
}
