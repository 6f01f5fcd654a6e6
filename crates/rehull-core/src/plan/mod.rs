//! What a person approves: the envelope (digested) and the forecast (shown, never digested).
//!
//! [`plan`] compares what is desired with what is seen and says which machines give way, why, in which order, and
//! until when one can go back; or it refuses, with every reason at once.

mod certificates;
mod changed;
mod content;
pub mod envelope;
mod eta;
mod explain;
pub mod findings;
mod forecast;
pub mod group;
mod headline;
mod hold;
mod hop;
mod input;
pub mod path;
mod pins;
mod planner;
mod preconditions;
mod refusal;
pub mod revert;
mod servers;
mod skew;
mod spare;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_a_single_member;
#[cfg(test)]
mod tests_of_alarms;
#[cfg(test)]
mod tests_of_certificates;
#[cfg(test)]
mod tests_of_findings;
#[cfg(test)]
mod tests_of_incidents;
#[cfg(test)]
mod tests_of_pins;
#[cfg(test)]
mod tests_of_servers;
#[cfg(test)]
mod tests_of_the_past;
#[cfg(test)]
mod tests_of_workers;
pub mod worker;
mod workers;

pub use crate::domain::policy::ServingPolicy;
pub use crate::domain::worker::{OrderRule, WorkerPolicy};
pub use changed::differences;
pub use content::{content_for_heal, last_seen};
pub use envelope::{
    Envelope, Forecast, ForecastStep, PLAN_FORMAT, Reversible, RolloutKind, RolloutPlan, ServersForecast,
    SlotContent, SlotPlan, WorkersForecast,
};
pub use findings::{Finding, Severity, findings};
pub use group::{ControlPlanePlan, ServerContent};
pub use hold::held;
pub use input::{Past, PlanInput, ServersTarget, Target};
pub use planner::{plan, plan_knowing};
pub use refusal::Refusal;
pub use worker::{WorkerGroupPlan, WorkersPlan};
