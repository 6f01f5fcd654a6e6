//! What stands in the way of a drain, found before anything is begun: by name, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::worker::WorkersPlan;
use crate::domain::group::GroupsView;
use crate::domain::ids::{InstanceId, NodeName, ObjectName, PodUid};
use crate::domain::kube::{Budget, KubeView, Node, Owner, Pod, PodState};
use crate::domain::worker::OrderRule;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Somebody will notice it.
    Warning,
    /// The drain would end at its deadline.
    Blocker,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// `namespace/name`, or a node.
    pub about: String,
    /// What is so.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// Everything that stands in the way of draining the nodes of the groups that the plan changes, heaviest first.
#[must_use]
pub fn findings(plan: &WorkersPlan, groups: &GroupsView, kube: &KubeView) -> Vec<Finding> {
    let look = Look::new(plan, groups, kube);
    let mut found: BTreeSet<Finding> = BTreeSet::new();
    found.extend(kube.nodes.iter().filter_map(|(name, node)| look.node(name, node)));
    for (uid, pod) in look.moved() {
        found.extend(look.pod(uid, pod));
    }
    found.extend(kube.budgets.iter().filter_map(|budget| look.budget(budget)));
    found.extend(look.single_replicas());
    found.extend(circles(&plan.order));
    let mut found: Vec<Finding> = found.into_iter().collect();
    found.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.cmp(other)));
    found
}

struct Look<'a> {
    kube: &'a KubeView,
    /// Nodes that will be replaced.
    rolled: BTreeSet<&'a NodeName>,
}

impl<'a> Look<'a> {
    fn new(plan: &'a WorkersPlan, groups: &'a GroupsView, kube: &'a KubeView) -> Self {
        let planned = plan.groups.iter().filter(|group| group.changes());
        let members = planned.filter_map(|group| groups.groups.get(&group.group));
        let machines: BTreeSet<&InstanceId> = members
            .flat_map(|group| &group.members)
            .map(|member| &member.machine)
            .collect();
        let is_rolled = |node: &Node| {
            node.machine
                .as_ref()
                .is_some_and(|machine| machines.contains(machine))
        };
        let rolled = kube.nodes.iter().filter(|(_, node)| is_rolled(node));
        Self {
            kube,
            rolled: rolled.map(|(name, _)| name).collect(),
        }
    }

    /// Pods that a drain will ask to go.
    fn moved(&self) -> impl Iterator<Item = (&'a PodUid, &'a Pod)> {
        self.kube.pods.iter().filter(|(_, pod)| {
            let is_there = pod.node.as_ref().is_some_and(|node| self.rolled.contains(node));
            is_there && pod.leaves_in_a_drain()
        })
    }

    fn node(&self, name: &NodeName, node: &Node) -> Option<Finding> {
        if !self.rolled.contains(name) {
            return None;
        }
        if let Some(not_ready) = &node.not_ready {
            return Some(finding(
                Severity::Warning,
                name.as_str(),
                &format!("the node is not ready: {}", not_ready.why),
                "what runs there cannot stop as it should: repair the node, or terminate its machine",
            ));
        }
        node.is_cordoned.then(|| {
            finding(
                Severity::Note,
                name.as_str(),
                "somebody has cordoned it",
                "it is drained like the others, and its cordon goes with it",
            )
        })
    }

    fn pod(&self, uid: &PodUid, pod: &Pod) -> Vec<Finding> {
        let name = pod.name.as_str();
        let mut found = Vec::new();
        if pod.owner == Owner::Nobody {
            found.push(finding(
                Severity::Blocker,
                name,
                "nothing makes up for this pod: once evicted it never comes back",
                "give it a controller, or delete it",
            ));
        }
        let budgets: Vec<&str> = self
            .kube
            .budgets_of(uid)
            .map(|budget| budget.name.as_str())
            .collect();
        if budgets.len() > 1 {
            found.push(finding(
                Severity::Blocker,
                name,
                &format!(
                    "more than one PodDisruptionBudget is about it: {}",
                    budgets.join(", ")
                ),
                "Kubernetes refuses every eviction of it: let the selectors differ",
            ));
        }
        if pod.has_local_storage {
            found.push(finding(
                Severity::Warning,
                name,
                "it has local storage, which ends with its node",
                "be sure that it can lose it",
            ));
        }
        if pod.state == PodState::Terminating {
            found.push(finding(
                Severity::Warning,
                name,
                "it has been told to go and is still there",
                "find out what keeps it; a node whose kubelet is dead keeps it for ever",
            ));
        }
        if let Some((key, value)) = self.unmet(pod) {
            found.push(finding(
                Severity::Blocker,
                name,
                &format!("no node but its own has the label {key}={value}, which it asks for"),
                "evicted it stays Pending: let the new nodes have the label",
            ));
        }
        found
    }

