//! User data of workers: one text for all machines of a group.

use serde_json::{Value, json};

use super::template::{self, Role};
use super::variables::{Variable, dns_suffix, refuse_unsafe, variable};
use super::{RenderError, RenderedSlot, check, content};
use crate::domain::desired::Desired;
use crate::domain::worker::{WorkerGroupRole, WorkersRole};

const ROLE: Role = Role {
    name: "worker",
    variables: &WORKER_VARIABLES,
};

/// Every variable of a worker template, in alphabetical order.
pub const WORKER_VARIABLES: [Variable; 11] = [
    variable("artefacts.bucket", "text", "rehull-dev", "bucket of the binaries"),
    variable(
        "artefacts.prefix",
        "text",
        "artefacts/",
        "key prefix in it; empty or ends in `/`",
    ),
    variable(
        "aws.dnsSuffix",
        "text",
        "amazonaws.com",
        "end of AWS host names in this partition",
    ),
    variable("aws.region", "text", "ap-northeast-1", "region"),
    variable("cluster", "text", "dev", "name of the cluster"),
    variable(
        "group.name",
        "text",
        "dev-general",
        "name of the Auto Scaling group",
    ),
    variable(
        "kubernetes.binaries",
        "list",
        "",
        "binaries to fetch by content address; may be empty",
    ),
    variable("kubernetes.binaries[].name", "text", "kubelet", "file name"),
    variable(
        "kubernetes.binaries[].sha256",
        "text",
        "64 hexadecimal digits",
        "digest that the machine must verify",
    ),
    variable(
        "kubernetes.server",
        "text",
        "https://api.dev.example:6443",
        "URL of the API, through the load balancer",
    ),
    variable("kubernetes.version", "text", "1.34.2", "release of the kubelet"),
];

/// What the template renders to, whether a machine could boot with it or not.
///
/// # Errors
/// The template does not render, or a value cannot be written safely into a shell file.
pub fn worker_text(
    desired: &Desired,
    (workers, group): (&WorkersRole, &WorkerGroupRole),
    template_text: &str,
) -> Result<String, RenderError> {
    let values = values(desired, workers, group)?;
    template::render(ROLE, &group.template, template_text, &values)
}

/// Renders the user data of a group from the text of its template.
///
/// # Errors
/// As of a slot: see [`super::render_slot`].
pub fn render_worker(
    desired: &Desired,
    (workers, group): (&WorkersRole, &WorkerGroupRole),
    template_text: &str,
) -> Result<RenderedSlot, RenderError> {
    let user_data = worker_text(desired, (workers, group), template_text)?;
    check(group.group.as_str(), &user_data)?;
    let digest = content::digest_of_workers(group, &user_data);
    Ok(RenderedSlot { user_data, digest })
}

pub(super) fn values(
    desired: &Desired,
    workers: &WorkersRole,
    group: &WorkerGroupRole,
) -> Result<Value, RenderError> {
    let region = desired.aws.region.as_str();
    let binaries = group.machine.binaries.iter();
    let binaries: Vec<Value> = binaries
        .map(|(name, sha256)| json!({ "name": name, "sha256": sha256 }))
        .collect();
    let values = json!({
        "artefacts": { "bucket": desired.artefacts.bucket, "prefix": desired.artefacts.prefix },
        "aws": { "dnsSuffix": dns_suffix(region), "region": region },
        "cluster": desired.cluster.as_str(),
        "group": { "name": group.group.as_str() },
        "kubernetes": {
            "binaries": binaries,
            "server": workers.server,
            "version": group.version.to_string(),
        },
    });
    refuse_unsafe("", &values)?;
    Ok(values)
}
