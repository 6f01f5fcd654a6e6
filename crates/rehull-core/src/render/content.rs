//! The content digest: what decides whether a machine has to be replaced.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::{Desired, Slot};
use crate::domain::ids::ContentDigest;
use crate::domain::worker::WorkerGroupRole;

/// Fields in alphabetical order: serialised as they stand, they are canonical JSON. The version of rehull is not among
/// them, so that upgrading rehull alone replaces nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    binaries: &'a BTreeMap<String, String>,
    etcd: String,
    format: u32,
    image: &'a str,
    instance_profile: &'a str,
    instance_type: &'a str,
    interface: &'a str,
    security_groups: Vec<&'a str>,
    subnet: &'a str,
    tls_revision: &'a str,
    user_data: String,
    volume: &'a str,
}

/// The same of control-plane machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerContent<'a> {
    binaries: &'a BTreeMap<String, String>,
    format: u32,
    image: &'a str,
    instance_profile: &'a str,
    instance_type: &'a str,
    kubernetes: String,
    security_groups: Vec<&'a str>,
    tls_revision: &'a str,
    user_data: String,
}

pub(crate) fn digest_of_servers(role: &ControlPlaneRole, user_data: &str) -> ContentDigest {
    digested(&ServerContent {
        binaries: &role.machine.binaries,
        format: 1,
        image: role.machine.image.as_str(),
        instance_profile: &role.machine.instance_profile,
        instance_type: &role.machine.instance_type,
        kubernetes: role.version.to_string(),
        security_groups: as_a_set(&role.machine.security_groups),
        tls_revision: &role.machine_tls.revision,
        user_data: sha256(&normalised(user_data)),
    })
}

/// The same of workers, whose secrets are their template's business.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkerContent<'a> {
    binaries: &'a BTreeMap<String, String>,
    format: u32,
    image: &'a str,
    instance_profile: &'a str,
    instance_type: &'a str,
    kubelet: String,
    security_groups: Vec<&'a str>,
    user_data: String,
}

pub(crate) fn digest_of_workers(group: &WorkerGroupRole, user_data: &str) -> ContentDigest {
    digested(&WorkerContent {
        binaries: &group.machine.binaries,
        format: 1,
        image: group.machine.image.as_str(),
        instance_profile: &group.machine.instance_profile,
        instance_type: &group.machine.instance_type,
        kubelet: group.version.to_string(),
        security_groups: as_a_set(&group.machine.security_groups),
        user_data: sha256(&normalised(user_data)),
    })
}

/// A set to EC2.
fn as_a_set(groups: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = groups.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}

/// Serialising plain text cannot fail; if it ever does, the empty text has a digest that no machine carries.
fn digested(content: &impl Serialize) -> ContentDigest {
    let text = serde_json::to_string(content).unwrap_or_default();
    ContentDigest::new(format!("sha256:{}", sha256(&text)))
}

pub(super) fn digest(desired: &Desired, slot: &Slot, user_data: &str) -> ContentDigest {
    let etcd = &desired.etcd;
    digested(&Content {
        binaries: &etcd.machine.binaries,
        etcd: etcd.version.to_string(),
        format: 1,
        image: etcd.machine.image.as_str(),
        instance_profile: &etcd.machine.instance_profile,
        instance_type: &etcd.machine.instance_type,
        interface: slot.interface.as_str(),
        security_groups: as_a_set(&etcd.machine.security_groups),
        subnet: slot.subnet.as_str(),
        tls_revision: &etcd.machine_tls.revision,
        user_data: sha256(&normalised(user_data)),
        volume: slot.volume.as_str(),
    })
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Line ends and white space at the end of lines depend on editors and checkouts, not on what a machine does.
fn normalised(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn line_ends_and_trailing_white_space_do_not_count() {
        assert_eq!(normalised("a  \r\nb\t\n\n\n"), "a\nb");
        assert_ne!(normalised("a\n b"), normalised("a\nb"), "indentation counts");
    }
}