    /// A label that it asks for and that no node which stays or is new will have, as far as the nodes of today tell.
    fn unmet<'p>(&self, pod: &'p Pod) -> Option<(&'p String, &'p String)> {
        let own = pod.node.as_ref();
        let others = || self.kube.nodes.iter().filter(|(name, _)| Some(*name) != own);
        let mut wanted = pod.selector.iter();
        wanted.find(|(key, value)| !others().any(|(_, node)| node.labels.get(*key) == Some(*value)))
    }

    fn budget(&self, budget: &Budget) -> Option<Finding> {
        let concerns = self.moved().any(|(uid, _)| budget.pods.contains(uid));
        if !concerns || budget.allowed > 0 {
            return None;
        }
        let name = budget.name.as_str();
        if budget.expected == 0 {
            return Some(finding(
                Severity::Blocker,
                name,
                "it expects 0 pods and yet matches some: pods without a controller are never let go by it",
                "give them a controller, or use minAvailable instead of maxUnavailable",
            ));
        }
        let can_never = budget.desired >= budget.expected;
        let severity = if can_never {
            Severity::Blocker
        } else {
            Severity::Warning
        };
        let (healthy, desired, expected) = (budget.healthy, budget.desired, budget.expected);
        let help = if can_never {
            "it can never allow anybody to go: one replica more, or a looser budget"
        } else {
            "some of its pods are not ready: repair them"
        };
        let what = format!(
            "it allows nobody to go: {healthy} of {expected} are healthy, never fewer than {desired}"
        );
        Some(finding(severity, name, &what, help))
    }

    fn single_replicas(&self) -> Vec<Finding> {
        let moved: BTreeSet<&ObjectName> = self
            .moved()
            .filter_map(|(_, pod)| match &pod.owner {
                Owner::Workload(name) => Some(name),
                Owner::Nobody | Owner::DaemonSet(_) | Owner::Node => None,
            })
            .collect();
        let single = self
            .kube
            .workloads
            .iter()
            .filter(|one| one.replicas == 1 && moved.contains(&one.name));
        let found = single.map(|one| {
            finding(
                Severity::Warning,
                one.name.as_str(),
                &format!("this {} has one replica: nobody serves while it moves", one.kind),
                "give it two, if somebody would notice",
            )
        });
        found.collect()
    }
}

/// Workloads that wait for each other would never leave a node that has both.
fn circles(order: &[OrderRule]) -> Vec<Finding> {
    let mut after: BTreeMap<&ObjectName, BTreeSet<&ObjectName>> = BTreeMap::new();
    for rule in order {
        after.entry(&rule.first).or_default().insert(&rule.then);
    }
    let in_circle = |start: &&ObjectName| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&ObjectName> = after.get(*start).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            if next == *start {
                return true;
            }
            if seen.insert(next) {
                open.extend(after.get(next).into_iter().flatten().copied());
            }
        }
        false
    };
    let found = after.keys().copied().filter(in_circle).map(|name| {
        finding(
            Severity::Blocker,
            name.as_str(),
            "the declared order goes round in a circle here",
            "take one of its rules away",
        )
    });
    found.collect()
}

fn finding(severity: Severity, about: &str, what: &str, help: &str) -> Finding {
    Finding {
        severity,
        about: about.to_owned(),
        what: what.to_owned(),
        help: help.to_owned(),
    }
}
