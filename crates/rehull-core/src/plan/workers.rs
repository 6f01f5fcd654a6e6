//! Workers in the plan: which nodes give way, why, what they may cost each other, and what stands against it.

use std::collections::BTreeSet;

use super::envelope::{Envelope, RolloutKind, WorkersForecast};
use super::eta;
use super::findings::{Severity, findings};
use super::group::{ControlPlanePlan, ServerContent, content, launched, listed};
use super::input::{PlanInput, ServersTarget};
use super::planner::SAME_RELEASE;
use super::refusal::Refusal;
use super::worker::{WorkerGroupPlan, WorkersPlan};
use crate::domain::group::{Group, Launches};
use crate::domain::ids::{LaunchTemplateVersion, StepId};
use crate::domain::observed::Observed;
use crate::domain::version::KubernetesVersion;
use crate::domain::worker::{WorkerGroupRole, WorkersRole};

/// Their part of the envelope; `None`: this rollout does not touch them. A group without a target is left alone.
pub(super) fn plan(
    input: &PlanInput<'_>,
    servers: Option<&ControlPlanePlan>,
) -> Result<Option<WorkersPlan>, Vec<Refusal>> {
    let Some(role) = &input.desired.workers else {
        return Ok(None);
    };
    match &input.kind {
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } => {}
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } | RolloutKind::Replace { .. } => return Ok(None),
    }
    let mut groups = Vec::new();
    let mut refusals = Vec::new();
    for (n, group) in role.groups.iter().enumerate() {
        let Some(target) = input.workers.get(&group.group) else {
            continue;
        };
        match planned(input, (group, n), target) {
            Ok(planned) => groups.push(planned),
            Err(found) => refusals.extend(found),
        }
    }
    if refusals.is_empty() {
        refusals.extend(super::skew::refusals(input, role, &groups, servers));
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let plan = || WorkersPlan {
        budget: role.budget,
        order: role.order.clone(),
        groups,
    };
    Ok((!input.workers.is_empty()).then(plan))
}

fn at(n: usize, key: &str) -> String {
    format!("/workers/groups/{n}/{key}")
}

fn planned(
    input: &PlanInput<'_>,
    (role, n): (&WorkerGroupRole, usize),
    target: &ServersTarget,
) -> Result<WorkerGroupPlan, Vec<Refusal>> {
    let Some(group) = input.seen.groups.groups.get(&role.group) else {
        let message = format!("there is no Auto Scaling group `{}`", role.group);
        let help = "create it (Terraform state `groups`), or correct the name";
        let refusal = Refusal::new("plan::no_group", message, help);
        return Err(vec![refusal.at(at(n, "autoScalingGroup"), "not found")]);
    };
    let to = match target {
        ServersTarget::Rendered(_, digest) => ServerContent {
            version: role.version,
            digest: digest.clone(),
        },
        ServersTarget::Known(content) => content.clone(),
    };
    let planned = WorkerGroupPlan {
        step: StepId::new(format!("workers/{}", role.group)),
        group: role.group.clone(),
        targets: role.target_groups.clone(),
        launch_template: role.launch_template.clone(),
        from: running(input.seen, role, group),
        reasons: reasons(input.seen, role, group, &to),
        to,
        machine: role.machine.clone(),
        policy: role.policy.clone(),
    };
    let mut refusals = shape((role, n), group);
    let is_known = matches!(target, ServersTarget::Known(_));
    if planned.changes() && is_known && !listed(input.seen, &planned.launch_template, &planned.to.digest) {
        let message = format!(
            "launch template {} has no version {} any more",
            planned.launch_template, planned.to.digest
        );
        let help = "pin the version in the cluster file and use `rehull apply`: it renders the template anew";
        refusals.push(Refusal::new("plan::template_gone", message, help));
    }
    if refusals.is_empty() {
        Ok(planned)
    } else {
        Err(refusals)
    }
}

/// The group is one that can be rolled.
fn shape((role, n): (&WorkerGroupRole, usize), group: &Group) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let name = &role.group;
    if let Launches::Floating(word) = &group.launches {
        let word = if word.is_empty() { "no version" } else { word };
        let message = format!("the group {name} launches {word}, which may be another version tomorrow");
        let help = format!(
            "pin a number first: aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --launch-template LaunchTemplateName={},Version=NUMBER",
            role.launch_template
        );
        let refusal = Refusal::new("plan::floating", message, help);
        refusals.push(refusal.at(at(n, "autoScalingGroup"), "launches no fixed version"));
    }
    if group.template != role.launch_template {
        let message = format!(
            "the group {name} launches from `{}`, the file says `{}`",
            group.template, role.launch_template
        );
        let help = "correct the name; rehull never changes which template a group launches from";
        let label = format!("the group says `{}`", group.template);
        let refusal = Refusal::new("plan::other_template", message, help);
        refusals.push(refusal.at(at(n, "launchTemplate"), label));
    }
    refusals
}

