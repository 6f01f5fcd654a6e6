//! Runs processes in virtual time: whoever can go on goes on, in order; when nobody can, time jumps.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::hands::Stage;
use super::time::{ProcessNumber, since_begin};

/// A process that goes on when it is polled.
struct Member<T> {
    number: ProcessNumber,
    computer: u32,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All processes of one run.
pub(super) struct Crew<T> {
    stage: Arc<Stage>,
    members: Vec<Member<T>>,
    /// Changes of the laboratory that were heard of.
    changes: u64,
}

/// What came of going on for a while.
pub(super) enum Went<T> {
    /// A process ended by itself.
    Ended(T),
    /// A process was killed.
    Killed,
    /// Somebody went on, or time has passed.
    On,
    /// Nothing will ever happen again.
    Stuck,
}

impl<T> Crew<T> {
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            members: Vec::new(),
            changes: 0,
        }
    }

    pub(super) fn start(
        &mut self,
        (number, computer): (ProcessNumber, u32),
        future: impl Future<Output = T> + Send + 'static,
    ) {
        self.members.push(Member {
            number,
            computer,
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        });
    }

    /// Everybody on a computer is gone. True: somebody was there.
    pub(super) fn lose(&mut self, computer: u32) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.computer != computer);
        self.members.len() < before
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// One process one poll further, or time one step further, but not beyond `until`.
    pub(super) fn go_on(&mut self, until: std::time::Duration) -> Went<T> {
        for index in 0..self.members.len() {
            if let Some(went) = self.poll(index) {
                return went;
            }
        }
        if self.hear_of_changes() {
            return Went::On;
        }
        let next = {
            let lab = self.stage.lab();
            let due = lab.next_due().map(since_begin);
            let paused = self
                .members
                .iter()
                .filter_map(|member| self.stage.paused_until(member.number));
            [due, self.stage.time.next_timer()]
                .into_iter()
                .flatten()
                .chain(paused)
                .min()
        };
        let Some(next) = next else {
            return if until > self.stage.time.elapsed() {
                self.pass(until)
            } else {
                Went::Stuck
            };
        };
        self.pass(next.min(until))
    }

    /// True: somebody who waited for a change is awake now.
    fn hear_of_changes(&mut self) -> bool {
        let changes = self.stage.lab().changes();
        let before = std::mem::replace(&mut self.changes, changes);
        before != changes && self.stage.time.hasten()
    }

    fn pass(&mut self, to: std::time::Duration) -> Went<T> {
        self.stage.time.advance_to(to);
        let now = self.stage.time.now();
        self.stage.lab().advance(now);
        for member in &self.members {
            if self
                .stage
                .paused_until(member.number)
                .is_some_and(|until| until <= to)
            {
                self.stage.wake(member.number);
                member.woken.0.store(true, Ordering::Relaxed);
            }
        }
        Went::On
    }

    fn poll(&mut self, index: usize) -> Option<Went<T>> {
        let member = self.members.get_mut(index)?;
        let number = member.number;
        if self.stage.paused_until(number).is_some() || !member.woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        let waker = Waker::from(member.woken.clone());
        let polled = member.future.as_mut().poll(&mut Context::from_waker(&waker));
        if self.stage.is_killed(number) {
            drop(self.members.remove(index));
            return Some(Went::Killed);
        }
        match polled {
            Poll::Ready(output) => {
                drop(self.members.remove(index));
                Some(Went::Ended(output))
            }
            Poll::Pending => Some(Went::On),
        }
    }
}
