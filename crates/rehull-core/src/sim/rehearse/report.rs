//! What a rehearsal came to, as data.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::as_it_is::{Assumption, LeftOut, Part};
use super::distribution::{Distribution, rank, rounded};
use super::likely::{Likely, Phase, Who};
use super::margin::{self, MarginChange};
use super::performance::{Ends, Performance, StopOnTheWay};
use super::spans::part_of;
use super::{Told, WhatIf};
use crate::domain::ids::{GroupName, SlotName, StepId};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::{EtcdVersion, KubernetesVersion};
use crate::plan::{RolloutPlan, SlotPlan};

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Cluster.
    pub cluster: String,
    /// The plan in one line.
    pub headline: String,
    /// Running at the beginning of every run.
    pub from: EtcdVersion,
    /// Running at the end.
    pub to: EtcdVersion,
    /// How members are replaced.
    pub strategy: EtcdStrategy,
    /// Voters.
    pub members: usize,
    /// It waits for the bake before the last switch.
    pub bakes: bool,
    /// What stood in for the cluster file's own user-data template, which no modelled machine can read.
    pub stand_in: Option<StandIn>,
    /// What nobody has said of control plane and workers as they are now.
    pub assumed: Vec<Assumption>,
    /// Groups of the file that are not rehearsed.
    pub left_out: Vec<LeftOut>,
    /// Seeds of the undisturbed runs.
    pub seeds: Vec<u64>,
    /// How long the whole took.
    pub total: Distribution,
    /// How long each step took, in the order of the plan and empty without one; the bake counts for the step that waits for it.
    pub steps: Vec<StepTime>,
    /// How long each part of the plan took, in the order in which they are rolled; those that nothing changes are left out.
    pub parts: Vec<PartTime>,
    /// How long each group took, control plane and workers.
    pub groups: Vec<GroupTime>,
    /// The quorum margin.
    pub margin: MarginReport,
    /// Undisturbed runs that did not finish: the plan does not work, or the model is wrong.
    pub unfinished: Vec<Unfinished>,
    /// Promises that were broken in any run: a bug of rehull's, or of the model.
    pub breaches: Vec<String>,
    /// What each likely fault would do while the first member is replaced.
    pub what_if: Option<WhatIfReport>,
    /// The same while the control plane is rolled, and the first group of workers.
    pub group_what_ifs: Vec<GroupWhatIfReport>,
}

/// A template that was not rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandIn {
    /// The file's own.
    pub template: String,
    /// The built-in set that every machine booted with instead.
    pub built_in: u32,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTime {
    /// Step.
    pub step: StepId,
    /// Slot; `None`: it is about the cluster, as the snapshot is.
    pub slot: Option<SlotName>,
    /// The plan's point of no return.
    pub point_of_no_return: bool,
    /// How long it took.
    pub time: Distribution,
}

/// A part of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartTime {
    /// Part.
    pub part: Part,
    /// How long it took.
    pub time: Distribution,
}

/// A group. Those of workers are rolled side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupTime {
    /// Part.
    pub part: Part,
    /// Step.
    pub step: StepId,
    /// Auto Scaling group.
    pub group: GroupName,
    /// Running at the beginning.
    pub from: Option<KubernetesVersion>,
    /// Running at the end.
    pub to: KubernetesVersion,
    /// Machines that are replaced.
    pub machines: u32,
    /// From the first thing that is done to it.
    pub time: Distribution,
}

/// The margin, in all runs and in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginReport {
    /// The lowest in any undisturbed run.
    pub lowest: i64,
    /// Per run: the longest time without a break in which no other member could fail, or less than that.
    pub longest_at_zero: Distribution,
    /// Per run: the longest time without a quorum.
    pub longest_without_quorum: Distribution,
    /// The run of median length.
    pub median_seed: u64,
    /// Its margin over time.
    pub timeline: Vec<MarginChange>,
}

/// An undisturbed run that did not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Seed.
    pub seed: u64,
    /// How it ended instead.
    #[serde(flatten)]
    pub ends: Ends,
}

/// Every likely fault at every phase of the first replacement, all on the run of median length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WhatIfReport {
    /// The member that is replaced meanwhile.
    pub member: SlotName,
    /// The one that is struck where another one is.
    pub other: Option<SlotName>,
    /// One line per fault and phase.
    pub runs: Vec<Tried>,
}

