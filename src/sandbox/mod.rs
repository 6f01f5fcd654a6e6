//! A cloud on this machine: the world of `rehull-core` behind the real wire protocols, and real processes behind it.
//!
//! [`up`] starts a daemon in which one task owns the world ([`daemon`]); [`wire`] speaks EC2, S3 and STS; the bytes of
//! objects are files ([`blobs`]); [`host`] starts and ends machines, which are process trees with a root directory of
//! their own ([`machine`]); load balancers are sockets that really pass bytes on ([`balancer`]). Everything listens on loopback only. [`down`] leaves nothing behind.

mod balancer;
mod blobs;
mod clock;
mod cluster_file;
pub mod control_plane;
mod daemon;
mod down;
mod error;
pub mod faults;
mod harm;
mod host;
mod http;
mod in_process;
mod info;
mod lay;
pub mod layout;
mod listen;
pub mod load;
pub mod machine;
mod metadata;
mod options;
mod outs;
mod pin;
pub mod pki;
mod processes;
mod ready;
mod run;
mod serve;
mod snapshot;
mod status;
mod terraform;
mod up;
mod wire;

pub use down::{Down, down};
pub use error::SandboxError;
pub use harm::{Harm, harm};
pub use in_process::InProcess;
pub use info::{ControlPlaneInfo, Info, SlotInfo};
pub use options::UpOptions;
pub use outs::Outs;
pub use run::run_if_asked;
pub use serve::serve;
pub use status::{BalancerStatus, MachineStatus, Seen, Status, TargetStatus, status, switch};
pub use up::up;
