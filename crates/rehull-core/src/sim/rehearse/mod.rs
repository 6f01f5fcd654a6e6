//! A rehearsal: the real plan of one cluster file, carried out in the simulator, many times undisturbed and once for
//! every fault that is likely.
//!
//! Nothing here decides how often: whoever rehearses asks for one run after the other and can say how far it is.

mod as_it_is;
mod distribution;
mod given;
mod groups;
mod likely;
mod margin;
mod performance;
mod report;
mod spans;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_groups;

pub use as_it_is::{AsItIs, Assumption, LeftOut, Part};
pub use distribution::Distribution;
pub use likely::{Likely, Phase};
pub use margin::MarginChange;
pub use performance::{Ends, Performance, StopOnTheWay, StopWhy};
pub use report::{
    GroupTime, GroupWhatIfReport, MarginReport, PartTime, Report, StandIn, StepTime, Tried, Unfinished,
    WhatIfReport, median,
};

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::likely::{Begun, Who};
use crate::domain::desired::{Desired, TemplateRef};
use crate::domain::ids::{SlotName, Zone};
use crate::executor::Rules;
use crate::plan::RolloutPlan;
use crate::sim::fault::Faults;
use crate::sim::run::{Prepared, settle};
use crate::sim::scenario::Scenario;
use crate::sim::time::VirtualTime;
use crate::sim::verdict::Verdict;
use crate::sim::{GroundError, Unplanned};

/// Decides how the cluster comes to be; every run of a rehearsal begins with the same one.
const CREATION: u64 = 1;

/// A cluster as one file describes it, running one release, with the plan of its upgrade.
pub struct Rehearsal {
    prepared: Prepared,
    names: given::Names,
    plan: RolloutPlan,
    /// A slot in each zone of the groups.
    zones: Vec<SlotName>,
    told: Told,
}

/// What the report tells beside what came of the runs.
#[derive(Clone, Debug)]
struct Told {
    stand_in: Option<StandIn>,
    assumed: Vec<Assumption>,
    left_out: Vec<LeftOut>,
}

/// What goes wrong in one run, and when.
#[derive(Clone, Debug)]
pub struct WhatIf {
    fault: Likely,
    part: Part,
    lasts_s: u64,
    begun: Begun,
    faults: Faults,
}

/// Everything that is likely to go wrong in one run.
#[derive(Clone, Debug)]
pub struct WhatIfs {
    seed: u64,
    undisturbed: Duration,
    /// The first member that is replaced, and the first group of each part.
    who: Vec<Who>,
    /// One run each.
    pub all: Vec<WhatIf>,
}

impl Rehearsal {
    /// Creates the cluster of this file as it is now and plans its upgrade to what the file says.
    ///
    /// # Errors
    /// The planner refuses the upgrade, or no region could look like the file.
    pub fn of(desired: &Desired, as_it_is: &AsItIs) -> Result<Self, Unplanned> {
        let left_out = as_it_is.left_out(desired);
        let desired = &as_it_is.part_of(desired);
        let resolved = as_it_is.of(desired);
        let given = given::lay(desired, &resolved, CREATION, VirtualTime::default().now())?;
        let members = u8::try_from(desired.etcd.slots.len()).unwrap_or(u8::MAX);
        let scenario = Scenario {
            from: as_it_is.etcd,
            to: desired.etcd.version,
            ..Scenario::plain(desired.etcd.strategy, members, CREATION)
        };
        let prepared = settle(given.ground, scenario)?;
        let plan = prepared.plan().clone();
        let told = Told {
            stand_in: stand_in(&desired.etcd.template),
            assumed: as_it_is.assumptions(desired),
            left_out,
        };
        Ok(Self {
            prepared,
            names: given.names,
            plan,
            zones: slots_of_zones(desired),
            told,
        })
    }

    /// What the planner makes of it.
    #[must_use]
    pub fn plan(&self) -> &RolloutPlan {
        &self.plan
    }

    /// One undisturbed run; the same seed gives the same run.
    ///
    /// # Errors
    /// The upgrade cannot be planned any more: a bug.
    pub fn perform(&self, seed: u64) -> Result<Performance, GroundError> {
        let verdict = self.run(seed, Faults::default())?;
        Ok(self.performance(seed, &verdict))
    }

