//! The control-plane machines, as the cluster file wants them.

use std::collections::BTreeMap;

use super::desired::{ClientTls, MachineTls, TemplateRef};
use super::ids::{GroupName, LaunchTemplateName, TargetGroupArn};
use super::machine::MachineContent;
use super::policy::ServingPolicy;
use super::version::KubernetesVersion;

/// Apiserver, controller-manager and scheduler of one release on every machine of one Auto Scaling group, behind one
/// target group of a network load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlaneRole {
    /// Pinned release.
    pub version: KubernetesVersion,
    /// What its machines are made from; one binary per component.
    pub machine: MachineContent,
    /// Addresses of services, for example `10.96.0.0/16`; never changes.
    pub service_cidr: String,
    /// Who signs the tokens of service accounts, for example `https://kubernetes.default.svc`; never changes.
    pub service_account_issuer: String,
    /// Flags without dashes, per component.
    pub flags: BTreeMap<String, BTreeMap<String, String>>,
    /// Which user-data template.
    pub template: TemplateRef,
    /// Certificates and keys, fetched at boot by the machine with its own role: `<prefix>/<revision>/<file>`.
    pub machine_tls: MachineTls,
    /// Fetched beside the files that every control plane needs, for flags that name them.
    pub files: Vec<String>,
    /// What rehull asks the apiservers with.
    pub client_tls: ClientTls,
    /// Auto Scaling group.
    pub group: GroupName,
    /// What it launches from.
    pub launch_template: LaunchTemplateName,
    /// Where its machines are registered.
    pub target_group: TargetGroupArn,
    /// Waits and limits.
    pub serving: ServingPolicy,
}

/// The programs of a control-plane machine, by the names of their files.
pub const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What apiservers listen on, on every control-plane machine.
pub const SECURE_PORT: u16 = 6443;

/// A name that the certificate of every apiserver has: machines of a group change their addresses, so no certificate can
/// hold those.
pub const SERVER_NAME: &str = "kubernetes";
