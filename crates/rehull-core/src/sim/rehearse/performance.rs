//! One run, and what is worth keeping of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::as_it_is::Part;
use super::margin::{self, MarginChange};
use super::spans;
use crate::domain::ids::StepId;
use crate::domain::waiting::StopReason;
use crate::plan::RolloutPlan;
use crate::sim::chronicle::{Happened, Moment};
use crate::sim::process::Ended;
use crate::sim::verdict::{End, Verdict};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ends", rename_all = "kebab-case")]
pub enum Ends {
    /// Every machine is replaced.
    Finished,
    /// Given up on request.
    Aborted,
    /// Reverted: everything is as it was.
    WentBack,
    /// Reverted, and nothing can take it back.
    NoWayBack {
        /// What stands against it.
        why: String,
    },
    /// Left to a person.
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// It could not even say why, or somebody else holds the lease for ever.
    Failed {
        /// Its last words.
        why: String,
    },
    /// It would never end.
    Endless {
        /// Why.
        why: String,
    },
}

impl Ends {
    fn of(end: &End) -> Self {
        match end {
            End::Finished => Self::Finished,
            End::Aborted => Self::Aborted,
            End::WentBack => Self::WentBack,
            End::NoWayBack(against) => Self::NoWayBack {
                why: against.join("; "),
            },
            End::Endless(why) => Self::Endless { why: why.clone() },
            End::Stopped(ended) => match ended.as_ref() {
                Ended::Stopped { reason, .. } => Self::Stopped {
                    reason: reason.clone(),
                },
                Ended::Finished => Self::Finished,
                Ended::Closed(why) | Ended::Held(why) | Ended::Failed(why) => {
                    Self::Failed { why: why.clone() }
                }
            },
        }
    }
}

/// Stops on the way, one after the other for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopOnTheWay {
    /// Why, the first time.
    pub why: StopWhy,
    /// How often.
    pub times: u32,
    /// May it stay like this for days? What nobody could look at may not.
    pub at_rest: bool,
    /// Voters that could still have failed, where that was known.
    pub margin: Option<i64>,
}

/// Why a process stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StopWhy {
    /// At a stop point.
    Stopped {
        /// Its reason.
        reason: StopReason,
    },
    /// It could not even write down why.
    Failed {
        /// Its last words.
        error: String,
    },
}

impl StopWhy {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stopped { reason: one }, Self::Stopped { reason: other }) => one.name() == other.name(),
            (Self::Failed { .. }, Self::Failed { .. }) => true,
            (Self::Stopped { .. }, Self::Failed { .. }) | (Self::Failed { .. }, Self::Stopped { .. }) => {
                false
            }
        }
    }
}

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// What decided it.
    pub seed: u64,
    /// How it ended.
    pub ends: Ends,
    /// From its begin to its end.
    pub took: Duration,
    /// The part of it in which nobody worked on it, because it had stopped.
    pub rested: Duration,
    /// Time per step; together as long as the whole.
    pub steps: BTreeMap<StepId, Duration>,
    /// Time per part of the plan; together as long as the whole.
    pub parts: BTreeMap<Part, Duration>,
    /// Time per group that was done, from the first thing that was done to it.
    pub groups: BTreeMap<StepId, Duration>,
    /// The margin over time.
    pub margins: Vec<MarginChange>,
    /// Where it stopped on the way, in order.
    pub stops: Vec<StopOnTheWay>,
    /// Processes that were needed.
    pub processes: u32,
    /// Promises that were broken: a bug of rehull's, or of the model.
    pub breaches: Vec<String>,
}

impl Performance {
    pub(super) fn of(seed: u64, plan: &RolloutPlan, verdict: &Verdict) -> Self {
        let steps = spans::steps(&verdict.moments, verdict.took);
        Self {
            seed,
            parts: spans::parts(plan, &steps),
            groups: spans::groups(&verdict.moments),
            ends: Ends::of(&verdict.end),
            took: verdict.took,
            rested: rested(&verdict.moments),
            steps,
            margins: margin::changes(&verdict.moments),
            stops: stops(&verdict.moments),
            processes: verdict.processes,
            breaches: verdict
                .breaches
                .iter()
                .map(|breach| breach.what.clone())
                .collect(),
        }
    }

    /// Time in which it was worked on.
    #[must_use]
    pub fn worked(&self) -> Duration {
        self.took.saturating_sub(self.rested)
    }

    /// The lowest margin.
    #[must_use]
    pub fn lowest_margin(&self) -> i64 {
        margin::lowest(&self.margins).unwrap_or(0)
    }

    /// It may be left as it is: done, or stopped at a resting place.
    #[must_use]
    pub fn ends_at_rest(&self) -> bool {
        self.ends == Ends::Finished || self.stops.last().is_some_and(|stop| stop.at_rest)
    }
}

/// From every stop to the next process.
fn rested(moments: &[Moment]) -> Duration {
    let mut since = None;
    let mut rested = Duration::ZERO;
    for moment in moments {
        match &moment.what {
            Happened::Ended(Ended::Stopped { .. } | Ended::Failed(_)) => since = Some(moment.at),
            Happened::Began => {
                let begun = since.take().map(|since| moment.at.saturating_sub(since));
                rested = rested.saturating_add(begun.unwrap_or_default());
            }
            Happened::Ended(Ended::Finished | Ended::Closed(_) | Ended::Held(_))
            | Happened::Told(_)
            | Happened::Trouble { .. }
            | Happened::World { .. }
            | Happened::Voters => {}
        }
    }
    rested
}

fn stops(moments: &[Moment]) -> Vec<StopOnTheWay> {
    let mut stops: Vec<StopOnTheWay> = Vec::new();
    for stop in moments.iter().filter_map(stop) {
        match stops.last_mut() {
            Some(last) if last.why.is_like(&stop.why) && last.at_rest == stop.at_rest => {
                last.times = last.times.saturating_add(1);
                last.margin = last.margin.min(stop.margin);
            }
            Some(_) | None => stops.push(stop),
        }
    }
    stops
}

fn stop(moment: &Moment) -> Option<StopOnTheWay> {
    let (why, at_rest, margin) = match &moment.what {
        Happened::Ended(Ended::Stopped { reason, rest }) => {
            let reason = reason.clone();
            let margin = rest.heard.then_some(rest.margin);
            (StopWhy::Stopped { reason }, rest.at_rest, margin)
        }
        Happened::Ended(Ended::Failed(error)) => {
            let error = error.clone();
            (StopWhy::Failed { error }, false, None)
        }
        Happened::Ended(Ended::Finished | Ended::Closed(_) | Ended::Held(_))
        | Happened::Began
        | Happened::Told(_)
        | Happened::Trouble { .. }
        | Happened::World { .. }
        | Happened::Voters => return None,
    };
    Some(StopOnTheWay {
        why,
        times: 1,
        at_rest,
        margin,
    })
}
