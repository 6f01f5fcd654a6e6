//! A modelled Kubernetes: nodes that register and get ready, what makes up for pods that go, a scheduler, budgets and the
//! Eviction API. It knows neither a plan nor rehull. What each answer is measured against: docs/fidelity.md.

mod cast;
mod evict;
mod hang;
mod life;
mod look;
mod pod;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub(super) use self::cast::Cast;
pub(super) use self::pod::{PodOf, SimPod};
use super::draw::{Draw, Spread};
use super::lab::{Lab, later};
use crate::domain::ids::{InstanceId, NodeName, ObjectName, PodUid};
use crate::domain::version::KubernetesVersion;
use crate::world::instance::InstanceState;
use crate::world::{BootId, Timing, World};

/// The variable of the user data by which a machine knows that it is a node.
const RELEASE: &str = "REHULL_NODE=";
/// From power until the kubelet has registered its node, in milliseconds (aws-timing.md §1).
const REGISTERS: Spread = Spread::new(18_000, 45_000, 90_000, 150_000);
const REGISTERS_FAST: Spread = Spread::new(500, 900, 1_800, 3_000);
/// From there until it is ready.
const READY: Spread = Spread::new(4_000, 12_000, 25_000, 40_000);
/// A pod from its node to ready; fast stages hide that budgets are contended.
const STARTS: Spread = Spread::new(3_000, 7_000, 10_000, 20_000);
/// A pod from its eviction until it is gone.
const STOPS: Spread = Spread::new(1_000, 8_000, 25_000, 30_000);
/// A node of which nothing is heard is not ready after this (measured: 40 s to 70 s).
const SILENT: Duration = Duration::from_secs(40);
/// Pods tolerate that for so long; then they are deleted, whatever their budgets say.
const TOLERATED: Duration = Duration::from_secs(300);
/// What ran on a node whose object is deleted stays for so long (measured: 59.7 s).
const ORPHANED: Duration = Duration::from_secs(60);
/// A budget's status follows its spec.
const PROCESSED: Duration = Duration::from_millis(20);
/// No node carries more of what can be moved.
const PODS_MAX: usize = 12;

/// All of it; nothing at all where a scenario has no workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Kube {
    nodes: BTreeMap<NodeName, SimNode>,
    pods: BTreeMap<PodUid, SimPod>,
    cast: Vec<Cast>,
    daemons: Vec<ObjectName>,
    numbers: u64,
    /// Workloads come when so many nodes are ready, so that they are spread; 0: they have come.
    awaits: usize,
    due: Option<Timestamp>,
    /// The kubelets of these nodes stand still.
    frozen: BTreeSet<NodeName>,
    /// So many things make kubelets hang.
    hangs: u32,
    /// Grows with everything that the answer of a node to a health check depends on.
    changes: u64,
}

/// A machine with a kubelet.
#[derive(Clone, Debug)]
pub(super) struct SimNode {
    pub(super) machine: InstanceId,
    boot: BootId,
    pub(super) release: KubernetesVersion,
    stage: NodeStage,
    due: Option<Timestamp>,
    /// Since when nothing was heard of its kubelet.
    silent: Option<Timestamp>,
    /// Its machine is gone for good.
    is_gone: bool,
    pub(super) cordoned: Option<Timestamp>,
    pub(super) is_tainted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeStage {
    /// Not registered.
    Boots,
    /// Registered.
    Starts,
    Ready,
    /// Nothing was heard of it for too long.
    Silent,
    /// So long that its pods were deleted.
    GivenUp,
    /// Its object is deleted.
    Deleted,
}

impl SimNode {
    /// Its `Ready` condition.
    pub(super) fn is_ready(&self) -> bool {
        self.stage == NodeStage::Ready
    }

    /// The API shows it.
    pub(super) fn is_registered(&self) -> bool {
        self.stage != NodeStage::Boots && self.stage != NodeStage::Deleted
    }

