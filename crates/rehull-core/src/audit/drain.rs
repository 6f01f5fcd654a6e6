//! Drains and their budgets (invariant 4), judged by the raw answers of Kubernetes and Auto Scaling.

use std::collections::BTreeMap;

use super::{Violation, violation};
use crate::domain::action::Action;
use crate::domain::group::{Group, Launches, Lifecycle};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{
    GroupName, InstanceId, LaunchTemplateVersion, NodeName, ObjectName, PodUid, StepId,
};
use crate::domain::kube::{Node, Owner, Pod, PodState};
use crate::domain::node_action::{NodeAction, OfNode};
use crate::domain::observed::Observed;
use crate::plan::{RolloutPlan, WorkerGroupPlan, WorkersPlan};

/// All actions of one tick together: budgets are shared.
pub(super) fn check_all(
    plan: &RolloutPlan,
    seen: &Observed,
    act: &[(StepId, Action)],
) -> Result<(), Violation> {
    let Some(workers) = &plan.envelope.workers else {
        let touched = act.iter().find_map(|(_, action)| {
            let Action::Node(action) = action else { return None };
            Some(action.of())
        });
        return touched.map_or(Ok(()), |of| Err(outside(of)));
    };
    let view = View { workers, seen };
    let mut evicted: BTreeMap<&ObjectName, u32> = BTreeMap::new();
    for (_, action) in act {
        let Action::Node(action) = action else { continue };
        view.check_node(action)?;
        if let NodeAction::Evict { uid, .. } = action {
            for budget in seen
                .kube
                .budgets
                .iter()
                .filter(|budget| budget.pods.contains(uid))
            {
                let count = evicted.entry(&budget.name).or_default();
                *count = count.saturating_add(u32::from(view.is_ready(uid)));
                if *count > budget.allowed {
                    let what = format!(
                        "would evict {count} pods of {}, which allows {}",
                        budget.name, budget.allowed
                    );
                    return Err(violation(4, what));
                }
            }
        }
    }
    view.check_cordons(act)
}

/// A group action about workers; `None`: the group is not one of theirs.
pub(super) fn check_group(
    plan: &RolloutPlan,
    seen: &Observed,
    action: &GroupAction,
) -> Option<Result<(), Violation>> {
    let workers = plan.envelope.workers.as_ref()?;
    let planned = workers
        .groups
        .iter()
        .find(|planned| planned.group == *action.group())?;
    let view = View { workers, seen };
    Some(view.check_group(planned, action))
}

fn outside(of: &OfNode) -> Violation {
    violation(
        1,
        format!(
            "would touch node {}, which is of no group that the plan changes",
            of.node
        ),
    )
}

struct View<'a> {
    workers: &'a WorkersPlan,
    seen: &'a Observed,
}

