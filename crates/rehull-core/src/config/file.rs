//! The cluster file as it is typed. These types are the JSON Schema: their comments are what editors show.
//!
//! Every field is an `Option`, also those that the schema requires: a file with a mistake in one place must still be
//! read everywhere else, so that all mistakes are told at once. `read` turns this into `Desired`.

mod control_plane;
mod workers;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::policy::EtcdStrategy;

pub(super) use control_plane::{ControlPlane, Flags, ServerBinaries, ServerFlags, ServerTls, Serving};
pub(super) use workers::{Order, Rolling, WorkerGroup, Workers};

/// A cluster as it should be: what rehull compares the world with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "rehull cluster file")]
#[expect(
    clippy::struct_field_names,
    reason = "the name of a cluster is called `cluster` in the file"
)]
pub(super) struct Cluster {
    /// Version of this file's format; 1.
    #[schemars(required, extend("const" = 1))]
    #[expect(
        dead_code,
        reason = "another format is refused before anything else is read; here for the schema"
    )]
    pub(super) format: Option<i64>,
    /// Name of the cluster: lower-case letters, digits and hyphens. Part of object keys and tags; never changes.
    #[schemars(required, regex(pattern = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"))]
    pub(super) cluster: Option<String>,
    /// Account and region; compared with the credentials before the first change.
    #[schemars(required)]
    pub(super) aws: Option<Aws>,
    /// Journal, lease, mailbox and identity record. Exactly one of `s3` and `local`.
    #[schemars(required)]
    pub(super) store: Option<Store>,
    /// Where binaries are published by content address, and machines write their boot reports. Machines may read it.
    #[schemars(required)]
    pub(super) artefacts: Option<Location>,
    /// Where etcd snapshots go: an encrypted place that no machine may read.
    #[schemars(required)]
    pub(super) snapshots: Option<Location>,
    /// The etcd machines.
    #[schemars(required)]
    pub(super) etcd: Option<Etcd>,
    /// The machines of apiserver, controller-manager and scheduler. Without it rehull leaves them alone.
    pub(super) control_plane: Option<ControlPlane>,
    /// Groups of nodes. Without it rehull leaves them alone.
    pub(super) workers: Option<Workers>,
    /// Terraform makes the launch template versions. Without it rehull makes them itself, through the EC2 API.
    pub(super) terraform: Option<Terraform>,
    /// How a rollout behaves. Every key has a default.
    pub(super) rollout: Option<Rollout>,
}

/// Account and region.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Aws {
    /// Twelve digits, in quotes: a YAML number would lose leading zeros.
    #[schemars(required, regex(pattern = "^[0-9]{12}$"))]
    pub(super) account: Option<String>,
    /// For example `ap-northeast-1`.
    #[schemars(required, regex(pattern = "^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$"))]
    pub(super) region: Option<String>,
    /// Only for a sandbox on this machine, for example `http://127.20.0.1:4566`, or a private endpoint of AWS.
    #[schemars(regex(pattern = "^https?://"))]
    pub(super) endpoint: Option<String>,
}

/// Exactly one of the two.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct Store {
    /// Conditional writes in the cluster's own account.
    pub(super) s3: Option<Location>,
    /// A directory. Only for a cluster whose `aws.endpoint` is on loopback: nobody else could see the lease.
    pub(super) local: Option<Local>,
}

/// A directory.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Local {
    /// Directory, relative to the cluster file.
    #[schemars(required)]
    pub(super) path: Option<String>,
}

/// A place in S3.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Location {
    /// Bucket name.
    #[schemars(required, regex(pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    pub(super) bucket: Option<String>,
    /// Start of every key: empty, or without leading and with trailing slash, for example `store/`.
    #[schemars(required, regex(pattern = "^([A-Za-z0-9!_.*'()-]+/)*$"))]
    pub(super) prefix: Option<String>,
}

