//! Who may leave a node now. Budgets and the declared order hold pods back; nothing here ever forces one out.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{NodeName, ObjectName, PodUid};
use crate::domain::kube::{Budget, KubeView, Owner, Pod, PodState};
use crate::domain::waiting::{LeftPod, PodHeld};
use crate::mutant::mutant;
use crate::plan::OrderRule;

/// Pods that have to leave their nodes, of all drains together: they share budgets and dependencies.
pub(super) struct Drains<'a> {
    kube: &'a KubeView,
    order: &'a [OrderRule],
    held: BTreeMap<&'a PodUid, PodHeld>,
    /// What is left of each budget in this tick.
    left: BTreeMap<&'a ObjectName, u32>,
}

/// Who has to leave, by what was written down.
pub(super) type List = BTreeMap<PodUid, ObjectName>;

impl<'a> Drains<'a> {
    pub(super) fn new(kube: &'a KubeView, order: &'a [OrderRule]) -> Self {
        let left = kube.budgets.iter().map(|budget| (&budget.name, budget.allowed));
        Self {
            kube,
            order,
            held: BTreeMap::new(),
            left: left.collect(),
        }
    }

    /// Everybody who has to leave a node now.
    pub(super) fn add(&mut self, list: &'a List) {
        for uid in list.keys() {
            if let Some(pod) = self.kube.pods.get(uid) {
                let held = self.judge(uid, pod);
                self.held.insert(uid, held);
            }
        }
    }

    /// Nobody is moved in the same tick as what it depends on.
    pub(super) fn keep_the_order(&mut self) {
        let goes = |held: &PodHeld| *held == PodHeld::Nothing;
        let moving: BTreeSet<&ObjectName> = self
            .held
            .iter()
            .filter(|(_, held)| goes(held))
            .filter_map(|(uid, _)| workload(self.kube.pods.get(*uid)?))
            .collect();
        for (uid, held) in &mut self.held {
            let of = self.kube.pods.get(*uid).and_then(workload);
            let first = self
                .order
                .iter()
                .find(|rule| of == Some(&rule.then) && moving.contains(&rule.first));
            if let Some(rule) = first.filter(|_| goes(held) && !mutant!(SkipOrder)) {
                let first = rule.first.clone();
                *held = PodHeld::Order { first };
            }
        }
    }

    /// Those of a list that are still there.
    pub(super) fn left(&self, list: &'a List) -> Vec<(&'a PodUid, LeftPod)> {
        let left = list.iter().filter_map(|(uid, name)| {
            let held = self.held.get(uid)?.clone();
            let pod = name.clone();
            Some((uid, LeftPod { pod, held }))
        });
        left.collect()
    }

    fn judge(&mut self, uid: &'a PodUid, pod: &'a Pod) -> PodHeld {
        match pod.state {
            PodState::Terminating => return PodHeld::Stopping,
            PodState::Pending if pod.owner != Owner::Nobody => return PodHeld::Nothing,
            PodState::Ended => return PodHeld::Nothing,
            PodState::Pending | PodState::Running | PodState::Ready => {}
        }
        if pod.owner == Owner::Nobody {
            return PodHeld::NoController;
        }
        if let Some(first) = self.waits_for(pod) {
            return PodHeld::Order { first };
        }
        let budgets: Vec<&'a Budget> = self.kube.budgets_of(uid).collect();
        match budgets.as_slice() {
            [] => PodHeld::Nothing,
            [budget] => self.by_budget(budget, pod.state),
            more => PodHeld::TwoBudgets {
                budgets: more.iter().map(|budget| budget.name.clone()).collect(),
            },
        }
    }

    fn by_budget(&mut self, budget: &'a Budget, state: PodState) -> PodHeld {
        let is_met = budget.healthy >= budget.desired && budget.desired > 0;
        if state == PodState::Running && (budget.lets_unhealthy_go || is_met) {
            return PodHeld::Nothing;
        }
        let left = self.left.entry(&budget.name).or_default();
        if *left > 0 && budget.is_observed {
            *left = left.saturating_sub(1);
            return PodHeld::Nothing;
        }
        PodHeld::Budget {
            budget: budget.name.clone(),
            healthy: budget.healthy,
            desired: budget.desired,
        }
    }

    /// The workload that has to be ready elsewhere first.
    fn waits_for(&self, pod: &Pod) -> Option<ObjectName> {
        mutant!(SkipOrder => return None);
        let of = workload(pod)?;
        let node = pod.node.as_ref()?;
        let mut rules = self.order.iter().filter(|rule| rule.then == *of);
        let rule = rules.find(|rule| !self.is_settled_elsewhere(&rule.first, node))?;
        Some(rule.first.clone())
    }

    /// All that are wanted are ready, and none of them is on this node. What does not exist is no dependency.
    fn is_settled_elsewhere(&self, first: &ObjectName, node: &NodeName) -> bool {
        let mut known = self.kube.workloads.iter();
        let Some(wanted) = known.find(|workload| workload.name == *first) else {
            return true;
        };
        let all = || self.kube.pods_of(first).map(|(_, pod)| pod);
        let is_here = |pod: &Pod| pod.node.as_ref() == Some(node) && pod.state != PodState::Ended;
        let ready = all().filter(|pod| pod.state == PodState::Ready).count();
        !all().any(is_here) && u32::try_from(ready).is_ok_and(|ready| ready >= wanted.replicas)
    }
}

fn workload(pod: &Pod) -> Option<&ObjectName> {
    match &pod.owner {
        Owner::Workload(name) => Some(name),
        Owner::Nobody | Owner::DaemonSet(_) | Owner::Node => None,
    }
}

/// Who has to leave a node on which nothing new comes any more.
pub(super) fn list(kube: &KubeView, node: &NodeName) -> List {
    let leaves = kube.pods_on(node).filter(|(_, pod)| pod.leaves_in_a_drain());
    leaves.map(|(uid, pod)| (uid.clone(), pod.name.clone())).collect()
}

/// Those that came between the list and the cordon. What may be scheduled in spite of a cordon comes back as often as it
/// is sent away: it is never chased.
pub(super) fn stragglers(kube: &KubeView, node: &NodeName, known: &List) -> List {
    let mut all = list(kube, node);
    all.retain(|uid, _| {
        let may_come_back = kube.pods.get(uid).is_some_and(|pod| pod.tolerates_cordon);
        !known.contains_key(uid) && !may_come_back
    });
    all
}
