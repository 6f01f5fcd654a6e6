//! What happens by itself: nodes get ready or fall silent, pods start and stop, what is missing is made up for, and the
//! scheduler places it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::pod::PodStage;
use super::{
    Cast, Kube, NodeStage, ORPHANED, PODS_MAX, PodOf, READY, SILENT, STARTS, SimPod, TOLERATED, later,
};
use crate::domain::ids::{InstanceId, NodeName, ObjectName, PodUid};
use crate::sim::draw::Draw;

impl Kube {
    /// Machines that had no power any more (their zone was lost) and were ended then: the cloud's controller finds out of
    /// those as well.
    pub(super) fn bury(&mut self, now: Timestamp, is_gone: impl Fn(&InstanceId) -> bool) {
        let mut found = false;
        let silent = self.nodes.values_mut().filter(|node| node.silent.is_some());
        for node in silent.filter(|node| !node.is_gone && node.stage != NodeStage::Deleted) {
            if is_gone(&node.machine) {
                node.is_gone = true;
                node.stage = NodeStage::Silent;
                node.due = Some(later(now, SILENT / 8));
                found = true;
            }
        }
        if found {
            self.set_due();
        }
    }

    /// Everything that is due; whether anything has changed.
    pub(in crate::sim) fn advance(&mut self, now: Timestamp, draw: Draw) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let due: Vec<NodeName> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.due.is_some_and(|due| due <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.node_is_due(now, &name, draw);
        }
        self.pods_are_due(now);
        self.make_up(now, draw);
        self.set_due();
        true
    }

    fn node_is_due(&mut self, now: Timestamp, name: &NodeName, draw: Draw) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        node.due = None;
        let to = match (node.stage, node.silent) {
            (NodeStage::Boots, _) => NodeStage::Starts,
            (NodeStage::Starts, None) => NodeStage::Ready,
            (NodeStage::Ready | NodeStage::Starts, Some(_)) => NodeStage::Silent,
            (NodeStage::Silent, Some(_)) if node.is_gone => NodeStage::Deleted,
            (NodeStage::Silent, Some(_)) => NodeStage::GivenUp,
            (NodeStage::Ready, None) | (NodeStage::Silent | NodeStage::GivenUp | NodeStage::Deleted, _) => {
                return;
            }
        };
        // When it turns next by itself.
        match to {
            NodeStage::Starts => {
                let wait = draw.wait(name.as_str(), "ready", node.boot.0, READY);
                node.due = Some(later(now, wait));
            }
            // The cloud's controller finds out soon that the machine is gone.
            NodeStage::Silent => {
                let wait = if node.is_gone { SILENT / 8 } else { TOLERATED };
                node.due = Some(later(now, wait));
            }
            NodeStage::Boots | NodeStage::Ready | NodeStage::GivenUp | NodeStage::Deleted => {}
        }
        self.turn(name, to);
        match to {
            NodeStage::Starts => self.place_daemons(now, name),
            NodeStage::Ready => self.start_on(now, name, draw),
            NodeStage::GivenUp => self.delete_all_on(name),
            NodeStage::Deleted => self.orphan_all_on(now, name),
            NodeStage::Boots | NodeStage::Silent => {}
        }
    }

    /// A DaemonSet's pods come with their node.
    fn place_daemons(&mut self, now: Timestamp, name: &NodeName) {
        for daemon in self.daemons.clone() {
            let of = PodOf::Daemon(daemon.clone());
            if !self.pods_on(name).any(|pod| pod.of == of) {
                self.make(now, &daemon, of, Some(name.clone()));
            }
        }
    }

    /// What is bound to a node that has just got ready starts.
    fn start_on(&mut self, now: Timestamp, name: &NodeName, draw: Draw) {
        let bound = self
            .pods
            .iter_mut()
            .filter(|(_, pod)| pod.node.as_ref() == Some(name));
        for (uid, pod) in bound {
            match pod.stage {
                PodStage::Pending => {
                    pod.stage = PodStage::Starts;
                    pod.due = Some(later(now, draw.wait(uid.as_str(), "starts", 0, STARTS)));
                }
                // Its kubelet hears only now that it was told to go.
                PodStage::Stops => pod.due = Some(now),
                PodStage::Starts | PodStage::Ready => {}
            }
        }
    }

    /// Without a budget being asked: the object is marked, and nobody is there to stop it.
    fn delete_all_on(&mut self, name: &NodeName) {
        let bound = self
            .pods
            .values_mut()
            .filter(|pod| pod.node.as_ref() == Some(name));
        for pod in bound.filter(|pod| matches!(pod.of, PodOf::Workload(_))) {
            pod.stage = PodStage::Stops;
            pod.due = None;
        }
    }

    fn orphan_all_on(&mut self, now: Timestamp, name: &NodeName) {
        for pod in self
            .pods
            .values_mut()
            .filter(|pod| pod.node.as_ref() == Some(name))
        {
            pod.stage = PodStage::Stops;
            pod.due = Some(later(now, ORPHANED));
        }
    }

    fn pods_are_due(&mut self, now: Timestamp) {
        self.pods.retain(|_, pod| {
            let is_due = pod.due.is_some_and(|due| due <= now);
            if !is_due {
                return true;
            }
            pod.due = None;
            if pod.stage == PodStage::Starts {
                pod.stage = PodStage::Ready;
            }
            pod.stage != PodStage::Stops
        });
    }

    /// What is missing of a workload is made, and whatever has no node gets one, if there is one.
    fn make_up(&mut self, now: Timestamp, draw: Draw) {
        let ready = self.nodes.values().filter(|node| node.is_ready()).count();
        if ready == 0 || ready < self.awaits {
            return;
        }
        self.awaits = 0;
        let living = |pods: &[(&PodUid, &SimPod)]| {
            let living = pods.iter().filter(|(_, pod)| pod.stage != PodStage::Stops);
            living.count()
        };
        let all = self.by_workload().into_iter();
        let all: Vec<(Cast, usize)> = all.map(|(cast, pods)| (cast.clone(), living(&pods))).collect();
        for (cast, living) in all {
            for _ in living..usize::try_from(cast.replicas).unwrap_or(0) {
                let of = PodOf::Workload(cast.name.clone());
                self.make(now, &cast.name, of, None);
            }
        }
        let homeless: Vec<PodUid> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.node.is_none() && pod.stage == PodStage::Pending)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in homeless {
            let node = self.pods.get(&uid).and_then(|pod| self.choose(&pod.of));
            if let (Some(node), Some(pod)) = (node, self.pods.get_mut(&uid)) {
                // Only what is ready is chosen.
                pod.node = Some(node);
                pod.is_hosted = true;
                pod.stage = PodStage::Starts;
                pod.due = Some(later(now, draw.wait(uid.as_str(), "starts", 0, STARTS)));
            }
        }
    }

    /// The scheduler: untainted nodes first, then the emptiest. What tolerates a cordon tolerates taints as well, so it comes back
    /// to a node that is being emptied.
    fn choose(&self, of: &PodOf) -> Option<NodeName> {
        let tolerates = self.tolerates_cordon(of);
        let open = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_ready() && (tolerates || node.cordoned.is_none()));
        let mut loads: BTreeMap<&NodeName, usize> = BTreeMap::new();
        let movable = self
            .pods
            .values()
            .filter(|pod| matches!(pod.of, PodOf::Workload(_)));
        for name in movable.filter_map(|pod| pod.node.as_ref()) {
            let load = loads.entry(name).or_default();
            *load = load.saturating_add(1);
        }
        let open = open.map(|(name, node)| (name, node, loads.get(name).copied().unwrap_or(0)));
        let fits = open.filter(|(_, _, load)| *load < PODS_MAX);
        let best = fits.min_by_key(|(name, node, load)| (node.is_tainted && !tolerates, *load, *name));
        best.map(|(name, ..)| name.clone())
    }

    fn make(&mut self, now: Timestamp, of: &ObjectName, owner: PodOf, node: Option<NodeName>) {
        self.numbers = self.numbers.saturating_add(1);
        let number = self.numbers;
        let pod = SimPod {
            name: ObjectName::new(format!("{of}-{number}")),
            of: owner,
            // Who comes with its node comes before that is ready.
            is_hosted: false,
            node,
            stage: PodStage::Pending,
            due: None,
            created: now,
        };
        self.pods.insert(PodUid::new(format!("uid-{number:05}")), pod);
    }
}