/// The etcd machines.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Etcd {
    /// Pinned release, three numbers, for example `3.6.14`.
    #[schemars(required, regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub(super) version: Option<String>,
    /// SHA-256 of each binary of that release.
    #[schemars(required)]
    pub(super) binaries: Option<Binaries>,
    /// Machine image.
    #[schemars(required, regex(pattern = "^ami-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(super) image: Option<String>,
    /// EC2 instance type built on Nitro, for example `m6i.large`.
    #[schemars(required, regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"))]
    pub(super) instance_type: Option<String>,
    /// Name of the instance profile. Its role may read the artefacts and its own slot's certificates, and write its own boot report.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9+=,.@_-]{1,128}$"))]
    pub(super) instance_profile: Option<String>,
    /// Security groups of the machines.
    #[schemars(
        required,
        length(min = 1, max = 16),
        inner(regex(pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$"))
    )]
    pub(super) security_groups: Option<Vec<Option<String>>>,
    /// etcd flags without dashes; every value is text, also numbers. Flags that rehull itself sets are refused.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}, "default" = {}))]
    pub(super) flags: Option<BTreeMap<String, Option<String>>>,
    /// User-data template. Exactly one of `builtIn` and `file`.
    #[schemars(required)]
    pub(super) template: Option<Template>,
    /// Where machines fetch their certificates with their own role.
    #[schemars(required)]
    pub(super) machine_tls: Option<MachineTls>,
    /// Where rehull's own client certificate comes from. Exactly one of `files`, `environment` and `s3`.
    #[schemars(required)]
    pub(super) client_tls: Option<ClientTls>,
    /// How members are replaced.
    #[schemars(required)]
    pub(super) strategy: Option<EtcdStrategy>,
    /// One per member: 1, 3, 5 or 7.
    #[schemars(required, length(min = 1, max = 7))]
    pub(super) slots: Option<Vec<Option<Slot>>>,
    /// One slot more, empty between rollouts: `learner-first` keeps a member in it while the others are replaced.
    /// Needed by `learner-first`; other strategies do not touch it.
    pub(super) spare: Option<Slot>,
}

/// SHA-256 per binary, 64 hexadecimal digits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Binaries {
    /// The server.
    #[schemars(required, regex(pattern = "^[0-9a-f]{64}$"))]
    pub(super) etcd: Option<String>,
    /// The client.
    #[schemars(required, regex(pattern = "^[0-9a-f]{64}$"))]
    pub(super) etcdctl: Option<String>,
    /// The offline tool; exists and is needed from etcd 3.5 on.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub(super) etcdutl: Option<String>,
}

/// Exactly one of the two.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct Template {
    /// Number of a built-in set; a released set never changes.
    #[schemars(range(min = 1))]
    pub(super) built_in: Option<i64>,
    /// Own template, relative to the cluster file. `rehull render --variables` lists what it may use. Top-level keys that
    /// cloud-init does not know are refused; `x-…` is yours. At most 32 KiB, blocks 12 deep, loops 2 deep, no parts of its
    /// own (`{{#*inline}}`).
    pub(super) file: Option<String>,
}

/// `<prefix><slot>/<revision>/{ca.crt,server.crt,server.key,peer.crt,peer.key}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MachineTls {
    /// Bucket name.
    #[schemars(required, regex(pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    pub(super) bucket: Option<String>,
    /// Start of every key; each machine may read its own slot's part only.
    #[schemars(required, regex(pattern = "^([A-Za-z0-9!_.*'()-]+/)*$"))]
    pub(super) prefix: Option<String>,
    /// Revision of the certificates, as text. Changing it replaces the machines one by one.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub(super) revision: Option<String>,
}

/// Exactly one of the three.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct ClientTls {
    /// PEM files, relative to the cluster file.
    pub(super) files: Option<Certificate>,
    /// Names of environment variables that hold PEM text.
    pub(super) environment: Option<Certificate>,
    /// `ca.crt`, `client.crt`, `client.key` under a private prefix, read with rehull's own AWS credentials.
    pub(super) s3: Option<Location>,
}

/// Three file names or three names of variables.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Certificate {
    /// Certificate authority.
    #[schemars(required)]
    pub(super) ca: Option<String>,
    /// Client certificate with its chain.
    #[schemars(required)]
    pub(super) cert: Option<String>,
    /// Private key.
    #[schemars(required)]
    pub(super) key: Option<String>,
}

