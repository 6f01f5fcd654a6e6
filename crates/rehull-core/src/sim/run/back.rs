//! The way back, as `rehull rollback` takes it: from the plan of the rollout that is undone, and what is seen of the world.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::after::{LOOK, LOOKS_MAX};
use super::{HOME, Run};
use crate::domain::ids::{RolloutId, SlotName};
use crate::domain::version::EtcdVersion;
use crate::journal::{self, JournalView, Scope, TornTail};
use crate::plan::{Past, RolloutKind, RolloutPlan, SlotContent, Target};
use crate::rollout;
use crate::sim::control_plane;
use crate::sim::crew::{Crew, Went};
use crate::sim::ground::Unplanned;
use crate::sim::lab::Lab;
use crate::sim::process::{Ended, Job};
use crate::sim::verdict::End;
use crate::sim::workers;

/// Its name in the store.
const ROLLOUT: &str = "back";

/// The content that each machine of these slots had before. A spare is there for the others only: on the way back it may
/// run what it ran on the way there.
fn former(plan: &RolloutPlan) -> BTreeMap<SlotName, SlotContent> {
    let slots = plan.envelope.slots.iter();
    let slots = slots.filter_map(|planned| Some((planned.slot.name.clone(), planned.from.clone()?)));
    let spare = plan.envelope.spare.iter();
    let spare = spare.map(|planned| (planned.slot.name.clone(), planned.to.clone()));
    slots.chain(spare).collect()
}

impl Run {
    /// What goes back, once it may begin; or how everything ends instead.
    pub(super) fn way_back(&mut self, job: &Job, crew: &mut Crew<Ended>, end: &End) -> Result<Job, End> {
        if matches!(end, End::Endless(_)) {
            return Err(end.clone());
        }
        let mut looks = 0;
        loop {
            let against = match self.plan_back(job) {
                Ok(plan) if !plan.envelope.replaces() => return Err(end.clone()),
                Ok(plan) if plan.forecast.blockers.is_empty() => {
                    return Ok(Job {
                        rollout: RolloutId::new(ROLLOUT),
                        plan: plan.into(),
                        supersedes: Some(job.rollout.clone()),
                        ..job.clone()
                    });
                }
                Ok(plan) => plan.forecast.blockers,
                Err(Unplanned::Refused(refusals)) => {
                    refusals.into_iter().map(|refusal| refusal.message).collect()
                }
                Err(Unplanned::Ground(error)) => vec![error.to_string()],
            };
            looks += 1;
            if looks > LOOKS_MAX {
                return Err(End::NoWayBack(against));
            }
            self.let_pass(LOOK, crew);
        }
    }

    /// Nobody of rehull works, and a person looks again later.
    fn let_pass(&self, wait: std::time::Duration, crew: &mut Crew<Ended>) {
        let until = self.stage.time.elapsed().saturating_add(wait);
        while self.stage.time.elapsed() < until {
            if matches!(crew.go_on(until), Went::Stuck) {
                break;
            }
        }
    }

    fn plan_back(&self, job: &Job) -> Result<RolloutPlan, Unplanned> {
        let Some(before) = &self.before else {
            return Err(crate::sim::ground::wrong("nothing was before").into());
        };
        let kind = RolloutKind::Rollback {
            of: job.rollout.to_string(),
        };
        let past = Past {
            plans: vec![(*job.plan).clone()],
            served: self.served(job),
        };
        let target = Target::Known(former(&job.plan));
        let mut plan = self.plan_knowing((before, target), kind, &past)?;
        // What no cluster file of the simulator names is planned by itself, as on the way there.
        if let Some(planned) = &job.plan.envelope.control_plane {
            plan.envelope.control_plane = Some(control_plane::turned(planned));
        }
        if let Some(planned) = &job.plan.envelope.workers {
            plan.envelope.workers = Some(workers::turned(planned));
        }
        Ok(plan)
    }

    /// What has been written down of the rollout.
    pub(super) fn journal_of(&self, job: &Job) -> Option<JournalView> {
        let scope = Scope {
            cluster: job.plan.envelope.cluster.clone(),
            rollout: job.rollout.clone(),
        };
        let hands = self.hands(0, HOME);
        let loaded = journal::load(&hands, &scope, TornTail::Refused).now_or_never();
        Some(loaded?.ok()?.view)
    }

    /// Members that were seen serving in the rollout.
    fn served(&self, job: &Job) -> BTreeMap<SlotName, EtcdVersion> {
        let Some(view) = self.journal_of(job) else {
            return BTreeMap::new();
        };
        let slots = job.plan.envelope.slots.iter().filter(|slot| slot.changes());
        let joined = slots.filter(|slot| rollout::has_joined(&view, &slot.slot.name));
        joined
            .map(|slot| (slot.slot.name.clone(), slot.to.version))
            .collect()
    }
}

impl Lab {
    /// What was new is old from now on.
    pub(super) fn turn(&mut self, rollout: &RolloutId) {
        self.oracle.turn(&self.store, rollout);
    }
}