    /// Its kubelet answers nobody.
    pub(super) const fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// A machine that is gone needs nothing any more.
    pub(super) fn lives(&self) -> bool {
        self.is_registered() && !self.is_gone
    }
}

impl Kube {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due
    }

    /// What runs here, once and for all.
    pub(super) fn lay(&mut self, cast: Vec<Cast>, daemons: Vec<ObjectName>, nodes: usize) {
        self.awaits = nodes;
        self.cast = cast;
        self.daemons = daemons;
    }

    /// Power. It is a node only if its user data says so.
    pub(super) fn power_on(
        &mut self,
        now: Timestamp,
        (id, boot): (&InstanceId, BootId),
        user_data: &str,
        (draw, timing): (Draw, Timing),
    ) {
        let mut lines = user_data.lines();
        let Some(release) = lines.find_map(|line| line.strip_prefix(RELEASE)?.parse().ok()) else {
            return;
        };
        let spread = match timing {
            Timing::Aws => REGISTERS,
            Timing::Fast => REGISTERS_FAST,
        };
        let due = later(now, draw.wait(id.as_str(), "registers", boot.0, spread));
        let node = SimNode {
            machine: id.clone(),
            boot,
            release,
            stage: NodeStage::Boots,
            due: Some(due),
            silent: None,
            is_gone: false,
            cordoned: None,
            is_tainted: false,
        };
        let name = node_name(id);
        match self.nodes.get_mut(&name) {
            // Switched on again: its object is as it was.
            Some(known) if known.stage != NodeStage::Deleted => {
                known.boot = boot;
                known.silent = None;
                known.due = Some(due);
                self.turn(&name, NodeStage::Starts);
            }
            Some(_) | None => drop(self.nodes.insert(name, node)),
        }
        self.set_due();
    }

    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// What runs on the node of this machine passes the checks of a load balancer.
    pub(super) fn answers(&self, machine: &InstanceId, boot: BootId) -> bool {
        let node = self.nodes.get(&node_name(machine));
        node.is_some_and(|node| node.boot == boot && node.is_ready() && node.silent.is_none())
    }

    /// It is off. Whether it was a node.
    fn power_off(&mut self, now: Timestamp, id: &InstanceId, boot: BootId, is_gone: bool) -> bool {
        let node = self
            .nodes
            .get_mut(&node_name(id))
            .filter(|node| node.boot == boot);
        let Some(node) = node else { return false };
        self.changes = self.changes.saturating_add(1);
        node.is_gone = is_gone;
        if node.stage == NodeStage::Boots {
            node.due = None;
            self.turn(&node_name(id), NodeStage::Deleted);
        } else {
            node.silent = Some(now);
            node.due = Some(later(now, SILENT));
        }
        self.set_due();
        true
    }