/// Every likely fault at every phase in which the first machine of a group is replaced, all on the run of median length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupWhatIfReport {
    /// Part.
    pub part: Part,
    /// The group that is rolled meanwhile.
    pub group: GroupName,
    /// One line per fault and phase.
    pub runs: Vec<Tried>,
}

/// One fault at one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The part that is rolled meanwhile.
    pub part: Part,
    /// What went wrong.
    pub fault: Likely,
    /// For how many seconds; 0: it has no end.
    pub lasts_s: u64,
    /// When: as the request was sent that begins this phase.
    pub phase: Phase,
    /// How it ended.
    #[serde(flatten)]
    pub ends: Ends,
    /// It may be left as it is.
    pub at_rest: bool,
    /// Where it stopped on the way and was resumed.
    pub stops: Vec<StopOnTheWay>,
    /// How much more work than undisturbed; `None`: it did not finish.
    pub longer_s: Option<i64>,
    /// How long nobody worked on it because it had stopped.
    pub rested_s: u64,
    /// The lowest margin.
    pub lowest_margin: i64,
    /// Processes that were needed.
    pub processes: u32,
    /// Promises that were broken.
    pub breaches: Vec<String>,
}

impl Tried {
    pub(super) fn of(what_if: &WhatIf, run: &Performance, undisturbed: Duration) -> Self {
        let seconds = |span| i64::try_from(rounded(span)).unwrap_or(i64::MAX);
        let longer = seconds(run.worked()).saturating_sub(seconds(undisturbed));
        Self {
            part: what_if.part,
            fault: what_if.fault,
            lasts_s: what_if.lasts_s,
            phase: what_if.begun.phase,
            ends: run.ends.clone(),
            at_rest: run.ends_at_rest(),
            stops: run.stops.clone(),
            longer_s: (run.ends == Ends::Finished).then_some(longer),
            rested_s: rounded(run.rested),
            lowest_margin: run.lowest_margin(),
            processes: run.processes,
            breaches: run.breaches.clone(),
        }
    }
}

/// The run of median length; of several the one with the lowest seed.
#[must_use]
pub fn median(runs: &[Performance]) -> Option<&Performance> {
    let mut by_length: Vec<&Performance> = runs.iter().collect();
    by_length.sort_by_key(|run| (run.took, run.seed));
    by_length.get(rank(by_length.len(), 50)).copied()
}

pub(super) fn report(
    plan: &RolloutPlan,
    told: &Told,
    runs: &[Performance],
    (who, tried): (&[Who], &[Tried]),
) -> Report {
    let envelope = &plan.envelope;
    let breaches = runs.iter().flat_map(|run| &run.breaches);
    let breaches: BTreeSet<&String> = breaches
        .chain(tried.iter().flat_map(|tried| &tried.breaches))
        .collect();
    let breaches = breaches.into_iter().cloned().collect();
    let (what_if, group_what_ifs) = what_ifs(who, tried);
    Report {
        cluster: envelope.cluster.to_string(),
        headline: plan.headline(),
        from: envelope.from.unwrap_or(envelope.to),
        to: envelope.to,
        strategy: envelope.strategy,
        members: envelope.slots.len(),
        bakes: envelope.bakes(),
        stand_in: told.stand_in.clone(),
        assumed: told.assumed.clone(),
        left_out: told.left_out.clone(),
        seeds: runs.iter().map(|run| run.seed).collect(),
        total: Distribution::of(runs.iter().map(|run| run.took)),
        steps: steps(plan, runs),
        parts: parts(plan, runs),
        groups: groups(plan, runs),
        margin: margins(runs),
        unfinished: runs.iter().filter_map(unfinished).collect(),
        breaches,
        what_if,
        group_what_ifs,
    }
}

/// Each where it belongs.
fn what_ifs(who: &[Who], tried: &[Tried]) -> (Option<WhatIfReport>, Vec<GroupWhatIfReport>) {
    let (mut of_member, mut of_groups) = (None, Vec::new());
    let of = |part: Part| tried.iter().filter(move |tried| tried.part == part).cloned();
    for one in who {
        let runs = of(one.part()).collect();
        match one {
            Who::Member { member, other } => {
                of_member = Some(WhatIfReport {
                    member: member.clone(),
                    other: other.clone(),
                    runs,
                });
            }
            Who::Group { group, part, .. } => of_groups.push(GroupWhatIfReport {
                part: *part,
                group: group.clone(),
                runs,
            }),
        }
    }
    (of_member, of_groups)
}

