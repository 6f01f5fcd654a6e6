//! What is done again and again until the world shows it: evictions. A record before covers all of them, so none of its
//! tries is written down; how often it has failed is remembered by this process alone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::calls::{Answer, Intent};
use super::driver::Driver;
use super::retry;
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::waiting::StopReason;

/// By key: tries that have failed in a row, and the monotonic time before which there is no other.
#[derive(Debug, Default)]
pub(super) struct Repeats(BTreeMap<String, (u32, Duration)>);

fn is_repeated(action: &Action) -> bool {
    matches!(action, Action::Node(action) if action.is_repeated())
}

impl Driver<'_> {
    /// Takes what is repeated out of what may be sent; what has just failed is left alone for a while.
    pub(super) fn take_repeats(&self, ready: &mut Vec<(StepId, Action)>) -> Vec<Intent> {
        let (mut repeats, others): (Vec<_>, Vec<_>) = std::mem::take(ready)
            .into_iter()
            .partition(|(_, action)| is_repeated(action));
        *ready = others;
        let now = self.ports.clock.monotonic();
        repeats.retain(|(_, action)| {
            let failed = self.repeats.0.get(&action.key());
            failed.is_none_or(|(_, until)| *until <= now)
        });
        self.intents(repeats)
    }

    /// The first failure that will not pass is a reason to stop.
    pub(super) fn repeated(&mut self, intents: &[Intent], answers: Vec<Answer>) -> Option<StopReason> {
        let now = self.ports.clock.monotonic();
        let mut stop = None;
        for (intent, (result, _)) in intents.iter().zip(answers) {
            let action = intent.action();
            let key = action.key();
            let Err(error) = result else {
                self.repeats.0.remove(&key);
                continue;
            };
            let failures = self
                .repeats
                .0
                .get(&key)
                .map_or(1, |(failures, _)| failures.saturating_add(1));
            let until = now.saturating_add(retry::pause(&error, failures));
            self.repeats.0.insert(key, (failures, until));
            stop = stop.or_else(|| retry::verdict(action, &error, failures));
        }
        stop
    }
}
