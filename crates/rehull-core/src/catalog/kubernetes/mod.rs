//! What is known about Kubernetes: which minors there were and until when, how far its parts may be apart, which etcd goes
//! with which of them, and what each of them takes away.
//!
//! The facts are data (`catalog/data/kubernetes-*.json`), each with its source. A minor that the data does not describe is
//! refused with what to type next ([`UnknownMinor`]); what is asked about a described one is answered for all its patches.

mod apis;
mod data;
mod entries;
mod flags;
mod gates;
mod pitfalls;
mod releases;
mod skew;
mod storage;

pub use apis::{Api, ApiRemoval, Scope, api, apis_removed};
pub use entries::{Entry, Topic, entries};
pub use flags::{
    Component, RefusedValue, RemovedFlag, RequiredFlags, StartFault, StartProblem, check_flags, flags_removed,
};
pub use gates::{Gate, GateChange, GateStage, Stage, check_gates, gate, gate_changes};
pub use pitfalls::{Pitfall, Severity, pitfalls};
pub use releases::{Etcd, Images, Release, UnknownMinor, as_of, release, releases, sources};
pub use skew::{KubeletBehind, KubeletSkew, Skew, skew};
pub use storage::{StorageChange, unreadable};
