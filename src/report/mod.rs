//! Shows plans and rollouts. Reporters read core `Event`s and plans, and nothing else.
//!
//! Texts are pure functions of what they show, so a rollout of last year looks the same as a live one: the live
//! views and `rehull report` fold the same events into the same [`timeline::Timeline`].

pub mod abandoned;
pub mod groups;
pub mod halt;
pub mod infrastructure;
pub mod json;
pub mod markdown;
pub mod members;
pub mod no_return;
pub mod numbers;
pub mod paint;
pub mod phase;
pub mod plain;
pub mod plan;
pub mod progress;
pub mod rehearsal;
pub mod replay;
pub mod sinks;
pub mod steps;
pub mod story;
pub mod summary;
pub mod table;
pub mod timeline;
pub mod what_if;
pub mod words;

#[cfg(test)]
pub(crate) mod fixture;
