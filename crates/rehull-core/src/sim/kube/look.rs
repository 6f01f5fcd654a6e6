//! What the API shows of all that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::pod::PodStage;
use super::{Kube, NodeStage, PROCESSED, PodOf, SILENT, SimNode, SimPod, later};
use crate::domain::kube::{Budget, KubeView, Node, NotReady, Owner, Pod, PodState, REPLACED_SOON, Workload};

impl Kube {
    pub(in crate::sim) fn view(&self, now: Timestamp) -> KubeView {
        // Filtered rows do not know how many they are, and would be moved again and again.
        let mut nodes = Vec::with_capacity(self.nodes.len());
        nodes.extend(
            self.nodes()
                .map(|(name, node)| (name.clone(), show_node(now, node))),
        );
        let pods = self
            .pods
            .iter()
            .map(|(uid, pod)| (uid.clone(), self.show_pod(pod)));
        let workloads = self.cast.iter().map(|cast| Workload {
            name: cast.name.clone(),
            kind: "Deployment".to_owned(),
            replicas: cast.replicas,
        });
        KubeView {
            nodes: nodes.into_iter().collect(),
            pods: pods.collect(),
            workloads: workloads.collect(),
            budgets: self.budgets(now),
        }
    }

    fn budgets(&self, now: Timestamp) -> Vec<Budget> {
        let shown = self.by_workload().into_iter().filter_map(|(cast, pods)| {
            let standing = cast.standing(pods.iter().map(|(_, pod)| *pod))?;
            Some(Budget {
                name: cast.name.clone(),
                pods: pods.iter().map(|(uid, _)| (*uid).clone()).collect(),
                allowed: standing.allowed(),
                expected: standing.expected,
                healthy: standing.healthy,
                desired: standing.desired,
                is_observed: cast.changed.is_none_or(|at| now >= later(at, PROCESSED)),
                lets_unhealthy_go: false,
            })
        });
        shown.collect()
    }

    fn show_pod(&self, pod: &SimPod) -> Pod {
        let state = match pod.stage {
            PodStage::Pending => PodState::Pending,
            PodStage::Ready if pod.is_ready() => PodState::Ready,
            PodStage::Starts | PodStage::Ready => PodState::Running,
            PodStage::Stops => PodState::Terminating,
        };
        Pod {
            name: pod.name.clone(),
            node: pod.node.clone(),
            owner: match &pod.of {
                PodOf::Workload(name) => Owner::Workload(name.clone()),
                PodOf::Daemon(name) => Owner::DaemonSet(name.clone()),
            },
            state,
            priority: 0,
            has_local_storage: false,
            tolerates_cordon: self.tolerates_cordon(&pod.of),
            selector: BTreeMap::new(),
        }
    }
}

fn show_node(now: Timestamp, node: &SimNode) -> Node {
    let not_ready = match node.stage {
        NodeStage::Ready => None,
        NodeStage::Silent | NodeStage::GivenUp => Some(NotReady {
            why: "Kubelet stopped posting node status.".to_owned(),
            since: later(node.silent.unwrap_or(now), SILENT),
        }),
        NodeStage::Boots | NodeStage::Starts | NodeStage::Deleted => Some(NotReady {
            why: "container runtime network not ready".to_owned(),
            since: now,
        }),
    };
    let mut taints = BTreeSet::new();
    if node.is_tainted {
        taints.insert(REPLACED_SOON.to_owned());
    }
    Node {
        machine: Some(node.machine.clone()),
        kubelet: Some(node.release),
        not_ready,
        is_cordoned: node.cordoned.is_some(),
        taints,
        labels: BTreeMap::new(),
    }
}
