//! The live view on a terminal: where it is, what it waits for and how long still, how much may still fail.
//!
//! Clocks belong to the bars themselves: every countdown is "what was left when the event came" minus the age of its
//! bar, so nothing here asks what time it is.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use jiff::Timestamp;
use rehull_core::event::{Event, EventSink, What};

use super::groups;
use super::numbers::{about, between, duration, tenths};
use super::paint::{Paint, Tone};
use super::plain;
use super::steps;
use super::timeline::Timeline;
use super::words::{self, Until};

/// How often the lines are redrawn: countdowns in whole seconds need no more.
const REDRAW: Duration = Duration::from_millis(250);

/// Draws on stderr. Everything it shows vanishes at the end; finished steps stay as printed lines.
pub struct Progress {
    bars: MultiProgress,
    paint: Paint,
    expected: Option<Duration>,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    timeline: Timeline,
    head: Option<ProgressBar>,
    below: Vec<ProgressBar>,
}

impl Progress {
    /// `expected`: the forecast's total, shown beside the elapsed time.
    #[must_use]
    pub fn new(target: ProgressDrawTarget, paint: Paint, expected: Option<Duration>) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            paint,
            expected,
            live: Mutex::default(),
        }
    }

    /// Goes on with a story that other processes have begun: nothing of it is told again.
    #[must_use]
    pub fn after(self, timeline: Timeline) -> Self {
        let live = self.live.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self {
            live: Mutex::new(Live { timeline, ..live }),
            ..self
        }
    }

    /// Takes every line away that is not meant to stay.
    pub fn clear(&self) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in live.below.drain(..) {
            bar.finish_and_clear();
        }
        if let Some(head) = live.head.take() {
            head.finish_and_clear();
        }
    }

    fn redraw(&self, live: &mut Live) {
        let board = Board::of(&live.timeline, self.paint, self.expected);
        let head = live.head.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {msg} · {age}", None));
            bar.enable_steady_tick(REDRAW);
            bar
        });
        head.set_message(board.head);
        for bar in live.below.drain(..) {
            self.bars.remove(&bar);
        }
        let plain_lines = board.doing.into_iter().map(|text| (text, None));
        let foot = std::iter::once((board.foot, None));
        for (text, clock) in plain_lines.chain(board.waits).chain(foot) {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("  {msg}{left}", clock));
            bar.set_message(text);
            bar.enable_steady_tick(REDRAW);
            live.below.push(bar);
        }
    }
}

impl EventSink for Progress {
    fn emit(&self, event: &Event) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.timeline.apply(event);
        if stays(&event.what) {
            let lines = plain::lines(event, &live.timeline, self.paint);
            let text = steps::line(event, &live.timeline, self.paint).unwrap_or(lines);
            if !text.is_empty() {
                // A terminal that went away must not end a rollout.
                let _ = self.bars.println(text.trim_end());
            }
        }
        match event.what {
            What::Stopped { .. } | What::Finished => {
                drop(live);
                self.clear();
            }
            What::Started { .. }
            | What::Acting { .. }
            | What::Acted { .. }
            | What::Waiting { .. }
            | What::Stalled { .. }
            | What::Rolled { .. }
            | What::StepDone { .. } => self.redraw(&mut live),
        }
    }
}

/// Lines that stay on the screen when their moment has passed.
fn stays(what: &What) -> bool {
    match what {
        What::Started { .. } | What::StepDone { .. } | What::Acted { error: Some(_), .. } => true,
        What::Acting { .. }
        | What::Acted { error: None, .. }
        | What::Stalled { .. }
        | What::Rolled { .. }
        | What::Waiting { .. } => false,
        What::Stopped { .. } | What::Finished => false, // the command prints the end itself
    }
}

/// What stands on the screen at one moment, before anything counts down.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Board {
    head: String,
    doing: Option<String>,
    waits: Vec<(String, Option<Countdown>)>,
    foot: String,
}

/// Time left when the line was made, and whether the wait ends or the rollout stops when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Countdown {
    left: Duration,
    limit: bool,
}

