//! etcd over its own wire protocol: one single-endpoint client per member, mutual TLS, every call bounded.
//!
//! [`EtcdPool`] answers `ports::{EtcdView, EtcdMembership, EtcdProbe}`, [`EtcdSnapshots`] answers `ports::SnapshotJobs`, [`StallProbe`]
//! measures beside a rollout how long writers wait, [`load`] is the probe of demo, tests and benchmarks. The pool never fails over by itself: a call goes to the member
//! it was meant for or to nobody, because membership calls are judged by the member that receives them, and because
//! a client over all endpoints keeps failing on the one that is gone.

mod alarms;
mod error;
mod hashes;
mod lists;
pub mod load;
mod membership;
mod pool;
mod readyz;
mod restore_check;
mod snapshot;
mod stall;
mod tls;
mod view;
mod words;
mod write_through;

pub(super) use error::words as tls_words;
pub use pool::EtcdPool;
pub use restore_check::RestoreTool;
pub use snapshot::{EtcdSnapshots, SnapshotParts, SnapshotSink};
pub use stall::StallProbe;
pub use tls::{PemTls, UnusableTls};
