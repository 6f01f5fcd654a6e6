//! The `controlPlane` part as it is typed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClientTls, DURATION, Template};

/// The machines of apiserver, controller-manager and scheduler: one Auto Scaling group behind a network load balancer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ControlPlane {
    /// Pinned Kubernetes release, three numbers without `v`, for example `1.34.2`.
    #[schemars(required, regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub(in crate::config) version: Option<String>,
    /// SHA-256 of each binary of that release.
    #[schemars(required)]
    pub(in crate::config) binaries: Option<ServerBinaries>,
    /// Machine image.
    #[schemars(required, regex(pattern = "^ami-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(in crate::config) image: Option<String>,
    /// EC2 instance type built on Nitro, for example `m6i.large`.
    #[schemars(required, regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"))]
    pub(in crate::config) instance_type: Option<String>,
    /// Name of the instance profile. Its role may read the artefacts and what `machineTls` names, and write its own boot report.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9+=,.@_-]{1,128}$"))]
    pub(in crate::config) instance_profile: Option<String>,
    /// Security groups of the machines.
    #[schemars(
        required,
        length(min = 1, max = 16),
        inner(regex(pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$"))
    )]
    pub(in crate::config) security_groups: Option<Vec<Option<String>>>,
    /// Addresses of services, for example `10.96.0.0/16`. Never changes in the life of a cluster.
    #[schemars(required, regex(pattern = r"^[0-9a-f.:]+/[0-9]{1,3}$"))]
    pub(in crate::config) service_cidr: Option<String>,
    /// Who signs the tokens of service accounts. Never changes in the life of a cluster.
    #[schemars(regex(pattern = "^https://"), extend("default" = "https://kubernetes.default.svc"))]
    pub(in crate::config) service_account_issuer: Option<String>,
    /// Flags per component. Flags that rehull itself sets are refused.
    #[schemars(required)]
    pub(in crate::config) flags: Option<ServerFlags>,
    /// User-data template. Exactly one of `builtIn` and `file`.
    #[schemars(required)]
    pub(in crate::config) template: Option<Template>,
    /// Where machines fetch their certificates and keys with their own role.
    #[schemars(required)]
    pub(in crate::config) machine_tls: Option<ServerTls>,
    /// What rehull asks each apiserver with, at its own address. Exactly one of `files`, `environment` and `s3`. The
    /// certificate of the servers has to hold the name `kubernetes`.
    #[schemars(required)]
    pub(in crate::config) client_tls: Option<ClientTls>,
    /// Name of the Auto Scaling group.
    #[schemars(required, length(min = 1, max = 255))]
    pub(in crate::config) auto_scaling_group: Option<String>,
    /// Name of the launch template that the group launches from. rehull always sets a numbered version of it.
    #[schemars(required, regex(pattern = r"^[A-Za-z0-9().\-/_]{3,128}$"))]
    pub(in crate::config) launch_template: Option<String>,
    /// ARN of the target group of the network load balancer, with HTTPS checks of `/readyz`.
    #[schemars(
        required,
        regex(pattern = "^arn:[^:]+:elasticloadbalancing:[^:]+:[0-9]{12}:targetgroup/[^/]+/[0-9a-f]+$")
    )]
    pub(in crate::config) target_group: Option<String>,
    /// How one server gives way to the next. Every key has a default.
    pub(in crate::config) serving: Option<Serving>,
}

/// SHA-256 per binary, 64 hexadecimal digits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the programs themselves are called so")]
pub(in crate::config) struct ServerBinaries {
    /// The API server.
    #[schemars(required, regex(pattern = "^[0-9a-f]{64}$"))]
    pub(in crate::config) kube_apiserver: Option<String>,
    /// The controllers.
    #[schemars(required, regex(pattern = "^[0-9a-f]{64}$"))]
    pub(in crate::config) kube_controller_manager: Option<String>,
    /// The scheduler.
    #[schemars(required, regex(pattern = "^[0-9a-f]{64}$"))]
    pub(in crate::config) kube_scheduler: Option<String>,
}

/// Flags as they are typed: every value is text.
pub(in crate::config) type Flags = BTreeMap<String, Option<String>>;

/// Flags without dashes; every value is text, also numbers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the programs themselves are called so")]
pub(in crate::config) struct ServerFlags {
    /// Of the API server. `authorization-mode` or `authorization-config` must be among them: without either it lets
    /// everybody do everything.
    #[schemars(required, extend("propertyNames" = {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}))]
    pub(in crate::config) kube_apiserver: Option<Flags>,
    /// Of the controllers.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}, "default" = {}))]
    pub(in crate::config) kube_controller_manager: Option<Flags>,
    /// Of the scheduler.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}, "default" = {}))]
    pub(in crate::config) kube_scheduler: Option<Flags>,
}

/// `<prefix><revision>/<file>`: `ca.crt`, `apiserver.crt` and `.key`, `etcd-ca.crt`, `etcd-client.crt` and `.key`,
/// `service-account.pub` and `.key`, `controller-manager.crt` and `.key`, `scheduler.crt` and `.key`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServerTls {
    /// Bucket name.
    #[schemars(required, regex(pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    pub(in crate::config) bucket: Option<String>,
    /// Start of every key; no other machines may read it.
    #[schemars(required, regex(pattern = "^([A-Za-z0-9!_.*'()-]+/)*$"))]
    pub(in crate::config) prefix: Option<String>,
    /// Revision of the files, as text. Changing it replaces the machines one by one.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub(in crate::config) revision: Option<String>,
    /// More files to fetch, for flags that name them below `/etc/kubernetes/pki/`, for example `front-proxy-ca.crt`.
    #[schemars(
        inner(regex(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
        extend("default" = [])
    )]
    pub(in crate::config) files: Option<Vec<Option<String>>>,
}

/// Waits and limits. Durations carry their unit: `90s`, `5m`, `1h30m`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Serving {
    /// Never fewer healthy targets than this; the group has to have as many.
    #[schemars(range(min = 1), extend("default" = 3))]
    pub(in crate::config) floor: Option<i64>,
    /// The load balancer sends across zones. Where it does not, a zone never loses its last healthy target.
    #[schemars(extend("default" = false))]
    pub(in crate::config) cross_zone: Option<bool>,
    /// For so long a deregistered server goes on serving, whatever the API says: new connections still reach it. At least
    /// 2 minutes; where `aws.endpoint` is on loopback, anything.
    #[schemars(regex(pattern = DURATION), extend("default" = "2m"))]
    pub(in crate::config) propagation: Option<String>,
    /// A new machine that does not serve through the load balancer after this long stops the rollout.
    #[schemars(regex(pattern = DURATION), extend("default" = "15m"))]
    pub(in crate::config) serve_deadline: Option<String>,
    /// A group that shows no new machine after this long stops the rollout.
    #[schemars(regex(pattern = DURATION), extend("default" = "5m"))]
    pub(in crate::config) launch_deadline: Option<String>,
    /// The first new machine is watched for this long before the group launches more like it.
    #[schemars(regex(pattern = DURATION), extend("default" = "2m"))]
    pub(in crate::config) bake: Option<String>,
}
