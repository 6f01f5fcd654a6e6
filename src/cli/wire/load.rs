//! A load beside a rollout, for the demo: what its clients saw is the judgement that counts.

use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::ports::PortError;

use super::{World, clock};
use crate::adapters::etcd::load::{Class, Probe, ProbeSpec, WatchReport};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::report::summary::LoadVerdict;

/// Clients that write and watch until they are told to stop.
pub struct Load {
    probe: Probe,
    /// Number of writers.
    pub writers: u32,
    /// Number of watches.
    pub watches: usize,
}

impl World {
    /// Starts writers and watches through every slot's address. `run` names their keys.
    ///
    /// # Errors
    /// No member serves.
    pub async fn load(&self, run: &str, slots: &[Slot]) -> Result<Load, Failure> {
        let spec = ProbeSpec::for_slots(run, slots);
        let targets = u32::try_from(spec.targets.len()).unwrap_or(u32::MAX);
        let pinned = spec.pinned_per_target.saturating_mul(targets);
        let writers = pinned.saturating_add(spec.retrying).saturating_add(spec.patient);
        let watches = spec.targets.len();
        let probe = Probe::start(Arc::clone(&self.etcd), clock(), spec)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Load {
            probe,
            writers,
            watches,
        })
    }
}

impl Load {
    /// Stops it and compares everything with the history of the store.
    ///
    /// # Errors
    /// The history cannot be read: nothing is proven then.
    pub async fn finish(self) -> Result<LoadVerdict, Failure> {
        let report = self.probe.finish().await.map_err(|error| failed(&error))?.report;
        let broken = report
            .watches
            .iter()
            .filter(|watch| !WatchReport::is_complete(watch))
            .count();
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(LoadVerdict {
            acknowledged: report.acknowledged,
            lost: report.lost,
            stall_max: Duration::from_millis(report.longest_stall_ms(Class::Retrying)),
            watches: small(report.watches.len()),
            watches_broken: small(broken),
        })
    }
}

fn failed(error: &PortError) -> Failure {
    Failure::new(Exit::Refused, "load::failed", "the load proves nothing").because(error)
}
