//! What Kubernetes says of nodes, of what runs on them, and of the budgets that protect it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ids::{InstanceId, NodeName, ObjectName, PodUid};
use super::version::KubernetesVersion;

/// Key of the taint by which rehull asks the scheduler to look for other nodes first.
pub const REPLACED_SOON: &str = "rehull.dev/replaced-soon";

/// All nodes and pods of a cluster, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeView {
    /// Nodes.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Pods.
    pub pods: BTreeMap<PodUid, Pod>,
    /// What makes up for pods that go.
    pub workloads: Vec<Workload>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<Budget>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// From its providerID; `None`: no machine of this account and region.
    pub machine: Option<InstanceId>,
    /// Its kubelet; `None`: it says something that is no release.
    pub kubelet: Option<KubernetesVersion>,
    /// `None`: its `Ready` condition is true.
    pub not_ready: Option<NotReady>,
    /// `spec.unschedulable`.
    pub is_cordoned: bool,
    /// Keys of its taints.
    pub taints: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// The `Ready` condition of a node is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// What it says.
    pub why: String,
    /// Since when, by the clock of Kubernetes.
    pub since: Timestamp,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Name.
    pub name: ObjectName,
    /// Where it is bound to.
    pub node: Option<NodeName>,
    /// Whose it is.
    pub owner: Owner,
    /// How it is.
    pub state: PodState,
    /// Who goes first if not all can stay.
    pub priority: i32,
    /// It has a volume that ends with its node.
    pub has_local_storage: bool,
    /// It may be scheduled on a cordoned node: what makes up for it may come back to where it was.
    pub tolerates_cordon: bool,
    /// Labels that its node must have.
    pub selector: BTreeMap<String, String>,
}

/// Whose a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's: once gone it never comes back.
    Nobody,
    /// A DaemonSet's: it comes back to the same node at once.
    DaemonSet(ObjectName),
    /// The node's own (a mirror of a static pod): it cannot be evicted.
    Node,
    /// A workload's, by the name that people give it: a Deployment, not its ReplicaSet.
    Workload(ObjectName),
}

/// How a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodState {
    /// Not started; budgets do not count it.
    Pending,
    /// Runs, and is not ready.
    Running,
    /// Ready.
    Ready,
    /// Has been told to go.
    Terminating,
    /// Succeeded or failed: nothing of it runs.
    Ended,
}

/// What makes up for pods that go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name.
    pub name: ObjectName,
    /// For people: `Deployment`, `StatefulSet`.
    pub kind: String,
    /// So many are wanted.
    pub replicas: u32,
}

/// A PodDisruptionBudget, as its status tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Name.
    pub name: ObjectName,
    /// Every pod that its selector matches.
    pub pods: BTreeSet<PodUid>,
    /// `disruptionsAllowed`.
    pub allowed: u32,
    /// `expectedPods`.
    pub expected: u32,
    /// `currentHealthy`.
    pub healthy: u32,
    /// `desiredHealthy`.
    pub desired: u32,
    /// Its status is of its newest generation.
    pub is_observed: bool,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub lets_unhealthy_go: bool,
}

impl KubeView {
    /// The node of a machine.
    #[must_use]
    pub fn node_of(&self, machine: &InstanceId) -> Option<(&NodeName, &Node)> {
        let mut all = self.nodes.iter();
        all.find(|(_, node)| node.machine.as_ref() == Some(machine))
    }

    /// Pods that are bound to a node.
    pub fn pods_on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = (&'a PodUid, &'a Pod)> {
        self.pods
            .iter()
            .filter(move |(_, pod)| pod.node.as_ref() == Some(node))
    }

    /// Budgets that are about a pod.
    pub fn budgets_of<'a>(&'a self, uid: &'a PodUid) -> impl Iterator<Item = &'a Budget> {
        self.budgets
            .iter()
            .filter(move |budget| budget.pods.contains(uid))
    }

    /// Pods of a workload.
    pub fn pods_of<'a>(&'a self, workload: &'a ObjectName) -> impl Iterator<Item = (&'a PodUid, &'a Pod)> {
        let is_of = move |pod: &Pod| matches!(&pod.owner, Owner::Workload(of) if of == workload);
        self.pods.iter().filter(move |(_, pod)| is_of(pod))
    }
}

impl Pod {
    /// A drain asks it to go. Not those that come back at once, that cannot, or of which nothing runs.
    #[must_use]
    pub fn leaves_in_a_drain(&self) -> bool {
        let is_of_the_node = matches!(self.owner, Owner::DaemonSet(_) | Owner::Node);
        !is_of_the_node && self.state != PodState::Ended
    }
}
