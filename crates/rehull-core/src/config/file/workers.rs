//! The `workers` part as it is typed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClientTls, DURATION};

/// Groups of nodes that carry everybody's pods. They are rolled after the control plane, all groups side by side: one node
/// more, then an old one is cordoned, drained by evictions and ended. Nothing is ever forced out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Workers {
    /// URL of the API, through its load balancer, for example `https://api.dev.example:6443`.
    #[schemars(required, regex(pattern = "^https://[^/?#@\\s]+$"))]
    pub(in crate::config) server: Option<String>,
    /// What rehull asks the API with; `docs/kubernetes-access.md` lists what this identity may do. Exactly one of `files`,
    /// `environment` and `s3`.
    #[schemars(required)]
    pub(in crate::config) client_tls: Option<ClientTls>,
    /// So many nodes at most are being drained at once, over all groups.
    #[schemars(range(min = 1, max = 1000), extend("default" = 1))]
    pub(in crate::config) budget: Option<i64>,
    /// Workloads that others depend on: on one node, pods of `then` stay until those of `first` are ready elsewhere.
    #[schemars(extend("default" = []))]
    pub(in crate::config) order: Option<Vec<Option<Order>>>,
    /// Groups, each with its own release and its own launch template.
    #[schemars(required, length(min = 1, max = 64))]
    pub(in crate::config) groups: Option<Vec<Option<WorkerGroup>>>,
}

/// Two workloads, each by namespace and name: a Deployment or StatefulSet, never its pods.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Order {
    /// Workload that the other depends on, for example `default/redis`.
    #[schemars(required, regex(pattern = OBJECT))]
    pub(in crate::config) first: Option<String>,
    /// Workload that depends on it.
    #[schemars(required, regex(pattern = OBJECT))]
    pub(in crate::config) then: Option<String>,
}

const OBJECT: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$";

/// One Auto Scaling group of workers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct WorkerGroup {
    /// Name of the Auto Scaling group.
    #[schemars(required, length(min = 1, max = 255))]
    pub(in crate::config) auto_scaling_group: Option<String>,
    /// Name of the launch template that the group launches from. rehull always sets a numbered version of it.
    #[schemars(required, regex(pattern = r"^[A-Za-z0-9().\-/_]{3,128}$"))]
    pub(in crate::config) launch_template: Option<String>,
    /// ARNs of the target groups that machines of the group are registered in.
    #[schemars(
        length(max = 50),
        inner(regex(pattern = "^arn:[^:]+:elasticloadbalancing:[^:]+:[0-9]{12}:targetgroup/[^/]+/[0-9a-f]+$")),
        extend("default" = [])
    )]
    pub(in crate::config) target_groups: Option<Vec<Option<String>>>,
    /// Release of the kubelet that a new node has to run, three numbers without `v`. Not newer than the control plane.
    #[schemars(required, regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub(in crate::config) version: Option<String>,
    /// SHA-256 per binary that machines fetch by content address, for example `kubelet`; none where the image has them.
    #[schemars(extend(
        "propertyNames" = {"pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
        "additionalProperties" = {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "default" = {}
    ))]
    pub(in crate::config) binaries: Option<BTreeMap<String, Option<String>>>,
    /// Machine image.
    #[schemars(required, regex(pattern = "^ami-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(in crate::config) image: Option<String>,
    /// EC2 instance type built on Nitro, for example `m6i.large`.
    #[schemars(required, regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"))]
    pub(in crate::config) instance_type: Option<String>,
    /// Name of the instance profile.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9+=,.@_-]{1,128}$"))]
    pub(in crate::config) instance_profile: Option<String>,
    /// Security groups of the machines.
    #[schemars(
        required,
        length(min = 1, max = 16),
        inner(regex(pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$"))
    )]
    pub(in crate::config) security_groups: Option<Vec<Option<String>>>,
    /// User-data template.
    #[schemars(required)]
    pub(in crate::config) template: Option<WorkerTemplate>,
    /// How one node gives way to the next. Every key has a default.
    pub(in crate::config) rolling: Option<Rolling>,
}

/// Own templates only: this version has no built-in set for workers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct WorkerTemplate {
    /// Own template, relative to the cluster file; the rules of `etcd.template.file` apply. `rehull render --variables`
    /// lists what it may use. It has to make the machine a node that runs just the pinned release.
    #[schemars(required)]
    pub(in crate::config) file: Option<String>,
}

/// Waits and limits. Durations carry their unit: `90s`, `5m`, `1h30m`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Rolling {
    /// So many machines more than the group has, at most. 0: none, and `maxUnavailable` counts from the beginning.
    #[schemars(range(min = 0, max = 1000), extend("default" = 1))]
    pub(in crate::config) max_surge: Option<i64>,
    /// So many fewer than the group has, at most, and only where there can be none more. 0: then the rollout stops instead.
    #[schemars(range(min = 0, max = 1000), extend("default" = 1))]
    pub(in crate::config) max_unavailable: Option<i64>,
    /// So many new nodes come first, and are watched before the group launches more like them.
    #[schemars(range(min = 1, max = 1000), extend("default" = 1))]
    pub(in crate::config) canary: Option<i64>,
    /// They are watched for this long.
    #[schemars(regex(pattern = DURATION), extend("default" = "2m"))]
    pub(in crate::config) bake: Option<String>,
    /// A node that is not empty after this long stops the rollout, with pods and budgets by name.
    #[schemars(regex(pattern = DURATION), extend("default" = "15m"))]
    pub(in crate::config) drain_deadline: Option<String>,
    /// A new machine whose node is not ready after this long stops the rollout.
    #[schemars(regex(pattern = DURATION), extend("default" = "15m"))]
    pub(in crate::config) ready_deadline: Option<String>,
    /// A group that shows no new machine after this long stops the rollout.
    #[schemars(regex(pattern = DURATION), extend("default" = "5m"))]
    pub(in crate::config) launch_deadline: Option<String>,
    /// A deregistered target may get new connections for this long. At least 2 minutes; where `aws.endpoint` is on
    /// loopback, anything.
    #[schemars(regex(pattern = DURATION), extend("default" = "2m"))]
    pub(in crate::config) propagation: Option<String>,
}
