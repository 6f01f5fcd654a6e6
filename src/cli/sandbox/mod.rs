//! `rehull sandbox …`: a cluster of real processes on this machine.

pub mod demo;
pub mod down;
pub mod pin;
pub mod status;
pub mod up;

use std::path::PathBuf;

use rehull_core::domain::version::EtcdVersion;
use rehull_core::world::Timing;

/// What a sandbox is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxWish {
    /// Bring one up.
    Up(Up),
    /// Take one down.
    Down(Place),
    /// Look at one.
    Status(Place),
    /// Pin another release.
    Pin(pin::Pin),
    /// Show what this program is for.
    Demo(demo::Demo),
}

/// A sandbox by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name.
    pub name: String,
    /// Where sandboxes are kept.
    pub dir: PathBuf,
}

/// What `sandbox up` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// Which and where.
    pub place: Place,
    /// Number of members.
    pub members: u8,
    /// etcd release.
    pub etcd: EtcdVersion,
    /// Where binaries are: `DIR/etcd/VERSION/BINARY`.
    pub toolbox: Option<PathBuf>,
    /// How long things take.
    pub timing: Timing,
    /// Lay the ground only: no machine, no etcd.
    pub empty: bool,
}
