//! Virtual time: nothing sleeps. When nobody can go on, time jumps to whatever is due next.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::ports::Clock;

/// When every simulation begins; any instant would do, this one reads well in a story.
const BEGIN: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// One process of rehull, counted from 1; 0 is somebody who only looks.
pub(crate) type ProcessNumber = u32;

/// The one time of a simulation, shared by the world and by everybody in it.
#[derive(Default)]
pub(crate) struct VirtualTime {
    state: Mutex<State>,
}

struct State {
    elapsed: Duration,
    /// The same as an instant: it is asked for more often than time passes.
    now: Timestamp,
    timers: BTreeMap<(Duration, u64), Waker>,
    glances: BTreeMap<u64, Glance>,
    numbers: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            elapsed: Duration::ZERO,
            now: BEGIN,
            timers: BTreeMap::new(),
            glances: BTreeMap::new(),
            numbers: 0,
        }
    }
}

/// A sleeper that wants to know whether something has changed, and would find out at its next beat.
struct Glance {
    from: Duration,
    beat: Duration,
    due: Duration,
}

impl Glance {
    /// The first beat that is not over.
    fn next_beat(&self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.from).as_nanos();
        let beats = passed.div_ceil(self.beat.as_nanos().max(1)).max(1);
        let beats = u32::try_from(beats).unwrap_or(u32::MAX);
        self.from.saturating_add(self.beat.saturating_mul(beats))
    }
}

impl VirtualTime {
    /// Since the beginning.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    /// The instant that an undisturbed wall clock shows now.
    #[must_use]
    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// When the next sleeper wants to be woken.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.state().timers.keys().next().map(|(at, _)| *at)
    }

    /// Wakes whoever is due by then.
    pub(super) fn advance_to(&self, to: Duration) {
        let due = {
            let mut state = self.state();
            let now = state.elapsed.max(to);
            state.elapsed = now;
            state.now = instant(now);
            let mut due = Vec::new();
            while let Some(first) = state.timers.first_entry().filter(|first| first.key().0 <= now) {
                due.push(first.remove());
            }
            due
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Something has changed: whoever glances wakes at its next beat. True: somebody is awake now.
    pub(super) fn hasten(&self) -> bool {
        let mut state = self.state();
        let State {
            elapsed,
            timers,
            glances,
            ..
        } = &mut *state;
        let mut awake = false;
        for (number, glance) in glances {
            let due = glance.next_beat(*elapsed);
            if due >= glance.due {
                continue;
            }
            let waker = timers.remove(&(glance.due, *number));
            glance.due = due;
            match waker {
                Some(waker) if due <= *elapsed => {
                    waker.wake();
                    awake = true;
                }
                Some(waker) => {
                    timers.insert((due, *number), waker);
                }
                None => {}
            }
        }
        awake
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instant after so much virtual time.
#[must_use]
pub(crate) fn instant(elapsed: Duration) -> Timestamp {
    BEGIN.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// How far into the simulation an instant lies.
#[must_use]
pub(crate) fn since_begin(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(BEGIN)).unwrap_or_default()
}

/// The clock of one process: its wall clock can be set wrong, its monotonic one cannot.
pub(crate) struct ProcessClock {
    time: Arc<VirtualTime>,
    wall_offset_s: Arc<AtomicI64>,
}

impl ProcessClock {
    /// A clock that is off by what `wall_offset_s` says at any moment.
    #[must_use]
    pub(crate) fn new(time: Arc<VirtualTime>, wall_offset_s: Arc<AtomicI64>) -> Self {
        Self { time, wall_offset_s }
    }
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.wall_offset_s.load(Ordering::Relaxed));
        self.time.now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.time.elapsed()
    }

    async fn sleep(&self, how_long: Duration) {
        wait(&self.time, how_long).await;
    }
}

/// Waits in virtual time.
pub(super) async fn wait(time: &VirtualTime, how_long: Duration) {
    let until = time.elapsed().saturating_add(how_long);
    let timer = Sleep {
        time,
        until,
        beat: None,
        registered: None,
    };
    timer.await;
}

/// Waits until something has changed, to be noticed at a multiple of `beat`; no longer than `longest`.
pub(super) async fn glance(time: &VirtualTime, beat: Duration, longest: Duration) {
    let until = time.elapsed().saturating_add(longest.max(beat));
    let timer = Sleep {
        time,
        until,
        beat: Some(beat),
        registered: None,
    };
    timer.await;
}

struct Sleep<'a> {
    time: &'a VirtualTime,
    until: Duration,
    beat: Option<Duration>,
    registered: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.time.state();
        let glance = self.registered.and_then(|number| state.glances.get(&number));
        let until = glance.map_or(self.until, |glance| glance.due);
        if state.elapsed >= until {
            return Poll::Ready(());
        }
        let number = self.registered.unwrap_or(state.numbers);
        if self.registered.is_none() {
            state.numbers = state.numbers.saturating_add(1);
            if let Some(beat) = self.beat {
                let (from, due) = (state.elapsed, until);
                state.glances.insert(number, Glance { from, beat, due });
            }
        }
        state.timers.insert((until, number), cx.waker().clone());
        drop(state);
        self.registered = Some(number);
        Poll::Pending
    }
}

/// A sleeper that was killed must not hold time back.
impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.registered {
            let mut state = self.time.state();
            let glance = state.glances.remove(&number);
            let until = glance.map_or(self.until, |glance| glance.due);
            state.timers.remove(&(until, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(9);

    /// When somebody who glances from second 1 on is awake, if something changes at these milliseconds.
    fn awake_at(changes: &[u64]) -> Duration {
        let time = VirtualTime::default();
        time.advance_to(Duration::from_secs(1));
        let mut sleeper = Box::pin(glance(&time, BEAT, LONGEST));
        let mut cx = Context::from_waker(Waker::noop());
        let mut changes = changes.iter().copied().map(Duration::from_millis).peekable();
        while sleeper.as_mut().poll(&mut cx).is_pending() {
            let timer = time.next_timer().unwrap_or(Duration::MAX);
            match changes.next_if(|change| *change < timer) {
                Some(change) => {
                    time.advance_to(change);
                    time.hasten();
                }
                None => time.advance_to(timer),
            }
        }
        time.elapsed()
    }

    #[test]
    fn whoever_glances_sees_a_change_at_the_beat_at_which_looking_all_the_time_would_have_seen_it() {
        assert_eq!(awake_at(&[]), Duration::from_secs(10));
        assert_eq!(awake_at(&[1_001]), Duration::from_millis(1_500));
        assert_eq!(awake_at(&[3_200, 3_300]), Duration::from_millis(3_500));
        assert_eq!(awake_at(&[4_500]), Duration::from_millis(4_500));
        assert_eq!(awake_at(&[9_999]), Duration::from_secs(10));
    }

    #[test]
    fn a_sleeper_that_is_dropped_leaves_no_timer() {
        let time = VirtualTime::default();
        let mut sleeper = Box::pin(glance(&time, BEAT, LONGEST));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sleeper.as_mut().poll(&mut cx).is_pending());
        time.advance_to(Duration::from_millis(700));
        time.hasten();
        assert_eq!(time.next_timer(), Some(Duration::from_secs(1)));
        drop(sleeper);
        assert_eq!(time.next_timer(), None);
    }
}
