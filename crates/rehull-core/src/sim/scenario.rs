//! What is simulated: a cluster, what is to become of it, and how long things take in its world.

use serde::{Deserialize, Serialize};

use super::control_plane::ControlPlane;
use super::fault::Faults;
use super::workers::Workers;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::{EtcdVersion, KubernetesVersion};
use crate::world::Timing;

/// Who makes launch template versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provisioner {
    /// rehull itself, through EC2.
    #[default]
    Api,
    /// One run of Terraform: the cluster file names its module.
    Terraform,
}

impl Provisioner {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Api, Self::Terraform];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Terraform => "terraform",
        }
    }
}

/// One simulation; with its seed everything is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Voters: 1, 3 or 5.
    pub members: u8,
    /// Running at the beginning.
    pub from: EtcdVersion,
    /// The new pin.
    pub to: EtcdVersion,
    /// How members are replaced.
    pub strategy: EtcdStrategy,
    /// Who makes their launch template versions.
    #[serde(default)]
    pub provisioner: Provisioner,
    /// Upgraded after etcd, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
    /// Upgraded after the control plane, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
    /// How long things take.
    pub timing: Timing,
    /// Decides every wait and every id.
    pub seed: u64,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Faults,
}

impl Scenario {
    /// 3 members, 3.5.33 → 3.6.14, nothing goes wrong.
    #[must_use]
    pub fn plain(strategy: EtcdStrategy, members: u8, seed: u64) -> Self {
        Self {
            about: String::new(),
            members,
            from: EtcdVersion::new(3, 5, 33),
            to: EtcdVersion::new(3, 6, 14),
            strategy,
            provisioner: Provisioner::Api,
            control_plane: None,
            workers: None,
            timing: Timing::Aws,
            seed,
            faults: Faults::default(),
        }
    }

    /// The same where Terraform makes the launch template versions.
    #[must_use]
    pub const fn by_terraform(mut self) -> Self {
        self.provisioner = Provisioner::Terraform;
        self
    }

    /// The same with a control plane that goes from 1.33.13 to 1.34.2.
    #[must_use]
    pub const fn with_control_plane(mut self) -> Self {
        self.control_plane = Some(ControlPlane {
            machines: 3,
            from: KubernetesVersion::new(1, 33, 13),
            to: KubernetesVersion::new(1, 34, 2),
        });
        self
    }

    /// The same with workers that go from 1.33.13 to 1.34.2.
    #[must_use]
    pub const fn with_workers(mut self) -> Self {
        self.workers = Some(Workers::new(3, 2));
        self
    }

    /// The same with other faults.
    #[must_use]
    pub fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}