/// What outlives a machine: member name, zone, interface, volume.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Slot {
    /// Name of the member.
    #[schemars(required, regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub(super) name: Option<String>,
    /// Zone of subnet, interface and volume, for example `ap-northeast-1a`.
    #[schemars(required)]
    pub(super) zone: Option<String>,
    /// Where the machine's own first interface is made.
    #[schemars(required, regex(pattern = "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(super) subnet: Option<String>,
    /// Persistent second interface that carries `address`.
    #[schemars(required, regex(pattern = "^eni-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(super) interface: Option<String>,
    /// Persistent data volume.
    #[schemars(required, regex(pattern = "^vol-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub(super) volume: Option<String>,
    /// IPv4 address of the interface; clients and peers know the member by it.
    #[schemars(required, extend("format" = "ipv4"))]
    pub(super) address: Option<String>,
    /// Name of this slot's launch template, at least 3 characters. rehull always launches a numbered version of it.
    #[schemars(required, regex(pattern = r"^[A-Za-z0-9().\-/_]{3,128}$"))]
    pub(super) launch_template: Option<String>,
}

/// The module that an upgrade applies.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Terraform {
    /// Folder of the root module with the launch templates and nothing else, relative to this file, for example
    /// `../terraform/environments/dev/templates`.
    #[schemars(required)]
    pub(super) templates: Option<String>,
    /// File of that folder for `init -backend-config`, where the state's place is data, for example `state.s3.tfbackend`.
    pub(super) backend_config: Option<String>,
    /// Name of the program, looked for in `PATH`: `terraform` (1.11 or later) or `tofu`.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]+$"), extend("default" = "terraform"))]
    pub(super) program: Option<String>,
    /// Name of the environment variable with the key for fingerprints of values, at least 16 bytes. Whoever plans and whoever
    /// applies need the same. Without it a plan with a sensitive value is refused.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub(super) digest_key: Option<String>,
    /// The module is a stand-in made of `terraform_data`, for a sandbox without the AWS provider. Never for AWS.
    #[schemars(extend("default" = false))]
    pub(super) stand_in: Option<bool>,
}

/// Waits and limits. Durations carry their unit: `90s`, `5m`, `1h30m`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rollout {
    /// Watch before the last old member of a minor version is replaced: the last moment to go back for free.
    #[schemars(regex(pattern = DURATION), extend("default" = "5m"))]
    pub(super) bake: Option<String>,
    /// A machine that is not ready after this long stops the rollout.
    #[schemars(regex(pattern = DURATION), extend("default" = "10m"))]
    pub(super) boot_deadline: Option<String>,
    /// A graceful stop that is not seen after this long is reported and the machine is terminated. At least 15 s.
    #[schemars(regex(pattern = DURATION), extend("default" = "60s"))]
    pub(super) stop_deadline: Option<String>,
    /// A member that has not joined and caught up after this long stops the rollout, and so does one that others keep out so long.
    #[schemars(regex(pattern = DURATION), extend("default" = "10m"))]
    pub(super) join_deadline: Option<String>,
    /// How old the links between members must be before the next change. At least 6 s: etcd counts younger ones as down.
    #[schemars(regex(pattern = DURATION), extend("default" = "6s"))]
    pub(super) settle: Option<String>,
    /// How many entries a member may be behind its leader.
    #[schemars(range(min = 1), extend("default" = 100))]
    pub(super) lag_entries_max: Option<i64>,
    /// A database above this share of its quota, in per cent, blocks the start.
    #[schemars(range(min = 1, max = 100), extend("default" = 80))]
    pub(super) quota_used_percent_max: Option<i64>,
    /// Take a snapshot, verified and test-restored, before the first change.
    #[schemars(extend("default" = true))]
    pub(super) snapshot: Option<bool>,
    /// Write small keys below `/rehull/probe/` while a rollout runs: one through every member before the first is taken
    /// out, and one ten times a second to measure how long writers wait. They are removed in the end.
    #[schemars(extend("default" = true))]
    pub(super) probe: Option<bool>,
    /// A cluster of one member cannot be upgraded without an outage; this says so out loud.
    #[schemars(extend("default" = false))]
    pub(super) accept_downtime: Option<bool>,
    /// How long the lease outlives its holder. At least 45 s; where `aws.endpoint` is on loopback, 10 s.
    #[schemars(regex(pattern = DURATION), extend("default" = "60s"))]
    pub(super) lease_ttl: Option<String>,
}

pub(super) const DURATION: &str = "^([0-9]+(h|m|s|ms))+$";
