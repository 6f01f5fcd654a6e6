//! Lease, signals and reporters as tests want them.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use crate::event::{Event, EventSink};
use crate::executor::Attention;
use crate::ports::{LeaseNow, LeaseState, Silence};

/// A lease that lives as long as the test says.
pub(crate) struct FakeLease {
    remaining: Mutex<Vec<Duration>>,
    lost_to: Mutex<Option<String>>,
    silence: Mutex<Option<Silence>>,
}

impl Default for FakeLease {
    fn default() -> Self {
        Self {
            remaining: Mutex::new(vec![Duration::from_secs(60)]),
            lost_to: Mutex::new(None),
            silence: Mutex::new(None),
        }
    }
}

impl FakeLease {
    /// Answers of the next calls, one after the other; the last one stays.
    pub(crate) fn script(&self, seconds: &[u64]) {
        *self.remaining.lock().unwrap() = seconds.iter().rev().map(|s| Duration::from_secs(*s)).collect();
    }

    pub(crate) fn hears_nothing(&self, silence: Silence) {
        *self.silence.lock().unwrap() = Some(silence);
    }

    pub(crate) fn lose(&self, to: &str) {
        *self.lost_to.lock().unwrap() = Some(to.to_owned());
    }
}

#[async_trait]
impl LeaseState for FakeLease {
    fn remaining(&self) -> Duration {
        let mut answers = self.remaining.lock().unwrap();
        if answers.len() > 1 {
            answers.pop().unwrap()
        } else {
            answers[0]
        }
    }

    fn lost_to(&self) -> Option<String> {
        self.lost_to.lock().unwrap().clone()
    }

    fn silence(&self) -> Option<Silence> {
        self.silence.lock().unwrap().clone()
    }

    async fn confirm(&self) -> LeaseNow {
        match self.lost_to() {
            Some(to) => LeaseNow::Lost { to },
            None => LeaseNow::Ours,
        }
    }
}

/// A signal that the test sends.
#[derive(Default)]
pub(crate) struct FakeAttention(Mutex<Option<String>>);

impl FakeAttention {
    pub(crate) fn signal(&self, how: &str) {
        *self.0.lock().unwrap() = Some(how.to_owned());
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl Attention for FakeAttention {
    fn stop_asked(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Keeps all events.
#[derive(Default)]
pub(crate) struct FakeEvents(Mutex<Vec<Event>>);

impl FakeEvents {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

impl EventSink for FakeEvents {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}
