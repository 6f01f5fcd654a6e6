//! Faults on purpose: only a sandbox can be wired with one.

use std::sync::Arc;

use rehull_core::ports::{LeaseState, Store};

use super::is_loopback;
use crate::cli::cluster_file::ClusterFile;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::sandbox::faults::{Trap, TrappedLease, TrappedStore};

/// The trap that was asked for, if any.
pub(super) fn set(file: &ClusterFile, environment: &Environment) -> Result<Option<Arc<Trap>>, Failure> {
    let Some(fault) = environment.fault() else {
        return Ok(None);
    };
    if !is_loopback(&file.desired.aws) {
        let message = "`--fault` is for clusters on this machine";
        return Err(Failure::new(Exit::Usage, "usage::fault", message).help("use a sandbox"));
    }
    Ok(Some(Trap::set(fault)))
}

pub(super) fn store(inner: Arc<dyn Store>, trap: Option<&Arc<Trap>>) -> Arc<dyn Store> {
    match trap {
        Some(trap) => Arc::new(TrappedStore::new(inner, Arc::clone(trap))),
        None => inner,
    }
}

pub(super) fn lease(inner: Arc<dyn LeaseState>, trap: Option<&Arc<Trap>>) -> Arc<dyn LeaseState> {
    match trap {
        Some(trap) => Arc::new(TrappedLease::new(inner, Arc::clone(trap))),
        None => inner,
    }
}
