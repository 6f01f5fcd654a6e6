//! Machines that live in groups: the look at them, and what is done to them.

use std::collections::BTreeMap;

use futures_util::future::join;

use super::ports::{Ports, Scene};
use crate::domain::group::GroupsView;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{GroupName, InstanceId, TargetGroupArn};
use crate::domain::observed::{Gap, Observed, Part, Partial};
use crate::ports::PortError;

/// Everything of the groups that the scene names. Servers are asked only of machines that a group tells.
pub(super) async fn observe(ports: &Ports<'_>, scene: &Scene) -> Partial<GroupsView> {
    let nothing = |gaps| Partial {
        value: GroupsView::default(),
        gaps,
    };
    let (servers, workers) = (scene.servers.as_ref(), &scene.workers);
    if servers.is_none() && workers.is_empty() {
        return nothing(Vec::new());
    }
    let Some(serving) = ports.serving else {
        let why = "this process has no connection to Auto Scaling".to_owned();
        let part = Part::Groups;
        return nothing(vec![Gap { part, why }]);
    };
    let names = servers.iter().map(|plan| &plan.group);
    let names: Vec<GroupName> = names
        .chain(workers.iter().map(|plan| &plan.group))
        .cloned()
        .collect();
    let arns = servers.iter().map(|plan| &plan.targets);
    let arns = arns.chain(workers.iter().flat_map(|plan| &plan.targets));
    let arns: Vec<TargetGroupArn> = arns.cloned().collect();
    let (groups, targets) = join(serving.groups.observe(&names), serving.targets.observe(&arns)).await;
    let of_servers = servers.and_then(|plan| groups.value.get(&plan.group));
    let members = of_servers.into_iter().flat_map(|group| &group.members);
    let machines: Vec<InstanceId> = members.map(|member| member.machine.clone()).collect();
    let servers = if machines.is_empty() {
        BTreeMap::new()
    } else {
        serving.servers.observe(&machines).await
    };
    Partial {
        value: GroupsView {
            groups: groups.value,
            targets: targets.value,
            servers,
        },
        gaps: groups.gaps.into_iter().chain(targets.gaps).collect(),
    }
}

/// One bounded call, or two that are the same twice as once.
pub(super) async fn perform(ports: Ports<'_>, action: &GroupAction) -> Result<(), PortError> {
    let Some(serving) = ports.serving else {
        let why = "this process has no connection to Auto Scaling".to_owned();
        return Err(PortError::NotSent { why });
    };
    match action {
        GroupAction::HoldGroup { group, processes, .. } if !processes.is_empty() => {
            serving.groups.suspend(group, processes).await
        }
        GroupAction::ReleaseGroup { group, processes } if !processes.is_empty() => {
            serving.groups.resume(group, processes).await
        }
        // It is made by the door of launch templates.
        GroupAction::CreateVersion { .. } => Ok(()),
        // What was or is to be put back is written down all the same.
        GroupAction::HoldGroup { .. } | GroupAction::ReleaseGroup { .. } => Ok(()),
        GroupAction::SetGroup {
            group,
            version,
            sizes,
        } => serving.groups.set(group, *version, *sizes).await,
        GroupAction::Deregister { targets, machine, .. } => {
            serving.targets.deregister(targets, machine).await
        }
        GroupAction::TerminateMember { machine, .. } => match serving.groups.terminate(machine).await {
            Err(PortError::Gone { .. }) => Ok(()),
            other => other,
        },
    }
}

/// The world shows what the action was to bring about.
pub(super) fn is_evident(action: &GroupAction, seen: &Observed) -> bool {
    let Some(group) = seen.groups.groups.get(action.group()) else {
        return false;
    };
    let member = |id: &InstanceId| group.members.iter().find(|member| member.machine == *id);
    match action {
        GroupAction::CreateVersion { template, digest, .. } => {
            let versions = seen.fleet.templates.get(template);
            versions.is_some_and(|all| all.iter().any(|known| known.digest.as_ref() == Some(digest)))
        }
        GroupAction::HoldGroup { processes, .. } => processes.is_subset(&group.suspended),
        GroupAction::ReleaseGroup { processes, .. } => processes.is_disjoint(&group.suspended),
        GroupAction::SetGroup { version, sizes, .. } => {
            group.sizes == *sizes && group.launches == crate::domain::group::Launches::Version(*version)
        }
        GroupAction::Deregister { targets, machine, .. } => {
            seen.groups.targets.get(targets).is_some_and(|all| {
                let target = all.get(machine);
                target.is_none_or(|health| !health.is_registered())
            })
        }
        GroupAction::TerminateMember { machine, .. } => {
            member(machine).is_none_or(|member| !member.lifecycle.counts())
        }
    }
}
