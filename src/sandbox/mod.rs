//! A cloud on this machine: the world of `rehull-core` behind the real wire protocols, and real processes behind it.
//!
//! One task owns the world ([`daemon`]); [`wire`] speaks EC2, S3 and STS; the bytes of objects are files ([`blobs`]).
//! Everything listens on loopback only. Machines are process trees with a root directory of their own ([`machine`]).

mod blobs;
mod clock;
mod daemon;
mod error;
mod in_process;
pub mod layout;
pub mod machine;
mod status;
mod wire;

pub use error::SandboxError;
pub use in_process::InProcess;
pub use status::{MachineStatus, Status};