    /// What is likely to go wrong in this run.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub fn what_ifs(&self, seed: u64) -> Result<Option<WhatIfs>, GroundError> {
        let verdict = self.run(seed, Faults::default())?;
        let mut who = Vec::new();
        let mut all = Vec::new();
        for (one, phases) in self.struck(&verdict) {
            let faults = Likely::ALL.into_iter();
            all.extend(faults.flat_map(|fault| what_if(fault, &phases, &one)));
            who.push(one);
        }
        if all.is_empty() {
            return Ok(None);
        }
        Ok(Some(WhatIfs {
            seed,
            undisturbed: self.performance(seed, &verdict).worked(),
            all,
            who,
        }))
    }

    /// Who is struck: the member that is replaced first, the control plane, and the group of workers that is first in the
    /// file, each with its phases.
    fn struck(&self, verdict: &Verdict) -> Vec<(Who, Vec<Begun>)> {
        let moments = &verdict.moments;
        let mut all = Vec::new();
        if let Some((member, phases)) = likely::first_replaced(moments) {
            let other = self.other(&member);
            all.push((Who::Member { member, other }, phases));
        }
        let envelope = &self.plan.envelope;
        let servers = envelope.servers();
        let servers = servers.map(|plan| (Part::ControlPlane, &plan.group, 0));
        let workers = envelope.worker_groups().next();
        let workers = workers.map(|plan| (Part::Workers, &plan.group, plan.policy.drain_deadline.as_secs()));
        for (part, group, drain_s) in servers.into_iter().chain(workers) {
            let who = Who::Group {
                group: group.clone(),
                part,
                zones: self.zones.clone(),
                drain_s,
            };
            all.push((who, likely::of_group(moments, group)));
        }
        all
    }

    /// The same run, with this going wrong.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub fn try_out(&self, of: &WhatIfs, what_if: &WhatIf) -> Result<Tried, GroundError> {
        let verdict = self.run(of.seed, what_if.faults.clone())?;
        let run = self.performance(of.seed, &verdict);
        Ok(Tried::of(what_if, &run, of.undisturbed))
    }

    /// All of it together.
    #[must_use]
    pub fn report(&self, runs: &[Performance], tried: Option<(&WhatIfs, Vec<Tried>)>) -> Report {
        let (who, tried) = tried.map_or((&[][..], Vec::new()), |(of, tried)| (&of.who, tried));
        report::report(&self.plan, &self.told, runs, (who, &tried))
    }

    fn run(&self, seed: u64, faults: Faults) -> Result<Verdict, GroundError> {
        let scenario = Scenario {
            seed,
            faults,
            ..self.prepared.scenario().clone()
        };
        self.prepared.upgrade(&scenario, Rules::default())
    }

    /// In the words of the cluster file.
    fn performance(&self, seed: u64, verdict: &Verdict) -> Performance {
        let mut run = Performance::of(seed, &self.plan, verdict);
        if let Ends::Stopped { reason } = &mut run.ends {
            *reason = self.in_words_of_the_file(reason);
        }
        for stop in &mut run.stops {
            match &mut stop.why {
                StopWhy::Stopped { reason } => *reason = self.in_words_of_the_file(reason),
                StopWhy::Failed { error } => *error = self.names.back(error),
            }
        }
        for breach in &mut run.breaches {
            *breach = self.names.back(breach);
        }
        run
    }

    /// Ids are text of their own wherever they stand, so the written form of anything can be translated.
    fn in_words_of_the_file<T: Clone + Serialize + DeserializeOwned>(&self, told: &T) -> T {
        let written = serde_json::to_string(told).unwrap_or_default();
        serde_json::from_str(&self.names.back(&written)).unwrap_or_else(|_| told.clone())
    }

    /// Whoever would be replaced next.
    fn other(&self, member: &SlotName) -> Option<SlotName> {
        let members = self.plan.envelope.slots.iter().map(|planned| &planned.slot.name);
        let order = self.plan.forecast.order.iter().map(|step| &step.slot);
        let mut others = order.filter(|slot| *slot != member && members.clone().any(|known| known == *slot));
        others.next().cloned()
    }
}

/// One run for each phase.
fn what_if(fault: Likely, phases: &[Begun], who: &Who) -> Vec<WhatIf> {
    let one = |begun: &Begun| {
        Some(WhatIf {
            fault,
            part: who.part(),
            lasts_s: fault.lasts_s(who),
            faults: fault.faults(begun, who)?,
            begun: begun.clone(),
        })
    };
    phases.iter().filter_map(one).collect()
}

/// The first slot of each zone.
fn slots_of_zones(desired: &Desired) -> Vec<SlotName> {
    let slots = &desired.etcd.slots;
    let of_zone = |zone: &Zone| slots.iter().find(|slot| slot.zone == *zone);
    let zones = groups::zones(desired).into_iter();
    zones.filter_map(of_zone).map(|slot| slot.name.clone()).collect()
}

/// The user's own template is a text that only a real cloud-init can carry out.
fn stand_in(template: &TemplateRef) -> Option<StandIn> {
    match (template, given::newest_set()) {
        (TemplateRef::File(own), TemplateRef::BuiltIn(built_in)) => Some(StandIn {
            template: own.clone(),
            built_in,
        }),
        (TemplateRef::File(_) | TemplateRef::BuiltIn(_), _) => None,
    }
}
