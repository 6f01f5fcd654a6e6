//! The control plane in the plan: which of its machines give way, why, and what stands against it.

use std::collections::BTreeSet;

use super::envelope::{Envelope, RolloutKind, ServersForecast};
use super::eta;
use super::group::{ControlPlanePlan, ServerContent, content, launched, listed};
use super::input::{PlanInput, ServersTarget};
use super::planner::SAME_RELEASE;
use super::refusal::Refusal;
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::group::{Group, Launches, Lifecycle, Server, TargetHealth};
use crate::domain::ids::{LaunchTemplateVersion, StepId, Zone};
use crate::domain::observed::Observed;
use crate::domain::version::KubernetesVersion;

const AT_GROUP: &str = "/controlPlane/autoScalingGroup";

/// Its part of the envelope; `None`: this rollout does not touch it.
pub(super) fn plan(input: &PlanInput<'_>) -> Result<Option<ControlPlanePlan>, Vec<Refusal>> {
    let (Some(role), Some(target)) = (&input.desired.control_plane, &input.servers) else {
        return Ok(None);
    };
    match &input.kind {
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } => {}
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } | RolloutKind::Replace { .. } => return Ok(None),
    }
    let group = input.seen.groups.groups.get(&role.group);
    let group = group.ok_or_else(|| vec![no_group(role)])?;
    let to = match target {
        ServersTarget::Rendered(_, digest) => ServerContent {
            version: role.version,
            digest: digest.clone(),
        },
        ServersTarget::Known(content) => content.clone(),
    };
    let planned = ControlPlanePlan {
        step: StepId::new(format!("control-plane/{}", role.group)),
        group: role.group.clone(),
        targets: role.target_group.clone(),
        launch_template: role.launch_template.clone(),
        from: running(input.seen, role, group),
        reasons: reasons(input.seen, role, group, &to),
        to,
        machine: role.machine.clone(),
        policy: role.serving.clone(),
    };
    let refusals = refusals(input, role, group, &planned);
    if refusals.is_empty() {
        Ok(Some(planned))
    } else {
        Err(refusals)
    }
}

/// Releases of the servers that answer, by machine of the group.
fn releases<'a>(seen: &'a Observed, group: &'a Group) -> impl Iterator<Item = KubernetesVersion> + 'a {
    let members = group.members.iter().filter(|member| member.lifecycle.counts());
    members.filter_map(|member| match seen.groups.servers.get(&member.machine) {
        Some(Server::Ready { version }) => Some(*version),
        Some(Server::NotReady { .. } | Server::Refused | Server::Silent) | None => None,
    })
}

/// What the group launches, and the lowest release that its machines serve.
fn running(seen: &Observed, role: &ControlPlaneRole, group: &Group) -> Option<ServerContent> {
    Some(ServerContent {
        version: releases(seen, group).min()?,
        digest: content(seen, &role.launch_template, launched(group)?)?,
    })
}

/// Machines of other content. Who launched them last is asked too: what the group makes up for tomorrow counts.
fn reasons(seen: &Observed, role: &ControlPlaneRole, group: &Group, to: &ServerContent) -> Vec<String> {
    let is_other = |version: Option<LaunchTemplateVersion>| {
        let known = version.and_then(|version| content(seen, &role.launch_template, version));
        known.as_ref() != Some(&to.digest)
    };
    let members = group.members.iter().filter(|member| member.lifecycle.counts());
    let others = members.filter(|member| is_other(member.version)).count();
    if others == 0 && !is_other(launched(group)) {
        return Vec::new();
    }
    let olds: BTreeSet<KubernetesVersion> = releases(seen, group)
        .filter(|version| *version != to.version)
        .collect();
    if others == 0 {
        return vec!["its group would launch another content".to_owned()];
    }
    if olds.is_empty() {
        return vec![SAME_RELEASE.to_owned()];
    }
    let olds: Vec<String> = olds.iter().map(ToString::to_string).collect();
    vec![format!("Kubernetes {} → {}", olds.join(", "), to.version)]
}

fn no_group(role: &ControlPlaneRole) -> Refusal {
    let message = format!("there is no Auto Scaling group `{}`", role.group);
    let help = "create it (Terraform state `groups`), or correct the name";
    Refusal::new("plan::no_group", message, help).at(AT_GROUP, "not found")
}

fn refusals(
    input: &PlanInput<'_>,
    role: &ControlPlaneRole,
    group: &Group,
    planned: &ControlPlanePlan,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(shape(role, group));
    refusals.extend(targets(input.seen, role, group));
    if planned.changes() {
        refusals.extend(hop(input, group, planned));
        if matches!(input.servers, Some(ServersTarget::Known(_))) {
            refusals.extend(known(input.seen, planned));
        }
    }
    refusals
}

/// The group is one that can be rolled.
fn shape(role: &ControlPlaneRole, group: &Group) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let name = &role.group;
    if let Launches::Floating(word) = &group.launches {
        let word = if word.is_empty() { "no version" } else { word };
        let message = format!("the group {name} launches {word}, which may be another version tomorrow");
        let help = format!(
            "pin a number first: aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --launch-template LaunchTemplateName={},Version=NUMBER",
            role.launch_template
        );
        refusals
            .push(Refusal::new("plan::floating", message, help).at(AT_GROUP, "launches no fixed version"));
    }
    if group.template != role.launch_template {
        let message = format!(
            "the group {name} launches from `{}`, the file says `{}`",
            group.template, role.launch_template
        );
        let help = "correct the name; rehull never changes which template a group launches from";
        let label = format!("the group says `{}`", group.template);
        refusals.push(
            Refusal::new("plan::other_template", message, help).at("/controlPlane/launchTemplate", label),
        );
    }
    let (floor, desired) = (role.serving.floor, group.sizes.desired);
    if floor > desired {
        let message = format!("the floor is {floor} healthy targets, and the group {name} has {desired}");
        let help = format!("write `serving: {{ floor: {desired} }}`, or make the group larger first");
        refusals.push(
            Refusal::new("plan::floor", message, help)
                .at("/controlPlane/serving/floor", "more than there are"),
        );
    }
    refusals
}

