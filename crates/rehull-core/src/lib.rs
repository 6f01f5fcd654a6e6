//! The pure core of rehull: no clock, no files, no sockets, no SDK. Everything it knows comes in as values.
//!
//! Data flows one way: cluster file → [`config`] → `Desired`; the world → [`ports`] → `Observed`;
//! [`plan`] → `RolloutPlan`; [`rollout`] decides; [`executor`] performs; [`event`]s tell everybody else.

pub mod adopt;
pub mod audit;
pub mod catalog;
pub mod config;
pub mod domain;
pub mod event;
pub mod executor;
pub mod journal;
mod mutant;
pub mod plan;
pub mod ports;
pub mod render;
pub mod rollout;
pub mod sim;
pub mod tfplan;
pub mod tfrun;
pub mod world;
