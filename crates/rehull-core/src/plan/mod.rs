//! What a person approves: the envelope (digested) and the forecast (shown, never digested).

pub mod envelope;
mod headline;

pub use envelope::{Envelope, Forecast, RolloutKind, RolloutPlan, SlotContent, SlotPlan};
