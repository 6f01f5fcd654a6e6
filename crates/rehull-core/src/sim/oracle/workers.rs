//! Workers, judged in the modelled Kubernetes itself and in AWS: never by what rehull believes of them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ask::Ask;
use super::rules::Wrong;
use super::serving::{is_still_registered, leaves_too_few};
use crate::domain::group::Launches;
use crate::domain::ids::{GroupName, InstanceId, NodeName, ObjectName};
use crate::sim::edits::Wishes;
use crate::sim::kube::{PodOf, SimNode};
use crate::sim::lab::Lab;
use crate::sim::laid::WorkerGroupLaid;

/// The tag by which a machine is of a group.
const GROUP: &str = "aws:autoscaling:groupName";

impl Lab {
    /// At every instant; pods and capacity where nobody but rehull touches a node.
    pub(in crate::sim) fn judge_workers(&mut self, now: Timestamp) {
        let Some(laid) = self.workers.clone() else { return };
        self.judge_kubelets_skew(now);
        if self.oracle.memory.zone_was_lost {
            return;
        }
        self.judge_drains(now, usize::try_from(laid.budget).unwrap_or(usize::MAX));
        if !self.oracle.memory.nodes_unharmed() {
            return;
        }
        self.judge_budgets(now);
        let changes = self.changes();
        let known = self.oracle.memory.open.take().filter(|known| known.0 == changes);
        let open = known.unwrap_or_else(|| (changes, self.open_nodes()));
        for group in &laid.groups {
            let open = open.1.get(group.name.as_str()).copied().unwrap_or(0);
            self.judge_capacity(now, group, open);
        }
        self.oracle.memory.open = Some(open);
    }

    /// Nodes of each group that can be scheduled on.
    fn open_nodes(&self) -> BTreeMap<String, u32> {
        let mut open: BTreeMap<String, u32> = BTreeMap::new();
        let nodes = self.kube.nodes().map(|(_, node)| node);
        for node in nodes.filter(|node| node.is_ready() && node.cordoned.is_none() && node.lives()) {
            let machine = self.world.instance(node.machine.as_str());
            if let Some(group) = machine.and_then(|machine| machine.tags.get(GROUP)) {
                match open.get_mut(group) {
                    Some(count) => *count = count.saturating_add(1),
                    None => drop(open.insert(group.clone(), 1)),
                }
            }
        }
        open
    }

    /// No more nodes than may are being drained, whatever else befalls nodes.
    fn judge_drains(&mut self, now: Timestamp, budget: usize) {
        let sent_away = &self.oracle.memory.sent_away;
        let drained = |node: &SimNode| {
            node.cordoned.is_some() && node.lives() && !sent_away.contains_key(&node.machine)
        };
        let drained = || self.kube.nodes().filter(|(_, node)| drained(node));
        if drained().count() <= budget {
            return;
        }
        // Whom the group ends by itself nobody drains any more.
        let drained = drained().filter(|(_, node)| !self.is_ended_by_its_group(&node.machine));
        let drained = drained.count();
        if drained > budget {
            let what = format!("{drained} nodes are cordoned at once, of {budget} that may be");
            self.oracle.breach(now, 4, what);
        }
    }

    fn is_ended_by_its_group(&self, id: &InstanceId) -> bool {
        let machine = self.world.instance(id.as_str());
        let group = machine.and_then(|machine| machine.tags.get(GROUP));
        let row = group.and_then(|group| self.world.scaling_group_row(group));
        row.is_some_and(|row| {
            let mut members = row.members();
            members.any(|one| one.instance() == id.as_str() && one.lifecycle().starts_with("Terminating"))
        })
    }

    /// Healthy pods of every budget: counted here, not by its status. One that was just made stricter has to be met first.
    fn judge_budgets(&mut self, now: Timestamp) {
        let mut short = Vec::new();
        for (cast, pods) in self.kube.by_workload() {
            let Some(standing) = cast.standing(pods.into_iter().map(|(_, pod)| pod)) else {
                continue;
            };
            let met = self.oracle.memory.budgets_met.get(&cast.name).copied();
            if standing.healthy >= standing.desired {
                self.oracle
                    .memory
                    .budgets_met
                    .insert(cast.name.clone(), standing.desired);
            } else if met == Some(standing.desired) {
                short.push((cast.name.clone(), standing));
            } else {
                self.oracle.memory.budgets_met.remove(&cast.name);
            }
        }
        for (name, standing) in short {
            let what = format!(
                "{} of {} pods of the budget {name} are healthy",
                standing.healthy, standing.desired
            );
            self.oracle.breach(now, 4, what);
        }
    }

