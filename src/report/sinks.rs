//! Sinks that show nothing: one event to many, and a memory of all.

use std::sync::{Arc, Mutex, PoisonError};

use rehull_core::event::{Event, EventSink};

/// Hands every event to all of them, in order.
pub struct Fan(pub Vec<Arc<dyn EventSink>>);

impl EventSink for Fan {
    fn emit(&self, event: &Event) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }
}

/// Remembers every event, for the summary at the end.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// Begins with what happened before this process.
    #[must_use]
    pub fn after(earlier: Vec<Event>) -> Self {
        Self(Mutex::new(earlier))
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Recorder {
    fn emit(&self, event: &Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}
