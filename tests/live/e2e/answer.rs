//! A run of rehull: what it says while it works, and how it ends.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rehull_core::domain::action::Action;
use rehull_core::event::{Event, What};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::eventually;

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `None`: killed by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    /// From its start, or from the signal that it was sent.
    pub(crate) took: Duration,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            signal,
            out,
            err,
            took,
        } = self;
        write!(
            f,
            "exit {code:?}, signal {signal:?}, after {took:?}\n--- stdout\n{out}\n--- stderr\n{err}"
        )
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// One JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Every text is in stdout or stderr.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(
                self.out.contains(text) || self.err.contains(text),
                "`{text}` is not in: {self}"
            );
        }
    }

    /// Events of a run with `--output json`.
    pub(crate) fn events(&self) -> Vec<Event> {
        events_in(&self.out)
    }

    /// What was begun, in order, tries after the first one left out.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut begun = Vec::new();
        for event in self.events() {
            if let What::Acting {
                action, attempt: 1, ..
            } = event.what
            {
                begun.push(action);
            }
        }
        begun
    }

    /// The lowest margin that was ever told.
    pub(crate) fn lowest_margin(&self) -> i64 {
        let mut told = Vec::new();
        for event in self.events() {
            if let What::Waiting { margin, .. } = event.what {
                told.push(margin);
            }
        }
        told.into_iter().min().expect("it waited at least once")
    }

    /// The lowest margin that was known when something was begun that quorum depends on. In between a member may be
    /// slower than a read may take, on a computer whose disk stands still: that is seen and told, and not our doing.
    pub(crate) fn lowest_margin_acted_at(&self) -> i64 {
        let mut known = None;
        let mut lowest: Option<i64> = None;
        for event in self.events() {
            if let What::Waiting { margin, .. } = event.what {
                known = Some(margin);
            } else if let What::Acting { action, .. } = event.what
                && touches_quorum(&action)
            {
                lowest = lowest.into_iter().chain(known).min();
            }
        }
        lowest.expect("it touched something, after a wait")
    }
}

/// What takes a member away, gives one back, or cuts it off from its parts.
pub(super) fn touches_quorum(action: &Action) -> bool {
    matches!(
        action,
        Action::AskStop { .. }
            | Action::TerminateMachine { .. }
            | Action::RemoveMember { .. }
            | Action::AddMember { .. }
            | Action::PromoteMember { .. }
            | Action::DetachVolume { .. }
            | Action::DetachInterface { .. }
    )
}

pub(super) fn events_in(text: &str) -> Vec<Event> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    out: std::fs::File,
    err: std::fs::File,
    since: Instant,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let child = command
            .stdout(out.try_clone().unwrap())
            .stderr(err.try_clone().unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            out,
            err,
            since: Instant::now(),
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.since = Instant::now();
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Everything it has said so far, stdout first.
    pub(crate) fn so_far(&self) -> String {
        format!("{}\n{}", read(&self.out), read(&self.err))
    }

    /// Waits until it has said something; the run must still go on.
    pub(crate) async fn until_it_says(&mut self, text: &str) {
        self.until(text, |said| said.contains(text).then_some(())).await;
    }

    /// Waits until what it has said so far is enough.
    pub(crate) async fn until<T>(&mut self, what: &str, mut enough: impl FnMut(&str) -> Option<T>) -> T {
        let limit = Instant::now() + Duration::from_secs(120);
        loop {
            let said = self.so_far();
            if let Some(found) = enough(&said) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended ({ended:?}) before: {what}\n{said}");
            assert!(Instant::now() < limit, "never: {what}\n{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a run with `--output json` has told of an event.
    pub(crate) async fn until_event(&mut self, what: &str, is_it: impl Fn(&What) -> bool) {
        self.until(what, |said| {
            events_in(said)
                .iter()
                .any(|event| is_it(&event.what))
                .then_some(())
        })
        .await;
    }

    /// Whether the process stops itself by a signal (`T` in /proc) before it ends.
    pub(crate) async fn stops_itself(&mut self) -> bool {
        let stat = format!("/proc/{}/stat", self.child.id());
        eventually("a stop or an end", Duration::from_secs(180), async || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            std::fs::read_to_string(&stat)
                .ok()?
                .contains(") T ")
                .then_some(true)
        })
        .await
    }

    /// Its end, and the most memory that was resident until then, in KiB.
    #[allow(dead_code, reason = "for the benchmark, which shares this file")]
    pub(crate) async fn end_with_memory(mut self, limit: Duration) -> (Answer, u64) {
        let status = format!("/proc/{}/status", self.child.id());
        let mut most = 0;
        while self.child.try_wait().unwrap().is_none() && self.since.elapsed() < limit {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let words = line.and_then(|line| line.split_whitespace().next());
            most = words.and_then(|words| words.parse().ok()).unwrap_or(most);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (self.end(limit).await, most)
    }

    pub(crate) async fn end(mut self, limit: Duration) -> Answer {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let (out, err) = (read(&self.out), read(&self.err));
                let (code, signal) = (status.code(), status.signal());
                return Answer {
                    code,
                    signal,
                    out,
                    err,
                    took: self.since.elapsed(),
                };
            }
            assert!(
                Instant::now() < until,
                "no end within {limit:?}:\n{}",
                self.so_far()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Also ends a process that is stopped by SIGSTOP.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: &std::fs::File) -> String {
    // The child writes through the same offset: read by position.
    use std::os::unix::fs::FileExt as _;
    let size = file.metadata().unwrap().len();
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    let got = file.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(got);
    String::from_utf8_lossy(&bytes).into_owned()
}
