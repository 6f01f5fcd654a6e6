//! The loop that mutates: observe, decide, write the intent down, perform, write the outcome down, tell.
//!
//! [`driver`] runs it, [`perform`] is the one door through which the world is changed, [`open`] begins or finds a
//! rollout, [`lease`] makes sure that nobody else does the same. No runtime: no task is spawned here.

mod bound;
mod calls;
mod driver;
#[cfg(test)]
pub(crate) mod fakes;
mod grace;
mod groups;
pub mod identity;
pub mod lease;
pub mod mailbox;
#[cfg(test)]
mod mutants;
mod nodes;
mod observe;
pub mod open;
mod patience;
mod perform;
mod ports;
mod repeat;
mod rest;
mod retry;
mod settle;
mod tell;
#[cfg(test)]
mod tests;
mod tick;

pub use driver::{Driver, NOT_AT_REST, Outcome, RunError};
pub use observe::{observe, observe_patiently};
pub use open::Opened;
pub use ports::{Attention, KubePorts, Ports, Scene, ServingPorts, Watch};
pub use rest::rest;
pub use tick::{Check, Decide, Rules};