    /// A node's stage, and what it means for the pods there.
    fn turn(&mut self, name: &NodeName, stage: NodeStage) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        let was_ready = node.is_ready();
        node.stage = stage;
        let is_ready = node.is_ready();
        if was_ready != is_ready {
            self.changes = self.changes.saturating_add(1);
            let pods = self.pods.values_mut();
            for pod in pods.filter(|pod| pod.node.as_ref() == Some(name)) {
                pod.is_hosted = is_ready;
            }
        }
    }

    fn set_due(&mut self) {
        let nodes = self.nodes.values().filter_map(|node| node.due);
        let pods = self.pods.values().filter_map(|pod| pod.due);
        self.due = nodes.chain(pods).min();
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = (&NodeName, &SimNode)> {
        self.nodes.iter().filter(|(_, node)| node.is_registered())
    }

    pub(super) fn node(&self, name: &NodeName) -> Option<&SimNode> {
        self.nodes.get(name).filter(|node| node.is_registered())
    }

    pub(super) fn node_of(&self, machine: &InstanceId) -> Option<(&NodeName, &SimNode)> {
        let name = node_name(machine);
        self.nodes
            .get_key_value(&name)
            .filter(|(_, node)| node.is_registered())
    }

    pub(super) fn pod(&self, uid: &PodUid) -> Option<&SimPod> {
        self.pods.get(uid)
    }

    pub(super) fn pods_on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a SimPod> {
        self.pods
            .values()
            .filter(move |pod| pod.node.as_ref() == Some(node))
    }

    pub(super) fn cast(&self) -> &[Cast] {
        &self.cast
    }

    /// Every workload with its pods.
    pub(super) fn by_workload(&self) -> Vec<(&Cast, Vec<(&PodUid, &SimPod)>)> {
        let mut all: Vec<_> = self.cast.iter().map(|cast| (cast, Vec::new())).collect();
        for (uid, pod) in &self.pods {
            let its = |(cast, _): &&mut (&Cast, Vec<_>)| pod.of.is_workload(&cast.name);
            if let Some((_, pods)) = all.iter_mut().find(its) {
                pods.push((uid, pod));
            }
        }
        all
    }

    pub(super) fn tolerates_cordon(&self, of: &PodOf) -> bool {
        match of {
            PodOf::Daemon(_) => true,
            PodOf::Workload(name) => {
                let mut cast = self.cast.iter();
                cast.any(|one| one.name == *name && one.tolerates_cordon)
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Ready pods of a workload, and whether one of them is on this node.
    pub(super) fn ready_of(&self, workload: &ObjectName, node: &NodeName) -> (u32, bool) {
        let mut ready = 0_u32;
        let mut is_here = false;
        for pod in self.pods.values().filter(|pod| pod.of.is_workload(workload)) {
            ready = ready.saturating_add(u32::from(pod.is_ready()));
            is_here |= pod.node.as_ref() == Some(node);
        }
        (ready, is_here)
    }

    /// Names of all that are cordoned or tainted, for whoever looks at what is left.
    pub(super) fn altered(&self) -> BTreeSet<String> {
        let altered = self.nodes.iter().filter(|(_, node)| node.lives());
        let altered = altered.filter(|(_, node)| node.cordoned.is_some() || node.is_tainted);
        altered.map(|(name, _)| name.to_string()).collect()
    }
}

/// A node is called after its machine.
pub(super) fn node_name(machine: &InstanceId) -> NodeName {
    let id = machine.as_str().trim_start_matches("i-");
    NodeName::new(format!("node-{}", id.get(..6).unwrap_or(id)))
}

/// What a worker of this release is told when it is launched.
pub(super) fn user_data(release: KubernetesVersion) -> String {
    format!("#!/bin/sh\n{RELEASE}{release}\n")
}

/// A machine that does not come back.
fn is_gone(world: &World, id: &InstanceId) -> bool {
    let machine = world.instance(id.as_str());
    machine.is_none_or(|one| match one.state {
        InstanceState::ShuttingDown | InstanceState::Terminated => true,
        InstanceState::Pending | InstanceState::Running | InstanceState::Stopped => false,
    })
}

impl Lab {
    /// What is due at the nodes.
    pub(super) fn live_on_nodes(&mut self, now: Timestamp) {
        if self.kube.is_empty() {
            return;
        }
        let world = &self.world;
        self.kube.bury(now, |machine| is_gone(world, machine));
        if self.kube.advance(now, self.draw) {
            self.stir();
            self.check_servers(now);
        }
        self.judge_workers(now);
    }

    /// Whatever the reason: nothing runs there any more.
    pub(super) fn node_goes_off(&mut self, now: Timestamp, id: &InstanceId, boot: BootId) {
        if self.kube.is_empty() {
            return;
        }
        let is_gone = is_gone(&self.world, id);
        if self.kube.power_off(now, id, boot, is_gone) {
            self.stir();
            self.judge_end_of_node(now, id);
        }
    }
}
