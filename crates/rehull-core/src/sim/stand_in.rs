//! What modelled machines of groups boot with, in place of templates that only a real cloud-init can carry out: a release.
//! Everything else of their content is the cluster file's.

use std::collections::BTreeMap;

use super::kube::user_data as of_node;
use super::servers::user_data as of_server;
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::Desired;
use crate::domain::ids::{ContentDigest, GroupName};
use crate::domain::worker::WorkerGroupRole;
use crate::plan::ServersTarget;
use crate::render::{digest_of_servers, digest_of_workers};

/// Told by machines that run the pinned release and are to be replaced all the same.
const BEFORE: &str = "REHULL_BEFORE=1\n";

/// User data and digest of control-plane machines.
pub(super) fn servers(role: &ControlPlaneRole) -> (String, ContentDigest) {
    servers_before(role, false)
}

/// The same before the change; at the same release something else must have been different.
pub(super) fn servers_before(role: &ControlPlaneRole, is_same: bool) -> (String, ContentDigest) {
    let text = marked(of_server(role.version), is_same);
    let digest = digest_of_servers(role, &text);
    (text, digest)
}

/// User data and digest of workers.
pub(super) fn workers(role: &WorkerGroupRole) -> (String, ContentDigest) {
    workers_before(role, false)
}

/// The same before the change.
pub(super) fn workers_before(role: &WorkerGroupRole, is_same: bool) -> (String, ContentDigest) {
    let text = marked(of_node(role.version), is_same);
    let digest = digest_of_workers(role, &text);
    (text, digest)
}

fn marked(text: String, is_before: bool) -> String {
    if is_before { text + BEFORE } else { text }
}

/// What the planner is told that groups of a cluster file should become.
pub(super) fn targets(desired: &Desired) -> (Option<ServersTarget>, BTreeMap<GroupName, ServersTarget>) {
    let target = |(text, digest)| ServersTarget::Rendered(text, digest);
    let of_servers = desired.control_plane.as_ref().map(|role| target(servers(role)));
    let groups = desired.workers.iter().flat_map(|workers| &workers.groups);
    let of_workers = groups.map(|role| (role.group.clone(), target(workers(role))));
    (of_servers, of_workers.collect())
}
