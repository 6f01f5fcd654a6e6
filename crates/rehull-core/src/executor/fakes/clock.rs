//! Virtual time: nothing sleeps, and when nobody can go on, time jumps to the next timer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ports::Clock;

/// Shared by everything in one test.
#[derive(Default)]
pub(crate) struct FakeClock {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    wall_offset_s: i64,
    timers: Vec<(Duration, Waker)>,
}

impl FakeClock {
    /// Time passes without anybody sleeping (a slow call, a suspended process).
    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap();
        state.elapsed += by;
        let due = state.elapsed;
        state.timers.retain(|(at, waker)| {
            if *at <= due {
                waker.wake_by_ref();
            }
            *at > due
        });
    }

    /// Somebody sets the wall clock; the monotonic one does not care.
    pub(crate) fn shift_wall(&self, seconds: i64) {
        self.state.lock().unwrap().wall_offset_s += seconds;
    }

    fn jump(&self) -> bool {
        let (now, next) = {
            let state = self.state.lock().unwrap();
            (state.elapsed, state.timers.iter().map(|(at, _)| *at).min())
        };
        let Some(next) = next else { return false };
        self.advance(next.saturating_sub(now));
        true
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let state = self.state.lock().unwrap();
        let base: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        base + state.elapsed + jiff::SignedDuration::from_secs(state.wall_offset_s)
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().unwrap().elapsed
    }

    async fn sleep(&self, how_long: Duration) {
        let until = self.monotonic() + how_long;
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            if state.elapsed >= until {
                return Poll::Ready(());
            }
            state.timers.push((until, cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// How far a limited run came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run<T> {
    Ended(T),
    Killed,
}

/// Runs to the end.
pub(crate) fn block_on<F: Future>(clock: &FakeClock, future: F) -> F::Output {
    match run_polls(clock, future, usize::MAX) {
        Run::Ended(output) => output,
        Run::Killed => panic!("nobody polls that often"),
    }
}

/// Polls at most so often, then drops the future: a SIGKILL at that await.
pub(crate) fn run_polls<F: Future>(clock: &FakeClock, future: F, polls_max: usize) -> Run<F::Output> {
    poll_up_to(clock, pin!(future).as_mut(), polls_max, &mut || {})
}

/// Polls at most so often and keeps the future: a SIGSTOP. `after_poll` is called after each.
pub(crate) fn poll_up_to<F: Future>(
    clock: &FakeClock,
    mut future: Pin<&mut F>,
    polls_max: usize,
    after_poll: &mut dyn FnMut(),
) -> Run<F::Output> {
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    for _ in 0..polls_max {
        flag.0.store(false, Ordering::SeqCst);
        let polled = future.as_mut().poll(&mut context);
        after_poll();
        if let Poll::Ready(output) = polled {
            return Run::Ended(output);
        }
        let woken = flag.0.load(Ordering::SeqCst);
        assert!(woken || clock.jump(), "everybody waits, and nobody for a timer");
    }
    Run::Killed
}

/// An await at which a test can kill.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs `work` to its end with `beside` going on next to it, as a task of the adapter would.
pub(crate) async fn beside<F: Future, B: Future>(beside: B, work: F) -> F::Output {
    let mut beside = pin!(futures_util::FutureExt::fuse(beside));
    let mut work = pin!(work);
    poll_fn(|cx| {
        let _ = beside.as_mut().poll(cx);
        work.as_mut().poll(cx)
    })
    .await
}
