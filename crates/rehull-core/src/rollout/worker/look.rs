//! What all workers ask of one look, put in order once: nodes by machine, and when machines came and were ready.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::group::{Group, Member};
use crate::domain::ids::{InstanceId, NodeName, ObjectName};
use crate::domain::kube::{KubeView, Node, Owner, Pod, PodState};
use crate::domain::node_action::Lasting;
use crate::journal::JournalView;

/// How a mark begins that tells when a machine was first seen.
pub(super) const LAUNCHED: &str = "launched ";
/// And when its node was first ready.
pub(super) const READY: &str = "ready ";

/// One look at everything.
pub(in crate::rollout) struct Look<'a> {
    kube: &'a KubeView,
    /// By machine, and of one machine by name.
    nodes: Vec<Placed<'a>>,
    launched: Marks<'a>,
    ready: Marks<'a>,
}

/// A node of a machine.
pub(super) struct Placed<'a> {
    machine: &'a InstanceId,
    pub(super) name: &'a NodeName,
    pub(super) node: &'a Node,
    /// This rollout has cordoned it once, whatever has become of that.
    pub(super) was_cordoned: bool,
}

/// What was marked of machines, by machine.
struct Marks<'a>(Vec<(&'a str, Timestamp)>);

impl<'a> Look<'a> {
    pub(in crate::rollout) fn at(kube: &'a KubeView, journal: &'a JournalView) -> Self {
        // What is filtered does not know how much it is, and would be moved again and again.
        let mut nodes = Vec::with_capacity(kube.nodes.len());
        nodes.extend(kube.nodes.iter().filter_map(|(name, node)| {
            Some(Placed {
                machine: node.machine.as_ref()?,
                name,
                node,
                was_cordoned: false,
            })
        }));
        nodes.sort_by_key(|placed| placed.machine);
        let mut look = Self {
            kube,
            nodes,
            launched: Marks::of(journal, LAUNCHED),
            ready: Marks::of(journal, READY),
        };
        for of in journal.ever(Lasting::Cordon) {
            let at = look.first_of(&of.machine);
            if let Some(placed) = look.nodes.get_mut(at) {
                placed.was_cordoned |= *placed.machine == of.machine;
            }
        }
        look
    }

    /// The first of its nodes, by name: it has one, unless it was registered again under another name.
    pub(super) fn node_of(&self, member: &Member) -> Option<&Placed<'a>> {
        let found = self.nodes.get(self.first_of(&member.machine));
        found.filter(|placed| *placed.machine == member.machine)
    }

    fn first_of(&self, machine: &InstanceId) -> usize {
        self.nodes.partition_point(|placed| placed.machine < machine)
    }

    pub(super) fn launched(&self, member: &Member) -> Option<Timestamp> {
        self.launched.at(member)
    }

    pub(super) fn ready(&self, member: &Member) -> Option<Timestamp> {
        self.ready.at(member)
    }

    /// A DaemonSet that is ready on another ready node of the group, and not on this one.
    pub(super) fn missing(&self, node: &NodeName, group: &Group) -> Option<ObjectName> {
        let ready = || self.kube.pods.values().filter_map(ready_daemon);
        let here = ready().filter(|(of, _)| *of == node);
        // A handful, and nearly always the same text that is asked for: found without comparing any.
        let here: Vec<&ObjectName> = here.map(|(_, daemon)| daemon).collect();
        let mut missing: BTreeSet<&ObjectName> = BTreeSet::new();
        for (elsewhere, daemon) in ready().filter(|(_, daemon)| !here.contains(daemon)) {
            if !missing.contains(daemon) && self.is_ready_in(elsewhere, group) {
                missing.insert(daemon);
            }
        }
        missing.first().map(|daemon| (*daemon).clone())
    }

    fn is_ready_in(&self, node: &NodeName, group: &Group) -> bool {
        let node = self.kube.nodes.get(node).filter(|node| node.not_ready.is_none());
        let machine = node.and_then(|node| node.machine.as_ref());
        machine.is_some_and(|machine| group.members.iter().any(|member| member.machine == *machine))
    }
}

impl<'a> Marks<'a> {
    fn of(journal: &'a JournalView, start: &'a str) -> Self {
        let marks = journal.marks_like(start);
        Self(
            marks
                .filter_map(|(mark, at)| Some((mark.strip_prefix(start)?, at)))
                .collect(),
        )
    }

    fn at(&self, member: &Member) -> Option<Timestamp> {
        let machine = member.machine.as_str();
        let found = self.0.binary_search_by_key(&machine, |(known, _)| known).ok()?;
        self.0.get(found).map(|(_, at)| *at)
    }
}

fn ready_daemon(pod: &Pod) -> Option<(&NodeName, &ObjectName)> {
    let node = pod.node.as_ref().filter(|_| pod.state == PodState::Ready)?;
    match &pod.owner {
        Owner::DaemonSet(name) => Some((node, name)),
        Owner::Nobody | Owner::Node | Owner::Workload(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::group::Lifecycle;
    use crate::domain::ids::Zone;

    fn member(machine: &str) -> Member {
        Member {
            machine: InstanceId::new(machine),
            zone: Zone::new("a"),
            lifecycle: Lifecycle::InService,
            is_healthy: true,
            version: None,
        }
    }

    fn node(machine: &str) -> Node {
        Node {
            machine: Some(InstanceId::new(machine)),
            kubelet: None,
            not_ready: None,
            is_cordoned: false,
            taints: BTreeSet::new(),
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn a_node_is_found_by_its_machine_and_of_two_of_one_machine_the_first_by_name() {
        let named = [("z", "i-1"), ("b", "i-2"), ("a", "i-2"), ("c", "i-3")];
        let nodes = named.map(|(name, machine)| (NodeName::new(name), node(machine)));
        let kube = KubeView {
            nodes: nodes.into_iter().collect(),
            ..KubeView::default()
        };
        let journal = JournalView::default();
        let look = Look::at(&kube, &journal);
        for (machine, name) in [("i-1", "z"), ("i-2", "a"), ("i-3", "c")] {
            let found = look.node_of(&member(machine)).map(|placed| placed.name.as_str());
            assert_eq!(found, Some(name));
        }
        for machine in ["i-0", "i-22", "i-4"] {
            assert!(look.node_of(&member(machine)).is_none());
        }
    }
}