/// Not one machine of the group among the targets: then it is another group's load balancer, and its health says nothing.
fn targets(seen: &Observed, role: &ControlPlaneRole, group: &Group) -> Option<Refusal> {
    let targets = seen.groups.targets.get(&role.target_group);
    let registered = |machine| targets.is_some_and(|all| all.contains_key(machine));
    if group.members.is_empty() || group.members.iter().any(|member| registered(&member.machine)) {
        return None;
    }
    let message = format!("no machine of {} is registered at this target group", role.group);
    let help = "attach the target group to the Auto Scaling group, or correct the ARN";
    Some(
        Refusal::new("plan::not_registered", message, help)
            .at("/controlPlane/targetGroup", "none of its machines is here"),
    )
}

/// Apiservers differ by one minor at most, and go down only where a rollout goes back.
fn hop(input: &PlanInput<'_>, group: &Group, planned: &ControlPlanePlan) -> Option<Refusal> {
    let to = planned.to.version;
    let goes_back = matches!(input.kind, RolloutKind::Rollback { .. });
    let (lowest, highest) = (
        releases(input.seen, group).min()?,
        releases(input.seen, group).max()?,
    );
    let next = |from: KubernetesVersion| (from.major, from.minor.saturating_add(1));
    let label = format!("pinned here; the apiservers serve {lowest}");
    let at = |refusal: Refusal| Some(refusal.at("/controlPlane/version", label));
    if to.line() > next(lowest) {
        let (major, minor) = next(lowest);
        let message = format!(
            "Kubernetes {lowest} → {to} skips a minor: apiservers of one cluster may differ by one at most"
        );
        let help = format!("pin a release of {major}.{minor} first, then go on from there");
        return at(Refusal::new("plan::kubernetes_hop", message, help));
    }
    if to.line() < highest.line() && (!goes_back || highest.line() > next(to)) {
        let message = format!("Kubernetes {highest} → {to} is a downgrade");
        let help = "objects may be stored in versions that the older release does not know; what an upgrade has changed is taken back with `rehull rollback`";
        return at(Refusal::new("plan::kubernetes_hop", message, help));
    }
    None
}

/// A rollback launches a template version that exists.
fn known(seen: &Observed, planned: &ControlPlanePlan) -> Option<Refusal> {
    let message = format!(
        "launch template {} has no version {} any more",
        planned.launch_template, planned.to.digest
    );
    let help = "pin the version in the cluster file and use `rehull apply`: it renders the template anew";
    let there = listed(seen, &planned.launch_template, &planned.to.digest);
    (!there).then(|| Refusal::new("plan::template_gone", message, help))
}

/// Its line in the table.
pub(super) fn forecast(envelope: &Envelope, seen: &Observed) -> Option<ServersForecast> {
    let planned = envelope.servers()?;
    let group = seen.groups.groups.get(&planned.group)?;
    let versions = seen.fleet.templates.get(&planned.launch_template);
    let is_new = |version: Option<LaunchTemplateVersion>| {
        versions.is_some_and(|all| {
            all.iter().any(|known| {
                Some(known.version) == version && known.digest.as_ref() == Some(&planned.to.digest)
            })
        })
    };
    let members = || group.members.iter().filter(|member| member.lifecycle.counts());
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let leaving = small(members().filter(|member| !is_new(member.version)).count());
    let zones: BTreeSet<&Zone> = members().map(|member| &member.zone).collect();
    Some(ServersForecast {
        step: planned.step.clone(),
        leaving,
        desired: group.sizes.desired,
        zones: small(zones.len()),
        about: eta::servers(&planned.policy, leaving),
    })
}

/// Whoever does not serve now would be counted on.
pub(super) fn blockers(envelope: &Envelope, seen: &Observed) -> Vec<String> {
    let Some(planned) = envelope.servers() else {
        return Vec::new();
    };
    let Some(group) = seen.groups.groups.get(&planned.group) else {
        return Vec::new();
    };
    let targets = seen.groups.targets.get(&planned.targets);
    let healthy = |machine| targets.and_then(|all| all.get(machine)) == Some(&TargetHealth::Healthy);
    let sick = group.members.iter().filter(|member| match member.lifecycle {
        Lifecycle::InService => !healthy(&member.machine),
        Lifecycle::Pending | Lifecycle::Leaving | Lifecycle::Other(_) => false,
    });
    sick.map(|member| {
        let health = targets.and_then(|all| all.get(&member.machine));
        let word = health.map_or("not registered", TargetHealth::words);
        format!(
            "{} of {} is {word} at the load balancer → find out why it does not serve, or let its group replace it",
            member.machine, planned.group
        )
    })
    .collect()
}

/// What a person should know before it goes on.
pub(super) fn notes(envelope: &Envelope) -> Vec<String> {
    let Some(planned) = envelope.servers() else {
        return Vec::new();
    };
    let mut notes = vec![format!(
        "the control plane is rolled after etcd: one machine more, serving, before one leaves; never below {} healthy targets",
        planned.policy.floor
    )];
    let rises = planned
        .from
        .as_ref()
        .is_some_and(|from| from.version.line() < planned.to.version.line());
    if rises {
        notes.push(
            "until the last server is replaced an API that only one of the releases knows answers on some connections and not on others: wait with manifests that use it"
                .to_owned(),
        );
    }
    notes
}
