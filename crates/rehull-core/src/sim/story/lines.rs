//! Moments → lines: what belongs together becomes one, waits get their length.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::words;
use crate::domain::action::Action;
use crate::domain::ids::StepId;
use crate::domain::waiting::Waiting;
use crate::event::What;
use crate::sim::chronicle::{Happened, Moment};
use crate::sim::fault::Happening;
use crate::sim::process::Ended;

/// Actions of one step that follow each other faster share a line.
const TOGETHER: Duration = Duration::from_millis(1_500);

/// What a line is about; folding treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Action,
    Wait,
    /// A step is done.
    Done,
    /// Trouble, the world, processes: never folded into a step.
    Trouble,
}

/// One line of the story.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) step: Option<StepId>,
    pub(super) who: String,
    pub(super) parts: Vec<String>,
    /// When the last of its parts began; of a wait, when it ended.
    pub(super) last: Duration,
}

impl Line {
    pub(super) fn text(&self) -> String {
        let text = self.parts.join(", ");
        if self.kind == Kind::Wait {
            let lasted = self.last.saturating_sub(self.at).as_secs();
            return format!("waits {}: {text}", span(lasted));
        }
        text
    }

    /// How long it waited, if it is a wait.
    pub(super) fn waited(&self) -> Option<Duration> {
        (self.kind == Kind::Wait).then(|| self.last.saturating_sub(self.at))
    }
}

pub(super) fn span(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds:02} s"),
    }
}

/// All lines, short waits included.
pub(super) fn of(moments: &[Moment], took: Duration) -> Vec<Line> {
    let mut teller = Teller::default();
    for moment in moments {
        teller.hear(moment);
    }
    let processes: Vec<u32> = teller.waits.keys().map(|(process, _, _)| *process).collect();
    for process in processes {
        teller.end_waits(process, took, &[]);
    }
    let mut lines = teller.lines;
    // What is waited for is told just before what is done about it.
    lines.sort_by_key(|line| (line.at, line.kind == Kind::Wait));
    lines
}

#[derive(Default)]
struct Teller {
    lines: Vec<Line>,
    /// Open waits, by process, step and word: their line.
    waits: BTreeMap<(u32, String, &'static str), usize>,
    /// Lines of actions that are under way.
    acting: BTreeMap<(u32, String), (usize, usize)>,
    done: BTreeSet<String>,
}

impl Teller {
    fn hear(&mut self, moment: &Moment) {
        let (at, process) = (moment.at, moment.process);
        match &moment.what {
            Happened::Voters => {}
            Happened::Began => self.end_waits(process, at, &[]),
            Happened::Told(event) => self.told(at, process, &event.what),
            Happened::Trouble { request, how } => {
                let text = words::trouble(process, request, *how);
                self.trouble(at, "TROUBLE", text);
                if how.kills() {
                    self.end_waits(process, at, &[]);
                }
            }
            Happened::World { what, begins } => {
                if *what == Happening::ComputerLost {
                    self.end_all_waits(at);
                }
                if let Some(text) = words::world(what, *begins) {
                    self.trouble(at, "WORLD", text);
                }
            }
            Happened::Ended(ended) => {
                self.end_waits(process, at, &[]);
                if !matches!(ended, Ended::Finished) {
                    self.trouble(at, "rehull", format!("{process} ends: {}", words::ended(ended)));
                }
            }
        }
    }

