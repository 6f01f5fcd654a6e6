//! When rehull looks again. Its own rhythm is half a second or two, and most of these looks can only see what the last
//! one has seen: they are left out.
//!
//! A pause between two looks ends at the first beat of rehull's own rhythm at which the laboratory has changed since the
//! last look: what can be seen is seen exactly when it would be otherwise. Where nothing changes the pause ends after a
//! time that the seed has drawn, so that whatever only waits for time (a bake, a settling time, another attempt) happens
//! up to so much later. No promise rests on rehull being faster than that: a process that is starved of its processor
//! looks as seldom. Time itself is not cut: the oracle looks at every instant at which anything happens, leases are
//! renewed on their own clock, and calls in flight have their own bounds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::draw::Draw;
use super::hands::Hands;
use super::time::{ProcessClock, glance, wait};
use crate::ports::Clock;

/// rehull pauses for so long at most between two looks; whatever sleeps longer is a bound or a delay.
const BEAT_MAX: Duration = Duration::from_secs(2);
/// How long nothing may be looked at, in seconds: at least, and the end of the range.
const LONGEST_S: (u64, u64) = (2, 15);

/// The clock of the loop of one process.
pub(super) struct Rhythm {
    hands: Hands,
    clock: Arc<ProcessClock>,
    longest: Duration,
}

impl Rhythm {
    pub(super) fn new(hands: &Hands, draw: Draw) -> Self {
        let (least, end) = LONGEST_S;
        let drawn = draw.below("rhythm", u64::from(hands.process), end - least);
        Self {
            hands: hands.clone(),
            clock: hands.clock.clone(),
            longest: Duration::from_secs(least + drawn),
        }
    }
}

#[async_trait]
impl Clock for Rhythm {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, how_long: Duration) {
        let time = &self.hands.stage.time;
        if how_long <= BEAT_MAX && self.hands.has_seen_all() {
            glance(time, how_long, self.longest).await;
        } else {
            wait(time, how_long).await;
        }
    }
}