fn parts(plan: &RolloutPlan, runs: &[Performance]) -> Vec<PartTime> {
    let envelope = &plan.envelope;
    let changes = |part: &Part| match part {
        Part::Etcd => envelope.slots.iter().any(SlotPlan::changes),
        Part::ControlPlane => envelope.servers().is_some(),
        Part::Workers => envelope.worker_groups().next().is_some(),
    };
    let rolled = Part::ALL.into_iter().filter(changes);
    let time = |part| {
        let spans = runs.iter().filter_map(|run| run.parts.get(&part).copied());
        Distribution::of(spans)
    };
    rolled
        .map(|part| PartTime {
            part,
            time: time(part),
        })
        .collect()
}

fn groups(plan: &RolloutPlan, runs: &[Performance]) -> Vec<GroupTime> {
    let time = |step: &StepId| Distribution::of(runs.iter().filter_map(|run| run.groups.get(step).copied()));
    let forecast = &plan.forecast;
    let servers = plan.envelope.servers().map(|planned| GroupTime {
        part: Part::ControlPlane,
        step: planned.step.clone(),
        group: planned.group.clone(),
        from: planned.from.as_ref().map(|content| content.version),
        to: planned.to.version,
        machines: forecast.servers.as_ref().map_or(0, |line| line.leaving),
        time: time(&planned.step),
    });
    let leaving = |step: &StepId| {
        let line = forecast.workers.iter().find(|line| line.step == *step);
        line.map_or(0, |line| line.leaving)
    };
    let workers = plan.envelope.worker_groups().map(|planned| GroupTime {
        part: Part::Workers,
        step: planned.step.clone(),
        group: planned.group.clone(),
        from: planned.from.as_ref().map(|content| content.version),
        to: planned.to.version,
        machines: leaving(&planned.step),
        time: time(&planned.step),
    });
    servers.into_iter().chain(workers).collect()
}

/// What belongs to no member (the snapshot, say) comes first, as it does in a rollout.
fn steps(plan: &RolloutPlan, runs: &[Performance]) -> Vec<StepTime> {
    let order = &plan.forecast.order;
    let is_planned = |step: &&StepId| order.iter().any(|planned| planned.step == **step);
    let seen: BTreeSet<&StepId> = runs.iter().flat_map(|run| run.steps.keys()).collect();
    let of_no_group = |step: &&StepId| part_of(plan, step) == Part::Etcd;
    let others = seen
        .into_iter()
        .filter(|step| !is_planned(step))
        .filter(of_no_group);
    let other = |step: &StepId| StepTime {
        time: time(step, runs),
        step: step.clone(),
        slot: None,
        point_of_no_return: false,
    };
    let planned = order.iter().map(|step| StepTime {
        time: time(&step.step, runs),
        step: step.step.clone(),
        slot: Some(step.slot.clone()),
        point_of_no_return: step.point_of_no_return,
    });
    others.map(other).chain(planned).collect()
}

fn time(step: &StepId, runs: &[Performance]) -> Distribution {
    Distribution::of(runs.iter().filter_map(|run| run.steps.get(step).copied()))
}

fn margins(runs: &[Performance]) -> MarginReport {
    let longest = |margin| {
        let each = runs.iter();
        Distribution::of(each.map(|run| margin::longest_at_most(&run.margins, margin, run.took)))
    };
    let median = median(runs);
    MarginReport {
        lowest: runs.iter().map(Performance::lowest_margin).min().unwrap_or(0),
        longest_at_zero: longest(0),
        longest_without_quorum: longest(-1),
        median_seed: median.map_or(0, |run| run.seed),
        timeline: median.map(|run| run.margins.clone()).unwrap_or_default(),
    }
}

fn unfinished(run: &Performance) -> Option<Unfinished> {
    (run.ends != Ends::Finished).then(|| Unfinished {
        seed: run.seed,
        ends: run.ends.clone(),
    })
}