    /// So many nodes of a group can be scheduled on as it had; as many fewer as may be where there was no capacity for one
    /// more.
    fn judge_capacity(&mut self, now: Timestamp, laid: &WorkerGroupLaid, open: u32) {
        let memory = &mut self.oracle.memory;
        // Where clocks lie, nothing that comes up in time may seem too late.
        let may_be_fewer = memory.capacity_was_missing || memory.clock_was_set || laid.surge == 0;
        let missing = if may_be_fewer { laid.unavailable } else { 0 };
        let least = laid.machines.saturating_sub(missing);
        if open >= laid.machines {
            memory.groups_whole.insert(laid.name.clone());
        }
        if memory.groups_whole.contains(&laid.name) && open < least {
            let what = format!("{open} nodes of {} can be scheduled on, of {least}", laid.name);
            self.oracle.breach(now, 4, what);
        }
    }

    /// A node has just gone off.
    pub(in crate::sim) fn judge_end_of_node(&mut self, now: Timestamp, id: &InstanceId) {
        let memory = &self.oracle.memory;
        if !memory.nodes_unharmed() || memory.clock_was_set || memory.sent_away.contains_key(id) {
            return;
        }
        let group = self.world.instance(id.as_str());
        let group = group.and_then(|machine| machine.tags.get(GROUP)).cloned();
        if !group.is_some_and(|group| self.was_balanced_away(now, &group, id)) {
            let what = format!("{id} was ended by its group, and not because rehull said so");
            self.oracle.breach(now, 4, what);
        }
    }

    /// While the first new node is watched, whatever comes up by itself is of the old version.
    pub(in crate::sim) fn judge_what_workers_are_launched(&mut self, now: Timestamp, canary: &InstanceId) {
        let Some(instance) = self.world.instance(canary.as_str()) else {
            return;
        };
        let Some(group) = instance.tags.get(GROUP).cloned() else {
            return;
        };
        let Ok(Some(found)) = self.group_by_hand(now, &GroupName::new(&group)) else {
            return;
        };
        let launches_old = matches!(&found.launches, Launches::Version(version) if version.to_string() == self.oracle.memory.old_version());
        let memory = &self.oracle.memory;
        let is_ours = memory.nodes_unharmed() && !memory.edits.set_version(now);
        if self.kube.node_of(canary).is_some() && is_ours && !launches_old {
            let what = format!(
                "{group} launches {:?}, though none was watched long enough",
                found.launches
            );
            self.oracle.breach(now, 4, what);
        }
    }

    /// A group whose zones Auto Scaling would even out ends machines that nobody has drained.
    fn judge_evenness(&mut self, now: Timestamp, name: &str) {
        let memory = &self.oracle.memory;
        let is_ours = memory.nodes_unharmed() && !memory.edits.zones_were_edited();
        let Some(row) = self.world.scaling_group_row(name).filter(|_| is_ours) else {
            return;
        };
        if memory.capacity_was_missing || row.suspended().any(|process| process == "AZRebalance") {
            return;
        }
        let zones = row.zones();
        let mut counts: BTreeMap<&str, u32> = zones.iter().map(|zone| (zone.as_str(), 0)).collect();
        for member in row
            .members()
            .filter(|one| !one.lifecycle().starts_with("Terminat"))
        {
            let count = counts.entry(member.zone()).or_default();
            *count = count.saturating_add(1);
        }
        let least = counts.values().min().copied().unwrap_or(0);
        if counts.values().any(|count| count.saturating_sub(least) > 1) {
            let what = format!("{name} is left uneven, {counts:?}, and AZRebalance evens it out");
            self.oracle.breach(now, 6, what);
        }
    }

