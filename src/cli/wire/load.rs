//! A load beside a rollout, for the demo: what its clients saw is the judgement that counts.

use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::ports::PortError;

use super::{World, clock};
use crate::adapters::clock::pause;
use crate::adapters::etcd::load::{Class, Probe, ProbeSpec, WatchReport};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::report::summary::LoadVerdict;

/// Acknowledged writes from which on the clients count as at work.
const WARM: u64 = 100;
const WARM_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Clients that write and watch until they are told to stop.
pub struct Load {
    probe: Probe,
    /// Number of writers.
    pub writers: u32,
    /// Number of watches.
    pub watches: usize,
}

impl World {
    /// Starts writers and watches through every slot's address, and returns when they are at work. `run` names their keys.
    ///
    /// # Errors
    /// No member serves, or hardly anything is acknowledged.
    pub async fn load(&self, run: &str, slots: &[Slot]) -> Result<Load, Failure> {
        let spec = ProbeSpec::for_slots(run, slots);
        let targets = u32::try_from(spec.targets.len()).unwrap_or(u32::MAX);
        let pinned = spec.pinned_per_target.saturating_mul(targets);
        let writers = pinned.saturating_add(spec.retrying).saturating_add(spec.patient);
        let watches = spec.targets.len();
        let probe = Probe::start(Arc::clone(&self.etcd), clock(), spec)
            .await
            .map_err(|error| failed(&error))?;
        at_work(&probe).await?;
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
    /// The history cannot be read, or contradicts what was acknowledged in another way than by a loss.
    pub async fn finish(self) -> Result<LoadVerdict, Failure> {
        let report = self.probe.finish().await.map_err(|error| failed(&error))?.report;
        let broken = report
            .watches
            .iter()
            .filter(|watch| !WatchReport::is_complete(watch))
            .count();
        if report.lost == 0 && broken == 0 && !report.problems.is_empty() {
            return Err(contradicted(&report.problems));
        }
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

/// Whoever judges a rollout by its clients needs clients that were there from its beginning.
async fn at_work(probe: &Probe) -> Result<(), Failure> {
    let mut left = WARM_WITHIN;
    while probe.progress().acknowledged < WARM {
        if left.is_zero() {
            let message =
                format!("the clients had less than {WARM} writes acknowledged before anything was begun");
            let failure = Failure::new(Exit::Refused, "load::not_at_work", message);
            return Err(failure.help("nothing was changed; is the computer busy with something else?"));
        }
        pause(LOOK_EVERY).await;
        left = left.saturating_sub(LOOK_EVERY);
    }
    Ok(())
}

fn contradicted(problems: &[String]) -> Failure {
    let message = format!(
        "what the clients saw does not fit together: {}",
        problems.join("; ")
    );
    Failure::new(Exit::Refused, "load::contradiction", message)
        .help("the rollout proves nothing; please report this")
}

fn failed(error: &PortError) -> Failure {
    Failure::new(Exit::Refused, "load::failed", "the load proves nothing").because(error)
}
