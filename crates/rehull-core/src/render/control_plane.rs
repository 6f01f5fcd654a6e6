//! User data of control-plane machines: one text for all of a group.

use serde_json::{Value, json};

use super::template::{self, Role};
use super::variables::{Variable, dns_suffix, flag, refuse_unsafe, variable};
use super::{RenderError, RenderedSlot, check, content};
use crate::domain::control_plane::{COMPONENTS, ControlPlaneRole};
use crate::domain::desired::{Desired, Slot};

const ROLE: Role = Role {
    name: "control-plane",
    variables: &CONTROL_PLANE_VARIABLES,
};

/// Every variable of a control-plane template, in alphabetical order.
pub const CONTROL_PLANE_VARIABLES: [Variable; 28] = [
    variable("apiserver.flags", "list", "", "flags of kube-apiserver, by name"),
    argument("apiserver.flags[].argument"),
    name_of_flag("apiserver.flags[].name"),
    value_of_flag("apiserver.flags[].value"),
    variable(
        "artefacts.bucket",
        "text",
        "rehull-dev",
        "bucket of the binaries and the boot reports",
    ),
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
        "controllerManager.flags",
        "list",
        "",
        "flags of kube-controller-manager, by name",
    ),
    argument("controllerManager.flags[].argument"),
    name_of_flag("controllerManager.flags[].name"),
    value_of_flag("controllerManager.flags[].value"),
    variable(
        "etcd.clientUrls",
        "text",
        "https://10.0.1.10:2379,…",
        "client URLs of all slots, for --etcd-servers",
    ),
    variable(
        "kubernetes.binaries",
        "list",
        "",
        "binaries to fetch by content address",
    ),
    variable(
        "kubernetes.binaries[].name",
        "text",
        "kube-apiserver",
        "file name",
    ),
    variable(
        "kubernetes.binaries[].sha256",
        "text",
        "64 hexadecimal digits",
        "digest that the machine must verify",
    ),
    variable(
        "kubernetes.serviceAccountIssuer",
        "text",
        "https://kubernetes.default.svc",
        "who signs the tokens of service accounts",
    ),
    variable(
        "kubernetes.serviceCidr",
        "text",
        "10.96.0.0/16",
        "addresses of services",
    ),
    variable("kubernetes.version", "text", "1.34.2", "release"),
    variable("scheduler.flags", "list", "", "flags of kube-scheduler, by name"),
    argument("scheduler.flags[].argument"),
    name_of_flag("scheduler.flags[].name"),
    value_of_flag("scheduler.flags[].value"),
    variable(
        "tls.bucket",
        "text",
        "rehull-dev-secrets",
        "bucket of certificates and keys",
    ),
    variable(
        "tls.files",
        "list",
        "front-proxy-ca.crt",
        "more files to fetch from there",
    ),
    variable(
        "tls.prefix",
        "text",
        "control-plane/",
        "key prefix in it, before the revision",
    ),
    variable(
        "tls.revision",
        "text",
        "1",
        "revision of the files; a new one replaces machines",
    ),
];

const fn argument(name: &'static str) -> Variable {
    let meaning = "complete argument, quoted for systemd's ExecStart";
    variable(name, "text", "\"--v=2\"", meaning)
}

const fn name_of_flag(name: &'static str) -> Variable {
    variable(name, "text", "v", "name without dashes")
}

const fn value_of_flag(name: &'static str) -> Variable {
    variable(name, "text", "2", "value as written, not quoted")
}

/// What the template renders to, whether a machine could boot with it or not.
///
/// # Errors
/// The template does not render, or a value cannot be written safely into a shell file.
pub fn control_plane_text(
    desired: &Desired,
    role: &ControlPlaneRole,
    template_text: &str,
) -> Result<String, RenderError> {
    template::render(ROLE, &role.template, template_text, &values(desired, role)?)
}

/// Renders the user data of the group from the text of its template.
///
/// # Errors
/// As of a slot: see [`super::render_slot`].
pub fn render_control_plane(
    desired: &Desired,
    role: &ControlPlaneRole,
    template_text: &str,
) -> Result<RenderedSlot, RenderError> {
    let user_data = control_plane_text(desired, role, template_text)?;
    check(ROLE.name, &user_data)?;
    let digest = content::digest_of_servers(role, &user_data);
    Ok(RenderedSlot { user_data, digest })
}

pub(super) fn values(desired: &Desired, role: &ControlPlaneRole) -> Result<Value, RenderError> {
    let region = desired.aws.region.as_str();
    let binaries = role.machine.binaries.iter();
    let binaries: Vec<Value> = binaries
        .map(|(name, sha256)| json!({ "name": name, "sha256": sha256 }))
        .collect();
    let location = &role.machine_tls.location;
    let mut values = json!({
        "artefacts": { "bucket": desired.artefacts.bucket, "prefix": desired.artefacts.prefix },
        "aws": { "dnsSuffix": dns_suffix(region), "region": region },
        "cluster": desired.cluster.as_str(),
        "kubernetes": {
            "binaries": binaries,
            "serviceAccountIssuer": role.service_account_issuer,
            "serviceCidr": role.service_cidr,
            "version": role.version.to_string(),
        },
        "tls": {
            "bucket": location.bucket,
            "files": role.files,
            "prefix": location.prefix,
            "revision": role.machine_tls.revision,
        },
    });
    refuse_unsafe("", &values)?;
    let urls: Vec<String> = desired.etcd.slots.iter().map(Slot::client_url).collect();
    if let Some(all) = values.as_object_mut() {
        all.insert("etcd".to_owned(), json!({ "clientUrls": urls.join(",") }));
        for (part, component) in ["apiserver", "controllerManager", "scheduler"]
            .into_iter()
            .zip(COMPONENTS)
        {
            let of = format!("{part}.flags");
            let flags = role.flags.get(component).into_iter().flatten();
            let flags = flags
                .map(|(name, value)| flag(&of, name, value))
                .collect::<Result<Vec<Value>, _>>()?;
            all.insert(part.to_owned(), json!({ "flags": flags }));
        }
    }
    Ok(values)
}