impl View<'_> {
    fn group(&self, name: &GroupName) -> Option<&Group> {
        self.seen.groups.groups.get(name)
    }

    fn planned(&self, of: &OfNode) -> Option<&WorkerGroupPlan> {
        let mut groups = self.workers.groups.iter();
        groups.find(|planned| planned.group == of.group && !planned.reasons.is_empty())
    }

    fn node(&self, of: &OfNode) -> Option<&Node> {
        self.seen.kube.nodes.get(&of.node)
    }

    fn is_ready(&self, uid: &PodUid) -> bool {
        self.seen
            .kube
            .pods
            .get(uid)
            .is_some_and(|pod| pod.state == PodState::Ready)
    }

    fn is_member(&self, of: &OfNode) -> bool {
        let group = self.group(&of.group);
        group.is_some_and(|group| group.members.iter().any(|member| member.machine == of.machine))
    }

    /// Only nodes of machines of planned groups; only pods that stand on a node that is cordoned.
    fn check_node(&self, action: &NodeAction) -> Result<(), Violation> {
        let of = action.of();
        let is_its = self
            .node(of)
            .is_none_or(|node| node.machine.as_ref() == Some(&of.machine));
        if self.planned(of).is_none() || !self.is_member(of) || !is_its {
            return Err(outside(of));
        }
        let NodeAction::Evict { pod: name, uid, .. } = action else {
            return Ok(());
        };
        let Some(pod) = self.seen.kube.pods.get(uid) else {
            return Ok(());
        };
        let stands_there = pod.node.as_ref() == Some(&of.node);
        if !stands_there || !self.node(of).is_some_and(|node| node.is_cordoned) {
            let what = format!("would evict {name}, which is on no node that is being drained");
            return Err(violation(4, what));
        }
        match pod.owner {
            Owner::DaemonSet(_) | Owner::Node => Err(violation(
                4,
                format!("would evict {name}, which belongs to its node"),
            )),
            Owner::Nobody => Err(violation(
                4,
                format!("would evict {name}, which nothing makes up for"),
            )),
            Owner::Workload(_) => Ok(()),
        }
    }

    /// Nodes that are cordoned and still count, and those that would be.
    fn check_cordons(&self, act: &[(StepId, Action)]) -> Result<(), Violation> {
        let mut more = 0_usize;
        for (_, action) in act {
            if let Action::Node(NodeAction::Cordon(of)) = action
                && self.node(of).is_none_or(|node| !node.is_cordoned)
            {
                more = more.saturating_add(1);
            }
        }
        if more == 0 {
            return Ok(());
        }
        let changes = |planned: &&WorkerGroupPlan| !planned.reasons.is_empty();
        let planned = self.workers.groups.iter().filter(changes);
        let planned = planned.filter_map(|planned| self.group(&planned.group));
        let members = planned.flat_map(|group| &group.members);
        let counted = members.filter(|member| member.lifecycle.counts());
        let cordoned = counted.filter(|member| self.is_cordoned(&member.machine)).count();
        let budget = usize::try_from(self.workers.budget.max(1)).unwrap_or(usize::MAX);
        if cordoned.saturating_add(more) > budget {
            let what =
                format!("would cordon {more} nodes while {cordoned} are, of {budget} that may be at once");
            return Err(violation(4, what));
        }
        Ok(())
    }

    fn is_cordoned(&self, machine: &InstanceId) -> bool {
        let mut nodes = self.seen.kube.nodes.values();
        nodes.any(|node| node.is_cordoned && node.machine.as_ref() == Some(machine))
    }

    fn check_group(&self, planned: &WorkerGroupPlan, action: &GroupAction) -> Result<(), Violation> {
        let name = &planned.group;
        if planned.reasons.is_empty() {
            let what = format!("would touch the group {name}, which the plan does not change");
            return Err(violation(1, what));
        }
        let Some(group) = self.group(name) else {
            let what = format!("would touch the group {name}, of which nothing is seen");
            return Err(violation(9, what));
        };
        match action {
            GroupAction::TerminateMember { machine, .. } => self.check_end(group, machine),
            GroupAction::SetGroup { version, sizes, .. } => {
                self.check_version(planned, group, *version)?;
                let more = sizes.desired.saturating_sub(group.sizes.desired);
                let most = planned
                    .policy
                    .max_surge
                    .max(1)
                    .max(planned.policy.max_unavailable);
                if more > most {
                    let what = format!("would launch {more} machines of {name} at once, of {most}");
                    return Err(violation(4, what));
                }
                Ok(())
            }
            GroupAction::Deregister { targets, .. } if planned.targets.contains(targets) => Ok(()),
            GroupAction::Deregister { targets, .. } => {
                let what = format!("would deregister at {targets}, which is not in the plan");
                Err(violation(1, what))
            }
            GroupAction::CreateVersion { template, digest, .. }
                if *template == planned.launch_template && *digest == planned.to.digest =>
            {
                Ok(())
            }
            GroupAction::CreateVersion { template, digest, .. } => {
                let what = format!("would make {digest} a version of {template}, which is not in the plan");
                Err(violation(1, what))
            }
            GroupAction::HoldGroup { .. } | GroupAction::ReleaseGroup { .. } => Ok(()),
        }
    }

    /// A machine ends when its node is cordoned and empty. What may be scheduled in spite of a cordon may have come back.
    fn check_end(&self, group: &Group, machine: &InstanceId) -> Result<(), Violation> {
        let mut nodes = self.seen.kube.nodes.iter();
        let Some((name, node)) = nodes.find(|(_, node)| node.machine.as_ref() == Some(machine)) else {
            return Ok(());
        };
        let serves = group.members.iter().any(|member| {
            member.machine == *machine && member.lifecycle == Lifecycle::InService && node.not_ready.is_none()
        });
        if serves && !node.is_cordoned {
            let what = format!("would end {machine} while its node {name} is not cordoned");
            return Err(violation(4, what));
        }
        let stays = self.seen.kube.pods.values().filter(|pod| stays(pod, name));
        let names: Vec<&str> = stays.map(|pod| pod.name.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let what = format!("would end {machine} under {}", names.join(", "));
        Err(violation(4, what))
    }

    /// What was approved, or what the group launches or has already.
    fn check_version(
        &self,
        planned: &WorkerGroupPlan,
        group: &Group,
        version: LaunchTemplateVersion,
    ) -> Result<(), Violation> {
        let versions = self.seen.fleet.templates.get(&planned.launch_template);
        let approved = versions.into_iter().flatten().any(|known| {
            let digest = known.digest.as_ref();
            let from = planned.from.as_ref().map(|from| &from.digest);
            known.version == version
                && (digest == Some(&planned.to.digest) || digest.is_some() && digest == from)
        });
        let runs = group.members.iter().any(|member| member.version == Some(version));
        if approved || runs || group.launches == Launches::Version(version) {
            return Ok(());
        }
        let what = format!(
            "{} would launch version {version}, which was not approved",
            planned.group
        );
        Err(violation(1, what))
    }
}

fn stays(pod: &Pod, node: &NodeName) -> bool {
    let is_here = pod.node.as_ref() == Some(node);
    match (&pod.owner, pod.state) {
        (Owner::DaemonSet(_) | Owner::Node, _) | (_, PodState::Ended) => false,
        (
            Owner::Nobody | Owner::Workload(_),
            PodState::Pending | PodState::Running | PodState::Ready | PodState::Terminating,
        ) => is_here && !pod.tolerates_cordon,
    }
}