/// Kubelets of the nodes of a group's machines, as far as they say a release.
pub(super) fn kubelets<'a>(
    seen: &'a Observed,
    group: &'a Group,
) -> impl Iterator<Item = KubernetesVersion> + 'a {
    let members = group.members.iter().filter(|member| member.lifecycle.counts());
    members.filter_map(|member| seen.kube.node_of(&member.machine)?.1.kubelet)
}

/// What the group launches, and the lowest release that its nodes run.
fn running(seen: &Observed, role: &WorkerGroupRole, group: &Group) -> Option<ServerContent> {
    Some(ServerContent {
        version: kubelets(seen, group).min()?,
        digest: content(seen, &role.launch_template, launched(group)?)?,
    })
}

/// Machines of other content. Who launched them last is asked too: what the group makes up for tomorrow counts.
fn reasons(seen: &Observed, role: &WorkerGroupRole, group: &Group, to: &ServerContent) -> Vec<String> {
    let is_other = |version: Option<LaunchTemplateVersion>| {
        let known = version.and_then(|version| content(seen, &role.launch_template, version));
        known.as_ref() != Some(&to.digest)
    };
    let members = group.members.iter().filter(|member| member.lifecycle.counts());
    let others = members.filter(|member| is_other(member.version)).count();
    if others == 0 && !is_other(launched(group)) {
        return Vec::new();
    }
    if others == 0 {
        return vec!["its group would launch another content".to_owned()];
    }
    let olds: BTreeSet<KubernetesVersion> = kubelets(seen, group)
        .filter(|version| *version != to.version)
        .collect();
    if olds.is_empty() {
        return vec![SAME_RELEASE.to_owned()];
    }
    let olds: Vec<String> = olds.iter().map(ToString::to_string).collect();
    vec![format!("kubelet {} → {}", olds.join(", "), to.version)]
}

/// A line per group whose nodes give way.
pub(super) fn forecast(envelope: &Envelope, seen: &Observed) -> Vec<WorkersForecast> {
    let groups = envelope.worker_groups();
    let lines = groups.filter_map(|planned| {
        let group = seen.groups.groups.get(&planned.group)?;
        let members = group.members.iter().filter(|member| member.lifecycle.counts());
        let is_new = |version: Option<LaunchTemplateVersion>| {
            let known = version.and_then(|version| content(seen, &planned.launch_template, version));
            known.as_ref() == Some(&planned.to.digest)
        };
        let leaving = members.filter(|member| !is_new(member.version)).count();
        let leaving = u32::try_from(leaving).unwrap_or(u32::MAX);
        Some(WorkersForecast {
            step: planned.step.clone(),
            group: planned.group.clone(),
            leaving,
            desired: group.sizes.desired,
            about: eta::workers(&planned.policy, leaving),
        })
    });
    lines.collect()
}

/// What would hold a drain for ever, by name; and what is worth knowing.
pub(super) fn found(envelope: &Envelope, seen: &Observed) -> (Vec<String>, Vec<String>) {
    let Some(plan) = envelope.workers.as_ref().filter(|plan| plan.changes()) else {
        return (Vec::new(), Vec::new());
    };
    let mut blockers = Vec::new();
    let mut notes = vec![note(plan)];
    for finding in findings(plan, &seen.groups, &seen.kube) {
        let (about, what, help) = (&finding.about, &finding.what, &finding.help);
        match finding.severity {
            Severity::Blocker => blockers.push(format!("{about}: {what} → {help}")),
            Severity::Warning | Severity::Note => notes.push(format!("{about}: {what}; {help}")),
        }
    }
    (blockers, notes)
}

fn note(plan: &WorkersPlan) -> String {
    let at_once = match plan.budget {
        1 => "one node is drained at a time".to_owned(),
        budget => format!("at most {budget} nodes are drained at once, over all groups"),
    };
    format!("workers are rolled last, all groups side by side; {at_once}, and nothing is ever forced out")
}

/// For refusals about several groups.
pub(super) fn version_of(role: &WorkersRole, planned: &WorkerGroupPlan) -> String {
    let index = role.groups.iter().position(|group| group.group == planned.group);
    at(index.unwrap_or_default(), "version")
}