    fn told(&mut self, at: Duration, process: u32, what: &What) {
        match what {
            What::Started { first, summary, .. } => {
                let how = if *first { "begins" } else { "goes on" };
                let text = if *first {
                    format!("{process} {how}: {summary}")
                } else {
                    format!("{process} {how}")
                };
                self.trouble(at, "rehull", text);
            }
            What::Acting {
                step,
                action,
                attempt,
            } => self.act(at, process, step, (action, *attempt)),
            What::Acted { action, error, .. } => {
                if let (Some(error), Some((line, part))) =
                    (error, self.acting.remove(&(process, action.key())))
                    && let Some(text) = self.lines.get_mut(line).and_then(|line| line.parts.get_mut(part))
                {
                    text.push_str(&format!(" ({error})"));
                }
            }
            What::Waiting { waiting, .. } => self.wait(at, process, waiting),
            // Every process tells it anew.
            What::StepDone { step } if self.done.insert(step.as_str().to_owned()) => {
                self.push(at, Kind::Done, step, "done".to_owned());
            }
            What::StepDone { .. } => {}
            // Told by how the process ends.
            What::Stalled { .. } | What::Rolled { .. } | What::Stopped { .. } | What::Finished => {}
        }
    }

    fn act(&mut self, at: Duration, process: u32, step: &StepId, (action, attempt): (&Action, u32)) {
        let mut text = words::action(action);
        if attempt > 1 {
            text.push_str(&format!(" (attempt {attempt})"));
        }
        let recent = self
            .lines
            .last()
            .filter(|line| line.kind == Kind::Action && at.saturating_sub(line.last) <= TOGETHER);
        let same_step = recent.is_some_and(|line| line.step.as_ref() == Some(step));
        // The same for another slot: one line for all of them.
        let same_action = recent.is_some_and(|line| line.parts == [text.clone()]);
        if same_action
            && !same_step
            && let Some(line) = self.lines.last_mut()
        {
            line.who = format!("{}, {}", line.who, short(step));
            line.last = at;
        } else if same_step && let Some(line) = self.lines.last_mut() {
            line.parts.push(text);
            line.last = at;
        } else {
            self.push(at, Kind::Action, step, text);
        }
        if let Some(line) = self.lines.last() {
            let place = (
                self.lines.len().saturating_sub(1),
                line.parts.len().saturating_sub(1),
            );
            self.acting.insert((process, action.key()), place);
        }
    }

    fn wait(&mut self, at: Duration, process: u32, waiting: &[Waiting]) {
        self.end_waits(process, at, waiting);
        for wait in waiting {
            let key = (process, wait.step.as_str().to_owned(), words::wait_word(&wait.on));
            if self.waits.contains_key(&key) {
                continue;
            }
            self.push(at, Kind::Wait, &wait.step, words::wait(&wait.on));
            self.waits.insert(key, self.lines.len().saturating_sub(1));
        }
    }

    /// Somebody is gone, and nothing says who: whoever still waits says so again.
    fn end_all_waits(&mut self, at: Duration) {
        let processes: BTreeSet<u32> = self.waits.keys().map(|(process, _, _)| *process).collect();
        for process in processes {
            self.end_waits(process, at, &[]);
        }
    }

    /// Ends the open waits of a process that are not in the list any more.
    fn end_waits(&mut self, process: u32, at: Duration, still: &[Waiting]) {
        let lines = &mut self.lines;
        self.waits.retain(|(of, step, word), line| {
            let goes_on = *of != process
                || still
                    .iter()
                    .any(|wait| wait.step.as_str() == step && words::wait_word(&wait.on) == *word);
            if !goes_on && let Some(line) = lines.get_mut(*line) {
                line.last = at;
            }
            goes_on
        });
    }

    fn trouble(&mut self, at: Duration, who: &str, text: String) {
        self.lines.push(Line {
            at,
            kind: Kind::Trouble,
            step: None,
            who: who.to_owned(),
            parts: vec![text],
            last: at,
        });
    }

    fn push(&mut self, at: Duration, kind: Kind, step: &StepId, text: String) {
        self.lines.push(Line {
            at,
            kind,
            step: Some(step.clone()),
            who: short(step).to_owned(),
            parts: vec![text],
            last: at,
        });
    }
}

fn short(step: &StepId) -> &str {
    step.as_str().strip_prefix("etcd/").unwrap_or(step.as_str())
}
