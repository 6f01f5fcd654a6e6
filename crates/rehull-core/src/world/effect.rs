//! What the world asks of the processes behind it, and what they tell it.
//!
//! An effect stays open until a fact settles it: after a crash of the process that performs effects, the open ones
//! are handed out again, so each must be harmless when it is performed twice.

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::api::Text;
use super::target::TargetId;
use crate::domain::ids::{InstanceId, VolumeId};

/// Names one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub u64);

/// Names one power-on of one machine. What another boot reports is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub u64);

/// Something to do to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its name.
    pub id: EffectId,
    /// At which machine. Effects of one machine are performed in the order in which they are handed out.
    pub instance: InstanceId,
    /// In which of its boots.
    pub boot: BootId,
    /// What.
    pub deed: Deed,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Power on.
    Start(Hardware),
    /// The power button: the guest shuts down by itself.
    Shutdown,
    /// Power off, without warning.
    PowerCut,
    /// The volume shows up as a device.
    Expose(VolumeId),
    /// The volume is taken away, unless the guest still has it mounted.
    Withdraw(VolumeId),
}

/// What a machine is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Private DNS name without domain, `ip-10-0-1-5`.
    pub hostname: String,
    /// Address of the primary interface.
    pub address: Ipv4Addr,
    /// User data, plain.
    pub user_data: Text,
}

/// A machine that should be running now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powered {
    /// Which.
    pub instance: InstanceId,
    /// Which boot of it.
    pub boot: BootId,
    /// What it was started with.
    pub hardware: Hardware,
}

/// What is reported to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// An effect was performed.
    Performed(EffectId),
    /// An effect cannot be performed (a machine that does not start).
    Failed(EffectId, String),
    /// The answer to [`Deed::Withdraw`]: the guest still has the volume mounted.
    StillMounted(EffectId),
    /// What a health check of a target gets from now on. The model counts: a load balancer asks at its interval, and
    /// believes what it hears often enough.
    Probed {
        /// Which target.
        target: TargetId,
        /// Which boot of its machine was asked.
        boot: BootId,
        /// The check passes.
        passes: bool,
    },
    /// A machine is off: it shut down, its power was cut, or it died.
    Exited {
        /// Which boot of it.
        boot: BootId,
    },
}
