//! A rehearsal: the real plan of one cluster file, carried out in the simulator, many times undisturbed and once for
//! every fault that is likely.
//!
//! Nothing here decides how often: whoever rehearses asks for one run after the other and can say how far it is.

mod distribution;
mod given;
mod likely;
mod margin;
mod performance;
mod report;
#[cfg(test)]
mod tests;

pub use distribution::Distribution;
pub use likely::{Likely, Phase};
pub use margin::MarginChange;
pub use performance::{Ends, Performance, StopOnTheWay, StopWhy};
pub use report::{MarginReport, Report, StandIn, StepTime, Tried, Unfinished, WhatIfReport, median};

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::likely::{Begun, Who};
use crate::domain::desired::{Desired, TemplateRef};
use crate::domain::ids::{GroupName, SlotName};
use crate::domain::version::EtcdVersion;
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
    stand_in: Option<StandIn>,
    left_out: Vec<GroupName>,
}

/// What goes wrong in one run, and when.
#[derive(Clone, Debug)]
pub struct WhatIf {
    fault: Likely,
    begun: Begun,
    faults: Faults,
}

/// Everything that is likely to go wrong in one run.
#[derive(Clone, Debug)]
pub struct WhatIfs {
    seed: u64,
    undisturbed: Duration,
    who: Who,
    /// One run each.
    pub all: Vec<WhatIf>,
}

impl Rehearsal {
    /// Creates the cluster of this file at this release and plans its upgrade to what the file says.
    ///
    /// # Errors
    /// The planner refuses the upgrade, or no region could look like the file.
    pub fn of(desired: &Desired, from: EtcdVersion) -> Result<Self, Unplanned> {
        let given = given::lay(desired, from, CREATION, VirtualTime::default().now())?;
        let members = u8::try_from(desired.etcd.slots.len()).unwrap_or(u8::MAX);
        let scenario = Scenario {
            from,
            to: desired.etcd.version,
            ..Scenario::plain(desired.etcd.strategy, members, CREATION)
        };
        let prepared = settle(given.ground, scenario)?;
        let plan = prepared.plan().clone();
        Ok(Self {
            prepared,
            names: given.names,
            plan,
            stand_in: stand_in(&desired.etcd.template),
            left_out: groups(desired),
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
        let Some((member, phases)) = likely::first_replaced(&verdict.moments) else {
            return Ok(None);
        };
        let who = Who {
            other: self.other(&member),
            member,
        };
        let one = |fault: Likely, begun: &Begun| {
            let faults = fault.faults(begun, &who)?;
            let begun = begun.clone();
            Some(WhatIf { fault, begun, faults })
        };
        let all = Likely::ALL.into_iter();
        let all = all.flat_map(|fault| phases.iter().filter_map(move |begun| one(fault, begun)));
        Ok(Some(WhatIfs {
            seed,
            undisturbed: self.performance(seed, &verdict).worked(),
            all: all.collect(),
            who,
        }))
    }

    /// The same run, with this going wrong.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub fn try_out(&self, of: &WhatIfs, what_if: &WhatIf) -> Result<Tried, GroundError> {
        let verdict = self.run(of.seed, what_if.faults.clone())?;
        let run = self.performance(of.seed, &verdict);
        Ok(Tried::of(
            what_if.fault,
            what_if.begun.phase,
            &run,
            of.undisturbed,
        ))
    }

    /// All of it together.
    #[must_use]
    pub fn report(&self, runs: &[Performance], tried: Option<(&WhatIfs, Vec<Tried>)>) -> Report {
        let what_if = tried.map(|(of, runs)| WhatIfReport {
            member: of.who.member.clone(),
            other: of.who.other.clone(),
            runs,
        });
        let mut report = report::report(&self.plan, self.stand_in.clone(), runs, what_if);
        report.left_out.clone_from(&self.left_out);
        report
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
        let mut run = Performance::of(seed, verdict);
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

/// Groups of the file: how they are rolled is not rehearsed.
fn groups(desired: &Desired) -> Vec<GroupName> {
    let servers = desired.control_plane.iter().map(|role| &role.group);
    let workers = desired.workers.iter().flat_map(|workers| &workers.groups);
    servers.chain(workers.map(|role| &role.group)).cloned().collect()
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