impl Board {
    fn of(timeline: &Timeline, paint: Paint, expected: Option<Duration>) -> Self {
        let id = timeline.rollout.as_ref().map_or("", |id| id.as_str());
        let place = timeline.current().map(|step| {
            format!(
                " · step {}/{} {}",
                timeline.done() + 1,
                timeline.steps.len(),
                step.outline.slot
            )
        });
        let place = place.or_else(|| {
            let group = groups::current(timeline)?;
            Some(format!(" · {}: {}", group.outline.group, group.far()))
        });
        let expected = expected.map(|span| format!(" · about {} in all", about(span)));
        let head = paint.tone(Tone::Strong, &format!("{id}{}", place.unwrap_or_default()));
        Self {
            head: format!("{head}{}", expected.unwrap_or_default()),
            doing: timeline.current().map(|step| {
                let done: Vec<String> = step
                    .phases
                    .iter()
                    .map(|(phase, span)| format!("{} {}", phase.word(), tenths(*span)))
                    .collect();
                let now = step.phase().map_or("", |phase| phase.word());
                let arrow = if done.is_empty() { "" } else { " → " };
                format!(
                    "{}{arrow}{}",
                    paint.tone(Tone::Faint, &done.join(" · ")),
                    paint.tone(Tone::Strong, now)
                )
            }),
            waits: waits(timeline),
            foot: foot(timeline, paint),
        }
    }
}

fn waits(timeline: &Timeline) -> Vec<(String, Option<Countdown>)> {
    let now = timeline.last_at.unwrap_or(Timestamp::UNIX_EPOCH);
    let line = |wait: &rehull_core::domain::waiting::Waiting| {
        let text = format!(
            "{:<9} waiting: {}",
            plain::slot(&wait.step),
            words::wait(&wait.on)
        );
        let clock = match words::until(&wait.on) {
            Until::Open => None,
            Until::Over(at) => Some(Countdown {
                left: between(now, at),
                limit: false,
            }),
            Until::Limit(at) => Some(Countdown {
                left: between(now, at),
                limit: true,
            }),
        };
        (text, clock)
    };
    timeline.waiting.iter().map(line).collect()
}

fn foot(timeline: &Timeline, paint: Paint) -> String {
    let margin = match timeline.margin {
        None => return "ctrl-c stops at the next stop point, resumable".to_owned(),
        Some(lost) if lost < 0 => paint.tone(Tone::Bad, &format!("margin {lost}: no quorum")),
        Some(0) => paint.tone(Tone::Care, "margin 0: no other member may fail now"),
        Some(1) => "margin 1: one member may fail".to_owned(),
        Some(more) => format!("margin {more}: {more} members may fail"),
    };
    format!("{margin} · ctrl-c stops at the next stop point, resumable")
}

fn style(template: &str, clock: Option<Countdown>) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style
        .with_key("age", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&about(state.elapsed()));
        })
        .with_key(
            "left",
            move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = out.write_str(
                    &clock
                        .map(|clock| countdown(clock, state.elapsed()))
                        .unwrap_or_default(),
                );
            },
        )
}

/// `   61 s` or `   at most 9 min 40 s`; nothing once it is over and only the next look is awaited.
fn countdown(clock: Countdown, age: Duration) -> String {
    let left = clock.left.saturating_sub(age);
    let mut text = String::new();
    if !left.is_zero() {
        let word = if clock.limit { "at most " } else { "" };
        let _ = write!(
            text,
            "   {word}{}",
            if clock.limit { about(left) } else { duration(left) }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn board_after(events: &[Event], seconds: f64) -> String {
        let seen: Vec<Event> = events
            .iter()
            .filter(|event| event.at <= fixture::at(seconds))
            .cloned()
            .collect();
        let board = Board::of(&Timeline::of(&seen), Paint::Plain, Some(Duration::from_secs(450)));
        let mut lines = vec![board.head];
        lines.extend(board.doing);
        let waits = board.waits.into_iter();
        lines.extend(waits.map(|(text, clock)| {
            format!(
                "{text}{}",
                clock
                    .map(|clock| countdown(clock, Duration::from_secs(2)))
                    .unwrap_or_default()
            )
        }));
        lines.push(board.foot);
        lines.join("\n")
    }

    #[test]
    fn in_the_window_it_says_that_nothing_else_may_fail() {
        insta::assert_snapshot!(board_after(&fixture::whole_rollout(), 14.3));
    }

    #[test]
    fn the_bake_counts_down() {
        insta::assert_snapshot!(board_after(&fixture::whole_rollout(), 23.0));
    }

    #[test]
    fn a_countdown_that_is_over_leaves_no_zero_behind() {
        let clock = Countdown {
            left: Duration::from_secs(3),
            limit: true,
        };
        assert_eq!(countdown(clock, Duration::from_secs(1)), "   at most 2 s");
        assert_eq!(countdown(clock, Duration::from_secs(4)), "");
    }

    #[test]
    fn a_terminal_that_is_not_there_does_not_disturb() {
        let progress = Progress::new(ProgressDrawTarget::hidden(), Paint::Plain, None);
        for event in fixture::whole_rollout() {
            progress.emit(&event);
        }
    }
}
