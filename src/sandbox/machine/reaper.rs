//! The first process of a machine inherits every orphan: it waits for all children and tells who asked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use tokio::signal::unix::Signal as Signals;
use tokio::sync::oneshot;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
}

/// A child in a process group of its own.
#[derive(Debug)]
pub(super) struct Running {
    group: Pid,
    pub(super) ended: oneshot::Receiver<Exit>,
}

impl Running {
    /// Signals the child and everything it started that stayed in its group.
    pub(super) fn signal(&self, signal: Signal) {
        // Nobody left in the group is what was wanted.
        let _ = kill_process_group(self.group, signal);
    }
}

/// One per machine. Everything runs on one thread, so no child can end between its start and its entry here.
#[derive(Debug, Default)]
pub(super) struct Reaper {
    waiting: RefCell<BTreeMap<i32, oneshot::Sender<Exit>>>,
}

impl Reaper {
    /// Starts a child in a process group of its own.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Running> {
        use std::os::unix::process::CommandExt;

        let child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        let (tell, ended) = oneshot::channel();
        self.waiting.borrow_mut().insert(group.as_raw_pid(), tell);
        Ok(Running { group, ended })
    }

    /// Waits for children until the machine ends. `children` must be listened to since before the first one was started.
    pub(super) async fn run(&self, mut children: Signals) {
        while children.recv().await.is_some() {
            // Several ends can be one signal.
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if let Some(tell) = self.waiting.borrow_mut().remove(&pid.as_raw_pid()) {
                    let _ = tell.send(exit_of(status));
                }
            }
        }
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(0), // stopped and continued children are not asked for
    }
}
