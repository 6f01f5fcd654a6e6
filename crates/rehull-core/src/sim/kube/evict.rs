//! The Eviction API, answer by answer, and what can be set of a node.

use std::time::Duration;

use jiff::Timestamp;

use super::pod::PodStage;
use super::{Cast, Kube, PROCESSED, STOPS, SimPod, later};
use crate::domain::ids::{NodeName, ObjectName, PodUid};
use crate::ports::{PortError, Unevicted};
use crate::sim::draw::Draw;

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Standing {
    pub(in crate::sim) healthy: u32,
    pub(in crate::sim) desired: u32,
    pub(in crate::sim) expected: u32,
}

impl Standing {
    pub(in crate::sim) const fn allowed(self) -> u32 {
        self.healthy.saturating_sub(self.desired)
    }
}

impl Cast {
    /// How the budget of these pods of it stands; `None`: it has none.
    pub(in crate::sim) fn standing<'a>(
        &self,
        pods: impl IntoIterator<Item = &'a SimPod>,
    ) -> Option<Standing> {
        let least = self.least?;
        let ready = pods.into_iter().filter(|pod| pod.is_ready());
        Some(Standing {
            healthy: u32::try_from(ready.count()).unwrap_or(u32::MAX),
            desired: if self.blocks { self.replicas } else { least },
            expected: self.replicas,
        })
    }
}

impl Kube {
    /// As the API answers, in its order: whoever runs nothing may go; then the budget; then the uid.
    pub(in crate::sim) fn evict(
        &mut self,
        (now, draw): (Timestamp, Draw),
        name: &ObjectName,
        uid: &PodUid,
    ) -> Result<(), Unevicted> {
        let Some(pod) = self.pods.get(uid).filter(|pod| pod.name == *name) else {
            return Err(Unevicted::Gone);
        };
        let runs = matches!(pod.stage, PodStage::Starts | PodStage::Ready);
        if runs {
            self.ask_the_budget(now, uid)?;
        }
        let wait = draw.wait(uid.as_str(), "stops", 0, STOPS);
        let is_heard = pod
            .node
            .as_ref()
            .and_then(|node| self.nodes.get(node))
            .is_some_and(|node| node.silent.is_none());
        if let Some(pod) = self.pods.get_mut(uid) {
            let is_bound = pod.node.is_some();
            if pod.stage != PodStage::Stops {
                pod.stage = PodStage::Stops;
                pod.due = if !is_bound {
                    Some(now)
                } else if is_heard {
                    Some(later(now, wait))
                } else {
                    None
                };
            }
        }
        // What makes up for it is made at once.
        self.due = Some(now);
        Ok(())
    }

    fn pods_of(&self, cast: &Cast) -> impl Iterator<Item = &SimPod> {
        let pods = self.pods.values();
        pods.filter(|pod| pod.of.is_workload(&cast.name))
    }

    fn ask_the_budget(&self, now: Timestamp, uid: &PodUid) -> Result<(), Unevicted> {
        let Some(pod) = self.pods.get(uid) else {
            return Ok(());
        };
        let budgets: Vec<&Cast> = self
            .cast
            .iter()
            .filter(|cast| pod.of.is_workload(&cast.name) && cast.least.is_some())
            .collect();
        if budgets.len() > 1 {
            let text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Unevicted::TwoBudgets {
                text: text.to_owned(),
            });
        }
        let Some((cast, standing)) = budgets
            .first()
            .and_then(|cast| Some((cast, cast.standing(self.pods_of(cast))?)))
        else {
            return Ok(());
        };
        if cast.changed.is_some_and(|at| now < later(at, PROCESSED)) {
            return Err(Unevicted::StillProcessed {
                after: Duration::from_secs(10),
            });
        }
        let is_unready = !pod.is_ready();
        let may_go = standing.allowed() > 0
            || is_unready && standing.healthy >= standing.desired && standing.desired > 0;
        if may_go {
            return Ok(());
        }
        let text = format!(
            "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget {} needs {} healthy pods and has {} currently",
            cast.name, standing.desired, standing.healthy
        );
        Err(Unevicted::BlockedByBudget {
            budget: Some(cast.name.clone()),
            text,
        })
    }

    pub(in crate::sim) fn set_node(
        &mut self,
        now: Timestamp,
        name: &NodeName,
        verb: &'static str,
    ) -> Result<(), PortError> {
        let node = self.nodes.get_mut(name).filter(|node| node.is_registered());
        let Some(node) = node else {
            let what = name.to_string();
            return if verb.starts_with("Un") {
                Ok(())
            } else {
                Err(PortError::Gone { what })
            };
        };
        match verb {
            "Cordon" => node.cordoned = node.cordoned.or(Some(now)),
            "Uncordon" => node.cordoned = None,
            "Taint" => node.is_tainted = true,
            _ => node.is_tainted = false,
        }
        // A node that is open again may take what has no place.
        self.due = Some(now);
        Ok(())
    }
}