    /// Nothing that was altered of nodes and groups may be left at a resting place, nor at the end.
    pub(in crate::sim) fn judge_what_nodes_owe(&mut self, now: Timestamp) {
        let Some(laid) = self.workers.clone() else { return };
        let altered = self.kube.altered();
        if !altered.is_empty() {
            let what = format!("{altered:?} are left cordoned or tainted");
            self.oracle.breach(now, 6, what);
        }
        for (nth, of) in laid.groups.iter().enumerate() {
            let name = &of.name;
            let Ok(Some(group)) = self.group_by_hand(now, &GroupName::new(name)) else {
                continue;
            };
            if !group.suspended.is_empty() {
                let what = format!("{:?} of {name} are left suspended", group.suspended);
                self.oracle.breach(now, 6, what);
            }
            self.judge_evenness(now, name);
            let wishes = if nth == 0 { self.wishes } else { Wishes::default() };
            let sizes = group.sizes;
            if !wishes.are_met(of.machines, sizes) {
                let wanted = wishes.wanted(of.machines);
                let what = format!("the sizes of {name} are left at {sizes:?}, not {wanted:?}");
                self.oracle.breach(now, 6, what);
            }
        }
    }
}

/// A request about a node or a pod.
pub(super) fn judge(lab: &Lab, ask: &Ask<'_>) -> Vec<Option<Wrong>> {
    let Ask::Evict(uid) = ask else { return Vec::new() };
    let Some(pod) = lab.kube.pod(uid) else {
        return Vec::new();
    };
    let node = pod
        .node
        .as_ref()
        .and_then(|name| Some((name, lab.kube.node(name)?)));
    let wrong = |what: String| Some((4, format!("the eviction of {}: {what}", pod.name)));
    let Some((name, node)) = node else {
        return vec![wrong("it is on no node that is being drained".to_owned())];
    };
    let place = match node.cordoned {
        None => wrong(format!("{name} is not cordoned")),
        Some(at) if pod.created > at => wrong(format!("it came to {name} after the cordon")),
        Some(_) => None,
    };
    match &pod.of {
        PodOf::Daemon(_) => vec![wrong("it comes back at once".to_owned())],
        PodOf::Workload(of) => vec![place, out_of_order(lab, of, name)],
    }
}

fn out_of_order(lab: &Lab, of: &ObjectName, node: &NodeName) -> Option<Wrong> {
    if !lab.oracle.memory.nodes_unharmed() {
        return None;
    }
    let mut rules = lab.workers.iter().flat_map(|laid| &laid.order);
    rules.find_map(|rule| {
        let first = Some(&rule.first).filter(|_| rule.then == *of)?;
        let replicas = lab.kube.cast().iter().find(|cast| cast.name == *first)?.replicas;
        let (ready, is_here) = lab.kube.ready_of(first, node);
        let what = format!("{of} is moved from {node} while {ready} of {replicas} of {first} are ready");
        (ready < replicas || is_here).then_some((4, what))
    })
}

/// A machine leaves its group: a node only when everybody has left it, a server only when enough others serve.
pub(super) fn leaves(lab: &Lab, now: Timestamp, ask: &Ask<'_>, id: &InstanceId) -> Vec<Option<Wrong>> {
    let Some((name, node)) = lab.kube.node_of(id) else {
        let stays = is_still_registered(lab, id).filter(|_| matches!(ask, Ask::EndMember(_)));
        return vec![leaves_too_few(lab, now, id), stays];
    };
    if matches!(ask, Ask::Deregister(_)) {
        return Vec::new();
    }
    let cordoned = node.cordoned;
    let stays = lab.kube.pods_on(name).filter(|pod| {
        let came_back = lab.kube.tolerates_cordon(&pod.of) && cordoned.is_some_and(|at| pod.created > at);
        matches!(pod.of, PodOf::Workload(_)) && !came_back
    });
    let names: Vec<&str> = stays.map(|pod| pod.name.as_str()).collect();
    let undrained = (!names.is_empty()).then(|| (4, format!("{name} is ended under {}", names.join(", "))));
    let open =
        (cordoned.is_none() && node.is_ready()).then(|| (4, format!("{name} is ended without a cordon")));
    vec![undrained, open]
}
