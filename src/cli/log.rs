//! The debug log: JSON lines for whoever has to find out afterwards. Events are the interface, this is not.
//!
//! Only this program's own modules write to it: the SDKs log headers, and headers hold signatures.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rehull_core::domain::ids::StepId;
use rehull_core::event::{Event, EventSink, What};
use tracing::Span;
use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// What is written.
const FILTER: &str = "off,rehull=debug";

/// Starts the log of this process; the first call decides where, a later one changes nothing.
///
/// # Errors
/// The file cannot be written.
pub fn start(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unwritable(path, &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(failed)?;
    let written = tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_writer(Mutex::new(file))
        .try_init();
    // Somebody asked for another file with --log: that one has it all.
    drop(written);
    Ok(())
}

/// Writes every event into the log, inside a span of its step.
#[derive(Default)]
pub struct LogSink {
    steps: Mutex<BTreeMap<StepId, Span>>,
}

impl EventSink for LogSink {
    fn emit(&self, event: &Event) {
        let rollout = event.rollout.as_str();
        let span = match step(&event.what) {
            None => Span::none(),
            Some(step) => {
                let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
                let new = || tracing::info_span!("step", rollout, step = step.as_str());
                steps.entry(step.clone()).or_insert_with(new).clone()
            }
        };
        let told = serde_json::to_string(&event.what).unwrap_or_default();
        span.in_scope(|| tracing::info!(rollout, event = told, "event"));
    }
}

fn step(what: &What) -> Option<&StepId> {
    match what {
        What::Acting { step, .. }
        | What::Acted { step, .. }
        | What::Stalled { step, .. }
        | What::Rolled { step, .. }
        | What::StepDone { step } => Some(step),
        What::Started { .. } | What::Waiting { .. } | What::Stopped { .. } | What::Finished => None,
    }
}
