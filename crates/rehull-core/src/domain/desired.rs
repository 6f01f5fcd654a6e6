//! What the cluster file says, after every check has passed.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::control_plane::ControlPlaneRole;
use super::ids::{
    AccountId, ClusterName, InterfaceId, LaunchTemplateName, Region, SlotName, SubnetId, VolumeId, Zone,
};
use super::machine::MachineContent;
use super::policy::{EtcdStrategy, RolloutPolicy};
use super::version::EtcdVersion;
use super::worker::WorkersRole;

/// The cluster as it should be. Built by `config` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Name of the cluster.
    pub cluster: ClusterName,
    /// Where it lives; compared with the identity record before the first mutation.
    pub aws: AwsTarget,
    /// Journal, lease, mailbox, identity record.
    pub store: StoreLocation,
    /// Binaries by content address; also boot reports and snapshots have prefixes here.
    pub artefacts: ObjectLocation,
    /// Snapshots: an encrypted prefix that no machine role may read.
    pub snapshots: ObjectLocation,
    /// The etcd role.
    pub etcd: EtcdRole,
    /// The control plane; `None`: it is left alone.
    pub control_plane: Option<ControlPlaneRole>,
    /// The workers; `None`: they are left alone.
    pub workers: Option<WorkersRole>,
    /// The module that makes launch template versions; `None`: they are made through the EC2 API.
    pub terraform: Option<TerraformModule>,
    /// How a rollout behaves.
    pub policy: RolloutPolicy,
}

/// Account, region and (for the sandbox and test doubles) an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsTarget {
    /// Twelve digits.
    pub account: AccountId,
    /// For example `ap-northeast-1`.
    pub region: Region,
    /// `None` means AWS itself. A loopback endpoint is what makes a local store legal.
    pub endpoint: Option<String>,
}

/// `bucket` + `prefix` (no leading slash; empty or ending in `/`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLocation {
    /// Bucket name.
    pub bucket: String,
    /// Key prefix.
    pub prefix: String,
}

/// The root module that an upgrade applies: launch templates and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerraformModule {
    /// Folder, relative to the cluster file.
    pub templates: String,
    /// File of that folder for `init -backend-config`.
    pub backend_config: Option<String>,
    /// Name of the program.
    pub program: String,
    /// Environment variable with the key for fingerprints.
    pub digest_key: Option<String>,
    /// Made of `terraform_data`: for a sandbox only.
    pub stand_in: bool,
}

/// Where the journal lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreLocation {
    /// Conditional writes in the cluster's own account.
    S3(ObjectLocation),
    /// A directory: loopback clusters only.
    Local {
        /// Directory, relative to the cluster file.
        path: String,
    },
}

/// The etcd machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdRole {
    /// Pinned release.
    pub version: EtcdVersion,
    /// What its machines are made from; binaries: `etcd`, `etcdctl`, `etcdutl` (from 3.5 on).
    pub machine: MachineContent,
    /// etcd flags without dashes, for example `quota-backend-bytes: "8589934592"`.
    pub flags: BTreeMap<String, String>,
    /// Which user-data template.
    pub template: TemplateRef,
    /// Machine certificates: fetched at boot by the machine with its own role.
    pub machine_tls: MachineTls,
    /// rehull's own client certificate.
    pub client_tls: ClientTls,
    /// How members are replaced.
    pub strategy: EtcdStrategy,
    /// One per member, in file order.
    pub slots: Vec<Slot>,
    /// Where `learner-first` keeps one member more while it replaces the others.
    pub spare: Option<Slot>,
}

impl EtcdRole {
    /// Everything that has to be looked at: the slots, and the spare where the strategy uses it.
    #[must_use]
    pub fn watched(&self) -> Vec<Slot> {
        let spare = self
            .spare
            .iter()
            .filter(|_| self.strategy == EtcdStrategy::LearnerFirst);
        self.slots.iter().chain(spare).cloned().collect()
    }

    /// Everything that has user data: the slots, and the spare whatever the strategy.
    pub fn rendered(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().chain(&self.spare)
    }
}

/// Member name, zone, persistent interface and persistent volume: what outlives a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Member name.
    pub name: SlotName,
    /// Zone of subnet, interface and volume.
    pub zone: Zone,
    /// Where the machine's own (primary) interface is made.
    pub subnet: SubnetId,
    /// The persistent secondary interface that carries `address`.
    pub interface: InterfaceId,
    /// The persistent data volume.
    pub volume: VolumeId,
    /// Address of the interface: clients and peers know the member by it.
    pub address: Ipv4Addr,
    /// Launch template of this slot.
    pub launch_template: LaunchTemplateName,
}

impl Slot {
    /// `https://address:2380`.
    #[must_use]
    pub fn peer_url(&self) -> String {
        format!("https://{}:2380", self.address)
    }

    /// This is [`Self::peer_url`].
    #[must_use]
    pub fn is_peer_url(&self, url: &str) -> bool {
        let address = url.strip_prefix("https://");
        let address = address.and_then(|rest| rest.strip_suffix(":2380"));
        address.is_some_and(|address| address.parse() == Ok(self.address))
    }

    /// `https://address:2379`.
    #[must_use]
    pub fn client_url(&self) -> String {
        format!("https://{}:2379", self.address)
    }
}

/// A numbered built-in set (immutable once released) or the user's own file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateRef {
    /// Set number.
    BuiltIn(u32),
    /// Path relative to the cluster file.
    File(String),
}

/// `<prefix>/<slot>/<revision>/{ca.crt,server.crt,server.key,peer.crt,peer.key}`; a new revision is a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineTls {
    /// Private location; each machine may read its own slot's prefix only.
    pub location: ObjectLocation,
    /// Part of the content digest: renewing certificates replaces machines.
    pub revision: String,
}

/// Where rehull's own etcd client certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientTls {
    /// PEM files; paths relative to the cluster file.
    Files {
        /// Certificate authority.
        ca: String,
        /// Client certificate chain.
        cert: String,
        /// Private key.
        key: String,
    },
    /// Names of environment variables that hold PEM text.
    Environment {
        /// Certificate authority.
        ca: String,
        /// Client certificate chain.
        cert: String,
        /// Private key.
        key: String,
    },
    /// `ca.crt`, `client.crt`, `client.key` under a private prefix, read with rehull's own AWS credentials.
    S3(ObjectLocation),
}
